//! Patterns of the shell, as fnmatch(3) matches them in the C locale, without classes such as `[[:digit:]]`.

/// Whether the whole name matches the pattern.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut next) = (0, 0); // in the pattern, and in the name
    // After the last `*`: its end in the pattern, and the end of what it has taken of the name. To go back to an
    // earlier `*` is of no use, as the last one can take as much.
    let mut star = None;
    loop {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            star = Some((at, next));
            continue;
        }
        if at == pattern.len() && next == name.len() {
            return true;
        }
        let length = name
            .get(next)
            .and_then(|&byte| match_one(&pattern[at..], byte));
        match (length, star) {
            (Some(length), _) => (at, next) = (at + length, next + 1),
            (None, Some((after, taken))) if taken < name.len() => {
                (at, next) = (after, taken + 1);
                star = Some((at, next));
            }
            (None, _) => return false,
        }
    }
}

/// Matches one byte. Returns the length of the element of the pattern that it matches.
fn match_one(pattern: &[u8], byte: u8) -> Option<usize> {
    let (is_match, length) = match pattern {
        [b'?', ..] => (true, 1),
        [b'\\', escaped, ..] => (*escaped == byte, 2),
        [b'\\'] => (false, 1),
        // A bracket that is not closed is an ordinary byte.
        [b'[', set @ ..] => match match_set(set, byte) {
            Some((is_in, length)) => (is_in, 1 + length),
            None => (byte == b'[', 1),
        },
        [ordinary, ..] => (*ordinary == byte, 1),
        [] => (false, 0),
    };
    is_match.then_some(length)
}

/// Whether the byte is in the set, and the length of the set with its `]`; `None` if there is no `]`.
fn match_set(set: &[u8], byte: u8) -> Option<(bool, usize)> {
    let is_negated = matches!(set, [b'!' | b'^', ..]);
    let begin = usize::from(is_negated);
    let (mut at, mut is_in) = (begin, false);
    // A `]` at the beginning is an element.
    while at == begin || *set.get(at)? != b']' {
        let (first, length) = element(set.get(at..)?)?;
        at += length;
        let mut last = first;
        if let [b'-', next, ..] = set[at..]
            && next != b']'
        {
            let (element, length) = element(&set[at + 1..])?;
            at += 1 + length;
            last = element;
        }
        is_in |= (first..=last).contains(&byte);
    }
    Some((is_in != is_negated, at + 1))
}

/// The first byte of a set without its backslash, and the length of both.
fn element(set: &[u8]) -> Option<(u8, usize)> {
    match set {
        [b'\\', escaped, ..] => Some((*escaped, 2)),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

//! Patterns of the shell, as fnmatch(3) matches them in the C locale, without classes such as `[[:digit:]]`.

/// Whether the whole `name` matches `pattern`.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // The place after the last `*`, and the end of what it has taken: only the last one has to take more.
    let mut star = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, n));
            continue;
        }
        match (name.get(n), star) {
            (None, _) if p == pattern.len() => return true,
            (Some(&byte), _) if let Some(length) = element(&pattern[p..], byte) => {
                p += length;
                n += 1;
            }
            (_, Some((after, taken))) if taken < name.len() => {
                (p, n) = (after, taken + 1);
                star = Some((p, n));
            }
            _ => return false,
        }
    }
}

/// Matches a byte with the first element of a pattern, which is no `*`. Returns the length of the element; `None` if the
/// byte does not match.
fn element(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern {
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (escaped == byte).then_some(2),
        [b'\\'] => None,
        [b'[', ref set @ ..] => match bracket(set, byte) {
            Some((true, length)) => Some(1 + length),
            Some((false, _)) => None,
            None => (byte == b'[').then_some(1), // without `]`, a bracket is a usual byte
        },
        [first, ..] => (first == byte).then_some(1),
        [] => None,
    }
}

/// Whether `byte` is in the set after `[`, and the length of the set with its `]`; `None` if there is no `]`.
fn bracket(set: &[u8], byte: u8) -> Option<(bool, usize)> {
    let is_negated = matches!(set, [b'!' | b'^', ..]);
    let begin = usize::from(is_negated);
    let (mut at, mut is_in) = (begin, false);
    // A `]` that comes first is a usual byte.
    while at == begin || *set.get(at)? != b']' {
        let (least, next) = member(set, at)?;
        at = next;
        let mut most = least;
        if set.get(at) == Some(&b'-') && *set.get(at + 1)? != b']' {
            (most, at) = member(set, at + 1)?;
        }
        is_in |= (least..=most).contains(&byte);
    }
    Some((is_in != is_negated, at + 1))
}

/// The byte of a set at this place, or the byte after a backslash; and the next place.
fn member(set: &[u8], at: usize) -> Option<(u8, usize)> {
    match *set.get(at)? {
        b'\\' => Some((*set.get(at + 1)?, at + 2)),
        byte => Some((byte, at + 1)),
    }
}

//! Patterns of the shell: `*`, `?`, `[a-z]`, `[!a-z]`, and `\` before a byte without a meaning of its own.

/// Whether the whole `name` matches `pattern`, as fnmatch(3) decides in the C locale without flags. (Classes such as
/// `[[:digit:]]` are left out.)
pub fn matches(mut pattern: &[u8], mut name: &[u8]) -> bool {
    // The pattern after the last `*`, and the part of the name that the `*` has not taken. An earlier `*` never has to
    // take more: the last one can take it as well.
    let mut star = None;
    loop {
        if let Some(rest) = pattern.strip_prefix(b"*") {
            pattern = rest;
            star = Some((rest, name));
        } else if let Some((first, rest)) = name.split_first()
            && let Some(after) = one(pattern, *first)
        {
            (pattern, name) = (after, rest);
        } else if pattern.is_empty() && name.is_empty() {
            return true;
        } else if let Some((after, [_, rest @ ..])) = star {
            (pattern, name) = (after, rest); // the `*` takes one byte more
            star = Some((after, rest));
        } else {
            return false;
        }
    }
}

/// Matches a byte with the first element of `pattern`, which is no `*`. Returns the pattern after the element; `None` if
/// the byte does not match.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'\\', escaped, rest @ ..] => (*escaped == byte).then_some(rest),
        [b'\\'] => None,
        [b'[', set @ ..] => match bracket(set, byte) {
            Some((is_in, rest)) => is_in.then_some(rest),
            None => (byte == b'[').then_some(set), // without `]`, the bracket has no meaning of its own
        },
        [first, rest @ ..] => (*first == byte).then_some(rest),
        [] => None,
    }
}

/// Parses the set after `[`. Returns whether `byte` is in the set, and the pattern after it; `None` if no `]` ends it.
fn bracket(mut set: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let is_negated = matches!(set, [b'!' | b'^', ..]);
    if is_negated {
        set = set.get(1..)?;
    }
    let (mut is_in, mut is_first) = (false, true);
    loop {
        // A `]` that comes first is an element.
        if let [b']', rest @ ..] = set
            && !is_first
        {
            return Some((is_in != is_negated, rest));
        }
        let least = element(&mut set)?;
        let most = match set {
            [b'-', next, ..] if *next != b']' => {
                set = set.get(1..)?;
                element(&mut set)?
            }
            _ => least,
        };
        is_in |= (least..=most).contains(&byte);
        is_first = false;
    }
}

/// Takes the first byte of a set, or the byte after a backslash.
fn element(set: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = match set {
        [b'\\', escaped, rest @ ..] => (*escaped, rest),
        [byte, rest @ ..] => (*byte, rest),
        [] => return None,
    };
    *set = rest;
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, right, wrong) in [
            ("", &[""][..], &["a"][..]),
            ("a", &["a"], &["", "b", "aa"]),
            ("*", &["", "a", ".a"], &[]),
            ("?", &["a", "."], &["", "aa"]),
            ("*.rs", &[".rs", "a.rs", "a.rs.rs"], &["rs", "a.rs.", "a.r"]),
            ("a*b*c", &["abc", "aXbXbXc", "abcc"], &["ab", "acb", "abcX"]),
            ("**a**", &["a", "bab"], &["", "b"]),
            ("[a-c]", &["a", "b", "c"], &["", "d", "-"]),
            ("[!a-c]", &["d", "-", "!"], &["a", ""]),
            ("[^a]", &["b", "^"], &["a"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("[!]a]", &["b"], &["]", "a"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[c-a]", &[], &["a", "b", "c"]),
            ("[\\]]", &["]"], &["\\"]),
            ("[a", &["[a"], &["a"]),
            ("[", &["["], &[""]),
            ("\\*", &["*"], &["a", "\\*"]),
            ("\\", &[], &["", "\\"]),
        ] {
            for name in right {
                assert!(
                    matches(pattern.as_bytes(), name.as_bytes()),
                    "{pattern} {name}"
                );
            }
            for name in wrong {
                assert!(
                    !matches(pattern.as_bytes(), name.as_bytes()),
                    "{pattern} {name}"
                );
            }
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let (pattern, name) = ("a*".repeat(100) + "b", "a".repeat(10_000));
        assert!(!matches(pattern.as_bytes(), name.as_bytes()));
    }
}

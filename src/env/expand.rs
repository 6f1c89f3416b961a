//! Expands variables of the environment in a text: `${NAME}`, `${NAME:-WORD}` and `${NAME:?WORD}`, as a shell does (The
//! Open Group Base Specifications, Shell Command Language, "Parameter Expansion").
//!
//! For programs that run without a shell, for instance in a container's image that has none.

use super::Strings;
use crate::bytes;

/// Why a text cannot be expanded. Each variant borrows the wrong part of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpandError<'a> {
    /// This expansion has no closing brace.
    Open(&'a [u8]),
    /// The text in the braces is none of the three forms.
    Form(&'a [u8]),
    /// `${NAME:?WORD}`: the variable is not set, or empty.
    Unset {
        /// The name of the variable.
        name: &'a [u8],
        /// The word as it is written, up to the first closing brace: what a person should do. It may be empty.
        word: &'a [u8],
    },
}

/// Expands the variables of `environ` in `text`, and writes the result to `buffer`. Returns the length of the result in
/// bytes. If the length is greater than the buffer's, the buffer has the beginning of the result.
///
/// | in the text | in the result |
/// |---|---|
/// | `${NAME}` | the variable's value; nothing if the variable is not set |
/// | `${NAME:-WORD}` | the value; WORD if the variable is not set, or empty |
/// | `${NAME:?WORD}` | the value; an error if the variable is not set, or empty |
/// | `\${` | `${` |
///
/// Every other byte stays as it is: `$NAME` without braces, `$` alone, other backslashes. WORD ends at its closing
/// brace, and may contain expansions in its turn: `${PORT:-${DEFAULT_PORT:-80}}`. A value is not expanded, and not split
/// into words. NAME consists of ASCII letters, digits and `_`, and does not begin with a digit. The result has no zero
/// byte if `text` has none.
///
/// ```
/// use ring3::env::{ExpandError, Strings, expand};
/// use ring3::process::Lists;
///
/// let mut lists = Lists::new(1, 1)?;
/// lists.push(c"HOST=db")?;
/// let list = lists.end()?;
/// let mut buffer = [0; 64];
/// let length = expand(b"${HOST}:${PORT:-5432}", lists.get(list), &mut buffer);
/// assert_eq!(length.map(|length| &buffer[..length]), Ok(&b"db:5432"[..]));
/// let unset = expand(b"${USER:?who?}", lists.get(list), &mut buffer);
/// assert_eq!(unset, Err(ExpandError::Unset { name: b"USER", word: b"who?" }));
/// # Ok::<(), ring3::Errno>(())
/// ```
///
/// # Errors
/// [`ExpandError`]: the first error of the text. Words that are not used are checked for `Open` and `Form`, too.
pub fn expand<'a>(
    text: &'a [u8],
    environ: Strings<'_>,
    buffer: &mut [u8],
) -> Result<usize, ExpandError<'a>> {
    let mut out = Out {
        buffer,
        length: 0,
        unused: None,
    };
    let mut rest = text;
    // The number of words that `rest` is in. A counter, and no recursion: the depth of a text from outside has no limit.
    let mut depth = 0_usize;
    // The text from the last expansion that has a word.
    let mut last = text;
    while let Some((first, after)) = rest.split_first_chunk::<1>() {
        let from = rest;
        match rest {
            [b'\\', b'$', b'{', next @ ..] => {
                out.put(b"${");
                rest = next;
            }
            [b'$', b'{', inner @ ..] => {
                let (name, after) = inner
                    .split_at_checked(name_length(inner))
                    .unwrap_or_default();
                let (operator, next) = match after {
                    [b'}', next @ ..] => (b'}', next),
                    [b':', operator @ (b'-' | b'?'), next @ ..] => (*operator, next),
                    _ => (0, after),
                };
                if name.is_empty() || operator == 0 {
                    return Err(match until_brace(inner) {
                        Some(inner) => {
                            ExpandError::Form(from.get(..inner.len() + 3).unwrap_or_default())
                        }
                        None => ExpandError::Open(from),
                    });
                }
                let value = environ.value_of(name).unwrap_or_default().to_bytes();
                if out.unused.is_none() {
                    out.put(value);
                    match (operator, value.is_empty()) {
                        (b'?', true) => {
                            let word = until_brace(next).ok_or(ExpandError::Open(from))?;
                            return Err(ExpandError::Unset { name, word });
                        }
                        (b'-' | b'?', false) => out.unused = Some(depth),
                        _ => {}
                    }
                }
                if operator != b'}' {
                    (depth, last) = (depth + 1, from);
                }
                rest = next;
            }
            [b'}', ..] if depth > 0 => {
                depth -= 1;
                out.unused = out.unused.filter(|&around| around < depth);
                rest = after;
            }
            _ => {
                out.put(first);
                rest = after;
            }
        }
    }
    match depth {
        0 => Ok(out.length),
        _ => Err(ExpandError::Open(last)),
    }
}

/// The length of the name at the beginning of `text`; 0 if `text` does not begin with a name.
fn name_length(text: &[u8]) -> usize {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match text.first() {
        Some(b'0'..=b'9') => 0,
        _ => text.iter().take_while(|byte| is_of_name(byte)).count(),
    }
}

/// The text before the first closing brace; `None` if there is none.
fn until_brace(text: &[u8]) -> Option<&[u8]> {
    text.get(..text.iter().position(|&byte| byte == b'}')?)
}

/// The result.
struct Out<'b> {
    buffer: &'b mut [u8],
    /// The length of the whole result. It may be greater than the buffer's.
    length: usize,
    /// The depth at which an unused word began, if there is one. Nothing is written until this word ends.
    unused: Option<usize>,
}

impl Out<'_> {
    #[inline(never)] // a small program has one copy
    fn put(&mut self, bytes: &[u8]) {
        if self.unused.is_none() {
            if let Some(room) = self.buffer.get_mut(self.length..) {
                bytes::copy(room, bytes);
            }
            self.length += bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::env::Start;
    use crate::env::tests::stack;
    use std::process::Command;
    use std::string::String;
    use std::vec::Vec;

    const SET: [&core::ffi::CStr; 4] = [c"A=a", c"LONG=a value; $B ${B} }", c"EMPTY=", c"_1=x"];

    /// Expands a text, into a buffer that is large enough and into a buffer of every smaller size.
    fn expanded(text: &str) -> Result<String, ExpandError<'_>> {
        let all = stack(&[], &SET);
        // SAFETY: the words are laid out as an initial stack, and `all` keeps the stack.
        let environ = unsafe { Start::new(all.words.as_ptr()) }.environ();
        let mut buffer = [0; 200];
        let length = expand(text.as_bytes(), environ, &mut buffer)?;
        for size in 0..=length {
            let mut small = std::vec![b'?'; size];
            assert_eq!(expand(text.as_bytes(), environ, &mut small), Ok(length));
            assert_eq!(small, &buffer[..size]);
        }
        Ok(String::from_utf8(buffer[..length].to_vec()).unwrap())
    }

    #[test]
    fn variables_are_expanded() {
        for (text, expected) in [
            ("", ""),
            ("plain { } text", "plain { } text"),
            ("${A}", "a"),
            ("-${A}-${_1}-${NONE}-${EMPTY}-", "-a-x---"),
            ("${LONG}", "a value; $B ${B} }"),
            ("${A:-b}${NONE:-c}${EMPTY:-d}", "acd"),
            ("${A:?b}", "a"),
            ("${NONE:-}", ""),
            ("${NONE:-${A}${EMPTY:-[${A:-x}]}}!", "a[a]!"),
            ("${A:-${NONE:?not used}}", "a"),
            ("${A:-x${NONE:-y}z}w", "aw"),
            ("${NONE:-a:-b:?c}", "a:-b:?c"),
            ("${NONE:-{}}", "{}"),
            ("$A $ $$ $1 a$", "$A $ $$ $1 a$"),
            ("\\${A} \\$A \\\\ ${NONE:-\\${}", "${A} \\$A \\\\ ${"),
            ("${A:-\\${}", "a"),
            ("$${A}", "$a"),
            ("é${A}\u{7f}", "éa\u{7f}"),
        ] {
            assert_eq!(expanded(text), Ok(expected.into()), "{text}");
        }
    }

    #[test]
    fn errors_name_the_text() {
        for (text, part) in [
            ("a${", "${"),
            ("a${A", "${A"),
            ("${A:-b", "${A:-b"),
            ("${NONE:?b", "${NONE:?b"),
            ("${A}${NONE:-${A:-b}", "${A:-b}"),
            ("${A:-${B:-", "${B:-"),
            ("\\${A ${A:?\\${", "${A:?\\${"),
        ] {
            assert_eq!(
                expanded(text),
                Err(ExpandError::Open(part.as_bytes())),
                "{text}"
            );
        }
        for (text, part) in [
            ("a${}b", "${}"),
            ("${1}", "${1}"),
            ("${A-b}c", "${A-b}"),
            ("${A:+b}", "${A:+b}"),
            ("${A:}", "${A:}"),
            ("${#A}", "${#A}"),
            ("${ A}", "${ A}"),
            ("${é}", "${é}"),
            ("${A:-${B%%x}}", "${B%%x}"),
        ] {
            assert_eq!(
                expanded(text),
                Err(ExpandError::Form(part.as_bytes())),
                "{text}"
            );
        }
        for (text, name, word) in [
            ("${NONE:?}", "NONE", ""),
            ("x${EMPTY:?set it, $A} ${B", "EMPTY", "set it, $A"),
            ("${NONE:-${EMPTY:?now}}", "EMPTY", "now"),
        ] {
            let (name, word) = (name.as_bytes(), word.as_bytes());
            assert_eq!(
                expanded(text),
                Err(ExpandError::Unset { name, word }),
                "{text}"
            );
        }
    }

    /// The same texts in the double quotes of a shell.
    #[test]
    fn a_shell_expands_equally() {
        let parts = [
            "${A}", "${N}", "${A:-", "${N:-", "${N:?", "}", "x", "$", "\\${", " ",
        ];
        let mut texts: Vec<String> = std::vec![String::new()];
        for _ in 0..4 {
            let longer = texts
                .iter()
                .flat_map(|text| parts.map(|part| std::format!("{text}{part}")));
            texts = longer.chain([String::new()]).collect();
        }
        if cfg!(miri) {
            return; // it starts no processes
        }
        let all = stack(&[], &[c"A=a b"]);
        // SAFETY: the words are laid out as an initial stack, and `all` keeps the stack.
        let environ = unsafe { Start::new(all.words.as_ptr()) }.environ();
        let (mut script, mut expected) = (String::new(), Vec::new());
        for text in &texts {
            let mut buffer = [0; 64];
            // `$}` and `$ ` are the same in a shell. A shell reads on after an open expansion.
            let Ok(length) = expand(text.as_bytes(), environ, &mut buffer) else {
                continue;
            };
            if text.contains("$$") {
                continue; // the id of the shell's process
            }
            if text.contains("$x") {
                continue; // a variable without braces
            }
            script.push_str(&std::format!("printf '%s\\n' \"{text}\"\n"));
            expected.extend_from_slice(&buffer[..length]);
            expected.push(b'\n');
        }
        let mut shell = Command::new("sh");
        let ran = shell
            .args(["-c", &script])
            .env_clear()
            .env("A", "a b")
            .output()
            .unwrap();
        assert!(
            ran.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        assert_eq!(String::from_utf8(ran.stdout), String::from_utf8(expected));
    }

    #[test]
    fn the_depth_has_no_limit() {
        let deep = "${N:-".repeat(20_000) + &"}".repeat(20_000);
        let mut buffer = [0; 8];
        assert_eq!(expand(deep.as_bytes(), Strings::NONE, &mut buffer), Ok(0));
    }
}

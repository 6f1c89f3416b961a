//! Self-test cases of byte slices and C strings.

use ring3::bytes::*;

use crate::case::*;
use crate::cases;

cases! {
    "as many bytes as fit", [copy], { let mut to = [0; 3]; copy(&mut to, b"longer"); to == *b"lon" } => YES;
    "text up to a zero", [until_zero], until_zero(b"ab\0c\0") == c"ab" && until_zero(b"\0") == c"" && until_zero(b"ab") == c"" => YES;
    "text begins with a part of it", [begins], begins(b"LISTEN_PID=1", b"LISTEN_PID=") && begins(b"", b"") => YES;
    "and not with more, or with other text", [begins], begins(b"LISTEN", b"LISTEN_") || begins(b"LISTEN", b"listen") => NO;
    "texts that differ in case", [eq_ignore_case], eq_ignore_case(b"Host-1", b"hOST-1") && eq_ignore_case(b"", b"") => YES;
    "texts that differ in more", [eq_ignore_case], eq_ignore_case(b"@", b"`") || eq_ignore_case(b"ab", b"a") => NO;
    "the first of equal bytes", [position], position(b"0123456789abcdefa", b'a').unwrap_or_default() => value(10);
    "a byte that is not there", [position], position(b"0123456789", b'a').is_none() => YES;
    "a hint harms nothing", [prefetch], prefetch(&7) => DONE;
    "a C string without its beginning", [strip_prefix], strip_prefix(c"NAME=value", "NAME=") == Some(c"value") && strip_prefix(c"NAME", "NAME") == Some(c"") => YES;
    "a C string with another beginning", [strip_prefix], strip_prefix(c"NAME=value", "NAME=value+").is_some() || strip_prefix(c"", "N").is_some() => NO;
    "a C string without its first bytes", [tail], tail(c"text", 3) == c"t" && tail(c"text", 4) == c"" && tail(c"text", 6) == c"" => YES;
}

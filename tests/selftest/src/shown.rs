//! Self-test cases of bytes from outside that are printed in a message.

use ring3::text::Shown;

use crate::case::*;
use crate::cases;
use crate::print::prints;

cases! {
    "nothing breaks the line", [], prints(Shown(b"\x1b[1m\n\xff\xc3\xa9"), "\\x1b[1m\\x0a\\xffé".as_bytes()) => YES;
}

//! Giving up rights, in a child.

use ring3::Errno;
use ring3::privilege::confine;

use crate::case::*;
use crate::cases;
use crate::child::permitted;

cases! {
    "confined to a directory", [confine], permitted(&[c"confine"]) => value(0), cannot EPERM;
    "to nothing", [confine], confine(c"/nothing") => error(Errno::ENOENT);
    "another user, for good", [become_user], permitted(&[c"become"]) => value(0), cannot EPERM | EINVAL;
}

//! Self-test cases of giving up privileges. They run in a child.

use ring3::Errno;
use ring3::process::{become_user, chroot};

use crate::case::*;
use crate::cases;
use crate::child::permitted;

cases! {
    "confined to a directory", [chroot], permitted(&[c"confine"]) => value(0), cannot EPERM;
    "to nothing", [chroot], chroot(c"/nothing") => error(Errno::ENOENT);
    "nobody's number", [become_user], become_user(u32::MAX, 0) => error(Errno::EINVAL);
    "nor nobody's group", [become_user], become_user(0, u32::MAX) => error(Errno::EINVAL);
    "another user, for good", [become_user], permitted(&[c"become"]) => value(0), cannot EPERM | EINVAL;
    "all its ids, and no other group", [become_user], permitted(&[c"ids"]) => value(0b111), cannot EPERM | EINVAL;
}

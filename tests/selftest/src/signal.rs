//! Signals.

use ring3::Errno;
use ring3::signal::*;

use crate::case::*;
use crate::cases;

cases! {
    "a set of some", [SignalSet::of], SignalSet::of(&[SIGINT, SIGTERM]) == SignalSet::of(&[SIGTERM, SIGINT]) => YES;
    "the default of one", [set_default], set_default(SIGTERM) => DONE;
    "of one that cannot be changed", [set_default], set_default(9) => error(Errno::EINVAL);
    "of none", [set_default], set_default(65) => error(Errno::EINVAL);
}

//! The messages of a program on standard error.

use super::Exit;
use crate::abi::Errno;
use crate::fd::STDERR;
use crate::parts;
use crate::text::{Any, Print, Writer};

/// A program's name, and the functions that print its messages. [`program!`](macro@crate::program) defines it
/// as the constant `PROGRAM`.
///
/// ```
/// use ring3::Errno;
/// use ring3::rt::{Exit, Program};
///
/// const PROGRAM: Program = Program::new("mine");
///
/// PROGRAM.say("3 files are missing"); // mine: 3 files are missing
/// let exit = PROGRAM.fail("open", "list", Errno::ENOENT); // mine: open list: No such file or directory (ENOENT)
/// assert_eq!(exit, Exit(1));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub(crate) name: &'static str,
}

impl Program {
    /// The program with this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// Prints `PROGRAM: MESSAGE` on standard error.
    #[inline]
    pub fn say(self, message: impl Print) {
        self.line(Any::new(&message));
    }

    /// The part of [`say`](Self::say) that is the same for all types of message.
    #[cold]
    #[inline(never)]
    pub(crate) fn line(self, message: Any<'_>) {
        let mut buffer = [0; 512];
        let mut stderr = Writer::new(STDERR, &mut buffer);
        stderr.print(parts!(self.name, ": ", message, "\n"));
        let _ = stderr.flush(); // a failure of standard error can't be reported
    }

    /// Prints that `operation` on `object` failed. Returns exit status 1.
    #[cold]
    #[inline(never)]
    pub fn fail(self, operation: &str, object: impl Print, errno: Errno) -> Exit {
        self.failed(operation, Any::new(&object), errno);
        Exit(1)
    }

    /// The part of [`fail`](Self::fail) that is the same for all types of object.
    #[cold]
    #[inline(never)]
    pub(crate) fn failed(self, operation: &str, object: Any<'_>, errno: Errno) {
        self.line(Any::new(&parts!(operation, " ", object, ": ", errno)));
    }
}

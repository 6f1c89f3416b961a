//! Command lines of programs: options, error messages and exit statuses.
//!
//! - `table.rs` has the macro [`options!`](macro@crate::options), the table of a program's options. The parser, `--help`
//!   and the documentation come from this table.
//! - `options.rs` parses a command line by the table.
//! - `value.rs` has the types of the options' arguments; `quantity.rs` parses durations and sizes.
//!
//! An error prints one line on standard error, `PROGRAM: OPERATION OBJECT: Words of errno (ENAME)`; the exit
//! status is 1. A usage error prints the mistake and a line that names `--help`; the exit status is 2.

mod options;
mod quantity;
mod table;
mod value;

pub use options::{Options, Parser};
pub use table::{Argument, Documentation, Item, Table, Texts};
pub use value::{
    Address, Directory, Duration, Limit, Mode, Number, Path, Signal, Size, Text, Value,
};

use crate::abi::{Errno, Result};
use crate::fd::STDERR;
use crate::parts;
use crate::rt::Exit;
use crate::text::{Any, Print, Writer};

/// A program's name, and the functions that print its messages. [`program!`](macro@crate::program) defines it
/// as the constant `PROGRAM`.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    name: &'static str,
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
    fn line(self, message: Any<'_>) {
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
    fn failed(self, operation: &str, object: Any<'_>, errno: Errno) {
        self.line(Any::new(&parts!(operation, " ", object, ": ", errno)));
    }
}

/// Converts an error into a printed message and exit status 1, for use with `?`.
pub trait OrFail<T> {
    /// Calls [`Program::fail`] if `self` is an error.
    fn or_fail(
        self,
        program: Program,
        operation: &str,
        object: impl Print,
    ) -> core::result::Result<T, Exit>;
}

impl<T> OrFail<T> for Result<T> {
    fn or_fail(
        self,
        program: Program,
        operation: &str,
        object: impl Print,
    ) -> core::result::Result<T, Exit> {
        self.map_err(|errno| program.fail(operation, object, errno))
    }
}

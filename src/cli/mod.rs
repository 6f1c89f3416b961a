//! Command lines of programs: options, usage errors, and the conversion of errors into exit statuses.
//!
//! - `table.rs` has the macro [`options!`](macro@crate::options), the table of a program's options. The parser, `--help`
//!   and the documentation come from this table.
//! - `options.rs` parses a command line by the table.
//! - `value.rs` has the types of the options' arguments; `quantity.rs` parses durations and sizes.
//!
//! An error prints one line on standard error, `PROGRAM: OPERATION OBJECT: Words of errno (ENAME)`; the exit
//! status is 1. A usage error prints the mistake and a line that names `--help`; the exit status is 2.
//!
//! ```
//! use ring3::cli::OrFail;
//! use ring3::fs::{self, CWD};
//! use ring3::rt::{Exit, Program};
//!
//! const PROGRAM: Program = Program::new("mine"); // `program!` defines this constant
//!
//! let removed = fs::unlink(CWD, c"/nothing").or_fail(PROGRAM, "remove", "/nothing");
//! assert_eq!(removed, Err(Exit(1))); // printed: mine: remove /nothing: No such file or directory (ENOENT)
//! ```

mod options;
mod quantity;
mod table;
mod value;

pub use options::{Options, Parser};
pub use table::{Argument, Documentation, Item, Table, Texts};
pub use value::{
    Address, Directory, Duration, Limit, Mode, Number, Optional, Path, Signal, Size, Text, Value,
};

use crate::abi::Result;
use crate::rt::{Exit, Program};
use crate::text::Print;

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

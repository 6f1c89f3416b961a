//! Errors that end a program, and their messages: `PROGRAM: OPERATION OBJECT: WORDS`.

use std::ffi::OsStr;
use std::fmt::{self, Display, Write as _};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

/// Why a program ends.
pub enum Error {
    /// `--help` or `--version` has been answered.
    Answered,
    /// The command line is wrong.
    Usage(String),
    /// An operation failed.
    Failed(String),
}

impl Error {
    /// That `operation` on `object` failed.
    pub fn new(operation: &str, object: impl Display, error: impl Display) -> Self {
        Self::Failed(format!("{operation} {object}: {error}"))
    }

    /// Prints the message.
    pub fn print(&self, program: &str) {
        let text = match self {
            Self::Answered => return,
            Self::Usage(text) => format!("{program}: {text}\nTry '{program} --help'.\n"),
            Self::Failed(text) => format!("{program}: {text}\n"),
        };
        let _ = io::stderr().write_all(text.as_bytes()); // its own failure cannot be reported
    }

    /// Prints the message. Returns the exit status: 2 for a usage error, else `failed`.
    pub fn exit(&self, program: &str, failed: u8) -> ExitCode {
        self.print(program);
        match self {
            Self::Answered => ExitCode::SUCCESS,
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(failed),
        }
    }
}

/// Adds the operation and its object to an error of the system.
pub trait OrFail<T> {
    fn or_fail(self, operation: &str, object: impl Display) -> Result<T, Error>;
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, operation: &str, object: impl Display) -> Result<T, Error> {
        self.map_err(|error| Error::new(operation, object, error))
    }
}

/// Text from outside. Control characters and bytes that are not UTF-8 are printed as `\x1b`.
pub struct Shown<'a>(pub &'a OsStr);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_bytes().utf8_chunks() {
            for char in chunk.valid().chars() {
                if char.is_control() {
                    escape(f, char.encode_utf8(&mut [0; 4]).as_bytes())?;
                } else {
                    f.write_char(char)?;
                }
            }
            escape(f, chunk.invalid())?;
        }
        Ok(())
    }
}

fn escape(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
}

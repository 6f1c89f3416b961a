//! What the programs of this package share: the entry, messages, the command line, output, dates and threads.

#![no_std]

extern crate alloc;

pub mod cli;
pub mod date;
pub mod io;
#[cfg(feature = "thread")]
pub mod thread;
pub mod time;

use core::ffi::{CStr, c_char};
use core::fmt::{self, Display, Write};

use origin::signal::{Sigaction, Signal, sig_ign, sigaction};
use rustix::io::Errno;

use crate::io::{Out, stderr};

#[global_allocator]
static ALLOCATOR: rustix_dlmalloc::GlobalDlmalloc = rustix_dlmalloc::GlobalDlmalloc;

/// Defines the function that origin calls. `$main` gets the arguments and the environment, and returns the exit status.
#[macro_export]
macro_rules! main {
    ($main:path) => {
        #[unsafe(no_mangle)]
        unsafe fn origin_main(argc: usize, argv: *mut *mut u8, envp: *mut *mut u8) -> i32 {
            // SAFETY: origin passes the arrays of the kernel. They stay as they are.
            let args = unsafe { $crate::Args::new(argc, argv.cast()) };
            match $main(args, envp.cast()) {
                Ok(status) | Err($crate::Exit(status)) => status,
            }
        }
    };
}

/// The end of the program with this status. A message was printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub i32);

/// The environment, an array that ends with a null pointer.
pub type Environment = *const *const c_char;

/// The arguments that are left.
#[derive(Clone, Copy)]
pub struct Args(&'static [*const c_char]);

impl Args {
    /// # Safety
    /// `argv` has `argc` strings and a null pointer, which are never changed.
    pub unsafe fn new(argc: usize, argv: *const *const c_char) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { core::slice::from_raw_parts(argv, argc) })
    }

    /// The arguments as an array that ends with a null pointer.
    pub fn as_ptr(&self) -> *const *const c_char {
        self.0.as_ptr()
    }
}

impl Iterator for Args {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        // SAFETY: `new` requires strings that are never changed.
        Some(unsafe { CStr::from_ptr(*first) })
    }
}

/// The name of a program, in front of its messages.
#[derive(Clone, Copy)]
pub struct Program(pub &'static str);

impl Program {
    /// Prints a message.
    pub fn say(&self, message: fmt::Arguments<'_>) {
        let mut buffer = [0; 512];
        let mut out = Out::new(stderr(), &mut buffer);
        let _ = writeln!(out, "{}: {message}", self.0);
        let _ = out.flush();
    }

    /// Prints that an operation failed.
    pub fn fail(&self, operation: &str, object: impl Display, errno: Errno) -> Exit {
        self.say(format_args!("{operation} {object}: {errno}"));
        Exit(1)
    }
}

/// Text from outside: control characters and bytes that are not UTF-8 are printed as `\xNN`.
pub struct Text<'a>(pub &'a [u8]);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for char in chunk.valid().chars() {
                match char {
                    '\0'..=' ' | '\x7f' if char != ' ' => write!(f, "\\x{:02x}", char as u32)?,
                    _ => f.write_char(char)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl<'a> From<&'a CStr> for Text<'a> {
    fn from(text: &'a CStr) -> Self {
        Self(text.to_bytes())
    }
}

/// Ignores a signal. With `SIGPIPE` ignored, a write to a closed pipe fails with `EPIPE`.
pub fn ignore(signal: Signal) -> rustix::io::Result<()> {
    let action = Sigaction {
        sa_handler_kernel: sig_ign(),
        ..Sigaction::default()
    };
    // SAFETY: the program has no handler that the signal could interrupt or need.
    unsafe { sigaction(signal, Some(action)) }.map(drop)
}

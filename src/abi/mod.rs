//! Linux's system call interface as data: numbers, structures, flags and errors. Also the `syscall!` macro,
//! which makes the calls.
//!
//! `call` has the `syscall!` macro, `table` the `abi!` macro, `errno` the error numbers. Each other file holds
//! one `abi!` table. A row of a table defines a Rust item and also the [`Fact`] that the item claims about the
//! kernel's headers. A test (the oracle in `tests/`) compiles C code against the headers and checks all facts.
//! A row gives several values where architectures differ.
//!
//! ```
//! use ring3::abi::Errno;
//! use ring3::abi::fs::{O_CLOEXEC, O_RDONLY, O_WRONLY};
//!
//! assert_eq!(Errno::ENOENT.number(), 2);
//! let flags = O_WRONLY | O_CLOEXEC;
//! assert!(flags.contains(O_CLOEXEC) && flags != O_RDONLY);
//! ```

pub mod auxv;
#[cfg(target_pointer_width = "32")]
pub mod bits32;
mod call;
pub mod elf;
mod errno;
pub mod fs;
pub mod futex;
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
pub mod generic;
pub mod inotify;
pub mod mem;
pub mod net;
pub mod nr;
pub mod poll;
pub mod process;
pub mod signal;
pub mod system;
mod table;
pub mod terminal;
pub mod time;
#[cfg(target_arch = "x86")]
pub mod x86;
#[cfg(target_arch = "x86_64")]
pub mod x86_64;

pub(crate) use call::Call;
pub(crate) use call::syscall;
#[cfg(test)]
pub(crate) use call::tests;
pub use call::{Arg, Arguments, check};
pub use errno::Errno;
pub use table::Fact;
pub(crate) use table::{
    abi, c_name, facts, is, items, name_per_arch, number, number_fact, offset, only, per_arch,
};

/// The result of a system call: a value, or the error number.
pub type Result<T> = core::result::Result<T, Errno>;

/// The facts of all tables.
pub const FACTS: &[&[&[Fact]]] = &[
    auxv::FACTS,
    #[cfg(target_pointer_width = "32")]
    bits32::FACTS,
    elf::FACTS,
    errno::FACTS,
    fs::FACTS,
    futex::FACTS,
    #[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
    generic::FACTS,
    inotify::FACTS,
    mem::FACTS,
    net::FACTS,
    nr::FACTS,
    poll::FACTS,
    process::FACTS,
    signal::FACTS,
    system::FACTS,
    terminal::FACTS,
    time::FACTS,
    #[cfg(target_arch = "x86")]
    x86::FACTS,
    #[cfg(target_arch = "x86_64")]
    x86_64::FACTS,
];

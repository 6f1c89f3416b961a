//! # ring3
//!
//! The library under a set of freestanding Linux programs: `core` only, every service of the kernel
//! by raw system call, x86_64 and aarch64.
//!
//! The floors, top to bottom; nothing reaches up:
//!
//! | floor | rooms |
//! |---|---|
//! | `src/bin/` | the programs, each by [`program!`] |
//! | start and ends of a program | [`rt`] (`_start` to `main`), [`cli`] (options, messages), [`overflow`] (reports a stack overflow) |
//! | whole files | [`replace`] (written beside, takes its place), [`place`] (where a path leads), [`copy`] (within the kernel) |
//! | memory in use | [`heap`](mod@heap) (the allocator), [`slab`] (values by small numbers), [`list`] (values in a row) |
//! | who started a server | [`service`] (its sockets, its ear) |
//! | threads in one memory | [`thread`] (start, join, scope), [`sync`] (mutex, condvar, once) |
//! | what the kernel gives, safe and typed | [`fs`] [`pipe`](mod@pipe) [`net`] [`poll`] [`mem`] [`process`] [`privilege`] [`signal`] [`system`] [`time`] [`random`] |
//! | text | [`print`] (what programs print), [`shown`] (what came from outside, in a message), [`number`] (what is read) |
//! | bytes in and out | [`fd`] [`io`] [`auxv`] |
//! | Linux's contract, as data | [`abi`]: numbers, structures, flags, [`Errno`] |
//! | the instructions | [`arch`]: `_start`, the system call, `clone`, the signal restorer, `memcpy` |

#![no_std]

pub mod abi;
#[doc(hidden)]
pub mod arch;
pub mod auxv;
pub mod cli;
pub mod copy;
pub mod fd;
pub mod fs;
pub mod heap;
pub mod io;
pub mod list;
pub mod mem;
pub mod net;
pub mod number;
pub mod overflow;
pub mod pipe;
pub mod place;
pub mod poll;
pub mod print;
pub mod privilege;
pub mod process;
pub mod program;
pub mod random;
pub mod replace;
pub mod rt;
pub mod service;
pub mod shown;
pub mod signal;
pub mod slab;
pub mod sync;
pub mod system;
pub mod thread;
pub mod time;

pub use abi::{Errno, Result};

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
//! | start and end of a program | [`rt`] (`_start` to `main`, panic), [`cli`] (options, messages), [`overflow`] (reports a stack overflow) |
//! | memory and whole files | [`heap`](mod@heap) (the allocator), [`fs`] (files; [`fs::copy`], [`fs::resolve`], [`fs::replace`]) |
//! | service manager | [`systemd`] (inherited sockets, readiness) |
//! | threads | [`thread`] (start, join, scope), [`sync`] (mutex, condvar, once) |
//! | collections | [`collections`] ([`List`](collections::List), [`Slab`](collections::Slab)) |
//! | what the kernel gives, safe and typed | [`pipe`](mod@pipe) [`net`] [`poll`] [`eventfd`] [`mem`] [`process`] [`signal`] [`system`] [`time`] [`random`] |
//! | text | [`text`] (what programs print, and numbers read from text) |
//! | bytes in and out | [`fd`] [`io`] [`env`] (arguments, environment, auxiliary vector) [`bytes`] |
//! | Linux's contract | [`abi`]: numbers, structures, flags and [`Errno`] as tables; the system call |
//! | the instructions | [`arch`]: `_start`, the system call, `clone`, the signal restorer, `memcpy` |

#![no_std]

pub mod abi;
#[doc(hidden)]
pub mod arch;
pub mod bytes;
pub mod cli;
pub mod collections;
pub mod env;
pub mod eventfd;
pub mod fd;
pub mod fs;
pub mod heap;
pub mod io;
pub mod mem;
pub mod net;
pub mod overflow;
pub mod pipe;
pub mod poll;
pub mod process;
pub mod random;
pub mod rt;
pub mod signal;
pub mod sync;
pub mod system;
pub mod systemd;
pub mod text;
pub mod thread;
pub mod time;

pub use abi::{Errno, Result};

//! # ring3
//!
//! A library for freestanding Linux programs on x86_64 and aarch64. It uses `core` only and makes raw system
//! calls: no libc, no other crate.
//!
//! The modules form layers. A module uses modules of its own row and of the rows below; a test checks this. The
//! exception is [`arch`], which takes the numbers of the few system calls that it makes itself from [`abi`].
//!
//! | layer | modules |
//! |---|---|
//! | `src/bin/` | the programs, each defined by [`program!`] |
//! | start and end of a program | [`rt`] (`ring3_start` to `main`, panic), [`cli`] (options, messages), [`overflow`] (reports a stack overflow) |
//! | memory and whole files | [`heap`](mod@heap) (the allocators), [`fs`] (files; [`fs::copy`], [`fs::resolve`], [`fs::replace`]) |
//! | service managers | [`systemd`] (inherited sockets, readiness) |
//! | threads | [`thread`] (start, join, scope), [`sync`] (mutex, condvar, once) |
//! | collections | [`collections`] ([`List`](collections::List), [`Slab`](collections::Slab)) |
//! | typed system calls | [`pipe`](mod@pipe) [`net`] [`poll`] [`eventfd`] [`mem`] [`process`] [`signal`] [`system`] [`time`] [`random`] [`inotify`] [`terminal`] |
//! | text | [`text`] (printing, and parsing numbers) |
//! | input and output | [`fd`] [`io`] [`env`](mod@env) (arguments, environment, auxiliary vector) [`path`] (paths as text) [`bytes`] (copying and comparing bytes) |
//! | Linux's interface | [`abi`]: numbers, structures, flags and [`Errno`] as tables; the system call |
//! | instructions | [`arch`]: `ring3_start`, the system call, `clone`, the signal restorer, `memcpy` |

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
pub mod inotify;
pub mod io;
pub mod mem;
pub mod net;
pub mod overflow;
pub mod path;
pub mod pipe;
pub mod poll;
pub mod process;
pub mod random;
pub mod rt;
pub mod signal;
pub mod sync;
pub mod system;
pub mod systemd;
pub mod terminal;
pub mod text;
pub mod thread;
pub mod time;

pub use abi::{Errno, Result};

//! # ring3
//!
//! A library for freestanding Linux programs on x86_64, aarch64, riscv64, x86 and arm. It uses `core` only and makes
//! raw system calls: no libc, no other crate.
//!
//! This program prints its arguments. (The README has it too, and a test builds it from there.)
//!
//! ```ignore
//! #![cfg_attr(not(test), no_std, no_main)]
//!
//! use ring3::cli::OrFail;
//! use ring3::env::Start;
//! use ring3::fd::STDOUT;
//! use ring3::parts;
//! use ring3::rt::Exit;
//! use ring3::text::{Shown, Writer};
//!
//! ring3::program!("mine", main);
//!
//! fn main(start: Start) -> Result<(), Exit> {
//!     let mut buffer = [0; 512];
//!     let mut out = Writer::new(STDOUT, &mut buffer);
//!     for arg in start.args() {
//!         out.print(parts!(Shown(arg.to_bytes()), "\n"));
//!     }
//!     out.flush().or_fail(PROGRAM, "write", "stdout")
//! }
//! ```
//!
//! The modules form layers. A module uses modules of its own row and of the rows below; a test checks this. The
//! exception is [`arch`], which takes the numbers of the few system calls that it makes itself from [`abi`].
//!
//! | layer | modules |
//! |---|---|
//! | `src/bin/` | the programs, each defined by [`program!`] |
//! | start and end of a program | [`rt`] (`ring3_start` to `main`, panic), [`cli`] (options, messages), [`overflow`] (reports a stack overflow) |
//! | names of hosts | [`net::resolve`](mod@net::resolve) |
//! | memory and whole files | [`heap`](mod@heap) (the allocators), [`fs`] (files; [`fs::copy`], [`fs::resolve`], [`fs::replace`]) |
//! | service managers | [`systemd`] (inherited sockets, readiness) |
//! | threads | [`thread`] (start, join, scope), [`sync`] (mutex, condvar, once) |
//! | collections | [`collections`] ([`List`](collections::List), [`Slab`](collections::Slab)) |
//! | typed system calls | [`pipe`](mod@pipe) [`net`] [`poll`] [`eventfd`] [`mem`] [`process`] [`signal`] [`system`] [`time`] [`random`] [`inotify`] [`terminal`] |
//! | text | [`text`] (printing, and parsing numbers) |
//! | input and output | [`fd`] [`io`] [`env`](mod@env) (arguments, environment, auxiliary vector) [`path`] (paths as text) [`bytes`] (copying and comparing bytes) |
//! | Linux's interface | [`abi`]: numbers, structures, flags and [`Errno`] as tables; the system call |
//! | instructions | [`arch`]: `ring3_start`, the system call, `clone`, the signal restorer, `memcpy` |
//!
//! # Names
//!
//! | std | rustix | nolibc | ring3 |
//! |---|---|---|---|
//! | `env::args`, `env::var` | | `argv`, `getenv` | [`env::Start::args`], [`env::Start::var`] |
//! | `env::current_dir` | `process::getcwd` | | [`env::current_dir`] |
//! | `println!`, `BufWriter` | | `printf` | [`text::Writer`], [`parts!`] |
//! | `BufReader`, `lines` | | `fgets` | [`io::BufReader`] |
//! | `io::Error` | `io::Errno` | `errno` | [`Errno`], [`Result`] |
//! | `Read::read`, `Write::write_all` | `io::read`, `io::write` | `read`, `write` | [`io::read`], [`io::write_all`] |
//! | `FileExt::read_at`, `write_at` | `io::pread`, `pwrite` | | [`io::read_at`], [`io::write_at`] |
//! | `File::open`, `OpenOptions` | `fs::openat` | `open` | [`fs::open`] |
//! | `fs::read`, `fs::write` | | | [`fs::read`], [`fs::write`] |
//! | `fs::metadata` | `fs::statx` | `stat` | [`fs::stat_at`], [`fs::stat`] |
//! | `fs::read_dir` | `fs::RawDir` | `readdir_r` | [`fs::dir::ReadDir`] |
//! | `fs::create_dir`, `remove_dir` | `fs::mkdirat` | `mkdir`, `rmdir` | [`fs::make_directory`], [`fs::remove_directory`] |
//! | `fs::remove_file`, `fs::rename` | `fs::unlinkat` | `unlink` | [`fs::unlink`], [`fs::rename`] |
//! | `Path`, `PathBuf` | `path::Arg` | | [`path`], [`path::PathBuf`] |
//! | `OwnedFd`, `BorrowedFd`, `AsFd` | the same | `int` | [`fd::OwnedFd`], [`fd::BorrowedFd`], [`fd::AsFd`] |
//! | `TcpListener`, `TcpStream` | `net::bind`, `accept` | `socket`, `bind` | [`net::bind`], [`net::accept`], [`net::connect`] |
//! | `UdpSocket::send_to` | `net::sendto` | | [`net::send_to`], [`net::recv_from`] |
//! | `ToSocketAddrs` | | | [`net::resolve`](fn@net::resolve::resolve) |
//! | `TcpStream::set_nodelay` | `net::sockopt` | | [`net::sockopt`] |
//! | `process::Command` | `runtime::execve` | `fork`, `execve` | [`process::Command`] |
//! | `process::exit`, `abort` | `runtime::exit_group` | `exit`, `abort` | [`rt::Exit`] as the result of `main`, [`process::abort`] |
//! | `thread::spawn`, `scope`, `sleep` | | `sleep` | [`thread::spawn`], [`thread::scope`], [`thread::sleep`] |
//! | `sync::Mutex`, `Condvar`, `Once` | `thread::futex` | | [`sync::Mutex`], [`sync::Condvar`], [`sync::Once`] |
//! | `Instant::now`, `SystemTime::now` | `time::clock_gettime` | `gettimeofday` | [`time::now`], [`time::UtcDateTime::now`] |
//! | | `event::epoll`, `event::poll` | `poll` | [`poll::Epoll`], [`poll::poll`] |
//! | | `mm::mmap` | `mmap` | [`mem::Mapping`], [`fs::mapping`] |
//! | `IsTerminal` | `termios` | `isatty` | [`terminal`] |
//! | the allocator of libc | | `malloc` | [`heap::Heap`], [`heap::Small`] |
//! | | | `my_syscall3` | [`syscall!`] |

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

/// Whether the unit tests run in an interpreter or an emulator. Then the exhaustive tests of code that is the same on all
/// architectures take samples.
#[cfg(test)]
const SLOW: bool = cfg!(miri) || option_env!("RING3_EMULATED").is_some();

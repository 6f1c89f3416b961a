//! All assembly, and nothing else.
//!
//! This module is no public interface. It is `pub` for two users: the macros, which expand in a program's crate, and
//! this repository's tests. Items that can break memory safety are `unsafe` all the same.
//!
//! `x86_64.rs` and `aarch64.rs` define the same items in the same order:
//!
//! | item | what it is |
//! |---|---|
//! | `PAGE_MAX` | the largest page that a kernel runs with |
//! | `start!` | `_start` of a program: relocates the program, then calls Rust with the kernel's stack pointer |
//! | `start_bare!` | the same for a program that has nothing to relocate |
//! | `jump!` | the instruction that goes on elsewhere |
//! | `syscall0` to `syscall6` | a number becomes a call |
//! | `trap` | the instruction that ends a program which must not go on |
//! | `prefetch` | the instruction that fetches what will be read soon |
//! | `thread_word`, `set_thread_word` | the words that each thread has of its own, through its thread pointer |
//! | `ThreadBlock`, `set_thread_pointer` | the memory where they are, and what makes it a thread's |
//! | `clone` | starts a thread or a process on a stack of its own |
//! | `restorer` | the address of the code that a signal handler returns to |
//! | `unmap_and_exit` | ends a thread whose stack goes with it |
//! | `mem` | the cores of what [`mem`] declares; `choose` which instructions they use |

pub mod mem;

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub use aarch64::*;

/// How many words each thread has of its own, all 0 where it begins.
const THREAD_WORDS: usize = 2;

/// The number of the heap's word in a thread's words. Its values: the address of the thread's own cache, or 0.
pub const WORD_HEAP: usize = 0;

/// The number of the heap's second word. Its values: the address of an `extern "C" fn()` that the thread calls when it
/// ends, or 0.
pub const WORD_AT_EXIT: usize = 1;

#[cfg(test)]
mod mem_tests;

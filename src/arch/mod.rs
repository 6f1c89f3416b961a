//! All assembly, and nothing else.
//!
//! This is no public interface: it is `pub` for the macros, which expand in a program's crate, and for this
//! repository's own tests. What can break memory is `unsafe`, all the same.
//!
//! `x86_64.rs` and `aarch64.rs` define the same items in the same order:
//!
//! | item | what it is |
//! |---|---|
//! | `PAGE_MAX` | the largest page that a kernel runs with |
//! | `start!` | `_start` of a program: relocates it, and the kernel's stack pointer becomes a call of Rust |
//! | `start_bare!` | the same for a program that has nothing to relocate |
//! | `jump!` | the instruction that goes on elsewhere |
//! | `syscall0` to `syscall6` | a number becomes a call |
//! | `trap` | the instruction that ends a program which must not go on |
//! | `prefetch` | the instruction that fetches what will be read soon |
//! | `thread_word`, `set_thread_word` | the words that each thread has of its own, through its thread pointer |
//! | `ThreadBlock`, `set_thread_pointer` | the memory where they are, and what makes it a thread's |
//! | `clone` | starts a thread or a process on a stack of its own |
//! | `restorer` | where a signal handler returns to |
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

/// Which of a thread's words is the heap's: the address of the thread's own cache of blocks, or 0.
pub const WORD_HEAP: usize = 0;

/// Which is the heap's too: what the thread calls where it ends, the address of an `extern "C" fn()`, or 0.
pub const WORD_AT_EXIT: usize = 1;

#[cfg(test)]
mod mem_tests;

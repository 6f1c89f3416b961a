//! All assembly of this crate, and the declarations of the items that it defines.
//!
//! This module is not a public interface. It is `pub` for two users: the macros, which expand in a program's crate, and
//! this repository's tests. Items that can break memory safety are `unsafe` all the same.
//!
//! `NAME/mod.rs` of each architecture defines the same items in the same order:
//!
//! | item | meaning |
//! |---|---|
//! | `PAGE_MAX` | the largest page size that a kernel runs with |
//! | `CLOCK_GETTIME` | the name of a function that the kernel maps into every process |
//! | `__start!` | `ring3_start` of a program: relocates the program, then calls Rust with the initial stack pointer |
//! | `__start_bare!` | the same for a program that has nothing to relocate |
//! | `__jump!` | the jump instruction |
//! | `choose` | selects the instructions that suit the processor and the kernel, by the auxiliary vector |
//! | `syscall0` to `syscall6` | a system call with this number of arguments; the place of the call is recorded |
//! | `trap` | an instruction that ends the process by a signal |
//! | `prefetch` | an instruction that loads a cache line for a later read |
//! | `thread_word`, `set_thread_word` | read and write the thread words, which each thread has its own copy of |
//! | `ThreadBlock`, `set_thread_pointer` | the memory of the thread words, and the call that assigns it to a thread |
//! | `clone` | starts a thread or a process on a stack of its own |
//! | `set_restorer` | names the code that a signal handler returns to, where the kernel needs it |
//! | `unmap_and_exit` | ends a thread, and unmaps its stack |
//! | `mem` | the code of the functions that [`mem`] declares |
//!
//! # The relocation
//!
//! `__start!($entry)` adds the load base to every address in the linker's lists. In the first list (`SHT_RELR` of the
//! ELF gABI) an even entry is the offset of a word to relocate. An odd entry is a bitmap of the words after the last
//! word that an entry covered: 63 words on 64 bits, 31 on 32 bits. In the second list an entry has the offset of a word
//! and a type. On 64 bits (`SHT_RELA`) the entry also has the address without the load base; on 32 bits (`SHT_REL`) the
//! word has this address. Without shared libraries each architecture has one type. Each setting of the linker's option
//! `--pack-dyn-relocs` fills one of the lists.
//!
//! Before the relocation, the GOT and every static that holds an address have link addresses. So the code of `__start!`
//! neither calls nor names a Rust item or a memory function such as `memcpy`: the optimiser decides whether the compiler
//! accesses an item through the GOT.
//!
//! `$entry` is an `unsafe extern "C" fn(*const usize, usize, usize, usize) -> !`. Its arguments: the initial stack
//! pointer, the begin of RELRO, the end of RELRO, and the bytes of a thread's words.

/// The text of an address in a record: 64 bits. 32-bit architectures have no relocation of 64 bits, so there the upper
/// half is a number of its own.
#[cfg(target_pointer_width = "64")]
macro_rules! address {
    ($label:literal) => {
        concat!("\n.8byte ", $label)
    };
}
#[cfg(target_pointer_width = "32")]
macro_rules! address {
    ($label:literal) => {
        concat!("\n.4byte ", $label, ", 0")
    };
}

/// The text of a system call in assembly: the instruction, and a record of the place where it is (a call site).
///
/// The arguments: the instruction, the name of the `const` operand that is the number of the call, and how many
/// arguments the call has. The text uses the label 8.
///
/// A record has the instruction's address (64 bits), the number and the number of arguments (32 bits each). The records
/// are in the section `.debug_calls`, which is not loaded: `make` keeps it in NAME.debug, and the shipped file has no
/// byte of it. The linker treats it as debugging information, because of its name: if it drops the function with the
/// instruction, it writes the address 0, where no instruction can be.
macro_rules! call_site {
    ($instruction:literal, $number:literal, $arguments:literal) => {
        concat!(
            "8: ",
            $instruction,
            "\n.pushsection .debug_calls, \"\", %progbits", // on arm, @ begins a comment
            address!("8b"),
            "\n.4byte {",
            $number,
            "}, ",
            $arguments,
            "\n.popsection",
        )
    };
}

pub mod mem;

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub use aarch64::*;

#[cfg(target_arch = "riscv64")]
mod riscv64;
#[cfg(target_arch = "riscv64")]
pub use riscv64::*;

#[cfg(target_arch = "arm")]
mod arm;
#[cfg(target_arch = "arm")]
pub use arm::*;

#[cfg(target_arch = "x86")]
mod x86;
#[cfg(target_arch = "x86")]
pub use x86::*;

/// Implements the system call with the registers that `syscall!` has filled. A row has the number of arguments, their
/// names, and the function.
macro_rules! calls {
    ($( $count:literal [$($argument:ident),*] $syscall:ident; )*) => { $(
        impl crate::abi::Call for [usize; $count] {
            #[inline(always)]
            unsafe fn call<const NR: usize>(self) -> usize {
                let [$($argument),*] = self;
                // SAFETY: the caller guarantees that the call is sound.
                unsafe { $syscall::<NR>($($argument),*) }
            }
        }
    )* };
}
calls! {
    0 [] syscall0;
    1 [a] syscall1;
    2 [a, b] syscall2;
    3 [a, b, c] syscall3;
    4 [a, b, c, d] syscall4;
    5 [a, b, c, d, e] syscall5;
    6 [a, b, c, d, e, f] syscall6;
}

/// The number of thread words. Each is 0 when a thread starts.
const THREAD_WORDS: usize = 2;

/// The index of the heap's thread word. Its values: the address of the thread's own cache, or 0.
pub const WORD_HEAP: usize = 0;

/// The index of the heap's second thread word. Its values: the address of an `extern "C" fn()` that the thread calls
/// when it ends, or 0.
pub const WORD_AT_EXIT: usize = 1;

#[cfg(test)]
mod mem_tests;

//! `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp` and `strlen`: their names and contracts.
//!
//! The compiler inserts calls of these functions into code that does not name them. So they cannot be written in Rust:
//! a loop that copies bytes compiles to a call of `memcpy`. The assembly is in `NAME/mem.rs` of each architecture.
//! Each function is in a section of its own, so the linker drops the functions that a program does not call.
//!
//! The plain names are defined in the program, by [`__mem_names!`](crate::__mem_names). If the library defined these
//! names, they would collide with libc's names in a test that uses std.

use core::ffi::{c_char, c_int, c_void};

unsafe extern "C" {
    /// `memcpy(3)`: copies `n` bytes from `src` to `dst` and returns `dst`.
    pub fn ring3_memcpy(dst: *mut c_void, src: *const c_void, n: usize) -> *mut c_void;
    /// `memmove(3)`: copies `n` bytes from `src` to `dst`, which may overlap, and returns `dst`.
    pub fn ring3_memmove(dst: *mut c_void, src: *const c_void, n: usize) -> *mut c_void;
    /// `memset(3)`: fills `n` bytes from `dst` on with the low byte of `c` and returns `dst`.
    pub fn ring3_memset(dst: *mut c_void, c: c_int, n: usize) -> *mut c_void;
    /// `memcmp(3)`: compares by the first byte that differs, as unsigned: negative, 0 or positive.
    pub fn ring3_memcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
    /// `bcmp(3)`: 0 if the `n` bytes are equal.
    pub fn ring3_bcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
    /// `strlen(3)`: the number of bytes before the first NUL.
    pub fn ring3_strlen(s: *const c_char) -> usize;
}

/// Defines the names that the compiler calls by itself. The names are part of the program, not of the library, so that
/// the library can be linked with a libc that has the same names.
#[doc(hidden)]
#[macro_export]
macro_rules! __mem_names {
    () => {
        $crate::__mem_names! {
            "memcpy" => ring3_memcpy,
            "memmove" => ring3_memmove,
            "memset" => ring3_memset,
            "memcmp" => ring3_memcmp,
            "bcmp" => ring3_bcmp,
            "strlen" => ring3_strlen,
        }
    };
    ($($name:literal => $core:ident),* $(,)?) => { $(
        ::core::arch::global_asm!(
            concat!(".pushsection .text.", $name, ", \"ax\""), // a section of its own: the linker drops unused ones
            concat!(".globl ", $name),
            concat!(".type ", $name, ", %function"), // on arm, @ begins a comment
            concat!($name, ":"),
            concat!($crate::__jump!(), " {core}"),  // the arguments are already in the right registers
            ".popsection",
            core = sym $crate::arch::mem::$core,
        );
    )* };
}

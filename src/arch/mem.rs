//! `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp` and `strlen`: their names and contracts.
//!
//! The compiler calls the first five for code that never names them, so they cannot be written in
//! Rust: a loop that copies bytes compiles into a call of itself. The assembly is in
//! `x86_64/mem.rs` and `aarch64/mem.rs`. Each stands in a section of its own, and
//! the linker drops those that a program does not call.
//!
//! The plain names are the program's to define, with [`mem_names!`](crate::__mem_names); here they
//! would collide with libc's in a test under std.

use core::ffi::{c_char, c_int, c_void};

#[cfg(target_arch = "aarch64")]
pub use super::aarch64::mem::choose;
#[cfg(target_arch = "x86_64")]
pub use super::x86_64::mem::choose;

unsafe extern "C" {
    /// `memcpy(3)`: copies `n` bytes from `src` to `dst` and returns `dst`.
    pub fn ring3_memcpy(dst: *mut c_void, src: *const c_void, n: usize) -> *mut c_void;
    /// `memmove(3)`: copies `n` bytes from `src` to `dst`, which may overlap, and returns `dst`.
    pub fn ring3_memmove(dst: *mut c_void, src: *const c_void, n: usize) -> *mut c_void;
    /// `memset(3)`: fills `n` bytes from `dst` on with the low byte of `c` and returns `dst`.
    pub fn ring3_memset(dst: *mut c_void, c: c_int, n: usize) -> *mut c_void;
    /// `memcmp(3)`: the first byte that differs decides, as unsigned: negative, 0 or positive.
    pub fn ring3_memcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
    /// `bcmp(3)`: 0 if the `n` bytes are equal.
    pub fn ring3_bcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
    /// `strlen(3)`: the number of bytes before the first NUL.
    pub fn ring3_strlen(s: *const c_char) -> usize;
}

/// The names that the compiler calls by itself. They are the program's, not the library's, so that
/// the library can be linked beside a libc that has them too.
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
            concat!(".pushsection .text.", $name, ", \"ax\""), // a section each: unused ones are dropped
            concat!(".globl ", $name),
            concat!(".type ", $name, ", @function"),
            concat!($name, ":"),
            concat!($crate::__jump!(), " {core}"),  // the arguments are where the core wants them
            ".popsection",
            core = sym $crate::arch::mem::$core,
        );
    )* };
}

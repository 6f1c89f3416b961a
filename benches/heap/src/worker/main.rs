//! `worker WORK`: runs one work on one allocator, and prints its figures, each a line with a name and a number.
//!
//! The entry point is C's `main`: std may allocate before it calls a Rust `main`, and one of the works measures the
//! first allocation of the process.
#![no_main]

mod allocator;
mod block;
mod machine;
mod measure;
mod random;
mod works;

use std::ffi::{CStr, c_char, c_int};

#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    assert!(count == 2, "usage: worker WORK");
    // SAFETY: the C runtime calls `main` with an array of `count` pointers to C strings, and `count` is 2. They live as
    // long as the process.
    let work = unsafe { CStr::from_ptr(*arguments.add(1)) };
    let work = work.to_str().expect("works have names of ASCII");
    machine::pin(0);
    works::run(work);
    0
}

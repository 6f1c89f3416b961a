//! One work on one allocator: `worker WORK` prints figures, a name and a number a line.
//!
//! There is no Rust `main`: what std does before it may allocate, and one work is the first allocation.
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
    // SAFETY: C's main: there are `count` strings.
    let work = unsafe { CStr::from_ptr(*arguments.add(1)) };
    let work = work.to_str().expect("works have names of ASCII");
    machine::pin(0);
    works::run(work);
    0
}

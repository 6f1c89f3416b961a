//! ring3's `sync` and `thread` under loom. `build.rs` generates them from the library's own sources. They run on a
//! kernel and an architecture that are built from loom's threads.

pub mod atomic;
pub mod kernel;

/// The kernel's ABI. System calls go to the model's kernel.
mod abi {
    pub use ring3::abi::*;
    pub use ring3::{Errno, Result};

    macro_rules! syscall {
        (futex($word:expr, $how:expr, $value:expr, $timeout:expr)) => {
            $crate::kernel::futex_wait($word.cast(), $how, $value, $timeout)
        };
        (futex($word:expr, $how:expr, $count:expr)) => {
            $crate::kernel::futex_wake($word, $how, $count)
        };
        ($name:ident($($argument:expr),*)) => {
            $crate::kernel::$name($($argument),*)
        };
    }
    pub(crate) use syscall;

    /// A negative number is an error.
    pub fn check(result: usize) -> Result<usize> {
        match result as isize {
            0.. => Ok(result),
            error => Err(Errno::from_number(-error as i32).unwrap()),
        }
    }
}

/// Replaces the assembly.
mod arch {
    pub use crate::kernel::{clone, unmap_and_exit};

    pub const WORD_AT_EXIT: usize = 1;

    /// Empty: loom needs no thread control block to know its threads.
    pub struct ThreadBlock;

    impl ThreadBlock {
        pub const NEW: Self = Self;

        pub fn thread_pointer(&mut self) -> usize {
            0
        }
    }

    /// The thread word is always 0: no function is called when a thread ends.
    pub fn thread_word<const N: usize>() -> usize {
        0
    }

    pub fn trap() -> ! {
        panic!("a thread continued after its end");
    }
}

mod env {
    pub mod auxv {
        pub const AT_PAGESZ: usize = 6;

        pub fn get(_: usize) -> Option<usize> {
            Some(crate::kernel::PAGE)
        }
    }
}

mod mem {
    pub use crate::kernel::{commit, reserve, unmap};
}

mod bytes {
    pub use ring3::bytes::copy;
}

mod time {
    pub use ring3::time::sleep;
}

mod signal {
    pub use ring3::signal::SignalSet;

    /// Does nothing: the model has no signals.
    pub fn block(_: SignalSet) -> ring3::Result<()> {
        Ok(())
    }
}

use ring3::Result;

include!(concat!(env!("OUT_DIR"), "/variants.rs"));

//! System calls: `syscall!` puts the arguments into registers and checks the result.

use super::{Errno, Result};

/// `syscall!(name(arguments))`: makes the system call `name` and checks its result.
///
/// Each argument fills a 64-bit register, as [`Arg`] defines for its type.
///
/// In debugging information the call is at the line that uses the macro, not at a line of the macro.
#[collapse_debuginfo(yes)]
macro_rules! syscall {
    ($name:ident()) => {
        $crate::abi::check($crate::arch::syscall0::<{ $crate::abi::nr::$name }>())
    };
    ($name:ident($a:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall1::<{ $crate::abi::nr::$name }>(
            $crate::abi::Arg::arg($a),
        ))
    };
    ($name:ident($a:expr, $b:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall2::<{ $crate::abi::nr::$name }>(
            $crate::abi::Arg::arg($a),
            $crate::abi::Arg::arg($b),
        ))
    };
    ($name:ident($a:expr, $b:expr, $c:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall3::<{ $crate::abi::nr::$name }>(
            $crate::abi::Arg::arg($a),
            $crate::abi::Arg::arg($b),
            $crate::abi::Arg::arg($c),
        ))
    };
    ($name:ident($a:expr, $b:expr, $c:expr, $d:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall4::<{ $crate::abi::nr::$name }>(
            $crate::abi::Arg::arg($a),
            $crate::abi::Arg::arg($b),
            $crate::abi::Arg::arg($c),
            $crate::abi::Arg::arg($d),
        ))
    };
    ($name:ident($a:expr, $b:expr, $c:expr, $d:expr, $e:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall5::<{ $crate::abi::nr::$name }>(
            $crate::abi::Arg::arg($a),
            $crate::abi::Arg::arg($b),
            $crate::abi::Arg::arg($c),
            $crate::abi::Arg::arg($d),
            $crate::abi::Arg::arg($e),
        ))
    };
    ($name:ident($a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall6::<{ $crate::abi::nr::$name }>(
            $crate::abi::Arg::arg($a),
            $crate::abi::Arg::arg($b),
            $crate::abi::Arg::arg($c),
            $crate::abi::Arg::arg($d),
            $crate::abi::Arg::arg($e),
            $crate::abi::Arg::arg($f),
        ))
    };
}

pub(crate) use syscall;

/// Converts the result register of a system call: a value, or a negated error number.
///
/// # Safety
/// As for [`Errno::from_result`].
#[inline(always)]
pub(crate) unsafe fn check(result: usize) -> Result<usize> {
    #[cfg(test)]
    tests::after_call();
    // SAFETY: the caller guarantees that `result` meets the requirement of `from_result`.
    match unsafe { Errno::from_result(result) } {
        None => Ok(result),
        Some(errno) => Err(errno),
    }
}

/// A type that can be an argument of a system call: defines how a value fills a 64-bit register.
pub(crate) trait Arg {
    fn arg(self) -> usize;
}

macro_rules! integer_arg {
    ($($type:ty)*) => { $(
        impl Arg for $type {
            // `as` sign-extends a signed type and zero-extends an unsigned type, as C does.
            #[inline(always)]
            fn arg(self) -> usize {
                self as usize
            }
        }
    )* };
}
integer_arg!(usize u64 u32 u16 u8 isize i64 i32 i16 i8);

impl<T> Arg for *const T {
    #[inline(always)]
    fn arg(self) -> usize {
        self.expose_provenance()
    }
}

impl<T> Arg for *mut T {
    #[inline(always)]
    fn arg(self) -> usize {
        self.expose_provenance()
    }
}

impl Arg for &core::ffi::CStr {
    #[inline(always)]
    fn arg(self) -> usize {
        self.as_ptr().arg()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;

    use super::Arg;
    use crate::abi::mem::{MAP_ANONYMOUS, MAP_PRIVATE};
    use std::cell::Cell;

    std::thread_local! {
        /// A hook that the calling thread runs after each of its system calls. By the hook, a test checks which locks
        /// are held during a system call.
        pub static AFTER_CALL: Cell<Option<fn()>> = const { Cell::new(None) };
    }

    #[test]
    fn an_argument_fills_a_register_as_c_does() {
        assert_eq!(
            [(-1_i32).arg(), i32::MIN.arg()],
            [usize::MAX, 0xffff_ffff_8000_0000]
        );
        assert_eq!((u32::MAX.arg(), u64::MAX.arg()), (0xffff_ffff, usize::MAX));
        assert_eq!(
            ((-2_i64).arg(), (-2_isize).arg()),
            (usize::MAX - 1, usize::MAX - 1)
        );
        let mut word = 7_u16;
        let place = (&raw mut word).addr();
        assert_eq!(
            ((&raw mut word).arg(), (&raw const word).arg()),
            (place, place)
        );
        assert_eq!(c"text".arg(), c"text".as_ptr().addr());
        assert_eq!((MAP_PRIVATE | MAP_ANONYMOUS).arg(), 0x22);
    }

    #[test]
    fn a_result_is_checked() {
        // SAFETY: values that system calls leave.
        let check = |result| unsafe { super::check(result) };
        assert_eq!((check(0), check(5)), (Ok(0), Ok(5)));
        assert_eq!(check(usize::MAX - 1), Err(super::Errno::ENOENT));
        assert_eq!(
            check(usize::MAX - 4094).map_err(super::Errno::number),
            Err(4095)
        );
    }

    /// Runs the calling thread's hook, if a test set one.
    pub fn after_call() {
        if let Some(look) = AFTER_CALL.get() {
            look();
        }
    }
}

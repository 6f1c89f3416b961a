//! System calls: `syscall!` puts the arguments into registers and checks the result.

use super::{Errno, Result};

/// `syscall!(name(arguments))`: makes the system call `name` and checks its result.
///
/// The value is a [`Result<usize>`](crate::Result): the call's result, or the [`Errno`](crate::Errno). `name` is a
/// constant of [`abi::nr`](crate::abi::nr), which has every call of the kernel. Each of the up to six arguments fills a
/// register, as [`Arg`](crate::abi::Arg) defines for its type.
///
/// The library itself makes its calls by this macro. A program needs the macro only for a call that the library has no
/// function for. The macro adds nothing to the instruction but the check of the result, which is a comparison.
///
/// In debugging information the call is at the line that uses the macro, not at a line of the macro.
///
/// ```
/// use ring3::abi::process::PRIO_PROCESS;
/// use ring3::syscall;
///
/// /// The nice value of the calling process, -20 to 19 (getpriority(2)).
/// fn nice() -> ring3::Result<i32> {
///     // SAFETY: getpriority takes two numbers and changes nothing. Its result is 20 minus the nice value: 1 to 40.
///     let raw = unsafe { syscall!(getpriority(PRIO_PROCESS, 0)) }?;
///     Ok(20 - raw as i32)
/// }
///
/// assert!((-20..20).contains(&nice()?));
/// # Ok::<(), ring3::Errno>(())
/// ```
///
/// A structure or a buffer is passed by a raw pointer:
///
/// ```
/// use ring3::abi::process::{RUSAGE_SELF, Rusage};
/// use ring3::syscall;
///
/// let mut usage = Rusage::ZERO;
/// // SAFETY: the kernel writes a `struct rusage` to `usage`, which has this layout.
/// unsafe { syscall!(getrusage(RUSAGE_SELF, &raw mut usage)) }?;
/// assert!(usage.ru_maxrss > 0);
/// # Ok::<(), ring3::Errno>(())
/// ```
///
/// # Errors
/// The error that the kernel returns: see the manual page of the call. `ENOSYS`: the kernel does not have the call.
///
/// # Safety
/// The caller guarantees that:
///
/// - the arguments have the types that the kernel expects of the call, and each pointer is valid for what the kernel
///   reads or writes there, for as long as the kernel uses it;
/// - the call does not take away what safe code relies on: memory that is in use (munmap, mremap, mprotect), a
///   descriptor that an [`OwnedFd`](crate::fd::OwnedFd) owns (close, dup3), the handlers and the stacks that the
///   library sets up (rt_sigaction, sigaltstack, set_robust_list);
/// - the call returns once, to the place of the call: not rt_sigreturn, vfork, or a clone or fork that runs the child
///   on the stack of a running thread;
/// - a negative result is an error. It is one for all calls but two: lseek in a file of the kernel that has offsets of
///   2^63 and more (/proc/PID/mem), and fcntl with `F_GETOWN`, for which `F_GETOWN_EX` is the remedy.
#[macro_export]
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

/// Converts the result register of a system call: a value, or a negated error number. [`syscall!`](crate::syscall)
/// does this; a call that a program makes in another way can use the function too.
///
/// Only the sign is tested.
///
/// # Errors
/// The error whose negated number is `result`.
///
/// # Safety
/// `result` is the result register of a system call. If it is negative, it is an error: -4095 to -1.
#[inline(always)]
pub unsafe fn check(result: usize) -> Result<usize> {
    #[cfg(test)]
    tests::after_call();
    // SAFETY: the caller guarantees that `result` meets the requirement of `from_result`.
    match unsafe { Errno::from_result(result) } {
        None => Ok(result),
        Some(errno) => Err(errno),
    }
}

/// A type that can be an argument of [`syscall!`](crate::syscall): defines how a value fills a register.
///
/// | type | register |
/// |---|---|
/// | signed integers | sign-extended, as C does |
/// | unsigned integers | zero-extended |
/// | `*const T`, `*mut T` | the address, with its provenance exposed |
/// | `&CStr` | the address of the first byte |
/// | [`BorrowedFd`](crate::fd::BorrowedFd) | the descriptor's number |
/// | [`Pid`](crate::process::Pid) | the process id |
/// | the flags of [`abi`](crate::abi), such as [`Open`](crate::abi::fs::Open) | the bits |
///
/// References and slices are not arguments: their pointer says in the program whether the kernel reads or writes
/// (`&raw const place`, `&raw mut place`, `slice.as_ptr()`, `slice.as_mut_ptr()`). A program can implement the trait for
/// types of its own, by the `arg` of what they hold.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a system call",
    note = "pass a structure by `&raw const` or `&raw mut`, a slice by `as_ptr()` or `as_mut_ptr()` and its length, an \
            `OwnedFd` by `as_fd()`, a bool by `u32::from`"
)]
pub trait Arg {
    /// The content of the register.
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

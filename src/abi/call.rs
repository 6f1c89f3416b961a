//! System calls: `syscall!` puts the arguments into registers and checks the result.

use super::{Errno, Result};

/// `syscall!(name(arguments))`: makes the system call `name` and checks its result.
///
/// The value is a [`Result<usize>`](crate::Result): the call's result, or the [`Errno`](crate::Errno). `name` is a
/// constant of [`abi::nr`](crate::abi::nr), which has every call of the kernel. Each argument fills a register, as
/// [`Arg`](crate::abi::Arg) defines for its type; a call has six registers for arguments. On a 32-bit architecture an
/// argument of 64 bits fills two registers.
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
/// - a result that [`check`](crate::abi::check) takes for an error is one. The exceptions are lseek in a file of the
///   kernel that has offsets of 2^63 and more (/proc/PID/mem), and fcntl with `F_GETOWN`, for which `F_GETOWN_EX` is the
///   remedy.
#[macro_export]
#[collapse_debuginfo(yes)]
macro_rules! syscall {
    ($name:ident($($argument:expr),* $(,)?)) => {
        $crate::abi::check(
            $crate::abi::Arguments::NONE$(.with($argument))*.call::<{ $crate::abi::nr::$name }>()
        )
    };
}

pub(crate) use syscall;

/// Converts the result register of a system call: a value, or a negated error number. [`syscall!`](crate::syscall)
/// does this; a call that a program makes in another way can use the function too.
///
/// On a 64-bit architecture only the sign is tested. On a 32-bit architecture an address can be negative as a number, so
/// the whole range of errors is tested.
///
/// # Errors
/// The error whose negated number is `result`.
///
/// # Safety
/// `result` is the result register of a system call. If it is negative on a 64-bit architecture, it is an error: -4095
/// to -1.
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
/// | `u64`, `i64` on a 32-bit architecture | two registers: the low half, then the high half |
/// | `*const T`, `*mut T` | the address, with its provenance exposed |
/// | `&CStr` | the address of the first byte |
/// | [`BorrowedFd`](crate::fd::BorrowedFd) | the descriptor's number |
/// | [`Pid`](crate::process::Pid) | the process id |
/// | the flags of [`abi`](crate::abi), such as [`Open`](crate::abi::fs::Open) | the bits |
///
/// On arm the first register of a pair has an even number (Procedure Call Standard for the Arm Architecture, "Parameter
/// Passing"; syscall(2)). The register before it stays unused if necessary.
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
    /// What the argument fills: `usize` is one register. On a 32-bit architecture, `u64` is two registers.
    type Content: Content;

    /// The content of the register, or of the two registers.
    fn arg(self) -> Self::Content;
}

/// The registers of a call's arguments while [`syscall!`](crate::syscall) fills them, from the first on.
#[derive(Debug)]
pub struct Arguments<R>(R);

impl Arguments<[usize; 0]> {
    /// No argument yet.
    pub const NONE: Self = Self([]);
}

impl<R: Registers> Arguments<R> {
    /// Adds the next argument.
    #[inline(always)]
    pub fn with<A: Arg>(self, argument: A) -> Arguments<<A::Content as Content>::After<R>> {
        Arguments(argument.arg().fill(self.0))
    }
}

impl<R: Call> Arguments<R> {
    /// Makes the system call `NR`, and returns its result register.
    ///
    /// # Safety
    /// As [`syscall!`](crate::syscall).
    #[inline(always)]
    #[must_use]
    pub unsafe fn call<const NR: usize>(self) -> usize {
        // SAFETY: the caller guarantees that the call is sound.
        unsafe { self.0.call::<NR>() }
    }
}

/// What an argument fills: one register (`usize`), or on a 32-bit architecture two (`u64`).
pub trait Content {
    /// The registers `R`, and those of this argument.
    type After<R: Registers>: Registers;

    /// Adds the registers of this argument to those of the arguments before it.
    fn fill<R: Registers>(self, before: R) -> Self::After<R>;
}

impl Content for usize {
    type After<R: Registers> = R::Next;

    #[inline(always)]
    fn fill<R: Registers>(self, before: R) -> R::Next {
        before.next(self)
    }
}

#[cfg(target_pointer_width = "32")]
impl Content for u64 {
    type After<R: Registers> = <<R::Paired as Registers>::Next as Registers>::Next;

    #[inline(always)]
    fn fill<R: Registers>(self, before: R) -> Self::After<R> {
        before
            .paired()
            .next(self as usize)
            .next((self >> 32) as usize)
    }
}

/// The registers that are filled: an array of up to six words.
pub trait Registers {
    /// These registers and the next one.
    type Next: Registers;
    /// These registers, and the register that stays unused before a pair.
    type Paired: Registers;

    /// Fills the next register.
    fn next(self, word: usize) -> Self::Next;

    /// Skips the register that a pair cannot begin with: on arm one with an odd number.
    fn paired(self) -> Self::Paired;
}

/// Registers with which a call can be made: at most six. `arch` implements the trait.
#[diagnostic::on_unimplemented(
    message = "a system call has six registers for arguments, and these arguments need more",
    note = "on a 32-bit architecture a u64 or an i64 fills two registers, on arm from an even one on"
)]
pub trait Call {
    /// Makes the system call `NR`, and returns its result register.
    ///
    /// # Safety
    /// As [`syscall!`](crate::syscall).
    unsafe fn call<const NR: usize>(self) -> usize;
}

/// More registers than a call has.
#[derive(Debug)]
pub struct TooMany;

impl Registers for TooMany {
    type Next = Self;
    type Paired = Self;

    #[inline(always)]
    fn next(self, _: usize) -> Self {
        self
    }

    #[inline(always)]
    fn paired(self) -> Self {
        self
    }
}

/// Implements `Registers` for an array. A row has its length, its words, and the type and the value after the word `next`.
macro_rules! registers {
    ($( $length:literal [$($word:ident),*] $next:ident: $type:ty = $value:expr; )*) => { $(
        impl Registers for [usize; $length] {
            type Next = $type;
            #[cfg(not(target_arch = "arm"))]
            type Paired = Self;
            #[cfg(target_arch = "arm")]
            type Paired = [usize; $length + $length % 2];

            #[inline(always)]
            fn next(self, $next: usize) -> $type {
                let [$($word),*] = self;
                $value
            }

            #[inline(always)]
            fn paired(self) -> Self::Paired {
                let mut paired = [0; _];
                paired[..$length].copy_from_slice(&self);
                paired
            }
        }
    )* };
}
registers! {
    0 [] a: [usize; 1] = [a];
    1 [a] b: [usize; 2] = [a, b];
    2 [a, b] c: [usize; 3] = [a, b, c];
    3 [a, b, c] d: [usize; 4] = [a, b, c, d];
    4 [a, b, c, d] e: [usize; 5] = [a, b, c, d, e];
    5 [a, b, c, d, e] f: [usize; 6] = [a, b, c, d, e, f];
    6 [a, b, c, d, e, f] _g: TooMany = { let _ = [a, b, c, d, e, f]; TooMany };
}

macro_rules! integer_arg {
    ($content:ty: $($type:ty)*) => { $(
        impl Arg for $type {
            type Content = $content;

            // `as` sign-extends a signed type and zero-extends an unsigned type, as C does.
            #[inline(always)]
            fn arg(self) -> $content {
                self as $content
            }
        }
    )* };
}
integer_arg!(usize: usize u32 u16 u8 isize i32 i16 i8);
#[cfg(target_pointer_width = "64")]
integer_arg!(usize: u64 i64);
#[cfg(target_pointer_width = "32")]
integer_arg!(u64: u64 i64);

impl<T> Arg for *const T {
    type Content = usize;

    #[inline(always)]
    fn arg(self) -> usize {
        self.expose_provenance()
    }
}

impl<T> Arg for *mut T {
    type Content = usize;

    #[inline(always)]
    fn arg(self) -> usize {
        self.expose_provenance()
    }
}

impl Arg for &core::ffi::CStr {
    type Content = usize;

    #[inline(always)]
    fn arg(self) -> usize {
        self.as_ptr().arg()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;

    use super::{Arg, Arguments};
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
            [usize::MAX, i32::MIN as usize]
        );
        assert_eq!((u32::MAX.arg(), u16::MAX.arg()), (0xffff_ffff, 0xffff));
        assert_eq!(
            ((-2_i16).arg(), (-2_isize).arg()),
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
    fn an_argument_of_64_bits_fills_one_register_or_a_pair() {
        let first = Arguments::NONE.with(1_u32);
        let arguments = first.with(0x2_0000_0003_u64).with(-4_i64).0;
        #[cfg(target_pointer_width = "64")]
        assert_eq!(arguments, [1, 0x2_0000_0003, -4_isize as usize]);
        #[cfg(target_arch = "x86")]
        assert_eq!(arguments, [1, 3, 2, -4_isize as usize, usize::MAX]);
        #[cfg(target_arch = "arm")]
        assert_eq!(arguments, [1, 0, 3, 2, -4_isize as usize, usize::MAX]);
        let even = Arguments::NONE.with(-4_i64).with(5_u32).0;
        #[cfg(target_pointer_width = "64")]
        assert_eq!(even, [-4_isize as usize, 5]);
        #[cfg(target_pointer_width = "32")]
        assert_eq!(even, [-4_isize as usize, usize::MAX, 5]);
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

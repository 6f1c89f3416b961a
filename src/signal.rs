//! Signals: sets of signals, the blocked signals of a thread, handlers, and waiting for a signal (signal(7)).
//!
//! A signal is an `i32` from 1 to [`SIGNALS`]. A program receives signals by [`on`] (counted by a handler),
//! [`wait`] (without a handler), or [`SignalFd`] (from a descriptor).
//!
//! ```
//! use ring3::process::{getpid, kill};
//! use ring3::signal::{self, SIGUSR1, SignalSet};
//!
//! let set = SignalSet::of(&[SIGUSR1]);
//! signal::block(set)?; // else SIGUSR1 would end the process
//! kill(getpid(), SIGUSR1)?;
//! assert_eq!(signal::wait(set, None)?.signal, SIGUSR1);
//! # Ok::<(), ring3::Errno>(())
//! ```

use core::fmt;
use core::marker::PhantomData;
use core::ops::BitOr;
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};
use core::time::Duration;

pub use crate::abi::signal::*;
use crate::abi::time::Timespec;
use crate::abi::{Errno, Result, syscall};
use crate::arch;
use crate::env::auxv;
use crate::fd::{BorrowedFd, OwnedFd, as_fd};
use crate::io;
use crate::text::number;

/// A set of signals. As the kernel's `sigset_t`, bit N-1 stands for signal N.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct SignalSet(u64);

/// The numbers of the signals.
impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signals = (1..=SIGNALS).filter(|signal| self.0 >> (signal - 1) & 1 != 0);
        f.debug_set().entries(signals).finish()
    }
}

impl SignalSet {
    /// Every signal. The kernel ignores the signals of the set that can't be blocked.
    pub const ALL: Self = Self(u64::MAX);

    /// No signal.
    pub const NONE: Self = Self(0);

    /// The set of these signals. Numbers below 1 or above [`SIGNALS`] are ignored.
    #[must_use]
    pub const fn of(signals: &[i32]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < signals.len() {
            if 1 <= signals[i] && signals[i] <= SIGNALS {
                bits |= 1 << (signals[i] - 1);
            }
            i += 1;
        }
        Self(bits)
    }

    /// The signals of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether a signal is in the set.
    #[must_use]
    pub fn contains(self, signal: i32) -> bool {
        (1..=SIGNALS).contains(&signal) && self.0 >> (signal - 1) & 1 != 0
    }

    /// The set's signals, in increasing order.
    pub fn iter(self) -> impl Iterator<Item = i32> {
        (1..=SIGNALS).filter(move |&signal| self.contains(signal))
    }
}

impl BitOr for SignalSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The number of signals, which is also the highest signal number (`_NSIG` of the kernel). The lowest is 1.
pub const SIGNALS: i32 = __SIGRTMAX;

/// The signals that a terminal sends for its keys and when it hangs up.
///
/// A parent can ignore them on purpose: nohup(1) ignores `SIGHUP`, and a shell without job control ignores
/// `SIGINT` and `SIGQUIT` for `&`. So a program that starts another program must leave the ignored signals
/// ignored in the new program.
pub const TERMINALS: SignalSet = SignalSet::of(&[SIGHUP, SIGINT, SIGQUIT, SIGTSTP]);

/// Parses a signal as kill(1) does: a number, or a name in upper or lower case, with or without `SIG` before
/// it.
///
/// Real-time signals are `RTMIN`, `RTMIN+N`, `RTMAX` and `RTMAX-N`. `RTMIN` is 34, as in glibc: C libraries
/// reserve the first two real-time signals.
#[must_use]
pub fn named(text: &[u8]) -> Option<i32> {
    const RTMIN: i32 = 34;
    if let Some(number) = number::whole(text, 10, SIGNALS as u64) {
        return (number > 0).then_some(number as i32);
    }
    let is = |known: &[u8], text: &[u8]| {
        let mut pairs = known.iter().zip(text);
        known.len() == text.len() && pairs.all(|(known, byte)| *known == byte.to_ascii_uppercase())
    };
    let name = match text.split_at_checked(3) {
        Some((sig, name)) if is(b"SIG", sig) => name,
        _ => text,
    };
    let (base, sign, rest) = match name.split_at_checked(5) {
        Some((base, rest)) if is(b"RTMIN", base) => (RTMIN, b'+', rest),
        Some((base, rest)) if is(b"RTMAX", base) => (SIGNALS, b'-', rest),
        _ => {
            let mut known = NAMES.as_bytes().split(|&byte| byte == b' ');
            let place =
                known.position(|known| known.get(3..).is_some_and(|known| is(known, name)))?;
            return Some(place as i32 + 1);
        }
    };
    let distance = match rest.split_first() {
        None => 0,
        Some((first, digits)) if *first == sign => {
            number::whole(digits, 10, (SIGNALS - RTMIN) as u64)? as i32
        }
        Some(_) => return None,
    };
    Some(if sign == b'+' {
        base + distance
    } else {
        base - distance
    })
}

/// Blocks the signals of `set` in the calling thread, in addition to the signals that are blocked already
/// (rt_sigprocmask(2)). A blocked signal stays pending until it is unblocked.
///
/// With `SIGPIPE` blocked, a write to a closed pipe or socket only returns `EPIPE`.
///
/// # Errors
/// The kernel has no errors for this call. A seccomp filter may refuse the call with any error; then the mask
/// is unchanged.
#[doc(alias = "rt_sigprocmask")]
#[inline]
pub fn block(set: SignalSet) -> Result<()> {
    change_mask(SIG_BLOCK, set, ptr::null_mut())
}

/// Blocks the signals of `set` in the calling thread until the returned [`Held`] is dropped. The drop
/// restores the mask; if a seccomp filter refuses that, the signals stay blocked.
///
/// # Errors
/// As for [`block`].
#[doc(alias = "rt_sigprocmask")]
#[must_use = "dropping it lets the signals through"]
pub fn hold(set: SignalSet) -> Result<Held> {
    let mut old = SignalSet::NONE;
    change_mask(SIG_BLOCK, set, &raw mut old)?;
    Ok(Held(old, PhantomData))
}

/// The mask from before [`hold`]. Dropping the value restores the mask. It stays in its thread: the mask is the thread's.
#[derive(Debug)]
pub struct Held(SignalSet, PhantomData<*const ()>);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = set_mask(self.0); // `drop` cannot return the error
    }
}

/// Unblocks the signals of `set` in the calling thread (rt_sigprocmask(2)).
///
/// # Errors
/// As for [`block`].
#[doc(alias = "rt_sigprocmask")]
#[inline]
pub fn unblock(set: SignalSet) -> Result<()> {
    change_mask(SIG_UNBLOCK, set, ptr::null_mut())
}

/// Replaces the calling thread's mask: blocks the signals of `set`, and no others (rt_sigprocmask(2)).
///
/// # Errors
/// As for [`block`].
#[doc(alias = "rt_sigprocmask")]
#[inline]
pub fn set_mask(set: SignalSet) -> Result<()> {
    change_mask(SIG_SETMASK, set, ptr::null_mut())
}

/// Changes the mask. Unless `old` is null, writes the previous mask there.
#[inline]
fn change_mask(how: i32, set: SignalSet, old: *mut SignalSet) -> Result<()> {
    let size = size_of::<SignalSet>();
    // SAFETY: the kernel reads the 8 bytes of `set`, which lives until the call returns. `old` is null, or
    // the callers of this function pass the address of a SignalSet of their own, and the kernel writes its
    // 8 bytes.
    unsafe { syscall!(rt_sigprocmask(how, &raw const set, old, size)) }.map(drop)
}

/// The action of a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// The kernel's default action: ends the process, stops it, or does nothing (signal(7)).
    Default,
    /// The signal is ignored. execve(2) keeps this action.
    Ignored,
    /// A function of the program runs.
    Handled,
}

/// `SIG_DFL` and `SIG_IGN`, as values of `sa_handler`.
const DEFAULT: usize = 0;
const IGNORE: usize = 1;

/// Sets the action of `signal` to the default (`SIG_DFL`).
///
/// # Errors
/// `EINVAL`: no such signal, or its action can't be changed (SIGKILL, SIGSTOP).
#[doc(alias = "rt_sigaction")]
pub fn set_default(signal: i32) -> Result<()> {
    // SAFETY: `DEFAULT` is `SIG_DFL`: no code of this program runs.
    unsafe { set_action(signal, DEFAULT) }
}

/// Sets the action of each signal of `set` to the default, also if a parent process ignored the signal.
pub fn set_defaults(set: SignalSet) {
    for signal in set.iter() {
        let _ = set_default(signal); // fails for SIGKILL and SIGSTOP, which always have their default actions
    }
}

/// Sets the action of `signal` to ignore it (`SIG_IGN`). A process that ignores `SIGCHLD` can't learn how its
/// children end.
///
/// # Errors
/// As for [`set_default`].
#[doc(alias = "rt_sigaction")]
pub fn ignore(signal: i32) -> Result<()> {
    // SAFETY: `IGNORE` is `SIG_IGN`: no code of this program runs.
    unsafe { set_action(signal, IGNORE) }
}

/// The current action of `signal`.
///
/// # Errors
/// `EINVAL`: no such signal.
#[doc(alias = "rt_sigaction")]
pub fn action(signal: i32) -> Result<Action> {
    let mut action = Sigaction::ZERO;
    let unchanged = ptr::null::<Sigaction>();
    let size = size_of::<SignalSet>();
    // SAFETY: the kernel writes a whole Sigaction to `action`, a local. The null pointer leaves the action
    // unchanged.
    unsafe { syscall!(rt_sigaction(signal, unchanged, &raw mut action, size)) }?;
    Ok(match action.sa_handler {
        DEFAULT => Action::Default,
        IGNORE => Action::Ignored,
        _ => Action::Handled,
    })
}

/// Counts occurrences of `signal` in `count`, by a handler.
///
/// The signal interrupts a waiting system call, which returns `EINTR`. (The calls in [`io`] retry. A loop
/// that must notice the signal waits by [`Epoll`](crate::poll::Epoll), [`SignalFd`] or [`wait`].) The handler
/// only adds to an atomic, which is sound at any point of the program. So this function is safe, while
/// [`handle`] is not.
///
/// # Errors
/// As for [`set_default`].
#[doc(alias = "rt_sigaction")]
pub fn on(signal: i32, count: &'static AtomicU32) -> Result<()> {
    let place = count_of(signal).ok_or(Errno::EINVAL)?;
    // Release: pairs with the handler's Acquire load.
    place.store(ptr::from_ref(count).cast_mut(), Release);
    // SAFETY: `counted` may run at any moment: it accesses nothing but atomics and takes no lock.
    unsafe { handle(signal, counted) }
}

/// For each signal, the counter that `on` was given, or null.
static COUNTS: [AtomicPtr<AtomicU32>; SIGNALS as usize] =
    [const { AtomicPtr::new(ptr::null_mut()) }; SIGNALS as usize];

/// Returns the place in `COUNTS` for a signal; `None` for a number that is no signal.
fn count_of(signal: i32) -> Option<&'static AtomicPtr<AtomicU32>> {
    COUNTS.get(usize::try_from(signal).ok()?.checked_sub(1)?)
}

/// The handler that [`on`] sets.
extern "C" fn counted(signal: i32) {
    if let Some(place) = count_of(signal) {
        // SAFETY: the pointer is null, or `on` made it from a `&'static AtomicU32`.
        if let Some(count) = unsafe { place.load(Acquire).as_ref() } {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// Sets a handler: a function that gets the signal's number. It runs in the thread that receives the signal:
/// on the thread's [alternate stack](set_alternate_stack) if it has one, otherwise on its own stack.
///
/// The signal itself is blocked while its handler runs. The signal interrupts a waiting system call, which
/// returns `EINTR`.
///
/// # Errors
/// As for [`set_default`].
///
/// # Safety
/// `handler` may run between any two instructions of the program. So `handler` must not take a lock that the
/// interrupted code may hold, including the heap's locks. It must not rely on a value that the interrupted code
/// may have half changed (signal-safety(7)).
#[doc(alias = "rt_sigaction")]
#[doc(alias = "sigaction")]
pub unsafe fn handle(signal: i32, handler: extern "C" fn(i32)) -> Result<()> {
    // The signal is recorded before the handler can run. A child that shares this memory must not run the
    // handler, so `Command::spawn` resets the actions of the recorded signals.
    HANDLED.fetch_or(SignalSet::of(&[signal]).0, AcqRel);
    // SAFETY: the caller guarantees that `handler` may run at any moment.
    unsafe { set_action(signal, handler as usize) }
}

/// The signals that ever had a handler set by [`on`], [`handle`] or [`handle_fault`].
static HANDLED: AtomicU64 = AtomicU64::new(0);

/// The signals that may have a handler: each signal for which this module ever set a handler.
pub fn handled() -> SignalSet {
    SignalSet(HANDLED.load(Acquire))
}

/// Sets the calling thread's alternate stack, on which its handlers run from now on (sigaltstack(2)). So a
/// handler can run, and report the fault, even if the thread's own stack is full. Each thread has its own
/// alternate stack, or none.
///
/// # Errors
/// `ENOMEM`: `stack` is smaller than [`alternate_stack_size`]. `EPERM`: the caller is a handler that runs on
/// an alternate stack.
#[doc(alias = "sigaltstack")]
pub fn set_alternate_stack(stack: &'static mut [u8]) -> Result<()> {
    if stack.len() < alternate_stack_size() {
        return Err(Errno::ENOMEM);
    }
    // SAFETY: `stack` is a `&'static mut`, so no other code ever uses the memory. Its length was checked
    // above.
    unsafe { use_alternate_stack(stack.as_mut_ptr(), stack.len()) }
}

/// The minimum size of an alternate stack in bytes: the size of the kernel's signal frame
/// ([`AT_MINSIGSTKSZ`](crate::env::auxv::AT_MINSIGSTKSZ)), and 4 KiB for the handler itself.
#[doc(alias = "SIGSTKSZ")]
#[must_use]
pub fn alternate_stack_size() -> usize {
    // x86_64 kernels before 5.14 have no AT_MINSIGSTKSZ. With AVX-512 the frame has 3.5 KiB.
    auxv::get(auxv::AT_MINSIGSTKSZ).unwrap_or(4 << 10) + (4 << 10)
}

/// As [`set_alternate_stack`], for memory that need not live for the rest of the process.
///
/// # Safety
/// Only handlers use the `length` bytes from `start`, for as long as the thread lives or until
/// [`no_alternate_stack`]. `length` is at least [`alternate_stack_size`]: on a smaller stack a handler would
/// write below `start`.
pub(crate) unsafe fn use_alternate_stack(start: *mut u8, length: usize) -> Result<()> {
    let stack = StackT {
        ss_sp: start,
        ss_flags: 0,
        ss_size: length,
    };
    let no_old = ptr::null_mut::<StackT>();
    // SAFETY: the kernel reads `stack`, a local, and writes nothing, as `no_old` is null. The caller
    // guarantees that only handlers use the memory that `stack` describes.
    unsafe { syscall!(sigaltstack(&raw const stack, no_old)) }.map(drop)
}

/// Disables the calling thread's alternate stack: its handlers run on the thread's own stack again.
///
/// # Errors
/// `EPERM`: the caller is a handler that runs on the alternate stack.
pub(crate) fn no_alternate_stack() -> Result<()> {
    let none = StackT {
        ss_flags: SS_DISABLE,
        ..StackT::ZERO
    };
    let no_old = ptr::null_mut::<StackT>();
    // SAFETY: the kernel reads `none`, a local, and writes nothing, as `no_old` is null.
    unsafe { syscall!(sigaltstack(&raw const none, no_old)) }.map(drop)
}

/// As [`handle`], for a fault: `handler` also gets the fault's `siginfo` and the registers (`ucontext_t`).
///
/// # Errors
/// As for [`set_default`].
///
/// # Safety
/// As for [`handle`].
pub(crate) unsafe fn handle_fault(
    signal: i32,
    handler: extern "C" fn(i32, *const SigFault, *const u8),
) -> Result<()> {
    HANDLED.fetch_or(SignalSet::of(&[signal]).0, AcqRel);
    // SAFETY: the caller guarantees that `handler` may run at any moment. With SA_SIGINFO the kernel passes
    // the three arguments that `handler` takes.
    unsafe { set_flagged_action(signal, handler as usize, SA_SIGINFO) }
}

/// Sets the action of a signal to the default, to ignoring it, or to a handler.
///
/// # Safety
/// `handler` is `DEFAULT`, `IGNORE`, or the address of an `extern "C" fn(i32)` that may run at any moment.
unsafe fn set_action(signal: i32, handler: usize) -> Result<()> {
    // SAFETY: the caller guarantees what `set_flagged_action` requires. Without SA_SIGINFO a handler gets
    // one argument.
    unsafe { set_flagged_action(signal, handler, 0) }
}

/// As [`set_action`], with these flags (`SA_*`).
///
/// # Safety
/// As for [`set_action`]; with `SA_SIGINFO` the handler takes three arguments.
unsafe fn set_flagged_action(signal: i32, handler: usize, flags: usize) -> Result<()> {
    let mut action = Sigaction {
        sa_handler: handler,
        sa_flags: SA_ONSTACK | flags,
        ..Sigaction::ZERO
    };
    arch::set_restorer(&mut action);
    let size = size_of::<SignalSet>();
    let no_old = ptr::null_mut::<Sigaction>();
    // SAFETY: the kernel reads `action`, a local, and writes nothing, as `no_old` is null. The caller
    // guarantees that the handler may run at any moment. The handler returns to the restorer, or to
    // the kernel's own such code; both call rt_sigreturn.
    unsafe { syscall!(rt_sigaction(signal, &raw const action, no_old, size)) }.map(drop)
}

/// A received signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// The signal's number.
    pub signal: i32,
    /// The signal's origin (`si_code` of sigaction(2)).
    code: i32,
}

impl Received {
    /// Whether the kernel sent the signal, and not a process. A SIGINT, SIGQUIT or SIGWINCH of the kernel
    /// comes from the terminal, which sends the signal to all processes of its foreground group at once.
    #[must_use]
    pub fn is_kernels(self) -> bool {
        self.code == SI_KERNEL
    }
}

/// Waits for a signal of `set`, for at most `timeout`, and removes the signal from the pending signals
/// (rt_sigtimedwait(2)). `None` waits without a limit.
///
/// The caller must have blocked the signals with [`block`]: a signal that is not blocked has its action
/// instead.
///
/// # Errors
/// `EAGAIN`: the time is over. `EINTR`: a handler ran, or the process was stopped and continued.
#[doc(alias = "rt_sigtimedwait")]
pub fn wait(set: SignalSet, timeout: Option<Duration>) -> Result<Received> {
    let timeout = timeout.map(Timespec::from);
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let mut info = Siginfo::ZERO;
    let size = size_of::<SignalSet>();
    // SAFETY: the kernel reads the 8 bytes of `set`, and a Timespec unless `timeout` is null, and writes a
    // whole Siginfo to `info`. All three are locals, which live until the call returns.
    unsafe {
        syscall!(rt_sigtimedwait(
            &raw const set,
            &raw mut info,
            timeout,
            size
        ))
    }?;
    Ok(Received {
        signal: info.si_signo,
        code: info.si_code,
    })
}

/// A descriptor from which signals are read (signalfd(2)). A loop that waits for descriptors receives signals
/// like other events, and no handler interrupts it.
///
/// The caller must have blocked the signals with [`block`]: a signal that is not blocked has its action
/// instead.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

as_fd! { SignalFd }

impl SignalFd {
    /// Creates a non-blocking descriptor for the signals of `set`.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    #[doc(alias = "signalfd4")]
    #[doc(alias = "signalfd")]
    pub fn new(set: SignalSet) -> Result<Self> {
        const NEW: i32 = -1;
        let size = size_of::<SignalSet>();
        let flags = SFD_NONBLOCK | SFD_CLOEXEC;
        // SAFETY: the kernel reads the 8 bytes of `set`. The returned descriptor is new, so no other value
        // owns it.
        unsafe {
            let raw = syscall!(signalfd4(NEW, &raw const set, size, flags))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The descriptor, which is readable while a signal is pending.
    #[inline]
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Returns the next pending signal. A standard signal that was sent twice before this call is returned
    /// once.
    ///
    /// # Errors
    /// `EAGAIN`: no signal is pending.
    pub fn next(&self) -> Result<i32> {
        let mut info = [0; size_of::<SignalfdSiginfo>()];
        io::read(self.as_fd(), &mut info)?; // reads whole records only
        let number = info.first_chunk().copied().unwrap_or_default(); // `ssi_signo` is the record's first field
        Ok(i32::from_ne_bytes(number))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_set_has_the_bit_of_each_signal() {
        for signal in 1..=64 {
            let set = SignalSet::of(&[signal]);
            assert_eq!(set.0, 1 << (signal - 1));
            assert_eq!(set.iter().collect::<Vec<_>>(), [signal]);
            assert_eq!(SignalSet::ALL.without(set).iter().count(), 63);
            assert!(!SignalSet::ALL.without(set).contains(signal));
        }
        for none in [i32::MIN, -1, 0, 65, i32::MAX] {
            assert!(SignalSet::of(&[none]) == SignalSet::NONE && !SignalSet::ALL.contains(none));
        }
        let (one, two) = (SignalSet::of(&[1, 64]), SignalSet::of(&[2, 64]));
        assert_eq!((one | two).iter().collect::<Vec<_>>(), [1, 2, 64]);
        assert_eq!(one.without(two).iter().collect::<Vec<_>>(), [1]);
        let terminals = TERMINALS.iter().collect::<Vec<_>>();
        assert_eq!(terminals, [SIGHUP, SIGINT, SIGQUIT, SIGTSTP]);
    }

    #[test]
    fn each_signal_has_a_counter() {
        for signal in 1..=64 {
            assert!(count_of(signal).is_some(), "{signal}");
        }
        for none in [i32::MIN, -1, 0, 65, i32::MAX] {
            assert!(count_of(none).is_none(), "{none}");
        }
    }

    #[test]
    fn signal_names_are_those_of_kill() {
        for (text, signal) in [
            ("HUP", SIGHUP),
            ("SIGTERM", SIGTERM),
            ("sigusr1", SIGUSR1),
            ("winch", SIGWINCH),
            ("Sys", SIGSYS),
            ("9", SIGKILL),
            ("64", 64),
            ("RTMIN", 34),
            ("rtmin+0", 34),
            ("SIGRTMIN+3", 37),
            ("RTMIN+30", 64),
            ("RTMAX", 64),
            ("sigrtmax-1", 63),
            ("RTMAX-30", 34),
        ] {
            assert_eq!(named(text.as_bytes()), Some(signal), "{text}");
        }
        for text in [
            "",
            "SIG",
            "0",
            "65",
            "+9",
            "-9",
            " 9",
            "9 ",
            "TER",
            "TERMS",
            "SIG15",
            "SIGSIGTERM",
            "HUP INT",
            "RTMIN-1",
            "RTMIN+",
            "RTMIN+31",
            "RTMIN+x",
            "RTMIN3",
            "RTMAX+1",
            "RTMAX-31",
            "RTMAX-",
        ] {
            assert_eq!(named(text.as_bytes()), None, "{text}");
        }
        // Every number up to the highest, and one beyond both ends.
        for number in 0..=65 {
            let text = std::format!("{number}");
            let signal = (1..=64).contains(&number).then_some(number);
            assert_eq!(named(text.as_bytes()), signal, "{text}");
        }
        let mut known = NAMES.split_ascii_whitespace();
        assert!(known.all(|name| named(name.as_bytes()) == named(&name.as_bytes()[3..])));
    }
}

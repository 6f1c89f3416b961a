//! Signals: which wait, and how they are heard.

use core::ops::BitOr;
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};
use core::time::Duration;

pub use crate::abi::signal::*;
use crate::abi::time::Timespec;
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io;
use crate::number;
use crate::{arch, auxv};

/// A set of signals (`sigset_t` of the kernel: bit N-1 stands for signal N).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct SignalSet(u64);

impl SignalSet {
    /// Every signal; the kernel leaves out those that cannot be blocked.
    pub const ALL: Self = Self(u64::MAX);

    /// No signal.
    pub const NONE: Self = Self(0);

    /// The set of these signals. A number below 1 or above [`SIGNALS`] is no signal; it is left out.
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
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether a signal is in it.
    pub fn contains(self, signal: i32) -> bool {
        (1..=SIGNALS).contains(&signal) && self.0 >> (signal - 1) & 1 != 0
    }

    /// Its signals, rising.
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

/// How many signals there are: they are numbered from 1 (`_NSIG` of the kernel).
pub const SIGNALS: i32 = __SIGRTMAX;

/// The signals of a terminal's keys and of its hang-up. A parent ignores them on purpose: nohup(1) ignores `SIGHUP`,
/// and a shell without job control ignores `SIGINT` and `SIGQUIT` for `&`. So a program that starts another program
/// leaves them ignored there.
pub const TERMINALS: SignalSet = SignalSet::of(&[SIGHUP, SIGINT, SIGQUIT, SIGTSTP]);

/// The signal that `text` names, as kill(1) reads it: a number, or a name in upper or lower case, with or without
/// `SIG` before it. Real-time signals are `RTMIN`, `RTMIN+N`, `RTMAX` and `RTMAX-N`. `RTMIN` is 34, as in glibc: C
/// libraries reserve the first two real-time signals.
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

/// Makes the signals of `set` wait until they are unblocked, in this thread (rt_sigprocmask(2)).
///
/// A blocked `SIGPIPE` leaves the `EPIPE` that the write returns.
///
/// # Errors
/// The kernel itself refuses nothing; a seccomp filter may, with any error. The mask is unchanged then.
#[inline]
pub fn block(set: SignalSet) -> Result<()> {
    change_mask(SIG_BLOCK, set, ptr::null_mut())
}

/// Makes the signals of `set` wait until the [`Held`] is dropped, in this thread. The drop restores the mask;
/// where a filter refuses the restoration, the signals stay blocked.
///
/// # Errors
/// As for [`block`].
#[must_use = "dropping it lets the signals through"]
pub fn hold(set: SignalSet) -> Result<Held> {
    let mut old = SignalSet::NONE;
    change_mask(SIG_BLOCK, set, &raw mut old)?;
    Ok(Held(old))
}

/// The signals that were blocked before [`hold`].
pub struct Held(SignalSet);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = set_mask(self.0); // a drop cannot return an error
    }
}

/// Lets the signals of `set` through again, in this thread.
///
/// # Errors
/// As for [`block`].
#[inline]
pub fn unblock(set: SignalSet) -> Result<()> {
    change_mask(SIG_UNBLOCK, set, ptr::null_mut())
}

/// Makes the signals of `set`, and no others, wait in this thread.
///
/// # Errors
/// As for [`block`].
#[inline]
pub fn set_mask(set: SignalSet) -> Result<()> {
    change_mask(SIG_SETMASK, set, ptr::null_mut())
}

/// Changes the mask; where `old` is not null, it gets what the mask was.
#[inline]
fn change_mask(how: i32, set: SignalSet, old: *mut SignalSet) -> Result<()> {
    let size = size_of::<SignalSet>();
    // SAFETY: the kernel reads the 8 bytes of `set`. `old` is null, or the caller's SignalSet: the kernel writes its 8
    // bytes.
    unsafe { syscall!(rt_sigprocmask(how, &raw const set, old, size)) }.map(drop)
}

/// What happens at a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// What the kernel does by itself: it ends the process, or stops it, or does nothing (signal(7)).
    Default,
    /// Nothing. This stays over execve(2).
    Ignored,
    /// A function of the program runs.
    Handled,
}

/// `SIG_DFL` and `SIG_IGN`, as `sa_handler`.
const DEFAULT: usize = 0;
const IGNORE: usize = 1;

/// Puts back what the kernel does at `signal` by itself (`SIG_DFL`).
///
/// # Errors
/// `EINVAL`: no such signal, or one that cannot be changed (SIGKILL, SIGSTOP).
pub fn set_default(signal: i32) -> Result<()> {
    // SAFETY: it runs no code of ours.
    unsafe { set_action(signal, DEFAULT) }
}

/// Gives the signals of `set` their default actions, also the signals that a parent ignored.
pub fn set_defaults(set: SignalSet) {
    for signal in set.iter() {
        let _ = set_default(signal); // SIGKILL and SIGSTOP are as they are
    }
}

/// Has nothing happen at `signal` (`SIG_IGN`). What ignores `SIGCHLD` can't learn how its children end.
///
/// # Errors
/// As for [`set_default`].
pub fn ignore(signal: i32) -> Result<()> {
    // SAFETY: it runs no code of ours.
    unsafe { set_action(signal, IGNORE) }
}

/// What happens at `signal`.
///
/// # Errors
/// `EINVAL`: no such signal.
pub fn action(signal: i32) -> Result<Action> {
    let mut action = Sigaction::ZERO;
    let unchanged = ptr::null::<Sigaction>();
    let size = size_of::<SignalSet>();
    // SAFETY: the kernel writes a whole Sigaction to ours.
    unsafe { syscall!(rt_sigaction(signal, unchanged, &raw mut action, size)) }?;
    Ok(match action.sa_handler {
        DEFAULT => Action::Default,
        IGNORE => Action::Ignored,
        _ => Action::Handled,
    })
}

/// Counts `signal` in `count` when it comes, and lets the program go on.
///
/// A call that waits is interrupted: it answers `EINTR`. (Those of [`io`] are made again; a
/// loop that is to notice waits by [`Epoll`](crate::poll::Epoll), [`SignalFd`] or [`wait`].) What the program
/// was in the middle of doing does not matter: the handler is one addition to an atomic number, and this is
/// why it is safe to ask for it, while [`handle`] is not.
///
/// # Errors
/// As for [`set_default`].
pub fn on(signal: i32, count: &'static AtomicU32) -> Result<()> {
    let place = count_of(signal).ok_or(Errno::EINVAL)?;
    // Release: before the handler that reads it.
    place.store(ptr::from_ref(count).cast_mut(), Release);
    // SAFETY: `counted` may run at any moment: it touches nothing but atomics.
    unsafe { handle(signal, counted) }
}

/// Where each signal is counted, or null.
static COUNTS: [AtomicPtr<AtomicU32>; SIGNALS as usize] =
    [const { AtomicPtr::new(ptr::null_mut()) }; SIGNALS as usize];

fn count_of(signal: i32) -> Option<&'static AtomicPtr<AtomicU32>> {
    COUNTS.get(usize::try_from(signal).ok()?.checked_sub(1)?)
}

extern "C" fn counted(signal: i32) {
    if let Some(place) = count_of(signal) {
        // SAFETY: null, or what `on` put there: a static's address.
        if let Some(count) = unsafe { place.load(Acquire).as_ref() } {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// Runs `handler` with the signal's number when it comes, in whatever thread gets it, on that one's stack, or on its
/// [other one](set_alternate_stack); the signal itself waits meanwhile. A call that waits is interrupted: it answers `EINTR`.
///
/// # Errors
/// As for [`set_default`].
///
/// # Safety
/// `handler` is sound between any two instructions of the program: it takes no lock that the program may
/// hold, the heap's among them, and sees no value that is half changed (signal-safety(7)).
pub unsafe fn handle(signal: i32, handler: extern "C" fn(i32)) -> Result<()> {
    // Before it can run: a child that shares this memory must not run it.
    HANDLED.fetch_or(SignalSet::of(&[signal]).0, AcqRel);
    // SAFETY: the caller's promise.
    unsafe { set_action(signal, handler as usize) }
}

/// The signals that ever had a handler, by [`on`] or [`handle`].
static HANDLED: AtomicU64 = AtomicU64::new(0);

/// The signals that may have a handler: those that ever had one by this module.
pub fn handled() -> SignalSet {
    SignalSet(HANDLED.load(Acquire))
}

/// Gives the calling thread another stack, on which handlers run in it from now on: also where its own is full,
/// so that a handler can say so (sigaltstack(2)). Other threads have their own, or none.
///
/// # Errors
/// `ENOMEM`: `stack` is smaller than [`alternate_stack_size`]. `EPERM`: the caller is a handler that runs on an
/// alternate stack.
pub fn set_alternate_stack(stack: &'static mut [u8]) -> Result<()> {
    if stack.len() < alternate_stack_size() {
        return Err(Errno::ENOMEM);
    }
    // SAFETY: `&'static mut` makes the memory the handlers' alone, for good; its length was checked above.
    unsafe { use_alternate_stack(stack.as_mut_ptr(), stack.len()) }
}

/// The least size of an alternate stack: the size of the kernel's signal frame
/// ([`AT_MINSIGSTKSZ`](crate::auxv::AT_MINSIGSTKSZ)), and 4 KiB for the handler itself.
#[doc(alias = "SIGSTKSZ")]
pub fn alternate_stack_size() -> usize {
    // x86_64 kernels before 5.14 have no AT_MINSIGSTKSZ. With AVX-512 the frame has 3.5 KiB.
    auxv::get(auxv::AT_MINSIGSTKSZ).unwrap_or(4 << 10) + (4 << 10)
}

/// As [`set_alternate_stack`].
///
/// # Safety
/// Only handlers use the `length` bytes from `start`, for as long as the thread lives or until
/// [`no_alternate_stack`]. `length` is at least [`alternate_stack_size`]: on a smaller stack a handler would write
/// below `start`.
pub(crate) unsafe fn use_alternate_stack(start: *mut u8, length: usize) -> Result<()> {
    let stack = StackT {
        ss_sp: start,
        ss_flags: 0,
        ss_size: length,
    };
    let unasked = ptr::null_mut::<StackT>();
    // SAFETY: the kernel reads a StackT. The caller promises that handlers may use the memory that it describes.
    unsafe { syscall!(sigaltstack(&raw const stack, unasked)) }.map(drop)
}

/// Disables the calling thread's alternate stack: handlers run on the thread's own stack again.
///
/// # Errors
/// `EPERM`: the caller is a handler that runs on the alternate stack.
pub(crate) fn no_alternate_stack() -> Result<()> {
    let none = StackT {
        ss_flags: SS_DISABLE,
        ..StackT::ZERO
    };
    let unasked = ptr::null_mut::<StackT>();
    // SAFETY: the kernel reads a StackT.
    unsafe { syscall!(sigaltstack(&raw const none, unasked)) }.map(drop)
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
    // SAFETY: the caller's promise.
    unsafe { set_flagged_action(signal, handler as usize, SA_SIGINFO) }
}

/// # Safety
/// `handler` is `DEFAULT`, `IGNORE` or the address of an `extern "C" fn(i32)` that may run whenever the
/// signal comes.
unsafe fn set_action(signal: i32, handler: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { set_flagged_action(signal, handler, 0) }
}

/// # Safety
/// As for [`set_action`]; with `SA_SIGINFO` the handler takes three arguments.
unsafe fn set_flagged_action(signal: i32, handler: usize, flags: usize) -> Result<()> {
    let action = Sigaction {
        sa_handler: handler,
        sa_flags: SA_RESTORER | SA_ONSTACK | flags,
        sa_restorer: arch::restorer(),
        sa_mask: 0,
    };
    let size = size_of::<SignalSet>();
    let unasked = ptr::null_mut::<Sigaction>();
    // SAFETY: the kernel reads a whole Sigaction; what it runs is the caller's promise, and behind that the
    // restorer, which is made for it.
    unsafe { syscall!(rt_sigaction(signal, &raw const action, unasked, size)) }.map(drop)
}

/// A signal that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// Its number.
    pub signal: i32,
    /// Where it came from (`si_code` of sigaction(2)).
    code: i32,
}

impl Received {
    /// Whether the kernel sent it by itself: of SIGINT, SIGQUIT and SIGWINCH that is the terminal, which
    /// sends them to all processes of its foreground group at once.
    pub fn is_kernels(self) -> bool {
        self.code == SI_KERNEL
    }
}

/// Waits for a signal of `set`, at most for `timeout`, and takes it (rt_sigtimedwait(2)). With `None` it
/// waits for as long as it takes.
///
/// The signals are to be blocked with [`block`]; before that they do what they do.
///
/// # Errors
/// `EAGAIN`: the time is over. `EINTR`: a handler ran, or the process was stopped and goes on.
pub fn wait(set: SignalSet, timeout: Option<Duration>) -> Result<Received> {
    let timeout = timeout.map(|timeout| Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let mut info = Siginfo::ZERO;
    let size = size_of::<SignalSet>();
    // SAFETY: the kernel reads 8 bytes of `set` and a Timespec or nothing, and writes a Siginfo to ours.
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

/// A descriptor from which signals are read, so that a loop that waits for descriptors hears of them
/// in turn and no handler interrupts it (signalfd(2)).
///
/// The signals are to be blocked with [`block`]; before that they do what they do.
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// A descriptor for the signals of `set`; reading it does not wait.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new(set: SignalSet) -> Result<Self> {
        const NEW: i32 = -1;
        let size = size_of::<SignalSet>();
        let flags = SFD_NONBLOCK | SFD_CLOEXEC;
        // SAFETY: the kernel reads the 8 bytes of `set`; what it returns is a new descriptor.
        unsafe {
            let raw = syscall!(signalfd4(NEW, &raw const set, size, flags))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The descriptor, which is readable when a signal waits.
    #[inline]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The next signal that was sent; the same one sent twice before it is read comes once.
    ///
    /// # Errors
    /// `EAGAIN`: none waits.
    pub fn next(&self) -> Result<i32> {
        let mut info = [0; size_of::<SignalfdSiginfo>()];
        io::read(self.as_fd(), &mut info)?; // whole ones only
        let number = info.first_chunk().copied().unwrap_or_default(); // ssi_signo comes first
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
    fn each_signal_has_a_place_to_be_counted() {
        for signal in 1..=64 {
            assert!(count_of(signal).is_some(), "{signal}");
        }
        for none in [i32::MIN, -1, 0, 65, i32::MAX] {
            assert!(count_of(none).is_none(), "{none}");
        }
    }

    #[test]
    fn signals_are_named_as_kill_takes_them() {
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
        // Each number, and one more on both sides.
        for number in 0..=65 {
            let text = std::format!("{number}");
            let signal = (1..=64).contains(&number).then_some(number);
            assert_eq!(named(text.as_bytes()), signal, "{text}");
        }
        let mut known = NAMES.split_ascii_whitespace();
        assert!(known.all(|name| named(name.as_bytes()) == named(&name.as_bytes()[3..])));
    }
}

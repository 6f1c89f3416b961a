//! Self-test cases of signals: pending signals, handlers, and the return from a handler.

extern crate alloc;

use alloc::vec;
use core::hint::black_box;
use core::sync::atomic::Ordering::SeqCst;
use core::sync::atomic::{AtomicBool, AtomicU32};
use core::time::Duration;

use ring3::Errno;
use ring3::abi::nr;
use ring3::arch::{syscall3, syscall4};
use ring3::pipe::{O_CLOEXEC, Pipe};
use ring3::process::{getpid, gettid};
use ring3::rt::Exit;
use ring3::signal::*;
use ring3::time::{Clock, now};

use crate::case::*;
use crate::cases;
use crate::child::code;
use crate::env::start;
use crate::fd::closes_at_exec;
use crate::machine::MACHINE;

cases! {
    "a set of some", [SignalSet::of, SignalSet::contains], SignalSet::of(&[SIGINT, SIGTERM]).contains(SIGTERM) && !SignalSet::of(&[SIGINT]).contains(SIGTERM) => YES;
    "a set of what are no signals", [SignalSet::of, SignalSet::contains], [i32::MIN, -1, 0, 65, 128, i32::MAX].into_iter().all(|none| SignalSet::of(&[none]) == SignalSet::NONE && !SignalSet::ALL.contains(none)) => YES;
    "the first and the last", [SignalSet::of, SignalSet::iter], SignalSet::of(&[64, 0, 1, 65]).iter().eq([1, 64]) => YES;
    "its signals, rising", [SignalSet::iter], SignalSet::of(&[SIGTERM, SIGHUP]).iter().eq([SIGHUP, SIGTERM]) => YES;
    "all of them but one", [SignalSet::without], SignalSet::ALL.without(SignalSet::of(&[SIGINT])).iter().eq((1..=SIGNALS).filter(|&signal| signal != SIGINT)) => YES;
    "by its name", [named], named(b"sigTerm") == Some(SIGTERM) && named(b"RTMIN+3") == Some(37) && named(b"+9").is_none() => YES;
    "what is blocked waits", [block, unblock, on], blocked() => value(1);
    "held until it is dropped", [hold], held() => value(1);
    "these and no others", [set_mask], masked() => value(1);
    "the default of one", [set_default, action], set_default(SIGUSR1).and_then(|()| action(SIGUSR1)).map(|action| action == Action::Default) => YES;
    "of one that cannot be changed", [set_default], set_default(SIGKILL) => error(Errno::EINVAL);
    "of none", [set_default], set_default(65) => error(Errno::EINVAL);
    "of many", [set_defaults], { let ignored = ignore(SIGUSR2); set_defaults(SignalSet::ALL); ignored.is_ok() && action(SIGUSR2) == Ok(Action::Default) } => YES;
    "ignored: nothing happens", [ignore, action], ignored() => YES;
    "what happens at none", [action], action(0).map(drop) => error(Errno::EINVAL);
    "counted, and comes back", [on], counted(1000) => value(1000);
    "of none to be counted", [on], on(65, &COUNT).and(on(i32::MIN, &COUNT)).or(on(0, &COUNT)) => error(Errno::EINVAL);
    "a handler of none", [handle, handled], handled_none() => error(Errno::EINVAL);
    "each is counted, and its default is back", [on, set_default], each() => value(62), cannot EINVAL;
    "a handler gets the number", [handle, handled], numbered() => YES;
    "within a handler another", [handle], nested() => value(0x1221);
    "within a handler itself: it waits", [handle], waits_for_itself() => value(0x1212);
    "registers survive a thousand", [handle], registers() => YES;
    "in the thread that it was sent to", [handle], in_its_thread() => YES;
    "on the alternate stack", [set_alternate_stack], on_the_alternate_stack() => YES;
    "on a thread's own otherwise", [handle], on_its_own_stack() => YES;
    "a stack that is full, reported on another", [set_alternate_stack], code(&[c"overflow-reported"]) => value(42);
    "a stack that is just large enough", [set_alternate_stack, alternate_stack_size], just_large_enough() => YES;
    "a stack that is too small", [set_alternate_stack, alternate_stack_size], too_small() => error(Errno::ENOMEM);
    "without our restorer", [], code(&[c"no-restorer"]) => value(MACHINE.without_restorer);
    "waited for and taken", [wait, Received::is_kernels], taken() => YES;
    "nothing comes in time", [wait], too_late() => YES;
    "a handler interrupts a wait", [wait], interrupted() => error(Errno::EINTR);
    "read from a descriptor", [SignalFd::new, SignalFd::next], by_descriptor() => YES;
    "a descriptor closed at execve", [SignalFd::new], SignalFd::new(SignalSet::of(&[SIGUSR1])).and_then(|signals| closes_at_exec(signals.as_fd())) => YES;
    "none to be read", [SignalFd::next], SignalFd::new(SignalSet::of(&[SIGUSR1])).and_then(|signals| signals.next()) => error(Errno::EAGAIN);
    "a descriptor that reports signals", [SignalFd::as_fd], from_descriptor() => value(1);
    "a handler interrupts no write", [on], uninterrupted() => YES;
}

/// A number that is no signal's must not add a signal to `handled`.
fn handled_none() -> Result<(), Errno> {
    extern "C" fn nothing(_: i32) {}
    let before = handled();
    // SAFETY: the handler does nothing, so it may interrupt any code.
    let result = [0, 65, i32::MIN].map(|signal| unsafe { handle(signal, nothing) });
    match handled() == before {
        true => result.into_iter().find(Result::is_ok).unwrap_or(result[0]),
        false => Err(Errno::EIO),
    }
}

static COUNT: AtomicU32 = AtomicU32::new(0);
/// The notes of handlers, four bits each.
static NOTES: AtomicU32 = AtomicU32::new(0);

fn note(what: u32) {
    NOTES
        .fetch_update(SeqCst, SeqCst, |notes| Some(notes << 4 | what))
        .unwrap_or_default();
}

/// Sends a signal to the calling thread.
pub fn raise(signal: i32) {
    send_to(gettid().as_raw(), signal);
}

pub fn send_to(thread: i32, signal: i32) {
    // SAFETY: tgkill(2) accesses no memory of this process, and each case has chosen the action of the signal.
    unsafe {
        syscall3::<{ nr::tgkill }>(getpid().as_raw() as usize, thread as usize, signal as usize)
    };
}

fn blocked() -> Result<u32, Errno> {
    COUNT.store(0, SeqCst);
    on(SIGUSR1, &COUNT)?;
    block(SignalSet::of(&[SIGUSR1]))?;
    raise(SIGUSR1);
    let early = COUNT.load(SeqCst);
    unblock(SignalSet::of(&[SIGUSR1]))?;
    set_default(SIGUSR1)?;
    if early == 0 {
        Ok(COUNT.load(SeqCst))
    } else {
        Err(Errno::EIO)
    }
}

fn held() -> Result<u32, Errno> {
    COUNT.store(0, SeqCst);
    on(SIGUSR1, &COUNT)?;
    let held = hold(SignalSet::ALL)?;
    raise(SIGUSR1);
    let early = COUNT.load(SeqCst);
    drop(held);
    set_default(SIGUSR1)?;
    if early == 0 {
        Ok(COUNT.load(SeqCst))
    } else {
        Err(Errno::EIO)
    }
}

fn masked() -> Result<u32, Errno> {
    COUNT.store(0, SeqCst);
    on(SIGUSR1, &COUNT)?;
    on(SIGUSR2, &COUNT)?;
    set_mask(SignalSet::of(&[SIGUSR1]))?;
    raise(SIGUSR1);
    raise(SIGUSR2);
    let early = COUNT.load(SeqCst);
    set_mask(SignalSet::NONE)?;
    set_default(SIGUSR1)?;
    set_default(SIGUSR2)?;
    if COUNT.load(SeqCst) == 2 {
        Ok(early)
    } else {
        Err(Errno::EIO)
    }
}

fn ignored() -> Result<bool, Errno> {
    ignore(SIGUSR2)?;
    raise(SIGUSR2);
    let such = action(SIGUSR2)? == Action::Ignored;
    set_default(SIGUSR2)?;
    Ok(such)
}

fn counted(times: u32) -> Result<u32, Errno> {
    COUNT.store(0, SeqCst);
    on(SIGUSR1, &COUNT)?;
    for _ in 0..times {
        raise(SIGUSR1);
    }
    set_default(SIGUSR1)?;
    Ok(COUNT.load(SeqCst))
}

/// How many signals a handler counts, if each is sent once: all but SIGKILL and SIGSTOP, from the last to the first.
fn each() -> Result<u32, Errno> {
    // qemu-user maps the real-time signals to other numbers.
    if start().var("SELFTEST_UNDER").is_some() {
        return Err(Errno::EINVAL);
    }
    COUNT.store(0, SeqCst);
    for signal in (1..=64)
        .rev()
        .filter(|&signal| signal != SIGKILL && signal != SIGSTOP)
    {
        on(signal, &COUNT)?;
        let before = COUNT.load(SeqCst);
        raise(signal);
        set_default(signal)?;
        if COUNT.load(SeqCst) != before + 1 || action(signal)? != Action::Default {
            return Err(Errno::EIO);
        }
    }
    Ok(COUNT.load(SeqCst))
}

/// Calls `work` with handlers for SIGUSR1 and SIGUSR2.
fn handling<T>(
    one: extern "C" fn(i32),
    two: extern "C" fn(i32),
    work: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    NOTES.store(0, SeqCst);
    // SAFETY: all handlers of this file are async-signal-safe: they only use atomics and make system calls.
    unsafe {
        handle(SIGUSR1, one)?;
        handle(SIGUSR2, two)?;
    }
    let result = work();
    set_default(SIGUSR1)?;
    set_default(SIGUSR2)?;
    result
}

extern "C" fn note_number(signal: i32) {
    COUNT.store(signal as u32, SeqCst);
}

fn numbered() -> Result<bool, Errno> {
    handling(note_number, note_number, || {
        raise(SIGUSR2);
        let known = handled().contains(SIGUSR2) && action(SIGUSR2)? == Action::Handled;
        Ok(known && COUNT.load(SeqCst) == SIGUSR2 as u32)
    })
}

extern "C" fn outer(_: i32) {
    note(1);
    raise(SIGUSR2);
    note(1);
}

extern "C" fn inner(_: i32) {
    note(2);
    note(2);
}

fn nested() -> Result<u32, Errno> {
    handling(outer, inner, || {
        raise(SIGUSR1);
        Ok(NOTES.load(SeqCst))
    })
}

extern "C" fn again(_: i32) {
    note(1);
    if NOTES.load(SeqCst) == 1 {
        raise(SIGUSR1); // is delivered after this handler has returned
    }
    note(2);
}

fn waits_for_itself() -> Result<u32, Errno> {
    handling(again, inner, || {
        raise(SIGUSR1);
        Ok(NOTES.load(SeqCst))
    })
}

extern "C" fn clobbers(signal: i32) {
    // Uses integer and floating-point registers.
    let mut sum = 0.0;
    for n in 0..signal.unsigned_abs() * 3 {
        sum += black_box(f64::from(n)) * 1.5;
    }
    COUNT.store(black_box(sum) as u32, SeqCst);
}

/// A computation in one thread gives the same result while another thread sends signals to it.
fn registers() -> Result<bool, Errno> {
    fn compute() -> (u64, f64) {
        let (mut whole, mut fraction) = (1_u64, 1.0_f64);
        let mut others = [2.0_f64, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0];
        for n in 0..200_000_u32 {
            whole = whole
                .wrapping_mul(6364136223846793005)
                .wrapping_add(u64::from(n));
            for other in &mut others {
                *other = *other * 0.999 + f64::from(n & 7);
            }
            fraction = fraction * 0.5 + others[n as usize & 7];
        }
        (whole, fraction + others.iter().sum::<f64>())
    }
    handling(clobbers, clobbers, || {
        let alone = black_box(compute());
        let (me, over) = (gettid().as_raw(), AtomicBool::new(false));
        let disturbed = ring3::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut sent = 0_u32;
                while !over.load(SeqCst) || sent < 1000 {
                    send_to(me, SIGUSR1);
                    sent += 1;
                    ring3::thread::yield_now();
                }
            })?;
            let disturbed = black_box(compute());
            over.store(true, SeqCst);
            sender.join();
            Ok(disturbed)
        })?;
        Ok(alone == disturbed)
    })
}

static WHERE: AtomicU32 = AtomicU32::new(0);

extern "C" fn note_thread(_: i32) {
    WHERE.store(gettid().as_raw() as u32, SeqCst);
}

fn in_its_thread() -> Result<bool, Errno> {
    handling(note_thread, note_thread, || {
        let (id, ready) = (AtomicU32::new(0), AtomicBool::new(false));
        ring3::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                id.store(gettid().as_raw() as u32, SeqCst);
                while !ready.load(SeqCst) {
                    ring3::thread::yield_now();
                }
            })?;
            while id.load(SeqCst) == 0 {
                ring3::thread::yield_now();
            }
            send_to(id.load(SeqCst) as i32, SIGUSR1);
            let begin = now(Clock::Monotonic);
            while WHERE.load(SeqCst) != id.load(SeqCst)
                && (now(Clock::Monotonic) - begin).as_secs() < 20
            {
                ring3::thread::yield_now();
            }
            ready.store(true, SeqCst);
            thread.join();
            Ok(WHERE.load(SeqCst) == id.load(SeqCst))
        })
    })
}

/// An address on the stack that a handler ran on.
static PLACE: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);

extern "C" fn note_place(_: i32) {
    let here = 0_u8;
    PLACE.store((&raw const *black_box(&here)).addr(), SeqCst);
}

fn on_the_alternate_stack() -> Result<bool, Errno> {
    on_a_stack_of(1 << 16)
}

/// Beyond the kernel's frame, the whole size is for the handler.
fn just_large_enough() -> Result<bool, Errno> {
    on_a_stack_of(alternate_stack_size())
}

fn on_a_stack_of(length: usize) -> Result<bool, Errno> {
    handling(note_place, note_place, || {
        ring3::thread::spawn(move || {
            let stack = vec![0; length].leak();
            let range = stack.as_ptr_range();
            let range = range.start.addr()..range.end.addr();
            set_alternate_stack(stack)?;
            raise(SIGUSR1);
            Ok(range.contains(&PLACE.load(SeqCst)))
        })?
        .join()
    })
}

/// The kernel would accept this stack, but a handler that needs more would write below it.
fn too_small() -> Result<(), Errno> {
    set_alternate_stack(vec![0; alternate_stack_size() - 1].leak())
}

fn on_its_own_stack() -> Result<bool, Errno> {
    handling(note_place, note_place, || {
        let here = 0_u8;
        let here = (&raw const *black_box(&here)).addr();
        raise(SIGUSR1);
        Ok(here.abs_diff(PLACE.load(SeqCst)) < 1 << 17)
    })
}

/// In a child: installs a handler without SA_RESTORER, which returns only if the kernel provides the return code.
pub fn without_restorer() -> Result<(), Exit> {
    let action = Sigaction {
        sa_handler: inner as *const () as usize,
        ..Sigaction::ZERO
    };
    let action = (&raw const action).expose_provenance();
    // SAFETY: the kernel reads one Sigaction. If it has no return path for the handler, the process ends.
    unsafe { syscall4::<{ nr::rt_sigaction }>(SIGUSR1 as usize, action, 0, 8) };
    raise(SIGUSR1);
    if NOTES.load(SeqCst) == 0x22 {
        Ok(())
    } else {
        Err(Exit(1))
    }
}

fn taken() -> Result<bool, Errno> {
    let set = SignalSet::of(&[SIGUSR1]);
    let _held = hold(set)?;
    raise(SIGUSR1);
    let received = wait(set, None)?;
    Ok(received.signal == SIGUSR1
        && !received.is_kernels()
        && wait(set, Some(Duration::ZERO)) == Err(Errno::EAGAIN))
}

fn too_late() -> Result<bool, Errno> {
    let set = SignalSet::of(&[SIGUSR1]);
    let _held = hold(set)?;
    let (begin, span) = (now(Clock::Monotonic), Duration::from_millis(20));
    let result = wait(set, Some(span));
    Ok(result == Err(Errno::EAGAIN) && now(Clock::Monotonic) - begin >= span)
}

fn interrupted() -> Result<(), Errno> {
    on(SIGUSR2, &COUNT)?;
    let set = SignalSet::of(&[SIGUSR1]);
    let held = hold(set)?;
    let (me, over) = (gettid().as_raw(), AtomicBool::new(false));
    let result = ring3::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            while !over.load(SeqCst) {
                send_to(me, SIGUSR2);
                ring3::thread::yield_now();
            }
        })?;
        let result = wait(set, Some(Duration::from_secs(60)));
        over.store(true, SeqCst);
        sender.join();
        result.map(drop)
    });
    drop(held);
    set_default(SIGUSR2)?;
    result
}

fn by_descriptor() -> Result<bool, Errno> {
    let set = SignalSet::of(&[SIGUSR1, SIGUSR2]);
    let _held = hold(set)?;
    let signals = SignalFd::new(set)?;
    raise(SIGUSR2);
    raise(SIGUSR2); // merged with the first
    raise(SIGUSR1);
    Ok(signals.next() == Ok(SIGUSR1)
        && signals.next() == Ok(SIGUSR2)
        && signals.next() == Err(Errno::EAGAIN))
}

fn from_descriptor() -> Result<usize, Errno> {
    let set = SignalSet::of(&[SIGUSR1]);
    let _held = hold(set)?;
    let (epoll, signals) = (ring3::poll::Epoll::new()?, SignalFd::new(set)?);
    epoll.add(signals.as_fd(), ring3::poll::EPOLLIN, 0)?;
    raise(SIGUSR1);
    let count = epoll
        .wait(&mut [ring3::poll::EpollEvent::ZERO], None)?
        .len();
    signals.next()?;
    Ok(count)
}

/// A write that waits for space continues after the bytes that were written before a handler ran.
fn uninterrupted() -> Result<bool, Errno> {
    on(SIGUSR2, &COUNT)?;
    let pipe = Pipe::new(O_CLOEXEC)?;
    let me = gettid().as_raw();
    let begun = AtomicBool::new(false);
    let all: Result<usize, Errno> = ring3::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut total = 0;
            let mut buffer = [0; 4096];
            while !begun.load(SeqCst) {
                ring3::thread::yield_now();
            }
            while total < 1 << 20 {
                send_to(me, SIGUSR2);
                total += ring3::io::read(pipe.read.as_fd(), &mut buffer)?;
            }
            Ok(total)
        })?;
        begun.store(true, SeqCst);
        let bytes = [1; 1 << 12];
        for _ in 0..1 << 8 {
            ring3::io::write_all(pipe.write.as_fd(), &bytes)?;
        }
        reader.join()
    });
    set_default(SIGUSR2)?;
    Ok(all == Ok(1 << 20))
}

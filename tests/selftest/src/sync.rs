//! Self-test cases of synchronization between threads: mutex, condition variable and once, which use futexes.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::SeqCst;
use core::time::Duration;

use ring3::Errno;
use ring3::sync::{Condvar, Mutex, Once, OnceLock};
use ring3::thread::{scope, yield_now};
use ring3::time::{Clock, now};

use crate::case::*;
use crate::cases;

cases! {
    "a mutex and its value", [Mutex::new, Mutex::lock, Mutex::into_inner], { let mutex = Mutex::new(1); *mutex.lock() += 1; mutex.into_inner() } => value(2);
    "a mutex that is held", [Mutex::try_lock], { let mutex = Mutex::new(()); let held = mutex.lock(); let other = mutex.try_lock().is_none(); drop(held); other && mutex.try_lock().is_some() } => YES;
    "a mutex that nobody else has", [Mutex::get_mut], { let mut mutex = Mutex::new(1); *mutex.get_mut() = 5; mutex.into_inner() } => value(5);
    "four threads count in turn", [Mutex::lock], counted() => value(8000);
    "waiting for a mutex sleeps", [Mutex::lock], slept() => YES;
    "a notice wakes one", [Condvar::new, Condvar::wait, Condvar::notify_one], handed_over() => value(500 * 501 / 2);
    "a notice wakes all", [Condvar::notify_all], all_woken() => value(4);
    "nobody notifies", [Condvar::wait_timeout], timed_out() => YES;
    "a notice before the time is over", [Condvar::wait_timeout], in_time() => YES;
    "once, by whoever comes first", [Once::new, Once::call_once, Once::is_completed], once() => value(1);
    "a value made once", [OnceLock::new, OnceLock::get, OnceLock::get_or_init], made_once() => value(1);
}

fn counted() -> Result<u32, Errno> {
    let sum = Mutex::new(0);
    scope(|scope| {
        for _ in 0..4 {
            drop(scope.spawn(|| {
                for n in 0..2000 {
                    *sum.lock() += 1;
                    if n % 64 == 0 {
                        yield_now();
                    }
                }
            })?);
        }
        Ok(())
    })?;
    Ok(sum.into_inner())
}

fn slept() -> Result<bool, Errno> {
    let (mutex, got) = (Mutex::new(()), AtomicU32::new(0));
    scope(|scope| {
        let held = mutex.lock();
        let waiter = scope.spawn(|| {
            drop(mutex.lock());
            got.store(1, SeqCst);
        })?;
        let begin = now(Clock::Monotonic);
        while now(Clock::Monotonic) - begin < Duration::from_millis(20) {
            yield_now();
        }
        let early = got.load(SeqCst);
        drop(held);
        waiter.join();
        Ok(early == 0 && got.load(SeqCst) == 1)
    })
}

fn handed_over() -> Result<u32, Errno> {
    let (place, changed) = (Mutex::new(None), Condvar::new());
    scope(|scope| {
        let taker = scope.spawn(|| {
            let mut total = 0;
            loop {
                let mut guard = place.lock();
                let taken = loop {
                    match guard.take() {
                        Some(taken) => break taken,
                        None => guard = changed.wait(guard),
                    }
                };
                drop(guard);
                changed.notify_one();
                match taken {
                    0 => return total,
                    n => total += n,
                }
            }
        })?;
        for n in (0..=500).rev() {
            let mut guard = place.lock();
            while guard.is_some() {
                guard = changed.wait(guard);
            }
            *guard = Some(n);
            drop(guard);
            changed.notify_one();
        }
        Ok(taker.join())
    })
}

fn all_woken() -> Result<u32, Errno> {
    let (open, changed, woken) = (Mutex::new(false), Condvar::new(), AtomicU32::new(0));
    scope(|scope| {
        for _ in 0..4 {
            drop(scope.spawn(|| {
                let mut guard = open.lock();
                while !*guard {
                    guard = changed.wait(guard);
                }
                woken.fetch_add(1, SeqCst);
            })?);
        }
        yield_now();
        *open.lock() = true;
        changed.notify_all();
        Ok(())
    })?;
    Ok(woken.load(SeqCst))
}

fn timed_out() -> bool {
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    let (begin, wait) = (now(Clock::Monotonic), Duration::from_millis(20));
    let mut guard = mutex.lock();
    loop {
        let over;
        (guard, over) = changed.wait_timeout(guard, wait);
        if over {
            let waited = now(Clock::Monotonic) - begin;
            break waited >= wait && waited < 1000 * wait;
        }
    }
}

fn in_time() -> Result<bool, Errno> {
    let (ready, changed) = (Mutex::new(false), Condvar::new());
    scope(|scope| {
        let teller = scope.spawn(|| {
            *ready.lock() = true;
            changed.notify_one();
        })?;
        let mut guard = ready.lock();
        let mut over = false;
        while !*guard && !over {
            (guard, over) = changed.wait_timeout(guard, Duration::from_secs(60));
        }
        drop(guard);
        teller.join();
        Ok(!over)
    })
}

fn once() -> Result<u32, Errno> {
    let (once, times) = (Once::new(), AtomicU32::new(0));
    let before = once.is_completed();
    scope(|scope| {
        for _ in 0..4 {
            drop(scope.spawn(|| {
                once.call_once(|| {
                    yield_now();
                    times.fetch_add(1, SeqCst);
                });
            })?);
        }
        Ok::<_, Errno>(())
    })?;
    if before || !once.is_completed() {
        Err(Errno::EIO)
    } else {
        Ok(times.load(SeqCst))
    }
}

fn made_once() -> Result<u32, Errno> {
    let (lock, times) = (OnceLock::new(), AtomicU32::new(0));
    let before = lock.get().is_none();
    let make = || lock.get_or_init(|| times.fetch_add(1, SeqCst));
    let same = scope(|scope| Ok::<_, Errno>(scope.spawn(make)?.join() == make()))?;
    if before && same && lock.get().is_some() {
        Ok(times.load(SeqCst))
    } else {
        Err(Errno::EIO)
    }
}

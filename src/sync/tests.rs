//! Tests of the synchronization types with std's threads, with and without contention.

extern crate std;

use super::*;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;
use std::vec::Vec;

const THREADS: usize = 4;

/// Runs `work` in `THREADS` threads that start together, with the number of each thread. Returns the results.
fn together<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|n| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(n)
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

#[test]
fn a_mutex_lets_one_in_at_a_time() {
    const TIMES: usize = 20_000;
    // Not atomic: if two threads had the lock at the same time, increments would be lost or the two counts would
    // differ.
    let counts = Mutex::new([0_usize; 2]);
    let taken_at_once = AtomicU32::new(0);
    together(|_| {
        for n in 0..TIMES {
            let mut guard = match counts.try_lock() {
                Some(guard) => {
                    taken_at_once.fetch_add(1, Relaxed);
                    guard
                }
                None => counts.lock(),
            };
            guard[0] += 1;
            if n % 1000 == 0 {
                thread::sleep(Duration::from_micros(50)); // long enough that other threads wait in the kernel
            }
            assert_eq!(guard[0], guard[1] + 1);
            guard[1] += 1;
        }
    });
    assert_ne!(taken_at_once.into_inner(), 0);
    assert_eq!(counts.into_inner(), [THREADS * TIMES; 2]);
}

#[test]
fn a_held_mutex_is_not_lent_again() {
    let mut mutex = Mutex::new(1);
    {
        let guard = mutex.lock();
        assert!(mutex.try_lock().is_none());
        assert_eq!(*guard, 1);
    }
    *mutex.try_lock().unwrap() = 2;
    *mutex.get_mut() += 1;
    assert_eq!(*mutex.lock(), 3);
    assert_eq!(size_of::<Mutex<()>>(), 4);
}

/// Several threads put items into a queue with room for three, and several take them. No item is lost, duplicated or
/// out of its sender's order, and no thread waits for ever.
#[test]
fn a_bounded_queue_of_a_mutex_and_condvars() {
    const ROOM: usize = 3;
    const EACH: usize = 5_000;
    let queue = Mutex::new(VecDeque::new());
    let (more, less) = (Condvar::new(), Condvar::new());
    let put = |item| {
        let mut guard = queue.lock();
        while guard.len() == ROOM {
            guard = less.wait(guard);
        }
        guard.push_back(item);
        drop(guard);
        more.notify_one();
    };
    let take = || {
        let mut guard = queue.lock();
        while guard.is_empty() {
            guard = more.wait(guard);
        }
        assert!(guard.len() <= ROOM);
        let item = guard.pop_front();
        drop(guard);
        less.notify_one();
        item.unwrap()
    };
    let taken = together(|n| {
        if n % 2 == 0 {
            (0..EACH).for_each(|i| put((n, i)));
            Vec::new()
        } else {
            (0..EACH).map(|_| take()).collect()
        }
    });
    for list in &taken {
        for sender in 0..THREADS {
            let of_one = list.iter().filter(|item| item.0 == sender);
            assert!(of_one.is_sorted());
        }
    }
    let mut all = taken.concat();
    all.sort();
    let sent: Vec<_> = (0..THREADS)
        .step_by(2)
        .flat_map(|n| (0..EACH).map(move |i| (n, i)))
        .collect();
    assert!(all == sent);
}

#[test]
fn a_notification_wakes_one_or_all() {
    /// The number of waiting threads, and the number of them that may stop waiting.
    #[derive(Default)]
    struct State {
        waiting: usize,
        passes: usize,
    }
    let (state, changed) = (Mutex::new(State::default()), Condvar::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut guard = state.lock();
                guard.waiting += 1;
                while guard.passes == 0 {
                    guard = changed.wait(guard);
                }
                guard.passes -= 1;
                guard.waiting -= 1;
            });
        }
        let waiting = |n| {
            while state.lock().waiting != n {
                thread::yield_now();
            }
        };
        waiting(THREADS);
        for left in [THREADS - 1, THREADS - 2] {
            state.lock().passes = 1;
            changed.notify_one();
            waiting(left);
        }
        state.lock().passes = THREADS - 2;
        changed.notify_all();
    });
    let end = state.into_inner();
    assert_eq!((end.waiting, end.passes), (0, 0));
}

#[test]
fn a_wait_ends_with_its_time() {
    let (mutex, changed) = (Mutex::new(()), Condvar::new());
    let time = Duration::from_millis(30);
    let begin = Instant::now();
    let mut guard = mutex.lock();
    loop {
        let over;
        (guard, over) = changed.wait_timeout(guard, time);
        if over {
            break;
        }
    }
    assert!(begin.elapsed() >= time && begin.elapsed() < Duration::from_secs(20));
    assert!(mutex.try_lock().is_none());
    drop(guard);
    // A timeout of more than a second, and a timeout of zero.
    for time in [Duration::from_millis(1_020), Duration::ZERO] {
        let begin = Instant::now();
        let guard = mutex.lock();
        let (guard, over) = changed.wait_timeout(guard, time);
        // (The wake-up may be spurious.)
        assert!(!over || begin.elapsed() >= time);
        assert!(begin.elapsed() < time + Duration::from_secs(20));
        drop(guard);
    }
    // Even the longest timeout is ended by a notification, and has not expired then.
    let noticed = Mutex::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            *noticed.lock() = true;
            changed.notify_all();
        });
        let mut guard = noticed.lock();
        while !*guard {
            let over;
            (guard, over) = changed.wait_timeout(guard, Duration::MAX);
            assert!(!over);
        }
    });
}

#[test]
fn once_is_once_and_all_see_it() {
    for round in 0..200 {
        let (once, value) = (Once::new(), AtomicU32::new(0));
        together(|_| {
            once.call_once(|| {
                if round % 8 == 0 {
                    thread::sleep(Duration::from_micros(200)); // so that other threads wait in the kernel
                }
                value.fetch_add(1, Relaxed);
            });
            assert!(once.is_completed());
            assert_eq!(value.load(Relaxed), 1);
        });
    }
    assert!(!Once::new().is_completed());
}

#[test]
fn a_once_lock_is_made_once_and_dropped_once() {
    /// Counts its drops.
    struct Counted<'a>(&'a AtomicU32, usize);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let dropped = AtomicU32::new(0);
    for _ in 0..200 {
        dropped.store(0, SeqCst);
        let lock = OnceLock::new();
        assert!(lock.get().is_none());
        let seen = together(|n| lock.get_or_init(|| Counted(&dropped, n)).1);
        assert!(seen.iter().all(|&n| n == seen[0]), "{seen:?}");
        assert_eq!(lock.get().map(|value| value.1), Some(seen[0]));
        assert_eq!(dropped.load(SeqCst), 0);
        drop(lock);
        assert_eq!(dropped.load(SeqCst), 1);
    }
    drop(OnceLock::<Counted>::new());
    assert_eq!(dropped.load(SeqCst), 1);
}

/// A lock stays locked until every waiting thread has had it, and is free then.
#[test]
fn a_lock_that_is_awaited_is_awaited_until_all_have_had_it() {
    let (mutex, inside) = (Mutex::new(()), AtomicU32::new(0));
    thread::scope(|scope| {
        let guard = mutex.lock();
        let work = || {
            let _guard = mutex.lock();
            assert_eq!(inside.fetch_add(1, SeqCst), 0);
            thread::sleep(Duration::from_millis(2));
            inside.fetch_sub(1, SeqCst);
        };
        let threads = [(); 3].map(|()| scope.spawn(work));
        // Time for most threads to wait in the kernel.
        thread::sleep(Duration::from_millis(20));
        assert_eq!(inside.load(SeqCst), 0);
        drop(guard);
        for thread in threads {
            thread.join().unwrap();
        }
        // No thread waits any more, so the lock is free.
        assert!(mutex.try_lock().is_some());
    });
}

#[test]
fn a_once_that_runs_is_not_done() {
    let (once, begun) = (Once::new(), AtomicU32::new(0));
    let done = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            once.call_once(|| {
                begun.store(1, SeqCst);
                thread::sleep(Duration::from_millis(30));
                done.store(1, SeqCst);
            });
        });
        while begun.load(SeqCst) == 0 {
            thread::yield_now();
        }
        assert!(done.load(SeqCst) == 1 || !once.is_completed());
        // Threads that call `call_once` meanwhile wait, and none runs its work.
        for _ in 0..3 {
            scope.spawn(|| {
                once.call_once(|| unreachable!());
                assert_eq!((done.load(SeqCst), once.is_completed()), (1, true));
            });
        }
    });
}

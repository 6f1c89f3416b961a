//! Runs the models: each on the library, and on the copies with a fault that `build.rs` generates.

use std::{panic, process};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::AtomicBool;
use loom::sync::atomic::Ordering::{AcqRel, Release};
use ring3_loom::kernel::{self, Trouble};

/// A value that is not atomic: loom checks that each use happens after the last change.
struct Plain(UnsafeCell<u32>);

// SAFETY: loom runs one thread at a time, and fails a model in which two threads use the value without a happens-before
// order.
unsafe impl Sync for Plain {}
// SAFETY: as for `Sync`.
unsafe impl Send for Plain {}

impl Plain {
    fn new(value: u32) -> Self {
        Self(UnsafeCell::new(value))
    }

    #[track_caller]
    fn get(&self) -> u32 {
        // SAFETY: loom's cell passes a valid pointer, and the closure alone uses the pointer. loom checks that no
        // change races with the read.
        self.0.with(|value| unsafe { *value })
    }

    #[track_caller]
    fn add(&self, more: u32) {
        // SAFETY: loom's cell passes a valid pointer, and the closure alone uses the pointer. loom checks that the
        // access is exclusive.
        self.0.with_mut(|value| unsafe { *value += more });
    }
}

/// Runs a model in every order: once without spurious wake-ups, once with the first wait ending spuriously, and once
/// with the first two.
fn check(work: fn()) {
    for spurious in 0..3 {
        let trouble = Trouble {
            spurious,
            ..Trouble::default()
        };
        kernel::check(trouble, work);
    }
}

/// Runs a model on a copy with a fault, and checks that the model finds the fault. The model runs in a separate
/// process, because after a panic of loom its threads panic again when they are unwound.
fn finds(fault: &str, work: fn()) {
    const OWN: &str = "RING3_LOOM_FAULT";
    const FOUND: i32 = 86;
    if std::env::var_os(OWN).is_some() {
        panic::set_hook(Box::new(|found| {
            eprintln!("{found}");
            process::exit(FOUND);
        }));
        check(work);
        return;
    }
    let mut own = process::Command::new(std::env::current_exe().unwrap());
    own.env(OWN, "1").args(["--exact", "--nocapture", fault]);
    let ran = own.output().unwrap();
    let printed = String::from_utf8_lossy(&ran.stderr);
    println!("{printed}");
    assert_eq!(ran.status.code(), Some(FOUND), "{printed}");
}

macro_rules! models {
    ($variant:ident) => {
        #[allow(dead_code)]
        mod $variant {
            use super::*;
            use ring3_loom::$variant::gate::Gate;
            use ring3_loom::$variant::sync::{Condvar, Mutex, Once, OnceLock};
            use ring3_loom::$variant::thread::{scope, spawn};

            fn threads<const N: usize>(of: [fn(&Mutex<Plain>); N]) -> u32 {
                let mutex = Arc::new(Mutex::new(Plain::new(0)));
                let threads = of.map(|work| {
                    let mutex = mutex.clone();
                    loom::thread::spawn(move || work(&mutex))
                });
                for thread in threads {
                    thread.join().unwrap();
                }
                let mutex = Arc::try_unwrap(mutex).ok().unwrap();
                mutex.into_inner().get()
            }

            fn add(mutex: &Mutex<Plain>) {
                mutex.lock().add(1);
            }

            fn add_if_free(mutex: &Mutex<Plain>) {
                if let Some(value) = mutex.try_lock() {
                    value.add(1);
                }
            }

            pub fn mutex() {
                assert_eq!(threads([add, add]), 2)
            }

            pub fn mutex_of_three() {
                assert_eq!(threads([add, add, add]), 3)
            }

            pub fn mutex_tried() {
                assert!((1..3).contains(&threads([add_if_free, add])))
            }

            /// `waiters` threads wait until this thread has changed the value.
            fn notice(waiters: usize, notify: fn(&Condvar)) {
                let shared = Arc::new((Mutex::new(Plain::new(0)), Condvar::new()));
                let threads: Vec<_> = (0..waiters)
                    .map(|_| {
                        let shared = shared.clone();
                        loom::thread::spawn(move || {
                            let mut value = shared.0.lock();
                            while value.get() == 0 {
                                value = shared.1.wait(value);
                            }
                        })
                    })
                    .collect();
                shared.0.lock().add(1);
                notify(&shared.1);
                for thread in threads {
                    thread.join().unwrap();
                }
            }

            pub fn condvar() {
                notice(1, Condvar::notify_one)
            }

            pub fn condvar_for_all() {
                notice(2, Condvar::notify_all)
            }

            /// Two threads take turns: each waits for the other's notification.
            pub fn condvar_in_turns() {
                let shared = Arc::new((Mutex::new(Plain::new(0)), Condvar::new()));
                let other = shared.clone();
                let turn = |of: &(Mutex<Plain>, Condvar), own: u32| {
                    let mut value = of.0.lock();
                    while value.get() != own {
                        value = of.1.wait(value);
                    }
                    value.add(1);
                    drop(value);
                    of.1.notify_one();
                };
                let thread = loom::thread::spawn(move || turn(&other, 1));
                turn(&shared, 0);
                turn(&shared, 2);
                thread.join().unwrap();
            }

            /// A wait with a timeout. In the model it may time out at once, or never.
            pub fn condvar_for_a_time() {
                let shared = Arc::new((Mutex::new(Plain::new(0)), Condvar::new()));
                let other = shared.clone();
                let thread = loom::thread::spawn(move || {
                    other.0.lock().add(1);
                    other.1.notify_one();
                });
                let mut value = shared.0.lock();
                while value.get() == 0 {
                    let time = std::time::Duration::from_secs(1);
                    (value, _) = shared.1.wait_timeout(value, time);
                }
                drop(value);
                thread.join().unwrap();
            }

            fn once_of(threads: usize) {
                let shared = Arc::new((Once::new(), Plain::new(0)));
                let work = |of: &(Once, Plain)| {
                    of.0.call_once(|| of.1.add(1));
                    assert_eq!(of.1.get(), 1);
                    assert!(of.0.is_completed());
                };
                let threads: Vec<_> = (1..threads)
                    .map(|_| {
                        let shared = shared.clone();
                        loom::thread::spawn(move || work(&shared))
                    })
                    .collect();
                work(&shared);
                for thread in threads {
                    thread.join().unwrap();
                }
            }

            pub fn once() {
                once_of(2)
            }

            pub fn once_of_three() {
                once_of(3)
            }

            pub fn once_lock() {
                let lock = Arc::new(OnceLock::new());
                let other = lock.clone();
                let thread = loom::thread::spawn(move || {
                    other.get_or_init(|| Plain::new(2)).get();
                });
                if let Some(value) = lock.get() {
                    assert_eq!(value.get(), 2);
                }
                let value = lock.get_or_init(|| Plain::new(3)).get();
                thread.join().unwrap();
                assert_eq!(lock.get().unwrap().get(), value);
            }

            pub fn join() {
                let given = Arc::new(Plain::new(1));
                let own = given.clone();
                let thread = spawn(move || {
                    own.add(1);
                    Plain::new(5)
                });
                if let Ok(thread) = thread {
                    assert_eq!(thread.join().get(), 5);
                    assert_eq!(given.get(), 2);
                }
            }

            /// The handle is dropped while the thread runs, or after it has ended. In both cases the result is dropped
            /// once.
            pub fn detach() {
                struct Counted(Arc<Plain>);
                impl Drop for Counted {
                    fn drop(&mut self) {
                        self.0.add(1);
                    }
                }
                let drops = Arc::new(Plain::new(0));
                let (own, seen) = (drops.clone(), drops.clone());
                drop(spawn(move || {
                    let result = Counted(own);
                    drop(seen);
                    result
                }));
            }

            pub fn scope_of_two() {
                let (one, two) = (Plain::new(0), Plain::new(0));
                scope(|scope| {
                    let joined = scope.spawn(|| one.add(1));
                    drop(scope.spawn(|| two.add(1)));
                    if let Ok(joined) = joined {
                        joined.join();
                        assert_eq!(one.get(), 1);
                    }
                });
                (one.get(), two.get());
            }

            pub fn in_scope() {
                let value = Plain::new(0);
                scope(|scope| {
                    drop(scope.spawn(|| value.add(1)).unwrap());
                });
                assert_eq!(value.get(), 1);
            }

            /// A thread of a scope starts a second thread in the scope. The scope must also wait for the second thread.
            pub fn scope_in_a_thread() {
                let value = Plain::new(0);
                scope(|scope| {
                    let first = scope.spawn(|| {
                        drop(scope.spawn(|| value.add(1)).unwrap());
                    });
                    drop(first.unwrap());
                });
                assert_eq!(value.get(), 1);
            }

            /// The gate of echod's workers, and for each worker the event that wakes it.
            struct Doors {
                gate: Gate,
                bells: [(loom::sync::Mutex<bool>, loom::sync::Condvar); 2],
            }

            impl Doors {
                fn new(most: u32) -> Self {
                    Self {
                        gate: Gate::new(most),
                        bells: std::array::from_fn(|_| Default::default()),
                    }
                }

                /// Like an eventfd with EPOLLET: a ring wakes each worker once, even a worker that waits only later.
                fn ring(&self) {
                    for (rung, changed) in &self.bells {
                        *rung.lock().unwrap() = true;
                        changed.notify_one();
                    }
                }

                fn wait(&self, worker: usize) {
                    let (rung, changed) = &self.bells[worker];
                    let mut rung = rung.lock().unwrap();
                    while !*rung {
                        rung = changed.wait(rung).unwrap();
                    }
                    *rung = false;
                }

                fn leave(&self) {
                    if self.gate.leave() {
                        self.ring();
                    }
                }
            }

            /// One client may be served at a time, and two workers serve a client each.
            pub fn gate() {
                let shared = Arc::new((Doors::new(1), Plain::new(0)));
                let serve = |(doors, client): &(Doors, Plain), worker: usize| {
                    while doors.gate.enter().is_none() {
                        doors.wait(worker);
                    }
                    client.add(1);
                    assert_eq!(doors.gate.clients(), 1);
                    doors.leave();
                };
                let other = shared.clone();
                let thread = loom::thread::spawn(move || serve(&other, 1));
                serve(&shared, 0);
                thread.join().unwrap();
                assert_eq!(shared.0.gate.clients(), 0);
            }

            /// Two clients may be served at a time, but only one descriptor is free.
            pub fn gate_without_descriptors() {
                let shared = Arc::new((Doors::new(2), AtomicBool::new(true)));
                let serve = |(doors, free): &(Doors, AtomicBool), worker: usize| {
                    loop {
                        let place = doors.gate.enter().unwrap();
                        if free.swap(false, AcqRel) {
                            free.swap(true, Release);
                            return doors.leave();
                        }
                        if doors.gate.give_back(place) {
                            doors.wait(worker);
                        }
                    }
                };
                let other = shared.clone();
                let thread = loom::thread::spawn(move || serve(&other, 1));
                serve(&shared, 0);
                thread.join().unwrap();
                assert_eq!(shared.0.gate.clients(), 0);
            }
        }
    };
}

models!(library);

macro_rules! tests {
    ($($name:ident),*) => { $(
        #[test]
        fn $name() {
            check(library::$name);
        }
    )* };
}

tests!(
    mutex,
    mutex_of_three,
    mutex_tried,
    condvar,
    condvar_for_all,
    condvar_in_turns,
    condvar_for_a_time,
    once,
    once_of_three,
    once_lock,
    join,
    detach,
    in_scope,
    scope_of_two,
    scope_in_a_thread,
    gate,
    gate_without_descriptors
);

/// The kernel refuses the first thread, or the first two.
#[test]
fn scope_with_threads_refused() {
    for refused in 1..3 {
        let trouble = Trouble {
            refused,
            ..Trouble::default()
        };
        kernel::check(trouble, library::scope_of_two);
        kernel::check(trouble, library::join);
    }
}

include!(concat!(env!("OUT_DIR"), "/faults.rs"));

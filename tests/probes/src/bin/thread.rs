//! Lives with threads as its argument says. What it asserts and does not find ends it by a panic.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::time::Duration;

use ring3::Errno;
use ring3::arch::{WORD_AT_EXIT, WORD_HEAP, set_thread_word, thread_word};
use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::{STDIN, STDOUT};
use ring3::fs::{self, CWD, O_RDONLY};
use ring3::io;
use ring3::parts;
use ring3::rt::Exit;
use ring3::sync::{Condvar, Mutex, Once, OnceLock};
use ring3::text::{Hex, Writer};
use ring3::thread::{self, Builder, JoinHandle};
use ring3::time::{Clock, now};

ring3::program!("thread", main);

fn main(start: Start) -> Result<(), Exit> {
    match start.args().nth(1).map(|arg| arg.to_bytes()) {
        Some(b"results") => results(),
        Some(b"words") => words(),
        Some(b"scope") => scope(),
        Some(b"detach") => detach(),
        Some(b"at-exit") => at_exit(),
        Some(b"sync") => sync(),
        Some(b"many") => many(),
        Some(b"names") => return names(),
        Some(b"cpus") => return cpus(),
        Some(b"exhaust") => return exhaust(),
        Some(b"refused") => return refused(),
        Some(b"guard") => return guard(),
        Some(b"panic") => spawn(Builder::new().name(b"second"), panics).join(),
        Some(b"overflow") => {
            let deep = spawn(Builder::new(), || recurse(black_box(0)));
            black_box(deep.join());
        }
        _ => return Err(Exit(2)),
    }
    Ok(())
}

/// A thread that must start.
fn spawn<T: Send + 'static>(
    builder: Builder,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    match builder.spawn(work) {
        Ok(handle) => handle,
        Err(errno) => panic!("spawn: {errno:?}"),
    }
}

/// Bytes at an address that no page has by itself.
#[repr(align(131072))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Aligned([u64; 3]);

/// What a function is given and what it gives: nothing, little, much, and of a large alignment.
fn results() {
    let nothing = spawn(Builder::new(), || ());
    let little = spawn(Builder::new(), move || 1 + black_box(41));
    let text = [7_u8; 100_000];
    let much = spawn(Builder::new(), move || (text, text.len()));
    let aligned = Aligned([1, 2, 3]);
    let aligned = spawn(Builder::new().stack_size(1 << 18), move || {
        let address = (&raw const aligned).addr();
        assert_eq!(address % align_of::<Aligned>(), 0, "{address:#x}");
        aligned
    });
    nothing.join();
    assert_eq!(little.join(), 42);
    assert!(much.join() == (text, 100_000));
    assert_eq!(aligned.join(), Aligned([1, 2, 3]));
    // A stack for which there is no room is an error, and one of nothing is as small as they get.
    let huge = Builder::new().stack_size(usize::MAX).spawn(|| ());
    assert_eq!(huge.err(), Some(Errno::ENOMEM));
    let huge = Builder::new().stack_size(1 << 50).spawn(|| ());
    assert_eq!(huge.err(), Some(Errno::ENOMEM));
    assert_eq!(spawn(Builder::new().stack_size(0), || 5).join(), 5);
}

/// Each thread's words are its own, and 0 where it begins.
fn words() {
    let words = || (thread_word::<WORD_HEAP>(), thread_word::<WORD_AT_EXIT>());
    let own = move || {
        assert_eq!(words(), (0, 0));
        let own = ring3::process::gettid().as_raw() as usize;
        // SAFETY: no code uses the words with these values: the thread uses no heap, and does not end before the second
        // word is 0 again.
        unsafe {
            set_thread_word::<WORD_HEAP>(own);
            set_thread_word::<WORD_AT_EXIT>(own + 1);
        }
        for _ in 0..100 {
            thread::yield_now();
            assert_eq!(words(), (own, own + 1));
        }
        // SAFETY: 0 is valid for the word: the thread calls no function when it ends.
        unsafe { set_thread_word::<WORD_AT_EXIT>(0) };
        own
    };
    let threads = [(); 8].map(|()| spawn(Builder::new(), own));
    let mut ids = threads.map(JoinHandle::join);
    own();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
}

/// Threads that borrow, start others, and are not joined.
fn scope() {
    let mut squares = [0; 10];
    let base = 3;
    let sum = AtomicU32::new(0);
    let first = thread::scope(|scope| {
        for (n, square) in squares.iter_mut().enumerate() {
            let sum = &sum;
            let started = scope.spawn(move || {
                *square = base * n * n;
                let inner = scope.spawn(move || sum.fetch_add(n as u32, Relaxed));
                drop(inner.unwrap());
            });
            drop(started.unwrap());
        }
        // A result that borrows from outside the scope.
        let first = scope.spawn(|| &base).unwrap();
        let named = Builder::new().name(b"scoped").spawn_scoped(scope, || {
            let mut name = [0; 16];
            assert_eq!(ring3::process::thread_name(&mut name), b"scoped");
        });
        core::mem::forget(named.unwrap());
        first.join()
    });
    assert_eq!(*first, 3);
    assert_eq!(squares, core::array::from_fn(|n| 3 * n * n));
    assert_eq!(sum.into_inner(), 45);
    // A handle that leaves the scope.
    let late = thread::scope(|scope| scope.spawn(|| base + 1).unwrap());
    assert_eq!(late.join(), 4);
}

/// How many [`Counted`] were dropped.
static DROPPED: AtomicU32 = AtomicU32::new(0);

/// Counts its end.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, SeqCst);
    }
}

/// Waits until `count` is `n`. A minute without is a failure.
fn wait_for(count: &AtomicU32, n: u32) {
    let begin = now(Clock::Monotonic);
    while count.load(SeqCst) != n {
        assert!(now(Clock::Monotonic) - begin < Duration::from_secs(60));
        thread::yield_now();
    }
}

/// Who drops a result that nobody takes: the thread, or its handle.
fn detach() {
    static BARRED: Mutex<()> = Mutex::new(());
    static ENDED: AtomicU32 = AtomicU32::new(0);
    // The handle goes first.
    let bar = BARRED.lock();
    drop(spawn(Builder::new(), || {
        drop(BARRED.lock());
        Counted
    }));
    assert_eq!(DROPPED.load(SeqCst), 0);
    drop(bar);
    wait_for(&DROPPED, 1);
    // The thread goes first, or nearly so.
    let handle = spawn(Builder::new(), || {
        ENDED.store(1, SeqCst);
        Counted
    });
    wait_for(&ENDED, 1);
    drop(handle);
    wait_for(&DROPPED, 2);
    // What is joined is dropped once, by whoever has it; and what was never started, by nobody else.
    drop(spawn(Builder::new(), || Counted).join());
    assert_eq!(DROPPED.load(SeqCst), 3);
    let captured = Counted;
    let refused = Builder::new().stack_size(usize::MAX / 2).spawn(move || {
        let _kept = &captured;
    });
    assert_eq!(refused.err(), Some(Errno::ENOMEM));
    assert_eq!(DROPPED.load(SeqCst), 4);
}

/// Whoever asks for it is called at a thread's end, before it is joined.
fn at_exit() {
    static ENDS: AtomicU32 = AtomicU32::new(0);
    extern "C" fn count() {
        ENDS.fetch_add(1, SeqCst);
    }
    fn ask() {
        // SAFETY: the value is the address of an `extern "C" fn()`, as the word needs it.
        unsafe { set_thread_word::<WORD_AT_EXIT>(count as extern "C" fn() as usize) };
    }
    spawn(Builder::new(), || ()).join();
    assert_eq!(ENDS.load(SeqCst), 0);
    spawn(Builder::new(), ask).join();
    assert_eq!(ENDS.load(SeqCst), 1);
    thread::scope(|scope| drop(scope.spawn(ask).unwrap()));
    assert_eq!(ENDS.load(SeqCst), 2);
    drop(spawn(Builder::new(), ask));
    wait_for(&ENDS, 3);
}

/// A mutex and a once between threads that wait in the kernel.
fn sync() {
    const THREADS: u32 = 4;
    const TIMES: u32 = 2_000;
    static SUM: Mutex<u32> = Mutex::new(0);
    static ONCE: Once = Once::new();
    static FIRST: OnceLock<u32> = OnceLock::new();
    let first = thread::scope(|scope| {
        let threads = [0; THREADS as usize].map(|_| {
            let work = || {
                ONCE.call_once(|| *SUM.lock() += 1);
                for n in 0..TIMES {
                    let mut sum = SUM.lock();
                    *sum += 1;
                    if n % 64 == 0 {
                        thread::yield_now(); // others wait in the kernel meanwhile
                    }
                }
                *FIRST.get_or_init(|| ring3::process::gettid().as_raw() as u32)
            };
            scope.spawn(work).unwrap()
        });
        threads.map(JoinHandle::join)
    });
    assert_eq!(*SUM.lock(), THREADS * TIMES + 1);
    assert!(first.iter().all(|id| Some(id) == FIRST.get()), "{first:?}");
}

/// `/proc/self/maps`, a piece at a time.
fn read_maps(mut piece: impl FnMut(&[u8])) {
    let maps = fs::open(CWD, c"/proc/self/maps", O_RDONLY, 0).unwrap();
    let mut buffer = [0; 4096];
    loop {
        match io::read(maps.as_fd(), &mut buffer).unwrap() {
            0 => return,
            n => piece(&buffer[..n]),
        }
    }
}

/// How many mappings there are.
fn mappings() -> usize {
    let mut lines = 0;
    read_maps(|piece| lines += piece.iter().filter(|&&byte| byte == b'\n').count());
    lines
}

/// Thousands of threads, one after the other and a few at a time, and no mapping stays.
fn many() {
    const TIMES: u32 = 1_000;
    static ENDED: AtomicU32 = AtomicU32::new(0);
    let count = || ENDED.fetch_add(1, SeqCst);
    spawn(Builder::new(), count).join(); // what the first one makes, for good
    let before = mappings();
    for n in 1..=TIMES {
        assert_eq!(spawn(Builder::new(), count).join(), n);
    }
    for n in 0..TIMES {
        drop(spawn(Builder::new(), count));
        if n % 8 == 0 {
            wait_for(&ENDED, TIMES + 1 + n + 1);
        }
    }
    for n in 0..TIMES {
        thread::scope(|scope| drop(scope.spawn(|| black_box(n)).unwrap()));
    }
    // The last to end alone may still be on their way.
    let begin = now(Clock::Monotonic);
    while mappings() > before {
        let waited = now(Clock::Monotonic) - begin;
        assert!(
            waited < Duration::from_secs(20),
            "{before} mappings, {} now",
            mappings()
        );
        thread::yield_now();
    }
}

/// Two threads with names, until the end of the input.
fn names() -> Result<(), Exit> {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let over = (Mutex::new(false), Condvar::new());
    thread::scope(|scope| {
        for name in [&b"short"[..], b"longer than fifteen bytes", b""] {
            let work = || {
                STARTED.fetch_add(1, SeqCst);
                let mut guard = over.0.lock();
                while !*guard {
                    guard = over.1.wait(guard);
                }
            };
            let started = Builder::new().name(name).spawn_scoped(scope, work);
            drop(started.or_fail(PROGRAM, "spawn", "thread")?);
        }
        wait_for(&STARTED, 3);
        let mut buffer = [0; 16];
        let mut out = Writer::new(STDOUT, &mut buffer);
        out.print("ready\n");
        let told = out.flush().or_fail(PROGRAM, "write", "stdout");
        let read = io::read(STDIN, &mut [0]).or_fail(PROGRAM, "read", "stdin");
        *over.0.lock() = true;
        over.1.notify_all();
        told.and(read.map(drop))
    })
}

fn cpus() -> Result<(), Exit> {
    let mut buffer = [0; 32];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(parts!(thread::available_parallelism(), "\n"));
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

/// Threads until there is no room for one more; then again, once those have ended. Prints why not.
fn exhaust() -> Result<(), Exit> {
    static OVER: Mutex<bool> = Mutex::new(false);
    static CHANGED: Condvar = Condvar::new();
    const MOST: usize = 2_000;
    let mut buffer = [0; 64];
    let mut out = Writer::new(STDOUT, &mut buffer);
    for _ in 0..2 {
        *OVER.lock() = false;
        let mut threads = [const { None }; MOST];
        let mut refused = None;
        for place in &mut threads {
            let work = || {
                let mut guard = OVER.lock();
                while !*guard {
                    guard = CHANGED.wait(guard);
                }
            };
            match thread::spawn(work) {
                Ok(handle) => *place = Some(handle),
                Err(errno) => {
                    refused = Some(errno);
                    break;
                }
            }
        }
        let started = threads.iter().flatten().count();
        *OVER.lock() = true;
        CHANGED.notify_all();
        threads.into_iter().flatten().for_each(JoinHandle::join);
        match refused {
            Some(errno) if started <= 10 => {
                out.print(parts!(started, " started, then ", errno, "\n"))
            }
            Some(errno) => out.print(parts!(errno, "\n")),
            None => out.print(parts!(started, " started, none was refused\n")),
        }
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

/// Prints why a thread does not start, and what the next one gives. (The test has the first refused.)
fn refused() -> Result<(), Exit> {
    let mut buffer = [0; 64];
    let mut out = Writer::new(STDOUT, &mut buffer);
    let before = mappings();
    for n in 1..=2 {
        let captured = Counted;
        let thread = thread::spawn(move || {
            let _kept = &captured;
            n
        });
        match thread {
            Ok(handle) => {
                let result = handle.join();
                out.print(parts!(result, "\n"));
            }
            Err(errno) => out.print(parts!(errno, "\n")),
        }
        assert_eq!((mappings(), DROPPED.load(SeqCst)), (before, n));
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

/// Prints where a thread's stack is, and the mappings meanwhile.
fn guard() -> Result<(), Exit> {
    let stack_size = 100_000;
    let told = Builder::new().stack_size(stack_size).spawn(|| {
        let mut buffer = [0; 4096];
        let mut out = Writer::new(STDOUT, &mut buffer);
        let place = (&raw const out).addr();
        out.print(parts!(Hex(place as u64, 1), "\n"));
        read_maps(|piece| out.put(piece));
        out.flush()
    });
    let told = told.or_fail(PROGRAM, "spawn", "thread")?;
    told.join().or_fail(PROGRAM, "write", "stdout")
}

fn panics() {
    panic!("the answer is {}", black_box(42));
}

/// Goes deeper than any stack.
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 16]);
    if frame[0] == u64::MAX {
        return 0;
    }
    recurse(depth + 1) + frame[3]
}

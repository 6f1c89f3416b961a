//! Lives with threads as its argument says. What it asserts and does not find ends it by a panic.

#![no_std]
#![no_main]

#[path = "../maps.rs"]
#[allow(dead_code, reason = "other probes use the rest")]
mod maps;

use core::hint::black_box;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicU32};
use core::time::Duration;

use ring3::Errno;
use ring3::abi::nr;
use ring3::arch::{WORD_AT_EXIT, WORD_HEAP, set_thread_word, syscall1, syscall3, thread_word};
use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::{STDIN, STDOUT};
use ring3::fs::{self, CWD, O_CLOEXEC, O_RDONLY};
use ring3::io;
use ring3::mem::page_size;
use ring3::parts;
use ring3::process::{self, getpid, gettid};
use ring3::rt::Exit;
use ring3::signal::{self, Action, SIGUSR1, SIGUSR2, SignalSet};
use ring3::sync::{Condvar, Mutex, Once, OnceLock};
use ring3::text::{Hex, Writer, number};
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
        Some(b"alone") => alone(),
        Some(b"shares") => shares(),
        Some(b"sizes") => sizes(),
        Some(b"storm") => {
            let count = start.args().nth(2).ok_or(Exit(2))?.to_bytes();
            storm(number::whole(count, 10, 100_000).ok_or(Exit(2))? as u32);
        }
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
    let huge = Builder::new().stack_size(usize::MAX - 0xffff).spawn(|| ());
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
    wait_until("the count is right", || count.load(SeqCst) == n);
}

/// Waits until `holds` returns true. A minute without is a failure.
fn wait_until(condition: &str, mut holds: impl FnMut() -> bool) {
    let begin = now(Clock::Monotonic);
    while !holds() {
        let waited = now(Clock::Monotonic) - begin;
        assert!(waited < Duration::from_secs(60), "waited until {condition}");
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
    let refused = Builder::new()
        .stack_size(usize::MAX - 0xffff) // of 4 GiB, a hole can have 3.9
        .spawn(move || {
            let _kept = &captured;
        });
    assert_eq!(refused.err(), Some(Errno::ENOMEM));
    assert_eq!(DROPPED.load(SeqCst), 4);
}

/// Whoever asks for it is called at a thread's end, before it is joined.
fn at_exit() {
    static ENDS: AtomicU32 = AtomicU32::new(0);
    static HANDLED: AtomicU32 = AtomicU32::new(0);
    extern "C" fn count() {
        // By now no handler runs: what one would use may be gone.
        let [process, thread] = [getpid(), gettid()].map(|id| id.as_raw() as usize);
        // SAFETY: a signal to this thread.
        unsafe { syscall3::<{ nr::tgkill }>(process, thread, SIGUSR1 as usize) };
        assert_eq!(HANDLED.load(SeqCst), 0);
        ENDS.fetch_add(1, SeqCst);
    }
    signal::on(SIGUSR1, &HANDLED).unwrap();
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

/// A thread that nobody joins unmaps its stack. The process goes on until the thread has ended.
fn alone() {
    static ID: OnceLock<process::Pid> = OnceLock::new();
    static LEFT: AtomicBool = AtomicBool::new(false);
    let before = maps::mapped();
    // A thread that ends before its handle is dropped is taken down by its creator.
    let thread = spawn(Builder::new(), || {
        wait_until("the handle is dropped", || LEFT.load(Relaxed));
        *ID.get_or_init(gettid)
    });
    drop(thread);
    LEFT.store(true, Relaxed);
    wait_until("the thread has ended", || {
        ID.get().is_some_and(|id| !process::thread_exists(*id))
    });
    assert_eq!(maps::mapped(), before);
}

/// Threads share the process, the working directory, the table of descriptors and the signal handlers.
fn shares() {
    extern "C" fn nothing(_: i32) {}
    let flags = O_RDONLY | O_CLOEXEC;
    let inside = spawn(Builder::new(), move || {
        // SAFETY: the path ends with a zero.
        let moved =
            unsafe { syscall1::<{ nr::chdir }>(c"/proc/self".as_ptr().expose_provenance()) };
        // SAFETY: the handler does nothing.
        let handled = unsafe { signal::handle(SIGUSR2, nothing) };
        let file = fs::open(CWD, c"/proc/self/maps", flags, 0).unwrap();
        (moved, handled, file, getpid(), gettid())
    });
    let (moved, handled, file, process, thread) = inside.join();
    assert_eq!((moved, handled), (0, Ok(())));
    assert_eq!((process, gettid()), (getpid(), getpid()));
    assert_ne!(thread, gettid());
    assert_ne!(io::read(file.as_fd(), &mut [0]), Ok(0));
    assert!(fs::open(CWD, c"maps", flags, 0).is_ok());
    assert_eq!(signal::action(SIGUSR2), Ok(Action::Handled));
}

/// The length of a thread's stack and of the guard below it, in bytes.
fn stack_of(builder: Builder) -> (usize, usize) {
    spawn(builder, || {
        let here = 0_u8;
        let here = (&raw const *black_box(&here)).addr();
        let (mut stack, mut guard, mut below) = (0, 0, (0, 0));
        maps::maps(|line| {
            if (line.begin..line.end).contains(&here) {
                assert_eq!(line.rights, *b"rw-p");
                stack = line.end - line.begin;
                if below.1 == line.begin {
                    guard = below.1 - below.0;
                }
            }
            below = match line.rights == *b"---p" {
                true => (line.begin, line.end),
                false => (0, 0),
            };
            false
        });
        // qemu-user does not list guards of a 32-bit program.
        if guard == 0 && cfg!(target_arch = "arm") {
            guard = page_size();
        }
        (stack, guard)
    })
    .join()
}

/// A stack has the requested length, and at least 16 KiB. The thread's data above it takes less than a page. The guard is
/// one page.
fn sizes() {
    const LEAST: usize = 16 << 10;
    let page = page_size();
    let with_top = |size: usize| (size + 1).next_multiple_of(page);
    for (asked, size) in [
        (0, LEAST),
        (1, LEAST),
        (LEAST - 1, LEAST),
        (LEAST, LEAST),
        (LEAST + page, LEAST + page),
        (100_000, 100_000),
        (1 << 20, 1 << 20),
    ] {
        let stack = stack_of(Builder::new().stack_size(asked));
        assert_eq!(stack, (with_top(size), page), "{asked}");
    }
    assert_eq!(stack_of(Builder::new()), (with_top(1 << 20), page));
}

/// Signals arrive all the time while threads end. A handler would write to an unmapped stack, if a thread unmapped its
/// stack with signals unblocked.
fn storm(threads: u32) {
    static HANDLED: AtomicU32 = AtomicU32::new(0);
    static ENDED: AtomicU32 = AtomicU32::new(0);
    static OVER: AtomicU32 = AtomicU32::new(0);
    extern "C" fn write(_: i32) {
        black_box([1_u8; 2048]);
        HANDLED.fetch_add(1, SeqCst);
    }
    let set = SignalSet::of(&[SIGUSR1]);
    // SAFETY: the handler writes its own stack and an atomic.
    unsafe { signal::handle(SIGUSR1, write) }.unwrap();
    // Only the threads below unblock the signal. So the first of them handles this one.
    signal::block(set).unwrap();
    process::kill(getpid(), SIGUSR1).unwrap();
    let before = maps::mapped();
    let sender = spawn(Builder::new(), || {
        while OVER.load(SeqCst) == 0 {
            process::kill(getpid(), SIGUSR1).unwrap();
        }
    });
    for n in 0..threads {
        let work = move || {
            signal::unblock(set).unwrap();
            ENDED.fetch_add(1, SeqCst);
            n
        };
        let thread = spawn(Builder::new(), work);
        // Every eighth thread is joined. The others unmap their stacks themselves, a few at a time.
        if n % 8 == 0 {
            assert_eq!(thread.join(), n);
            wait_for(&ENDED, n + 1);
        }
    }
    wait_for(&ENDED, threads);
    OVER.store(1, SeqCst);
    sender.join();
    assert_ne!(HANDLED.load(SeqCst), 0);
    wait_until("all stacks are unmapped", || maps::mapped() <= before);
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

/// Thousands of threads, one after the other and a few at a time, leave no mapping.
fn many() {
    const TIMES: u32 = 1_000;
    static ENDED: AtomicU32 = AtomicU32::new(0);
    let count = || ENDED.fetch_add(1, SeqCst);
    spawn(Builder::new(), count).join(); // what the first one makes, for good
    let mappings = maps::mapped;
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
    wait_until("no more is mapped", || mappings() <= before);
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
        let flushed = out.flush().or_fail(PROGRAM, "write", "stdout");
        let read = io::read(STDIN, &mut [0]).or_fail(PROGRAM, "read", "stdin");
        *over.0.lock() = true;
        over.1.notify_all();
        flushed.and(read.map(drop))
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
    let mappings = maps::mapped;
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
    let spawned = Builder::new().stack_size(stack_size).spawn(|| {
        let mut buffer = [0; 4096];
        let mut out = Writer::new(STDOUT, &mut buffer);
        let place = (&raw const out).addr();
        out.print(parts!(Hex(place as u64, 1), "\n"));
        read_maps(|piece| out.put(piece));
        out.flush()
    });
    let spawned = spawned.or_fail(PROGRAM, "spawn", "thread")?;
    spawned.join().or_fail(PROGRAM, "write", "stdout")
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

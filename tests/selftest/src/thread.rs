//! Self-test cases of threads: spawning, joining, scopes, names, stacks and CPU affinity.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::SeqCst;

use ring3::Errno;
use ring3::mem::page_size;
use ring3::process::{gettid, thread_name};
use ring3::thread::*;
use ring3::time::{Clock, now};

use crate::case::*;
use crate::cases;
use crate::machine::TOO_MUCH;
use crate::maps::{is_guard, maps};

cases! {
    "the result of its function", [spawn, JoinHandle::join], spawn(|| 42).map(JoinHandle::join) => value(42);
    "an id of its own", [spawn], spawn(gettid).map(JoinHandle::join).map(|id| id != gettid() && id.as_raw() > 0) => YES;
    "large captures and results", [spawn], much() => YES;
    "a stack larger than the address space", [Builder::new, Builder::stack_size, Builder::spawn], Builder::new().stack_size(TOO_MUCH).spawn(|| ()).map(drop) => error(Errno::ENOMEM);
    "a name", [Builder::name], named() => YES;
    "a guard page below its stack", [Builder::stack_size], guarded() => YES;
    "a scope waits for its threads", [scope, Scope::spawn], borrowed() => value(45);
    "a name within a scope", [Builder::spawn_scoped], scope(|scope| Builder::new().name(b"scoped").spawn_scoped(scope, || 7).map(JoinHandle::join)) => value(7);
    "thousands of threads in sequence", [spawn], thousands() => value(2000);
    "joined threads leave no mapping", [JoinHandle::join], mappings_stay() => value(0);
    "many threads at the same time", [spawn], at_once() => value(64);
    "other threads run after a yield", [yield_now], yielded() => YES;
    "the number of CPUs", [available_parallelism, Cpus::allowed, Cpus::iter], available_parallelism() == Cpus::allowed().iter().count() => YES;
    "pinned to one CPU", [Cpus::one, Cpus::pin], pinned() => value(1);
    "pinned to no CPU", [Cpus::pin], Cpus::one(8000).pin() => error(Errno::EINVAL);
    "a CPU beyond every set", [Cpus::one], Cpus::one(10_000).iter().count() => value(0);
}

fn much() -> Result<bool, Errno> {
    let bytes = [7_u8; 50_000];
    Ok(spawn(move || bytes)?.join() == bytes)
}

fn named() -> Result<bool, Errno> {
    let own = |name: &'static [u8]| {
        let work = || {
            let mut buffer = [0; 16];
            let name = thread_name(&mut buffer);
            (name.len(), name.starts_with(b"longer than fif"))
        };
        Builder::new().name(name).spawn(work).map(JoinHandle::join)
    };
    Ok(own(b"short")? == (5, false) && own(b"longer than fifteen bytes")? == (15, true))
}

fn guarded() -> Result<bool, Errno> {
    let size = 8 * 65536;
    let handle = Builder::new().stack_size(size).spawn(|| {
        let here = 0_u8;
        let here = (&raw const *core::hint::black_box(&here)).addr();
        let mut below = 0;
        let mut stack = 0;
        maps(|line| {
            if (line.begin..line.end).contains(&here) && line.rights == *b"rw-p" {
                stack = line.begin;
            }
            false
        });
        if stack != 0 {
            below = stack - page_size();
        }
        is_guard(below)
    })?;
    Ok(handle.join())
}

fn borrowed() -> Result<usize, Errno> {
    let mut numbers = [0; 10];
    scope(|scope| {
        for (n, place) in numbers.iter_mut().enumerate() {
            drop(scope.spawn(move || *place = n)?);
        }
        Ok::<_, Errno>(())
    })?;
    Ok(numbers.iter().sum())
}

static ENDED: AtomicU32 = AtomicU32::new(0);

fn thousands() -> Result<u32, Errno> {
    ENDED.store(0, SeqCst);
    for n in 0..2000 {
        let handle = spawn(|| ENDED.fetch_add(1, SeqCst))?;
        if n % 2 == 0 {
            handle.join();
        } // else it goes on alone
    }
    wait_for(2000)?;
    Ok(ENDED.load(SeqCst))
}

/// Waits, but not for ever.
fn wait_for(count: u32) -> Result<(), Errno> {
    let begin = now(Clock::Monotonic);
    while ENDED.load(SeqCst) != count {
        if (now(Clock::Monotonic) - begin).as_secs() > 60 {
            return Err(Errno::ETIMEDOUT);
        }
        yield_now();
    }
    Ok(())
}

fn mappings_stay() -> Result<i64, Errno> {
    let count = || maps(|_| true);
    spawn(|| ())?.join(); // what the first one makes, for good
    let settled = settle(count());
    for _ in 0..100 {
        spawn(|| ())?.join();
    }
    // A thread of a case before this one that nobody joined may have gone meanwhile: fewer is no
    // leak, and one mapping a thread would be a hundred.
    Ok((settle(settled) - settled).max(0))
}

/// The mappings there are, once those that end alone have gone: fewer than `most`, or after a while.
fn settle(most: i64) -> i64 {
    let begin = now(Clock::Monotonic);
    loop {
        let count = maps(|_| true);
        if count <= most || (now(Clock::Monotonic) - begin).as_secs() > 20 {
            return count;
        }
        yield_now();
    }
}

fn at_once() -> Result<u32, Errno> {
    let (inside, over) = (AtomicU32::new(0), AtomicU32::new(0));
    scope(|scope| {
        for _ in 0..64 {
            let started = scope.spawn(|| {
                inside.fetch_add(1, SeqCst);
                while over.load(SeqCst) == 0 {
                    yield_now();
                }
            });
            if let Err(errno) = started.map(drop) {
                over.store(1, SeqCst);
                return Err(errno);
            }
        }
        while inside.load(SeqCst) != 64 {
            yield_now();
        }
        over.store(1, SeqCst);
        Ok(inside.load(SeqCst))
    })
}

fn yielded() -> Result<bool, Errno> {
    let flag = AtomicU32::new(0);
    scope(|scope| {
        let other = scope.spawn(|| flag.store(1, SeqCst))?;
        while flag.load(SeqCst) == 0 {
            yield_now();
        }
        other.join();
        Ok(true)
    })
}

fn pinned() -> Result<usize, Errno> {
    spawn(|| {
        let cpu = Cpus::allowed().iter().next().ok_or(Errno::EINVAL)?;
        Cpus::one(cpu).pin()?;
        Ok(Cpus::allowed().iter().count())
    })?
    .join()
}

//! Checks a heap against a model of a heap (`tests/model`): `Heap`, or `Small` if the first argument is `small`. The next
//! argument selects the check. A fault ends the program by a panic.

#![no_std]
#![no_main]

use core::alloc::GlobalAlloc;
use core::ffi::CStr;

use heap_model::{Exchange, Model, Random};
use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fs::{self, CWD, O_RDONLY};
use ring3::heap::{Heap, Small};
use ring3::rt::Exit;
use ring3::text::{Shown, number};
use ring3::{io, thread};

ring3::program!("model", main);

static HEAP: Heap = Heap::new();
static SMALL: Small = Small::new();
static EXCHANGE: Exchange = Exchange::new();

fn main(start: Start) -> Result<(), Exit> {
    let mut arguments = start.args().skip(1).peekable();
    if arguments.next_if_eq(&c"small").is_some() {
        // Its operations take time in proportion to the number of gaps.
        check(&SMALL, arguments, 10)
    } else {
        check(&HEAP, arguments, 1)
    }
}

/// Performs the check that the first argument names, with a fraction of its operations. The second argument is another
/// divisor of their number; without it, the divisor is 1.
fn check<H: GlobalAlloc + Sync>(
    heap: &H,
    mut arguments: impl Iterator<Item = &'static CStr>,
    fraction: u32,
) -> Result<(), Exit> {
    let part = arguments.next().map(CStr::to_bytes);
    if part == Some(b"corpus") {
        return arguments.try_for_each(|path| replay(heap, path));
    }
    let divisor = arguments.next().map_or(b"1".as_slice(), CStr::to_bytes);
    let fraction = fraction * number::whole(divisor, 10, 20).ok_or(Exit(2))?.max(1) as u32;
    match part {
        Some(b"random") => random(heap, 2000 / fraction),
        Some(b"threads") => threads(heap, 500 / fraction),
        Some(b"generations") => generations(heap, 200 / fraction),
        _ => return Err(Exit(2)),
    }
    Ok(())
}

/// Performs `rounds` buffers of random operations.
fn go_on(heap: &impl GlobalAlloc, model: &mut Model, random: &mut Random, rounds: u32) {
    let mut buffer = [0; 1024];
    for _ in 0..rounds {
        let input = random.operations(&mut buffer);
        model.run(heap, &EXCHANGE, input).unwrap();
    }
}

/// One thread.
fn random(heap: &impl GlobalAlloc, rounds: u32) {
    let mut model = Model::new(0);
    go_on(heap, &mut model, &mut Random::new(1), rounds);
    model.finish(heap, &EXCHANGE).unwrap();
}

/// Several threads at the same time, which exchange blocks.
fn threads(heap: &(impl GlobalAlloc + Sync), rounds: u32) {
    const THREADS: usize = 4;
    let mut models: [Model; THREADS] = core::array::from_fn(|nth| Model::new(nth as u32));
    thread::scope(|scope| {
        for (seed, model) in (0..).zip(&mut models) {
            let work = move || go_on(heap, model, &mut Random::new(seed), rounds);
            drop(scope.spawn(work).unwrap());
        }
    });
    for model in &mut models {
        model.finish(heap, &EXCHANGE).unwrap();
    }
}

/// Threads one after the other. Each thread continues with the blocks of its predecessor, and the first thread keeps
/// blocks of its own.
fn generations(heap: &(impl GlobalAlloc + Sync), count: u32) {
    let (mut first, mut others) = (Model::new(0), Model::new(1));
    let mut random = Random::new(100);
    for generation in 0..count {
        thread::scope(|scope| {
            let others = &mut others;
            let work = move || go_on(heap, others, &mut Random::new(generation), 3);
            drop(scope.spawn(work).unwrap());
            go_on(heap, &mut first, &mut random, 3);
        });
    }
    others.finish(heap, &EXCHANGE).unwrap();
    first.finish(heap, &EXCHANGE).unwrap();
}

/// Performs the operations of an input file from the fuzzer. The file may have at most 64 KiB.
fn replay(heap: &impl GlobalAlloc, path: &CStr) -> Result<(), Exit> {
    let mut buffer = [0; 1 << 16];
    let name = Shown(path.to_bytes());
    let file = fs::open(CWD, path, O_RDONLY, 0).or_fail(PROGRAM, "open", name)?;
    let length = io::read(file.as_fd(), &mut buffer).or_fail(PROGRAM, "read", name)?;
    let mut model = Model::new(0);
    model.run(heap, &EXCHANGE, &buffer[..length]).unwrap();
    model.finish(heap, &EXCHANGE).unwrap();
    Ok(())
}

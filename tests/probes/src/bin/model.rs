//! Checks the heap against a model of a heap (`tests/model`). The argument selects the check. A fault ends the program
//! by a panic.

#![no_std]
#![no_main]

use core::ffi::CStr;

use heap_model::{Exchange, Model, Random};
use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fs::{self, CWD, O_RDONLY};
use ring3::heap::Heap;
use ring3::rt::Exit;
use ring3::text::Shown;
use ring3::{io, thread};

ring3::program!("model", main);

static HEAP: Heap = Heap::new();
static EXCHANGE: Exchange = Exchange::new();

fn main(start: Start) -> Result<(), Exit> {
    let mut arguments = start.args().skip(1);
    match arguments.next().map(CStr::to_bytes) {
        Some(b"random") => random(),
        Some(b"threads") => threads(),
        Some(b"generations") => generations(),
        Some(b"corpus") => return arguments.try_for_each(replay),
        _ => return Err(Exit(2)),
    }
    Ok(())
}

/// Performs `rounds` buffers of random operations.
fn go_on(model: &mut Model, random: &mut Random, rounds: u32) {
    let mut buffer = [0; 1024];
    for _ in 0..rounds {
        let input = random.operations(&mut buffer);
        model.run(&HEAP, &EXCHANGE, input).unwrap();
    }
}

/// One thread.
fn random() {
    let mut model = Model::new(0);
    go_on(&mut model, &mut Random::new(1), 2_000);
    model.finish(&HEAP, &EXCHANGE).unwrap();
}

/// Several threads at the same time, which exchange blocks.
fn threads() {
    const THREADS: usize = 4;
    let mut models: [Model; THREADS] = core::array::from_fn(|nth| Model::new(nth as u32));
    thread::scope(|scope| {
        for (seed, model) in (0..).zip(&mut models) {
            let work = move || go_on(model, &mut Random::new(seed), 500);
            drop(scope.spawn(work).unwrap());
        }
    });
    for model in &mut models {
        model.finish(&HEAP, &EXCHANGE).unwrap();
    }
}

/// Threads one after the other. Each thread continues with the blocks of its predecessor, and the first thread keeps
/// blocks of its own.
fn generations() {
    let (mut first, mut others) = (Model::new(0), Model::new(1));
    let mut random = Random::new(100);
    for generation in 0..200 {
        thread::scope(|scope| {
            let others = &mut others;
            let work = move || go_on(others, &mut Random::new(generation), 3);
            drop(scope.spawn(work).unwrap());
            go_on(&mut first, &mut random, 3);
        });
    }
    others.finish(&HEAP, &EXCHANGE).unwrap();
    first.finish(&HEAP, &EXCHANGE).unwrap();
}

/// Performs the operations of an input file from the fuzzer. The file may have at most 64 KiB.
fn replay(path: &CStr) -> Result<(), Exit> {
    let mut buffer = [0; 1 << 16];
    let name = Shown(path.to_bytes());
    let file = fs::open(CWD, path, O_RDONLY, 0).or_fail(PROGRAM, "open", name)?;
    let length = io::read(file.as_fd(), &mut buffer).or_fail(PROGRAM, "read", name)?;
    let mut model = Model::new(0);
    model.run(&HEAP, &EXCHANGE, &buffer[..length]).unwrap();
    model.finish(&HEAP, &EXCHANGE).unwrap();
    Ok(())
}

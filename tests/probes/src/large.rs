//! A program of more than 2 MiB, as a user may write it. Its segments are more than 1 MiB apart, but the code model of
//! the shipped programs on aarch64 reaches only 1 MiB.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::Writer;

ring3::program!("large", main);

/// Constants, located between the code and all other segments.
static CONSTANTS: [u8; 2 << 20] = [7; 2 << 20];

/// A static that holds an address, which start-up must relocate.
static RELOCATED: &[u8; 2 << 20] = &CONSTANTS;

/// A static that the program writes, in the last segment.
static WRITTEN: AtomicUsize = AtomicUsize::new(1);

fn main(_: Start) -> Result<(), Exit> {
    let constants = black_box(&raw const RELOCATED);
    // SAFETY: the pointer is to the static RELOCATED, which is initialized and never written after start-up.
    let constants = unsafe { constants.read_volatile() };
    WRITTEN.fetch_add(constants.iter().filter(|&&byte| byte == 7).count(), Relaxed);
    let same = ptr::eq(constants, black_box(&CONSTANTS));
    let mut buffer = [0; 64];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(parts!(
        WRITTEN.load(Relaxed),
        if same { " here\n" } else { " elsewhere\n" }
    ));
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

//! Prints what the start-up hands to a program: arguments, environment, auxiliary vector, and
//! whether a static that holds an address was relocated and protected.

#![no_std]
#![no_main]

use ring3::auxv;
use ring3::cli::OrFail;
use ring3::fd::STDOUT;
use ring3::io::Writer;
use ring3::rt::{Exit, Start};
use ring3::shown::Shown;

ring3::program!("start", main);

/// Addresses in read-only data: 130 of them, so that RELR needs more than one bitmap word.
static POINTERS: [&&str; 130] = [&"relocated"; 130];

fn main(start: Start) -> Result<(), Exit> {
    let mut out = Writer::<256>::new(STDOUT);
    ring3::println!(&mut out, "argc {}", start.args().len());
    for arg in start.args() {
        ring3::println!(&mut out, "arg {}", Shown(arg.to_bytes()));
    }
    for entry in start.environ().iter() {
        ring3::println!(&mut out, "env {}", Shown(entry.to_bytes()));
    }
    if let Some(value) = start.var("RING3_VAR") {
        ring3::println!(&mut out, "var {}", Shown(value.to_bytes()));
    }
    for entry in auxv::entries() {
        ring3::println!(&mut out, "auxv {} {:#x}", entry.key, entry.value);
    }
    ring3::println!(&mut out, "page {}", ring3::mem::page_size());
    let pointers = core::hint::black_box(&POINTERS);
    let relocated = pointers
        .iter()
        .filter(|text| **text == &"relocated")
        .count();
    ring3::println!(&mut out, "relocated {relocated}");
    ring3::println!(&mut out, "static {:p}", pointers);
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

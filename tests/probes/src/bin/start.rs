//! Prints what the start-up hands to a program: arguments, environment, auxiliary vector, and
//! whether a static that holds an address was relocated and protected.

#![no_std]
#![no_main]

use ring3::auxv;
use ring3::cli::OrFail;
use ring3::fd::STDOUT;
use ring3::print::{Hex, Writer};
use ring3::rt::{Exit, Start};
use ring3::shown::Shown;

ring3::program!("start", main);

/// Addresses in read-only data: 130 of them, so that RELR needs more than one bitmap word.
static POINTERS: [&&str; 130] = [&"relocated"; 130];

fn main(start: Start) -> Result<(), Exit> {
    let mut buffer = [0; 256];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(("argc ", start.args().len(), "\n"));
    for arg in start.args() {
        out.print(("arg ", Shown(arg.to_bytes()), "\n"));
    }
    for entry in start.environ() {
        out.print(("env ", Shown(entry.to_bytes()), "\n"));
    }
    if let Some(value) = start.var("RING3_VAR") {
        out.print(("var ", Shown(value.to_bytes()), "\n"));
    }
    for entry in auxv::entries() {
        let value = Hex(entry.value as u64, 1);
        out.print(("auxv ", entry.key, " 0x", value, "\n"));
    }
    out.print(("page ", ring3::mem::page_size(), "\n"));
    let pointers = core::hint::black_box(&POINTERS);
    let relocated = pointers
        .iter()
        .filter(|text| **text == &"relocated")
        .count();
    out.print(("relocated ", relocated, "\n"));
    let address = core::ptr::from_ref(pointers).addr();
    out.print(("static 0x", Hex(address as u64, 1), "\n"));
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

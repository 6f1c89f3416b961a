//! Prints what start-up passes to a program: arguments, environment and auxiliary vector. Also prints whether a static
//! that holds an address was relocated and protected.

#![no_std]
#![no_main]

use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::env::auxv;
use ring3::fd::STDOUT;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::{Hex, Shown, Writer};

ring3::program!("start", main);

/// Addresses in read-only data. 130 addresses need more than one bitmap word in RELR.
static POINTERS: [&&str; 130] = [&"relocated"; 130];

fn main(start: Start) -> Result<(), Exit> {
    let mut buffer = [0; 256];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(parts!("argc ", start.args().len(), "\n"));
    for arg in start.args() {
        out.print(parts!("arg ", Shown(arg.to_bytes()), "\n"));
    }
    for entry in start.environ().iter() {
        out.print(parts!("env ", Shown(entry.to_bytes()), "\n"));
    }
    if let Some(value) = start.var("RING3_VAR") {
        out.print(parts!("var ", Shown(value.to_bytes()), "\n"));
    }
    for entry in auxv::entries() {
        let value = Hex(entry.value as u64, 1);
        out.print(parts!("auxv ", entry.key, " 0x", value, "\n"));
    }
    out.print(parts!("page ", ring3::mem::page_size(), "\n"));
    let pointers = core::hint::black_box(&POINTERS);
    let relocated = pointers
        .iter()
        .filter(|text| **text == &"relocated")
        .count();
    out.print(parts!("relocated ", relocated, "\n"));
    let address = core::ptr::from_ref(pointers).addr();
    out.print(parts!("static 0x", Hex(address as u64, 1), "\n"));
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

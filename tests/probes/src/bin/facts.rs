//! Prints every fact of `ring3::abi`, one a line: header, C expression and value, between tabs.
//! The oracle makes a C program of it for the compiler that has the kernel's headers.

#![no_std]
#![no_main]

use ring3::abi::FACTS;
use ring3::cli::OrFail;
use ring3::fd::STDOUT;
use ring3::io::Writer;
use ring3::rt::{Exit, Start};

ring3::program!("facts", main);

fn main(_: Start) -> Result<(), Exit> {
    let mut out = Writer::<4096>::new(STDOUT);
    for fact in FACTS.iter().copied().flatten().copied().flatten() {
        ring3::println!(
            &mut out,
            "{}\t{}\t{}",
            fact.header,
            fact.expression,
            fact.value
        );
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

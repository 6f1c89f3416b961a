//! Prints every fact of `ring3::abi`, one a line: header, C expression and value, between tabs.
//! The oracle makes a C program of it for the compiler that has the kernel's headers.

#![no_std]
#![no_main]

use ring3::abi::{FACTS, Fact};
use ring3::cli::OrFail;
use ring3::fd::STDOUT;
use ring3::parts;
use ring3::print::Writer;
use ring3::rt::{Exit, Start};

ring3::program!("facts", main);

fn main(_: Start) -> Result<(), Exit> {
    let mut buffer = [0; 4096];
    let mut out = Writer::new(STDOUT, &mut buffer);
    for fact in FACTS.iter().copied().flatten().copied().flatten() {
        let Fact {
            header,
            expression,
            value,
        } = *fact;
        out.print(parts!(header, "\t", expression, "\t", value, "\n"));
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

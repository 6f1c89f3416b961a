//! Prints every fact (constant or layout) of `ring3::abi`, one a line: header, C expression, its value or `undefined`, and
//! `newer` if older headers lack the expression, separated by tabs. `tests/oracle.rs` generates a C program from this
//! list, and a compiler with the kernel's headers checks the values.

#![no_std]
#![no_main]

use ring3::abi::{FACTS, Fact};
use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::Writer;

ring3::program!("facts", main);

fn main(_: Start) -> Result<(), Exit> {
    let mut buffer = [0; 4096];
    let mut out = Writer::new(STDOUT, &mut buffer);
    for fact in FACTS.iter().copied().flatten().copied().flatten() {
        let Fact {
            header,
            expression,
            value,
            newer,
        } = *fact;
        let newer = if newer { "\tnewer" } else { "" };
        out.print(parts!(header, "\t", expression, "\t"));
        match value {
            Some(value) => out.print(parts!(value, newer, "\n")),
            None => out.print(parts!("undefined", newer, "\n")),
        }
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

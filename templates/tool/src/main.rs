//! Numbers the lines of standard input: a template for a tool with options, `--help`, errors and unit tests.

#![cfg_attr(not(test), no_std, no_main)]

use ring3::cli::{Argument, Number, Options, OrFail};
use ring3::env::Start;
use ring3::fd::{STDIN, STDOUT};
use ring3::io::BufReader;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::Writer;

ring3::options! {
    "tool", "[OPTION]...", "Number the lines of standard input.";

    /// The number of the first line.
    First(Number<0, 1_000_000>, FIRST = "1") "-f, --first=N" "number of the first line";

    operands: Argument::None;
    example: "tool -f 0 <list", "Number the lines of a file, from 0.";
}

ring3::program!(Given::NAME, main);

fn main(start: Start) -> Result<(), Exit> {
    let mut number = FIRST;
    let mut args = Options::new(start.args());
    while let Some(given) = args.next_arg()? {
        match given {
            Given::First(first) => number = first,
            Given::Operand(operand) => return Err(args.unexpected(operand)),
        }
    }

    let (mut input, mut output) = ([0; 65536], [0; 4096]);
    let mut lines = BufReader::new(STDIN, &mut input);
    let mut out = Writer::new(STDOUT, &mut output);
    while let Some(line) = lines.next_line().or_fail(PROGRAM, "read", "stdin")? {
        out.print(parts!(number, "\t"));
        out.put(line);
        out.print("\n");
        number = next(number);
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

/// The number of the next line.
fn next(number: u64) -> u64 {
    number.wrapping_add(1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_are_numbered_in_order() {
        assert_eq!(super::next(super::FIRST), 2);
    }
}

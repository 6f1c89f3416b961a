//! Numbers the lines of standard input: a template for a tool with options, `--help`, errors and unit tests.
//!
//! The input is read through a buffer of 64 KiB, so a line has at most 65535 bytes, without its newline. A longer line is
//! an error. (`BufReader` can also return such a line in pieces; its documentation has an example.)

#![cfg_attr(not(test), no_std, no_main)]

use ring3::cli::{Argument, Number, Options, OrFail};
use ring3::env::Start;
use ring3::fd::{STDIN, STDOUT};
use ring3::io::BufReader;
use ring3::rt::Exit;
use ring3::text::Writer;
use ring3::{Errno, parts};

ring3::options! {
    "tool", "[OPTION]...", "Number the lines of standard input.";

    /// The number of the first line.
    First(Number<0, 1_000_000>, FIRST = "1") "-f, --first=N" "number of the first line";

    operands: Argument::None;
    note: "A line has at most 65535 bytes, without its newline.";
    example: "tool -f 0 <list", "Number the lines of a file, from 0.";
}

ring3::program!(Given::NAME, main);

/// The greatest length of a line without its newline, in bytes. `--help` states this length.
const LONGEST: usize = 65535;

fn main(start: Start) -> Result<(), Exit> {
    let mut number = FIRST;
    let mut args = Options::new(start.args());
    while let Some(given) = args.next_arg()? {
        match given {
            Given::First(first) => number = first,
            Given::Operand(operand) => return Err(args.unexpected(operand)),
        }
    }

    let (mut input, mut output) = ([0; LONGEST + 1], [0; 4096]);
    let mut lines = BufReader::new(STDIN, &mut input);
    let mut out = Writer::new(STDOUT, &mut output);
    let end = loop {
        match lines.next_line() {
            Ok(Some(line)) => out.print(parts!(number, "\t", line, "\n")),
            Ok(None) => break Ok(()),
            Err(errno) => break Err(unread(number, errno)),
        }
        if out.error().is_some() {
            break Ok(()); // `flush` returns this error
        }
        number = next(number);
    };
    // The lines before an error are printed too.
    out.flush().or_fail(PROGRAM, "write", "stdout")?;
    end
}

/// Prints why the line with this number cannot be read.
fn unread(number: u64, errno: Errno) -> Exit {
    match errno {
        Errno::EMSGSIZE => {
            PROGRAM.say(parts!("line ", number, " is longer than ", LONGEST, " bytes"));
            Exit(1)
        }
        _ => PROGRAM.fail("read", "stdin", errno),
    }
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

//! `date [OPTION]...`: prints the time of UTC as RFC 3339 or as HTTP does.

#![no_std]
#![no_main]

use core::fmt::Write;

use common::cli::{Arg, Cli, Opt, Parser, number};
use common::date::{Date, HttpDate, Rfc3339};
use common::io::{Out, stdout};
use common::{Args, Environment, Exit, Program, ignore};
use rustix::process::Signal;

common::main!(main);

const PROGRAM: Program = Program("date");

const CLI: Cli = Cli {
    program: PROGRAM,
    help: "\
usage: date [OPTION]...
Print the date and the time of UTC, as RFC 3339 does.

  -d, --date=DATE           print this date: @SECONDS, RFC 3339 or HTTP
      --http                print the date as HTTP does
  -h, --help                print this help
  -V, --version             print the version

DATE has years from 0 to 9999; @SECONDS counts from 1970, and may be negative.

Examples:
  date -d '2026-11-29T15:04:05+01:00'
      Convert a local time to UTC.
",
    version: concat!("date (origin) ", env!("CARGO_PKG_VERSION"), "\n"),
    options: &[Opt(Some('d'), "date", true), Opt(None, "http", false)],
};

fn main(args: Args, _: Environment) -> Result<i32, Exit> {
    // So that a write to a closed pipe, or beyond the limit of a file's size, fails with an error.
    let _ = ignore(Signal::PIPE);
    let _ = ignore(Signal::XFSZ);
    let (mut date, mut http) = (None, false);
    let mut parser = Parser::new(&CLI, args);
    while let Some(arg) = parser.next_arg()? {
        match arg {
            Arg::Option("date") => {
                let expected = "a date such as @784111777 or 1994-11-06T08:49:37Z";
                date = Some(parser.parsed(parse, expected)?);
            }
            Arg::Option(_) => http = true,
            Arg::Operand(operand) => return Err(parser.unexpected(operand)),
        }
    }

    let date = date.unwrap_or_else(Date::now);
    let mut buffer = [0; 64];
    let mut out = Out::new(stdout(), &mut buffer);
    let _ = if http {
        writeln!(out, "{}", HttpDate(date))
    } else {
        writeln!(out, "{}", Rfc3339(date))
    };
    out.flush()
        .map_err(|errno| PROGRAM.fail("write", "stdout", errno))?;
    Ok(0)
}

/// Parses a date in one of the three forms.
fn parse(text: &[u8]) -> Option<Date> {
    let Some(seconds) = text.strip_prefix(b"@") else {
        return Date::parse_rfc3339(text).or_else(|| Date::parse_http(text));
    };
    let seconds = match seconds.strip_prefix(b"-") {
        Some(digits) => -i64::try_from(number(digits)?).ok()?,
        None => i64::try_from(number(seconds)?).ok()?,
    };
    Date::from_seconds(seconds)
}

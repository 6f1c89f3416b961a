//! `date [OPTION]...`: prints the time of UTC as RFC 3339 or as HTTP does.

use std::process::ExitCode;

use common::cli::{self, Arg, Cli, Parser};
use common::date::{Date, HttpDate, Rfc3339};
use common::error::Error;
use common::signal;

const CLI: Cli<Flag> = Cli {
    name: "date",
    usage: "[OPTION]...\nPrint the date and the time of UTC, as RFC 3339 does.",
    options: &[
        (
            "-d, --date=DATE",
            "print this date: @SECONDS, RFC 3339 or HTTP",
            Flag::Date,
        ),
        ("    --http", "print the date as HTTP does", Flag::Http),
    ],
    end: "\
DATE has years from 0 to 9999; @SECONDS counts from 1970, and may be negative.

Examples:
  date -d '2026-11-29T15:04:05+01:00'
      Convert a local time to UTC.
",
};

#[derive(Clone, Copy)]
enum Flag {
    Date,
    Http,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.exit(CLI.name, 1),
    }
}

fn run() -> Result<(), Error> {
    signal::ignore(libc::SIGXFSZ); // so that the error is reported
    let (mut date, mut http) = (None, false);
    let mut parser = Parser::new(&CLI);
    while let Some(arg) = parser.next_arg()? {
        match arg {
            Arg::Option(Flag::Date) => {
                let expected = "a date such as @784111777 or 1994-11-06T08:49:37Z";
                date = Some(parser.parse(parse, expected)?);
            }
            Arg::Option(Flag::Http) => http = true,
            Arg::Operand(operand) => return Err(cli::unexpected(&operand)),
        }
    }
    let date = date.unwrap_or_else(Date::now);
    cli::print(&match http {
        false => format!("{}\n", Rfc3339(date)),
        true => format!("{}\n", HttpDate(date)),
    })
}

/// Parses a date in one of the three forms.
fn parse(text: &str) -> Option<Date> {
    let Some(seconds) = text.strip_prefix('@') else {
        return Date::parse_rfc3339(text).or_else(|| Date::parse_http(text));
    };
    let (sign, digits) = match seconds.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, seconds),
    };
    Date::from_seconds(sign * cli::digits::<i64>(digits)?)
}

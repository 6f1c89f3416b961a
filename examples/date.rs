//! `date [OPTION]...`: prints the time of UTC as RFC 3339 or as HTTP does.
//!
//! ```sh
//! cargo run --example date -- -d @784111777 --http # Sun, 06 Nov 1994 08:49:37 GMT
//! ```
//!
//! To see here: the clock, the calendar, and an option whose type is the program's own.

#![cfg_attr(not(test), no_std, no_main)]
#![forbid(unsafe_code)]

use ring3::cli::{Argument, Options, OrFail, Parser, Value};
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::parts;
use ring3::rt::Exit;
use ring3::signal::{self, SIGPIPE, SIGXFSZ, SignalSet};
use ring3::text::{Writer, number};
use ring3::time::{HttpDate, Rfc3339, UtcDateTime};

ring3::options! {
    "date", "[OPTION]...", "Print the date and the time of UTC, as RFC 3339 does.";

    /// Prints DATE, not the current time.
    Date(Date) "-d, --date=DATE" "print this date: @SECONDS, RFC 3339 or HTTP";

    /// Prints the form of the `Date` and `Last-Modified` fields of HTTP (RFC 9110).
    Http "    --http" "print the date as HTTP does";

    operands: Argument::None;
    note: "DATE has years from 0 to 9999; @SECONDS counts from 1970, and may be negative.";
    example: "date -d '2026-11-29T15:04:05+01:00'", "Convert a local time to UTC.";
}

ring3::program!(Given::NAME, main);

fn main(start: Start) -> Result<(), Exit> {
    // With these signals blocked, a write fails with EPIPE or EFBIG, and the error is reported.
    let _ = signal::block(SignalSet::of(&[SIGPIPE, SIGXFSZ]));
    let (mut date, mut http) = (None, false);
    let mut options = Options::new(start.args());
    while let Some(given) = options.next_arg()? {
        match given {
            Given::Date(given) => date = Some(given),
            Given::Http => http = true,
            Given::Operand(operand) => return Err(options.unexpected(operand)),
        }
    }

    let mut buffer = [0; 64];
    let mut out = Writer::new(STDOUT, &mut buffer);
    match (date.unwrap_or_else(UtcDateTime::now), http) {
        (date, false) => out.print(parts!(Rfc3339(date), "\n")),
        (date, true) => out.print(parts!(HttpDate(date), "\n")),
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

/// The type of the argument of `--date`.
struct Date;

impl Value for Date {
    type Is = UtcDateTime;
    const ARGUMENT: Argument = Argument::Form {
        right: &[
            "@784111777",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ],
        wrong: &["", "@", "now", "1994-11-06"],
    };

    fn read(parser: &mut Parser) -> Result<UtcDateTime, Exit> {
        parser.parse(parse, "a date such as @784111777 or 1994-11-06T08:49:37Z")
    }
}

/// Parses a date in one of the three forms.
fn parse(text: &[u8]) -> Option<UtcDateTime> {
    let Some(seconds) = text.strip_prefix(b"@") else {
        return UtcDateTime::parse_rfc3339(text).or_else(|| UtcDateTime::parse_http(text));
    };
    let (sign, digits) = match seconds.strip_prefix(b"-") {
        Some(digits) => (-1, digits),
        None => (1, seconds),
    };
    let seconds = number::whole(digits, 10, i64::MAX as u64)? as i64;
    UtcDateTime::from_unix_timestamp(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_three_forms() {
        let date = UtcDateTime::from_unix_timestamp(784_111_777);
        for text in [
            "@784111777",
            "1994-11-06t09:49:37+01:00",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text.as_bytes()), date, "{text}");
        }
        assert_eq!(parse(b"@-62167219200"), Some(UtcDateTime::MIN));
        for wrong in [
            "@",
            "@-",
            "@--1",
            "@+1",
            "@1.5",
            "@-62167219201",
            "@253402300800",
            "1994-11-06",
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}

//! The options.

use core::ffi::CStr;

use ring3::bytes::position;
use ring3::cli::{Argument, Duration, Limit, Optional, Parser, Text, Value};
use ring3::rt::Exit;
use ring3::text::number;

ring3::options! {
    "probe", "[OPTION]... TARGET... [-- CMD [ARG]...]", "\
Check whether services answer, or wait until they do, and then execute CMD.";

    /// Retries until all targets answer, for at most this time. Without DURATION, and with 0, there is no limit. The
    /// first retry is after 0.1 s; each pause is twice the pause before it, up to 1 s.
    Wait(Optional<Limit>) "    --wait[=DURATION]" "retry until all targets answer";

    /// Limits the time of an attempt, from the lookup of the name to the last byte that matters. 0 means no limit.
    Timeout(Limit, TIMEOUT = "1s") "-t, --timeout=DURATION" "limit the time of an attempt";

    /// Retries after this time, at least 1 ms, instead of after growing pauses.
    Interval(Duration) "-i, --interval=DURATION" "the pause between attempts";

    /// The HTTP status that counts as an answer: a number, or two numbers for all from the first to the second.
    Status(Statuses) "-s, --status=RANGE" "the right HTTP status (default 200-399)";

    /// The method of the HTTP request. The default is GET.
    Method(Word) "    --method=WORD" "the HTTP method (default GET)";

    /// Sends a header in the HTTP request. May be repeated, up to 16 times. A header `Host` replaces that of the
    /// target. Any other header is added, even if `probe` sends a header of the same name.
    Header(Field) "-H, --header=NAME:VALUE" "an HTTP header to send; repeatable";

    /// The body of the HTTP answer must contain this text, of at most 255 bytes. Without this option, the body is not
    /// read.
    Contains(Text) "-c, --contains=TEXT" "what the body of the HTTP answer contains";

    /// Prints no failures: the exit status says enough.
    Quiet "-q, --quiet" "print no failures";

    /// Prints the result of every attempt.
    Verbose "-v, --verbose" "print the result of every attempt";

    operands: Argument::Text;
    note: "\
Targets: HOST:PORT, tcp://HOST:PORT, unix:PATH, unix:@NAME,
  http://HOST[:PORT]/PATH, http://unix:PATH:/PATH, redis://[USER@]HOST[:PORT],
  postgres://HOST[:PORT], grpc://HOST:PORT[/SERVICE]
In targets, ${VAR} and ${VAR:-word} stand for variables of the environment.";
    example: "probe 'http://127.0.0.1:${PORT:-8080}/health'", "Check a server, for example from a HEALTHCHECK.";
    example: "probe --wait=30s db:5432 redis://cache -- server", "Start a server after the services that it needs.";
}

/// A status of HTTP, or a range of them: the first and the last.
pub struct Statuses;

impl Value for Statuses {
    type Is = (u16, u16);
    const ARGUMENT: Argument = Argument::Form {
        right: &["200", "100-599", "401-401"],
        wrong: &[
            "", "99", "600", "200-", "-200", "300-200", "2xx", "200-299-",
        ],
    };

    fn read(parser: &mut Parser) -> Result<(u16, u16), Exit> {
        parser.parse(statuses, "a status such as 204 or 200-299")
    }
}

fn statuses(mut text: &[u8]) -> Option<(u16, u16)> {
    let first = number::take(&mut text, 10, 599)?;
    let last = match text {
        [] => first,
        [b'-', last @ ..] => number::whole(last, 10, 599)?,
        _ => return None,
    };
    (100 <= first && first <= last).then_some((first as u16, last as u16))
}

/// A method of HTTP.
pub struct Word;

impl Value for Word {
    type Is = &'static [u8];
    const ARGUMENT: Argument = Argument::Form {
        right: &["GET", "HEAD", "VERSION-CONTROL"],
        wrong: &["", "GET /", "GET:", "é"],
    };

    fn read(parser: &mut Parser) -> Result<&'static [u8], Exit> {
        let word = |text| is_token(text).then_some(text);
        parser.parse(word, "a method such as HEAD")
    }
}

/// A header of HTTP.
pub struct Field;

impl Value for Field {
    type Is = &'static CStr;
    const ARGUMENT: Argument = Argument::Form {
        right: &["Accept: text/html"],
        wrong: &["", ":x", "X", "X : y", "é: x"],
    };

    fn read(parser: &mut Parser) -> Result<&'static CStr, Exit> {
        let text = parser.value()?;
        match is_field(text.to_bytes()) {
            true => Ok(text),
            false => Err(parser.expected(text, "a header such as 'Accept: text/html'")),
        }
    }
}

/// Whether `text` is a name, a colon and a value without control characters.
fn is_field(text: &[u8]) -> bool {
    let Some(colon) = text.iter().position(|&byte| byte == b':') else {
        return false;
    };
    let is_printable = |&byte: &u8| byte == b'\t' || byte >= b' ' && byte != 0x7f;
    is_token(text.get(..colon).unwrap_or_default()) && text.iter().all(is_printable)
}

/// Whether `text` is a token (RFC 9110, section 5.6.2).
fn is_token(text: &[u8]) -> bool {
    let is_part = |byte: &u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => true,
        other => position(b"!#$%&'*+-.^_`|~", *other).is_some(),
    };
    !text.is_empty() && text.iter().all(is_part)
}

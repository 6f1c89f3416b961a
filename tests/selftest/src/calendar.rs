//! Self-test cases of dates and times of UTC.

use core::time::Duration;

use ring3::io::read;
use ring3::pipe::{O_CLOEXEC, Pipe};
use ring3::text::{Print, Writer};
use ring3::time::{Clock, HttpDate, Rfc3339, UtcDateTime, Weekday, now};
use ring3::{Errno, parts};

use crate::case::*;
use crate::cases;

cases! {
    "a moment of 1994", [UtcDateTime::from_unix_timestamp, UtcDateTime::year, UtcDateTime::month, UtcDateTime::day, UtcDateTime::hour, UtcDateTime::minute, UtcDateTime::second], UtcDateTime::from_unix_timestamp(784_111_777).map(fields) == Some([1994, 11, 6, 8, 49, 37]) => YES;
    "and back", [UtcDateTime::new, UtcDateTime::unix_timestamp], UtcDateTime::new(1994, 11, 6, 8, 49, 37).map_or(0, |date| date.unix_timestamp()) => value(784_111_777);
    "before 1970", [UtcDateTime::from_unix_timestamp], UtcDateTime::from_unix_timestamp(-1).map(fields) == Some([1969, 12, 31, 23, 59, 59]) => YES;
    "after the last year", [UtcDateTime::from_unix_timestamp], UtcDateTime::from_unix_timestamp(253_402_300_800).is_none() => YES;
    "no such day", [UtcDateTime::new], UtcDateTime::new(1900, 2, 29, 0, 0, 0).is_none() => YES;
    "the day of the week", [UtcDateTime::weekday], UtcDateTime::new(1994, 11, 6, 0, 0, 0).is_some_and(|date| date.weekday() == Weekday::Sunday) => YES;
    "the day of the year", [UtcDateTime::ordinal], UtcDateTime::new(2000, 12, 31, 0, 0, 0).map_or(0, |date| date.ordinal()) => value(366);
    "the fraction of a second", [UtcDateTime::from_duration, UtcDateTime::nanosecond], UtcDateTime::from_duration(Duration::new(1, 5)).map_or(0, |date| date.nanosecond()) => value(5);
    "a fraction of a whole second", [UtcDateTime::with_nanosecond], UtcDateTime::MIN.with_nanosecond(1_000_000_000).is_none() => YES;
    "the present", [UtcDateTime::now], is_now() => YES;
    "a date of RFC 3339", [UtcDateTime::parse_rfc3339], UtcDateTime::parse_rfc3339(b"1996-12-19T16:39:57.5-08:00") == UtcDateTime::new(1996, 12, 20, 0, 39, 57).and_then(|date| date.with_nanosecond(500_000_000)) => YES;
    "a date that is none", [UtcDateTime::parse_rfc3339], UtcDateTime::parse_rfc3339(b"1996-12-19T16:39:57").is_none() => YES;
    "a date of HTTP", [UtcDateTime::parse_http], UtcDateTime::parse_http(b"Sun, 06 Nov 1994 08:49:37 GMT") == UtcDateTime::new(1994, 11, 6, 8, 49, 37) => YES;
    "a date of another day", [UtcDateTime::parse_http], UtcDateTime::parse_http(b"Mon, 06 Nov 1994 08:49:37 GMT").is_none() => YES;
    "dates as texts", [], UtcDateTime::from_unix_timestamp(784_111_777).ok_or(Errno::EINVAL).and_then(|date| prints(parts!(Rfc3339(date), " ", HttpDate(date)), b"1994-11-06T08:49:37Z Sun, 06 Nov 1994 08:49:37 GMT")) => YES;
}

fn fields(date: UtcDateTime) -> [u16; 6] {
    [
        date.year(),
        date.month().into(),
        date.day().into(),
        date.hour().into(),
        date.minute().into(),
        date.second().into(),
    ]
}

fn is_now() -> bool {
    let before = UtcDateTime::from_duration(now(Clock::Realtime));
    let date = UtcDateTime::now();
    // The vDSO may be behind the system call by a tick.
    let after = UtcDateTime::from_duration(now(Clock::Realtime) + Duration::from_secs(1));
    before <= Some(date) && Some(date) <= after
}

fn prints(value: impl Print, text: &[u8]) -> Result<bool, Errno> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    let (mut buffer, mut got) = ([0; 128], [0; 128]);
    let mut out = Writer::new(pipe.write.as_fd(), &mut buffer);
    out.print(value);
    out.flush()?;
    let length = read(pipe.read.as_fd(), &mut got)?;
    Ok(got[..length] == *text)
}

//! Dates of UTC: the calendar, RFC 3339 and HTTP (RFC 9110).

use core::fmt::{self, Display};

use rustix::time::{ClockId, clock_gettime};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const WEEKDAYS: [&str; 7] = [
    "Thursday", // as 1970-01-01 was
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment in the years 0 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    seconds: i64,
    nanoseconds: u32,
}

impl Date {
    pub fn now() -> Self {
        let now = clock_gettime(ClockId::Realtime);
        Self {
            seconds: now.tv_sec,
            nanoseconds: now.tv_nsec as u32,
        }
    }

    /// The moment this many seconds after 1970.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        let years = days(0, 1, 1) * DAY..days(10_000, 1, 1) * DAY;
        years.contains(&seconds).then_some(Self {
            seconds,
            nanoseconds: 0,
        })
    }

    /// The seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// The moment with these fields, if there is such a date.
    fn new(year: i64, month: i64, day: i64, time: i64) -> Option<Self> {
        let day_number = days(year, month, day);
        if (year, month, day) != civil(day_number) {
            return None;
        }
        Self::from_seconds(day_number * DAY + time)
    }

    fn weekday(self) -> &'static str {
        WEEKDAYS[self.seconds.div_euclid(DAY).rem_euclid(7) as usize]
    }

    /// Parses `1994-11-06T08:49:37.25+01:00`.
    pub fn parse_rfc3339(text: &[u8]) -> Option<Self> {
        let mut text = Scanner(text);
        let year = text.number(4)?;
        text.skip(b"-")?;
        let month = text.number(2)?;
        text.skip(b"-")?;
        let day = text.number(2)?;
        text.one_of(b"Tt ")?;
        let time = text.time()?;
        let mut nanoseconds = 0;
        if text.skip(b".").is_some() {
            let mut unit = 100_000_000;
            nanoseconds = unit * text.number(1)? as u32;
            while let Some(digit) = text.number(1) {
                unit /= 10;
                nanoseconds += unit * digit as u32;
            }
        }
        let offset = match text.one_of(b"Zz+-")? {
            sign @ (b'+' | b'-') => {
                let hours = text.number(2)?;
                text.skip(b":")?;
                let minutes = text.number(2)?;
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let offset = hours * HOUR + minutes * MINUTE;
                if sign == b'+' { offset } else { -offset }
            }
            _ => 0,
        };
        let local = text.end(Self::new(year, month, day, time)?)?;
        let utc = Self::from_seconds(local.seconds - offset)?;
        Some(Self { nanoseconds, ..utc })
    }

    /// Parses `Sun, 06 Nov 1994 08:49:37 GMT`, and the two obsolete forms, `Sunday, 06-Nov-94 08:49:37 GMT` and
    /// `Sun Nov  6 08:49:37 1994`.
    pub fn parse_http(text: &[u8]) -> Option<Self> {
        let weekday = WEEKDAYS
            .iter()
            .find(|day| text.starts_with(&day.as_bytes()[..3]))?;
        let mut text = Scanner(&text[3..]);
        let date = if text.skip(b", ").is_some() {
            let day = text.number(2)?;
            text.skip(b" ")?;
            let month = text.month()?;
            text.skip(b" ")?;
            let year = text.number(4)?;
            text.skip(b" ")?;
            let time = text.time()?;
            text.skip(b" GMT")?;
            Self::new(year, month, day, time)
        } else if text.skip(b" ").is_some() {
            let month = text.month()?;
            text.skip(b" ")?;
            let digits = if text.skip(b" ").is_some() { 1 } else { 2 };
            let day = text.number(digits)?;
            text.skip(b" ")?;
            let time = text.time()?;
            text.skip(b" ")?;
            Self::new(text.number(4)?, month, day, time)
        } else {
            text.skip(&weekday.as_bytes()[3..])?;
            text.skip(b", ")?;
            let day = text.number(2)?;
            text.skip(b"-")?;
            let month = text.month()?;
            text.skip(b"-")?;
            let year = match text.number(2)? {
                year @ ..70 => 2000 + year,
                year => 1900 + year,
            };
            text.skip(b" ")?;
            let time = text.time()?;
            text.skip(b" GMT")?;
            Self::new(year, month, day, time)
        };
        let date = text.end(date?)?;
        (date.weekday() == *weekday).then_some(date)
    }
}

/// The days from 1970-01-01 to a date. Years begin in March here, so that a leap day is the last day of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 719_469
}

/// The year, the month and the day of a day number. The inverse of `days`.
fn civil(number: i64) -> (i64, i64, i64) {
    let number = number + 719_468; // since 0000-03-01
    let era = number.div_euclid(146_097); // 400 years
    let day = number.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (day * 5 + 2) / 153;
    let day = day - (month * 153 + 2) / 5 + 1;
    let year = era * 400 + year;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

/// Text that is parsed from its beginning.
struct Scanner<'a>(&'a [u8]);

impl Scanner<'_> {
    fn skip(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        bytes.contains(first).then_some(*first)
    }

    /// A number of exactly this many digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        let number = crate::cli::number(number)?;
        self.0 = rest;
        Some(number as i64)
    }

    /// The month by its name, from 1.
    fn month(&mut self) -> Option<i64> {
        let (name, rest) = self.0.split_at_checked(3)?;
        self.0 = rest;
        let index = MONTHS.iter().position(|month| month.as_bytes() == name)?;
        Some(index as i64 + 1)
    }

    /// `08:49:37` in seconds. A leap second counts as the second before it.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number(2)?;
        self.skip(b":")?;
        let minute = self.number(2)?;
        self.skip(b":")?;
        let second = self.number(2)?;
        (hour < 24 && minute < 60 && second <= 60)
            .then(|| hour * HOUR + minute * MINUTE + second.min(59))
    }

    /// Returns `value` if the text has ended.
    fn end<T>(&self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

/// `08:49:37`.
struct Time(i64);

impl Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seconds) = self;
        let (hour, minute) = (seconds / HOUR, seconds % HOUR / MINUTE);
        write!(f, "{hour:02}:{minute:02}:{:02}", seconds % MINUTE)
    }
}

/// Prints `1994-11-06T08:49:37Z`. A fraction has three, six or nine digits.
pub struct Rfc3339(pub Date);

impl Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.seconds.div_euclid(DAY));
        let time = Time(self.0.seconds.rem_euclid(DAY));
        write!(f, "{year:04}-{month:02}-{day:02}T{time}")?;
        match self.0.nanoseconds {
            0 => write!(f, "Z"),
            part if part % 1_000_000 == 0 => write!(f, ".{:03}Z", part / 1_000_000),
            part if part % 1_000 == 0 => write!(f, ".{:06}Z", part / 1_000),
            part => write!(f, ".{part:09}Z"),
        }
    }
}

/// Prints `Sun, 06 Nov 1994 08:49:37 GMT`.
pub struct HttpDate(pub Date);

impl Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.seconds.div_euclid(DAY));
        let weekday = &self.0.weekday()[..3];
        let month = MONTHS[month as usize - 1];
        let time = Time(self.0.seconds.rem_euclid(DAY));
        write!(f, "{weekday}, {day:02} {month} {year:04} {time} GMT")
    }
}

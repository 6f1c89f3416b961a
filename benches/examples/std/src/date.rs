//! Dates of UTC in the years 0 to 9999, as RFC 3339 and HTTP write them.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 24 * 60 * 60;

const WEEKDAYS: [&str; 7] = [
    "Thursday", // 1970-01-01
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

/// A moment, in seconds and nanoseconds since 1970.
#[derive(Clone, Copy)]
pub struct Date {
    seconds: i64,
    nanoseconds: u32,
}

impl Date {
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default();
        Self {
            seconds: since.as_secs().cast_signed(),
            nanoseconds: since.subsec_nanos(),
        }
    }

    /// `None` if the year is not in 0 to 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        (-62_167_219_200..=253_402_300_799)
            .contains(&seconds)
            .then_some(Self {
                seconds,
                nanoseconds: 0,
            })
    }

    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// A date of the calendar, and hours, minutes and seconds; `None` if there is no such date. A leap second becomes
    /// the second before.
    fn new(year: i64, month: usize, day: i64, [hour, minute, second]: [i64; 3]) -> Option<Self> {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days_in_month = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if !(1..=12).contains(&month)
            || !(1..=days_in_month).contains(&day)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        // The leap day is the last day of a year that begins in March.
        let (year, month) = match month {
            1 | 2 => (year - 1, month as i64 + 9),
            _ => (year, month as i64 - 3),
        };
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let days = 365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468;
        Self::from_seconds(days * DAY + hour * 3600 + minute * 60 + second.min(59))
    }

    /// The year, the month and the day, from 1.
    fn calendar(self) -> (i64, usize, i64) {
        // Days since 0000-03-01, in a cycle of 400 years.
        let days = self.seconds.div_euclid(DAY) + 719_468;
        let (cycle, days) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (days - days / 1460 + days / 36_524 - days / 146_096) / 365;
        let days = days - (365 * year + year / 4 - year / 100);
        let month = (5 * days + 2) / 153;
        let day = days - (153 * month + 2) / 5 + 1;
        let year = 400 * cycle + year;
        match month {
            0..=9 => (year, month as usize + 3, day),
            _ => (year + 1, month as usize - 9, day),
        }
    }

    /// The hour, the minute and the second.
    fn time(self) -> (i64, i64, i64) {
        let second = self.seconds.rem_euclid(DAY);
        (second / 3600, second / 60 % 60, second % 60)
    }

    fn weekday(self) -> usize {
        self.seconds.div_euclid(DAY).rem_euclid(7) as usize
    }

    /// Parses a date such as `1994-11-06T08:49:37.25+01:00`.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let mut text = Text(text);
        let year = text.number(4)?;
        let month = text.after("-")?.number(2)?;
        let day = text.after("-")?.number(2)?;
        text.one_of(&["T", "t", " "])?;
        let time = text.time()?;
        let mut nanoseconds = 0;
        if text.after(".").is_some() {
            let mut worth = 100_000_000;
            nanoseconds = text.number(1)? * worth;
            while let Some(digit) = text.number(1) {
                worth /= 10;
                nanoseconds += digit * worth;
            }
        }
        let offset = match text.one_of(&["Z", "z", "+", "-"])? {
            sign @ 2.. => {
                let (hours, minutes) = (text.number(2)?, text.after(":")?.number(2)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let offset = hours * 3600 + minutes * 60;
                if sign == 2 { offset } else { -offset }
            }
            _ => 0,
        };
        text.end()?;
        let local = Self::new(year, month as usize, day, time)?;
        Some(Self {
            nanoseconds: nanoseconds as u32,
            ..Self::from_seconds(local.seconds - offset)?
        })
    }

    /// Parses one of the three forms of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
    /// `Sun Nov  6 08:49:37 1994`.
    pub fn parse_http(text: &str) -> Option<Self> {
        let mut text = Text(text);
        let weekday = text.one_of(&WEEKDAYS.map(|name| &name[..3]))?;
        let date = if text.after(", ").is_some() {
            let day = text.number(2)?;
            let month = text.after(" ")?.month()?;
            let year = text.after(" ")?.number(4)?;
            let time = text.after(" ")?.time()?;
            text.after(" GMT")?;
            Self::new(year, month, day, time)
        } else if text.after(" ").is_some() {
            let month = text.month()?;
            let digits = if text.after("  ").is_some() { 1 } else { 2 };
            if digits == 2 {
                text.after(" ")?;
            }
            let day = text.number(digits)?;
            let time = text.after(" ")?.time()?;
            Self::new(text.after(" ")?.number(4)?, month, day, time)
        } else {
            let day = text
                .after(&WEEKDAYS[weekday][3..])?
                .after(", ")?
                .number(2)?;
            let month = text.after("-")?.month()?;
            let year = match text.after("-")?.number(2)? {
                year @ 70.. => 1900 + year,
                year => 2000 + year,
            };
            let time = text.after(" ")?.time()?;
            text.after(" GMT")?;
            Self::new(year, month, day, time)
        };
        text.end()?;
        date.filter(|date| date.weekday() == weekday)
    }
}

/// The part of a text that is not parsed yet.
struct Text<'a>(&'a str);

impl Text<'_> {
    /// Skips `prefix`.
    fn after(&mut self, prefix: &str) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(prefix)?;
        Some(self)
    }

    /// A number of so many digits.
    fn number(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let number = crate::cli::digits(digits)?;
        self.0 = rest;
        Some(number)
    }

    /// The index of the name that the text begins with.
    fn one_of(&mut self, names: &[&str]) -> Option<usize> {
        names.iter().position(|name| self.after(name).is_some())
    }

    fn month(&mut self) -> Option<usize> {
        Some(self.one_of(&MONTHS)? + 1)
    }

    fn time(&mut self) -> Option<[i64; 3]> {
        let hour = self.number(2)?;
        let minute = self.after(":")?.number(2)?;
        Some([hour, minute, self.after(":")?.number(2)?])
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Prints as `1994-11-06T08:49:37Z`.
pub struct Rfc3339(pub Date);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.calendar();
        let (hour, minute, second) = self.0.time();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        match self.0.nanoseconds {
            0 => {}
            ns if ns % 1_000_000 == 0 => write!(f, ".{:03}", ns / 1_000_000)?,
            ns if ns % 1000 == 0 => write!(f, ".{:06}", ns / 1000)?,
            ns => write!(f, ".{ns:09}")?,
        }
        f.write_str("Z")
    }
}

/// Prints as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub struct HttpDate(pub Date);

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.calendar();
        let (hour, minute, second) = self.0.time();
        let (weekday, month) = (&WEEKDAYS[self.0.weekday()][..3], MONTHS[month - 1]);
        write!(
            f,
            "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
        )
    }
}

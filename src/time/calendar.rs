//! Dates and times of UTC: the calendar, RFC 3339 and the dates of HTTP.

use core::fmt;
use core::time::Duration;

use super::{Clock, nanoseconds_by_call};
use crate::text::{Print, Writer};

/// A day of the week.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Weekday {
    /// The first day of the week (ISO 8601).
    Monday,
    /// The second day.
    Tuesday,
    /// The third day.
    Wednesday,
    /// The fourth day.
    Thursday,
    /// The fifth day.
    Friday,
    /// The sixth day.
    Saturday,
    /// The last day.
    Sunday,
}

/// A date and a time of day of UTC, in the years 0000 to 9999 of the proleptic Gregorian calendar, to the nanosecond.
///
/// There are no leap seconds: each day has 86,400 seconds, as the kernel's clock and POSIX count. A leap second in a
/// parsed text, `:60`, becomes `:59`.
///
/// The comparison is chronological.
///
/// ```
/// use ring3::time::{Rfc3339, UtcDateTime, Weekday};
///
/// let date = UtcDateTime::from_unix_timestamp(784_111_777).unwrap();
/// assert_eq!((date.year(), date.month(), date.day()), (1994, 11, 6));
/// assert_eq!(date.weekday(), Weekday::Sunday);
/// assert_eq!(Rfc3339(date).to_string(), "1994-11-06T08:49:37Z");
/// assert_eq!(UtcDateTime::parse_http(b"Sun, 06 Nov 1994 08:49:37 GMT"), Some(date));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UtcDateTime {
    // The order of the fields is the order of the comparison.
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanosecond: u32,
}

/// The seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// The days of 400 years, after which the calendar repeats.
const CYCLE: u32 = 400 * 365 + 97;

/// The days from 0000-03-01 of the cycle before year 0 to 1970-01-01. With this start no day of the range has a
/// negative number, and the leap day is the last day of its year.
const EPOCH: u32 = 719_468 + CYCLE;

impl UtcDateTime {
    /// The first moment: 0000-01-01 00:00:00.
    pub const MIN: Self = Self {
        year: 0,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
    };

    /// The last moment: the last nanosecond of 9999-12-31.
    pub const MAX: Self = Self {
        year: 9999,
        month: 12,
        day: 31,
        hour: 23,
        minute: 59,
        second: 59,
        nanosecond: 999_999_999,
    };

    /// 1970-01-01 00:00:00, from which the kernel counts.
    pub const UNIX_EPOCH: Self = Self {
        year: 1970,
        ..Self::MIN
    };

    /// A date and a time of day. `month` and `day` begin at 1. `None` if the calendar has no such day, if the day has
    /// no such time, or if the year is above 9999.
    #[must_use]
    pub const fn new(
        year: u16,
        month: u8,
        day: u8,
        hour: u8,
        minute: u8,
        second: u8,
    ) -> Option<Self> {
        let is_date = year <= 9999 && day >= 1 && day <= days_in_month(year, month);
        if !is_date || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            nanosecond: 0,
        })
    }

    /// The current time of the kernel's clock, read by a system call.
    #[doc(alias = "clock_gettime")]
    #[must_use]
    pub fn now() -> Self {
        let time = Duration::from_nanos(nanoseconds_by_call(Clock::Realtime));
        Self::from_duration(time).unwrap_or(Self::MAX) // a u64 of nanoseconds ends in 2554
    }

    /// The moment that is `seconds` after 1970-01-01 00:00:00, or before if negative. `None` outside of the years 0000
    /// to 9999: below -62,167,219,200 and above 253,402,300,799.
    #[doc(alias = "gmtime")]
    #[must_use]
    pub const fn from_unix_timestamp(seconds: i64) -> Option<Self> {
        if seconds < Self::MIN.unix_timestamp() || seconds > Self::MAX.unix_timestamp() {
            return None;
        }
        let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY) as u32);
        // "chrono-Compatible Low-Level Date Algorithms", Howard Hinnant. The years of the algorithm begin in March.
        let days = (days + EPOCH as i64) as u32;
        let (cycle, day) = (days / CYCLE, days % CYCLE);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (next, month) = if month < 10 {
            (0, month + 3)
        } else {
            (1, month - 9)
        };
        Some(Self {
            year: (400 * cycle + year + next - 400) as u16,
            month: month as u8,
            day: day as u8,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            nanosecond: 0,
        })
    }

    /// The moment that is `time` after 1970-01-01 00:00:00, as [`now`](super::now) returns it for
    /// [`Clock::Realtime`]. `None` after the year 9999.
    #[must_use]
    pub const fn from_duration(time: Duration) -> Option<Self> {
        let seconds = time.as_secs();
        if seconds > i64::MAX as u64 {
            return None;
        }
        match Self::from_unix_timestamp(seconds as i64) {
            Some(date) => date.with_nanosecond(time.subsec_nanos()),
            None => None,
        }
    }

    /// The seconds since 1970-01-01 00:00:00, negative before. The nanoseconds are left out.
    #[doc(alias = "timegm")]
    #[must_use]
    pub const fn unix_timestamp(self) -> i64 {
        let time = self.hour as i64 * 3600 + self.minute as i64 * 60 + self.second as i64;
        self.days() * DAY + time
    }

    /// The days since 1970-01-01.
    const fn days(self) -> i64 {
        let (month, day) = (self.month as u32, self.day as u32);
        let (before, month) = if month > 2 {
            (0, month - 3)
        } else {
            (1, month + 9)
        };
        let year = self.year as u32 + 400 - before;
        let (cycle, year) = (year / 400, year % 400);
        let day = (153 * month + 2) / 5 + day - 1;
        let days = cycle * CYCLE + year * 365 + year / 4 - year / 100 + day;
        days as i64 - EPOCH as i64
    }

    /// The same second with another fraction. `None` if `nanosecond` is above 999,999,999.
    #[must_use]
    pub const fn with_nanosecond(self, nanosecond: u32) -> Option<Self> {
        if nanosecond > 999_999_999 {
            return None;
        }
        Some(Self { nanosecond, ..self })
    }

    /// The year, 0 to 9999.
    #[inline]
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    #[inline]
    #[must_use]
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    #[inline]
    #[must_use]
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The hour, 0 to 23.
    #[inline]
    #[must_use]
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    #[inline]
    #[must_use]
    pub const fn minute(self) -> u8 {
        self.minute
    }

    /// The second, 0 to 59.
    #[inline]
    #[must_use]
    pub const fn second(self) -> u8 {
        self.second
    }

    /// The fraction of the second, 0 to 999,999,999.
    #[inline]
    #[must_use]
    pub const fn nanosecond(self) -> u32 {
        self.nanosecond
    }

    /// The day of the year, 1 to 366.
    #[must_use]
    pub const fn ordinal(self) -> u16 {
        let first = Self {
            month: 1,
            day: 1,
            ..self
        };
        (self.days() - first.days() + 1) as u16
    }

    /// The day of the week.
    #[must_use]
    pub const fn weekday(self) -> Weekday {
        // 1970-01-01 was a Thursday.
        match (self.days() + 3).rem_euclid(7) {
            0 => Weekday::Monday,
            1 => Weekday::Tuesday,
            2 => Weekday::Wednesday,
            3 => Weekday::Thursday,
            4 => Weekday::Friday,
            5 => Weekday::Saturday,
            _ => Weekday::Sunday,
        }
    }

    /// Parses a date of RFC 3339, `1994-11-06T08:49:37.25+01:00`, which must be the whole text. The result is UTC.
    ///
    /// `T` and `Z` may be small letters, and a space may stand for the `T`. Of the fraction nine digits count. `None`
    /// if the text is no such date, or if the moment is outside of the years 0000 to 9999 of UTC.
    #[must_use]
    pub fn parse_rfc3339(text: &[u8]) -> Option<Self> {
        let mut text = Text(text);
        let (year, month, day) = (text.number(4)?, text.after(b"-")?, text.after(b"-")?);
        text.any_of(b"Tt ")?;
        let time = text.time()?;
        let mut nanosecond = 0;
        if text.skip(b".") {
            let mut worth = 100_000_000;
            nanosecond = text.number(1)? * worth;
            while let Some(digit) = text.number(1) {
                worth /= 10;
                nanosecond += digit * worth;
            }
        }
        let offset = match text.any_of(b"Zz+-")? {
            sign @ (b'+' | b'-') => {
                let (hours, minutes) = (text.number(2)?, text.after(b":")?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let seconds = i64::from(hours * 3600 + minutes * 60);
                if sign == b'+' { seconds } else { -seconds }
            }
            _ => 0,
        };
        let local = text.end(Self::of(year, month, day, time))?;
        Self::from_unix_timestamp(local.unix_timestamp() - offset)?.with_nanosecond(nanosecond)
    }

    /// Parses a date of HTTP (RFC 9110, section 5.6.7), which must be the whole text: `Sun, 06 Nov 1994 08:49:37 GMT`,
    /// or one of the two obsolete forms that a recipient must also accept, `Sunday, 06-Nov-94 08:49:37 GMT` and
    /// `Sun Nov  6 08:49:37 1994`.
    ///
    /// A year of two digits is in 1970 to 2069. `None` if the text is no such date, or if the day of the week is not
    /// that of the date.
    #[must_use]
    pub fn parse_http(text: &[u8]) -> Option<Self> {
        let mut text = Text(text);
        let weekday = text.name(&WEEKDAYS)?;
        let rest = WEEKDAYS.get(weekday)?.get(SHORT..)?;
        let date = if text.skip(b", ") {
            let (day, _, month) = (text.number(2)?, text.expect(b" ")?, text.month()?);
            let (_, year, _) = (text.expect(b" ")?, text.number(4)?, text.expect(b" ")?);
            let time = text.time()?;
            text.expect(b" GMT")?;
            Self::of(year, month, day, time)
        } else if text.skip(b" ") {
            let (month, _) = (text.month()?, text.expect(b" ")?);
            let digits = if text.skip(b" ") { 1 } else { 2 };
            let day = text.number(digits)?;
            let (_, time, _) = (text.expect(b" ")?, text.time()?, text.expect(b" ")?);
            Self::of(text.number(4)?, month, day, time)
        } else {
            text.expect(rest)?;
            text.expect(b", ")?;
            let (day, _, month) = (text.number(2)?, text.expect(b"-")?, text.month()?);
            let (_, year, _) = (text.expect(b"-")?, text.number(2)?, text.expect(b" ")?);
            let year = if year < 70 { 2000 + year } else { 1900 + year };
            let time = text.time()?;
            text.expect(b" GMT")?;
            Self::of(year, month, day, time)
        };
        let date = text.end(date)?;
        (date.weekday() as usize == weekday).then_some(date)
    }

    /// A date of parsed numbers. The leap second becomes the second before.
    fn of(year: u32, month: u32, day: u32, [hour, minute, second]: [u32; 3]) -> Option<Self> {
        let second = if second == 60 { 59 } else { second };
        // No number has more than two digits, but the year, which has no more than four.
        Self::new(
            year as u16,
            month as u8,
            day as u8,
            hour as u8,
            minute as u8,
            second as u8,
        )
    }
}

/// The days of the month, 0 if there is no such month.
const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 0,
    }
}

/// The length of the short names of days and months.
const SHORT: usize = 3;

const WEEKDAYS: [&[u8]; 7] = [
    b"Monday",
    b"Tuesday",
    b"Wednesday",
    b"Thursday",
    b"Friday",
    b"Saturday",
    b"Sunday",
];

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// The text that is not parsed yet.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    /// Skips `what` if the text begins with `what`. Returns whether `what` was skipped.
    fn skip(&mut self, what: &[u8]) -> bool {
        match self.0.strip_prefix(what) {
            Some(rest) => self.0 = rest,
            None => return false,
        }
        true
    }

    /// Skips `what`; `None` if the text does not begin with `what`.
    fn expect(&mut self, what: &[u8]) -> Option<()> {
        self.skip(what).then_some(())
    }

    /// Takes a byte that is one of `bytes`.
    fn any_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        let found = bytes.contains(first).then_some(*first)?;
        self.0 = rest;
        Some(found)
    }

    /// Takes a number of exactly `digits` digits, at most 9.
    fn number(&mut self, digits: usize) -> Option<u32> {
        let (text, rest) = self.0.split_at_checked(digits)?;
        let mut number = 0;
        for digit in text {
            if !digit.is_ascii_digit() {
                return None;
            }
            number = number * 10 + u32::from(digit - b'0');
        }
        self.0 = rest;
        Some(number)
    }

    /// Takes a number of two digits behind `separator`.
    fn after(&mut self, separator: &[u8]) -> Option<u32> {
        self.expect(separator)?;
        self.number(2)
    }

    /// Takes `HH:MM:SS`.
    fn time(&mut self) -> Option<[u32; 3]> {
        Some([self.number(2)?, self.after(b":")?, self.after(b":")?])
    }

    /// Takes the first letters of one of `names`, and returns its index.
    fn name(&mut self, names: &[&[u8]]) -> Option<usize> {
        let (text, rest) = self.0.split_at_checked(SHORT)?;
        let is_name = |name: &&[u8]| name.get(..SHORT) == Some(text);
        let index = names.iter().position(is_name)?;
        self.0 = rest;
        Some(index)
    }

    /// Takes the name of a month, and returns its number.
    fn month(&mut self) -> Option<u32> {
        self.name(&MONTHS).map(|index| index as u32 + 1)
    }

    /// `result` if the text is parsed to its end.
    fn end<T>(&self, result: Option<T>) -> Option<T> {
        result.filter(|_| self.0.is_empty())
    }
}

/// A date that prints as in RFC 3339: `1994-11-06T08:49:37Z`. A fraction that is not zero has 3, 6 or 9 digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rfc3339(pub UtcDateTime);

/// A date that prints as in HTTP (RFC 9110, `IMF-fixdate`): `Sun, 06 Nov 1994 08:49:37 GMT`. The fraction of the second
/// is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HttpDate(pub UtcDateTime);

impl Rfc3339 {
    /// Passes the text to `put`, piece by piece.
    fn each(self, put: &mut impl FnMut(&[u8])) {
        let date = self.0;
        digits(date.year.into(), 4, put);
        put(b"-");
        digits(date.month.into(), 2, put);
        put(b"-");
        digits(date.day.into(), 2, put);
        put(b"T");
        time(date, put);
        match date.nanosecond {
            0 => {}
            nanosecond => {
                put(b".");
                if nanosecond % 1_000_000 == 0 {
                    digits(nanosecond / 1_000_000, 3, put);
                } else if nanosecond % 1000 == 0 {
                    digits(nanosecond / 1000, 6, put);
                } else {
                    digits(nanosecond, 9, put);
                }
            }
        }
        put(b"Z");
    }
}

impl HttpDate {
    /// Passes the text to `put`, piece by piece.
    fn each(self, put: &mut impl FnMut(&[u8])) {
        let date = self.0;
        let weekday = WEEKDAYS.get(date.weekday() as usize).copied();
        put(weekday.unwrap_or_default().get(..SHORT).unwrap_or_default());
        put(b", ");
        digits(date.day.into(), 2, put);
        put(b" ");
        let month = MONTHS.get(usize::from(date.month).wrapping_sub(1)).copied();
        put(month.unwrap_or_default());
        put(b" ");
        digits(date.year.into(), 4, put);
        put(b" ");
        time(date, put);
        put(b" GMT");
    }
}

fn time(date: UtcDateTime, put: &mut impl FnMut(&[u8])) {
    digits(date.hour.into(), 2, put);
    put(b":");
    digits(date.minute.into(), 2, put);
    put(b":");
    digits(date.second.into(), 2, put);
}

/// Passes the last `count` decimal digits of `number` to `put`.
fn digits(mut number: u32, count: usize, put: &mut impl FnMut(&[u8])) {
    let mut text = [0; 9];
    if let Some(text) = text.get_mut(..count) {
        for place in text.iter_mut().rev() {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
        }
        put(text);
    }
}

macro_rules! printed {
    ($($type:ident)*) => { $(
        impl Print for $type {
            fn print(&self, out: &mut Writer<'_>) {
                self.each(&mut |bytes: &[u8]| out.put(bytes));
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut result = Ok(());
                self.each(&mut |bytes: &[u8]| {
                    for &byte in bytes {
                        if result.is_ok() {
                            result = fmt::Write::write_char(f, byte.into());
                        }
                    }
                });
                result
            }
        }
    )* };
}

printed! { Rfc3339 HttpDate }

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::text::printed;
    use std::format;
    use std::string::{String, ToString};

    fn at(seconds: i64) -> UtcDateTime {
        UtcDateTime::from_unix_timestamp(seconds).unwrap()
    }

    /// Counts the days from the first of `years` to the last one by one, by the rules of the calendar alone.
    fn count_days(years: core::ops::RangeInclusive<u16>, mut weekday: Weekday) {
        let of = |year, month, day| UtcDateTime::new(year, month, day, 0, 0, 0);
        let mut number = of(*years.start(), 1, 1).unwrap().unix_timestamp() / DAY;
        for year in years {
            let leap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
            let february = if leap { 29 } else { 28 };
            let mut ordinal = 1;
            for (month, days) in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
                .into_iter()
                .enumerate()
            {
                let month = month as u8 + 1;
                for day in 1..=days {
                    let date = at(number * DAY);
                    assert_eq!((date.year, date.month, date.day), (year, month, day));
                    assert_eq!(Some(date), of(year, month, day));
                    assert_eq!(date.unix_timestamp(), number * DAY);
                    assert_eq!((date.ordinal(), date.weekday()), (ordinal, weekday));
                    (number, ordinal) = (number + 1, ordinal + 1);
                    weekday = match weekday {
                        Weekday::Monday => Weekday::Tuesday,
                        Weekday::Tuesday => Weekday::Wednesday,
                        Weekday::Wednesday => Weekday::Thursday,
                        Weekday::Thursday => Weekday::Friday,
                        Weekday::Friday => Weekday::Saturday,
                        Weekday::Saturday => Weekday::Sunday,
                        Weekday::Sunday => Weekday::Monday,
                    };
                }
                assert_eq!(
                    (of(year, month, 0), of(year, month, days + 1)),
                    (None, None)
                );
            }
        }
    }

    #[test]
    fn each_day_is_the_day_after_the_day_before() {
        assert_eq!(UtcDateTime::MIN.weekday(), Weekday::Saturday);
        // The calendar repeats after 400 years.
        count_days(if crate::SLOW { 0..=1 } else { 0..=401 }, Weekday::Saturday);
        count_days(
            if crate::SLOW {
                2000..=2001
            } else {
                1970..=2400
            },
            if crate::SLOW {
                Weekday::Saturday
            } else {
                Weekday::Thursday
            },
        );
        count_days(9999..=9999, Weekday::Friday);
    }

    #[test]
    fn every_second_of_a_day_is_counted() {
        for day in [-719_528, -1, 0, 2_932_896] {
            for second in (0..DAY).step_by(if crate::SLOW { 997 } else { 7 }) {
                let date = at(day * DAY + second);
                let time = [date.hour, date.minute, date.second].map(i64::from);
                assert_eq!(time[0] * 3600 + time[1] * 60 + time[2], second);
                assert!(time[1] < 60 && time[2] < 60);
                assert_eq!(date.unix_timestamp(), day * DAY + second);
            }
        }
    }

    #[test]
    fn the_range_ends_with_the_years_of_four_digits() {
        let of = UtcDateTime::from_unix_timestamp;
        assert_eq!(UtcDateTime::MIN.unix_timestamp(), -62_167_219_200);
        assert_eq!(UtcDateTime::MAX.unix_timestamp(), 253_402_300_799);
        assert_eq!(of(-62_167_219_200), Some(UtcDateTime::MIN));
        assert_eq!(
            of(253_402_300_799).and_then(|date| date.with_nanosecond(999_999_999)),
            Some(UtcDateTime::MAX)
        );
        for outside in [-62_167_219_201, 253_402_300_800, i64::MIN, i64::MAX] {
            assert_eq!(of(outside), None);
        }
        assert_eq!(of(0), Some(UtcDateTime::UNIX_EPOCH));
        assert_eq!(UtcDateTime::from_duration(Duration::MAX), None);
        let almost = Duration::new(1, 999_999_999);
        let date = UtcDateTime::from_duration(almost).unwrap();
        assert_eq!((date.second, date.nanosecond), (1, 999_999_999));
        assert_eq!(date.with_nanosecond(1_000_000_000), None);
        for (month, day, hour, minute, second) in [
            (0, 1, 0, 0, 0),
            (13, 1, 0, 0, 0),
            (1, 0, 0, 0, 0),
            (2, 29, 0, 0, 0),
            (1, 1, 24, 0, 0),
            (1, 1, 0, 60, 0),
            (1, 1, 0, 0, 60),
            (u8::MAX, u8::MAX, u8::MAX, u8::MAX, u8::MAX),
        ] {
            let date = UtcDateTime::new(1999, month, day, hour, minute, second);
            assert_eq!(date, None);
        }
        assert_eq!(UtcDateTime::new(10_000, 1, 1, 0, 0, 0), None);
    }

    #[test]
    fn a_printed_date_is_parsed_again() {
        let mut seconds = UtcDateTime::MIN.unix_timestamp();
        while let Some(date) = UtcDateTime::from_unix_timestamp(seconds) {
            let text = printed(HttpDate(date));
            assert_eq!((text.len(), text.clone()), (29, HttpDate(date).to_string()));
            assert_eq!(
                UtcDateTime::parse_http(text.as_bytes()),
                Some(date),
                "{text}"
            );
            for nanosecond in [0, 1, 120_000_000, 120_000, 999_999_999] {
                let date = date.with_nanosecond(nanosecond).unwrap();
                let text = printed(Rfc3339(date));
                assert_eq!(text, Rfc3339(date).to_string());
                assert_eq!(
                    UtcDateTime::parse_rfc3339(text.as_bytes()),
                    Some(date),
                    "{text}"
                );
            }
            seconds += 12_345_678 * if crate::SLOW { 400 } else { 1 };
        }
    }

    #[test]
    fn dates_have_the_forms_of_the_standards() {
        // The examples of RFC 3339, section 5.8.
        let parse = |text: &str| {
            let date = UtcDateTime::parse_rfc3339(text.as_bytes());
            date.map_or("none".into(), |date| Rfc3339(date).to_string())
        };
        for (text, utc) in [
            ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520Z"),
            ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57Z"),
            ("1990-12-31T23:59:60Z", "1990-12-31T23:59:59Z"),
            ("1990-12-31T15:59:60-08:00", "1990-12-31T23:59:59Z"),
            ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870Z"),
            ("1985-04-12t23:20:50z", "1985-04-12T23:20:50Z"),
            ("1985-04-12 23:20:50-00:00", "1985-04-12T23:20:50Z"),
            (
                "1985-04-12T23:20:50.1234567899999999999999999Z",
                "1985-04-12T23:20:50.123456789Z",
            ),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("0000-01-01T00:00:00+00:01", "none"),
            ("9999-12-31T23:59:59-00:01", "none"),
            ("2001-02-29T00:00:00Z", "none"),
            ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"),
            ("1985-04-12T23:20:50", "none"),
            ("1985-04-12T23:20:50.Z", "none"),
            ("1985-04-12T23:20Z", "none"),
            ("1985-04-12T24:00:00Z", "none"),
            ("1985-04-12T23:20:61Z", "none"),
            ("1985-04-12T23:20:50+24:00", "none"),
            ("1985-04-12T23:20:50+00:60", "none"),
            ("1985-04-12T23:20:50+0000", "none"),
            ("1985-04-12T23:20:50Z ", "none"),
            (" 1985-04-12T23:20:50Z", "none"),
            ("+1985-04-12T23:20:50Z", "none"),
            ("1985-4-12T23:20:50Z", "none"),
            ("1985-04-12", "none"),
            ("", "none"),
        ] {
            assert_eq!(parse(text), utc, "{text}");
        }
    }

    #[test]
    fn the_three_forms_of_http_are_parsed() {
        let date = UtcDateTime::new(1994, 11, 6, 8, 49, 37);
        let parse = |text: &str| UtcDateTime::parse_http(text.as_bytes());
        // The examples of RFC 9110, section 5.6.7.
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text), date, "{text}");
            // Any text that is shorter or has one byte changed to a letter that never occurs is none.
            for end in 0..text.len() {
                assert_eq!(parse(&text[..end]), None);
                let changed: String = format!("{}x{}", &text[..end], &text[end + 1..]);
                assert_eq!(parse(&changed), None, "{changed}");
            }
            assert_eq!(parse(&format!("{text} ")), None);
        }
        assert_eq!(parse("Mon, 06 Nov 1994 08:49:37 GMT"), None); // a Sunday
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 UTC"), None);
        assert_eq!(parse("sun, 06 Nov 1994 08:49:37 GMT"), None);
        let leap = parse("Sat, 31 Dec 2016 23:59:60 GMT");
        assert_eq!(leap, UtcDateTime::new(2016, 12, 31, 23, 59, 59));
        for (text, year) in [
            ("Thursday, 01-Jan-70 00:00:00 GMT", 1970),
            ("Tuesday, 01-Jan-69 00:00:00 GMT", 2069),
            ("Sat Jan  1 00:00:00 2000", 2000),
        ] {
            assert_eq!(parse(text), UtcDateTime::new(year, 1, 1, 0, 0, 0), "{text}");
        }
        let day = parse("Wed Nov 16 08:49:37 1994");
        assert_eq!(day, UtcDateTime::new(1994, 11, 16, 8, 49, 37));
    }

    #[test]
    fn now_is_the_time_of_std() {
        use std::time::{SystemTime, UNIX_EPOCH};
        let std_now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let of = |time| UtcDateTime::from_duration(time).unwrap();
        let (before, now, after) = (std_now(), UtcDateTime::now(), std_now());
        assert!(of(before) <= now && now <= of(after));
    }
}

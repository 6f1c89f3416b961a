//! Tests of clocks and of the calendar: clocks have the right values, and are read without system calls if there is a
//! vDSO; dates are those of the crate jiff.

use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;
use libtest_mimic::{Completion, Trial};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use ring3::time::{HttpDate, Rfc3339, UtcDateTime};
use rustix::time::{ClockId, clock_gettime};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, once, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        clocks_agree_with_the_c_librarys,
        a_time_is_a_system_call_only_without_a_vdso,
    ]
    .chain([
        once("time::the_calendar_is_jiff_s", the_calendar_is_jiff_s),
        once(
            "time::dates_are_parsed_as_by_jiff",
            dates_are_parsed_as_by_jiff,
        ),
    ])
    .collect()
}

fn clock(id: ClockId) -> Duration {
    clock_gettime(id).try_into().expect("a time after 1970")
}

fn parsed(line: &str) -> Duration {
    let (seconds, nanoseconds) = line.split_once('.').expect("SECONDS.NANOSECONDS");
    assert_eq!(nanoseconds.len(), 9);
    Duration::new(seconds.parse().unwrap(), nanoseconds.parse().unwrap())
}

fn clocks_agree_with_the_c_librarys(arch: Arch) {
    let clocks = [ClockId::Realtime, ClockId::Monotonic];
    let before = clocks.map(clock);
    let ran = run(arch.probe("time").arg("1"));
    let after = clocks.map(clock);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let times: Vec<_> = ran.stdout.lines().map(parsed).collect();
    assert_eq!(times.len(), 2);
    for ((before, time), after) in before.iter().zip(times).zip(after) {
        assert!(
            *before <= time && time <= after,
            "{before:?} {time:?} {after:?}"
        );
    }
}

/// Clock sources that the vDSO can read. For others the vDSO makes the system call itself (the kernel's `enum
/// vdso_clock_mode`).
const READ_WITHOUT_THE_KERNEL: [&str; 4] = [
    "tsc",
    "kvm-clock",
    "hyperv_clocksource_tsc_page",
    "arch_sys_counter",
];

/// Reads a clock 1001 times. With a vDSO there must be no system call. Without a vDSO, as under qemu-user, each read
/// must be a system call.
fn a_time_is_a_system_call_only_without_a_vdso(arch: Arch) -> Completion {
    let probe = arch.probe("time");
    let (mut traced, expected) = if arch.is_native() {
        let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let source = std::fs::read_to_string(source).unwrap_or_default();
        if !READ_WITHOUT_THE_KERNEL.contains(&source.trim()) {
            return Completion::ignored_with(skip::clock(&source));
        }
        let mut strace = Command::new("strace");
        strace.arg(probe.get_program());
        (strace, 0)
    } else {
        let mut qemu = Command::new(probe.get_program());
        qemu.arg("-strace").args(probe.get_args());
        (qemu, 1001)
    };
    let ran = run(traced.arg("1000"));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let calls = |name| {
        ran.stderr
            .lines()
            .filter(|line| line.contains(name))
            .count()
    };
    assert_eq!(calls("write("), 1, "{}", ran.stderr);
    assert_eq!(calls("clock_gettime"), expected);
    Completion::Completed
}

/// Days of all years, and random moments: each field and both texts.
fn the_calendar_is_jiff_s() {
    let range = UtcDateTime::MIN.unix_timestamp()..=UtcDateTime::MAX.unix_timestamp();
    // jiff's last timestamp is a day before the last of the range.
    let most = Timestamp::MAX.as_second().min(*range.end());
    let days = (*range.start()..=most).step_by(5 * 86_400);
    let mut random = SmallRng::seed_from_u64(1);
    let moments = (0..100_000).map(|_| random.random_range(*range.start()..=most));
    for seconds in days.chain(moments).chain([0, -1, *range.start(), most]) {
        let date = UtcDateTime::from_unix_timestamp(seconds).unwrap();
        let timestamp = Timestamp::from_second(seconds).unwrap();
        let theirs = TimeZone::UTC.to_datetime(timestamp);
        let ours = (date.year(), date.month(), date.day(), date.ordinal());
        let ours = [ours.0, ours.1.into(), ours.2.into(), ours.3].map(i32::from);
        let (month, day) = (theirs.month().into(), theirs.day().into());
        let ordinal = theirs.day_of_year().into();
        assert_eq!(ours, [theirs.year().into(), month, day, ordinal]);
        let weekday = theirs.weekday().to_monday_zero_offset();
        assert_eq!(date.weekday() as i8, weekday, "{seconds}");
        assert_eq!(date.unix_timestamp(), seconds);
        assert_eq!(Rfc3339(date).to_string(), timestamp.to_string());
        let http = DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&timestamp)
            .unwrap();
        assert_eq!(HttpDate(date).to_string(), http);
    }
}

/// Texts of RFC 3339, most of them damaged by up to three changes. Each that is parsed here jiff parses too, as the
/// same moment. Each without a change is parsed here if jiff parses it. (jiff also parses other forms of ISO 8601.)
fn dates_are_parsed_as_by_jiff() {
    const LETTERS: &[u8] = b"0123456789TZtz:-+. ";
    let mut random = SmallRng::seed_from_u64(2);
    let (mut whole, mut parsed) = (0, 0);
    for _ in 0..200_000 {
        let mut of = |range| random.random_range::<u32, _>(range);
        let (date, time) = (
            (of(1..9999), of(1..13), of(1..32)),
            (of(0..25), of(0..61), of(0..62)),
        );
        let fraction = [String::new(), format!(".{}", of(0..1_000_000_000))];
        let zone = [
            "Z".to_owned(),
            format!("+{:02}:{:02}", of(0..24), of(0..61)),
            format!("-{:02}:00", of(0..24)),
        ];
        let text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}",
            date.0,
            date.1,
            date.2,
            time.0,
            time.1,
            time.2,
            fraction[of(0..2) as usize],
            zone[of(0..3) as usize],
        );
        let mut text = text.into_bytes();
        let damages = of(0..4);
        for _ in 0..damages {
            let at = of(0..text.len() as u32) as usize;
            text[at] = LETTERS[of(0..LETTERS.len() as u32) as usize];
        }
        let ours = UtcDateTime::parse_rfc3339(&text);
        let text = String::from_utf8(text).unwrap();
        let theirs = text.parse::<Timestamp>();
        if let Some(date) = ours {
            parsed += 1;
            let theirs = theirs
                .as_ref()
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            let nanosecond = i32::try_from(date.nanosecond()).unwrap();
            assert_eq!(
                Timestamp::new(date.unix_timestamp(), nanosecond)
                    .as_ref()
                    .ok(),
                Some(theirs),
                "{text}"
            );
        }
        if damages == 0 {
            assert_eq!(ours.is_some(), theirs.is_ok(), "{text}");
            whole += usize::from(ours.is_some());
        }
    }
    assert!(whole > 20_000 && parsed > whole, "{whole} {parsed}");
}

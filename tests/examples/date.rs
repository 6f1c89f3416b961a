//! Tests of the example `date`: it prints what `date -u` prints, and reads what it prints.

use std::process::Command;

use libtest_mimic::Trial;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::example;
use crate::per_arch;
use crate::support::{Arch, Ran, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        prints_what_date_prints,
        prints_the_current_time,
        reads_what_it_prints,
        refuses_what_is_no_date,
    ]
    .collect()
}

const RFC3339: &str = "+%Y-%m-%dT%H:%M:%SZ";
const HTTP: &str = "+%a, %d %b %Y %H:%M:%S GMT";

/// What `date -u` prints.
fn theirs(date: &str, format: &str) -> Ran {
    let mut command = Command::new("date");
    command.env("LC_ALL", "C");
    run(command.args(["-u", "-d", date, format]))
}

fn ours(arch: Arch, words: &[&str]) -> Ran {
    run(example(arch, "date").args(words))
}

fn prints_what_date_prints(arch: Arch) {
    let mut random = SmallRng::seed_from_u64(1);
    let random =
        std::iter::repeat_with(|| random.random_range(-62_135_596_800_i64..=253_402_300_799));
    let known = [0, -1, 86_399, 951_782_400, 4_107_542_400, 253_402_300_799];
    for seconds in known.into_iter().chain(random.take(20)) {
        let date: String = format!("@{seconds}");
        assert_eq!(ours(arch, &["-d", &date]), theirs(&date, RFC3339));
        assert_eq!(ours(arch, &["--http", "-d", &date]), theirs(&date, HTTP));
    }
    for date in ["2026-11-29T15:04:05+01:00", "1994-11-06 08:49:37z"] {
        assert_eq!(ours(arch, &["-d", date]), theirs(date, RFC3339));
    }
}

fn prints_the_current_time(arch: Arch) {
    let before = theirs("now", "+%Y-%m-%dT%H:%M:%S.%NZ").stdout;
    let ran = ours(arch, &[]);
    let after = theirs("now", "+%Y-%m-%dT%H:%M:%S.%NZ").stdout;
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let seconds = |text: &str| text.trim_end().trim_end_matches('Z').to_owned();
    let [before, now, after] = [before, ran.stdout, after].map(|text| seconds(&text));
    assert!(before <= now && now <= after, "{before} {now} {after}");
}

fn reads_what_it_prints(arch: Arch) {
    for seconds in ["@0", "@784111777", "@-62167219200"] {
        let rfc3339 = ours(arch, &["-d", seconds]).stdout;
        let http = ours(arch, &["-d", seconds, "--http"]).stdout;
        for text in [&rfc3339, &http] {
            assert_eq!(ours(arch, &["-d", text.trim_end()]).stdout, rfc3339);
        }
    }
}

fn refuses_what_is_no_date(arch: Arch) {
    for date in ["", "@", "@1x", "@253402300800", "2026-02-29T00:00:00Z"] {
        let message =
            format!("-d: {date}: expected a date such as @784111777 or 1994-11-06T08:49:37Z");
        assert_eq!(ours(arch, &["-d", date]), Ran::misused("date", &message));
    }
    let message = "unexpected now";
    assert_eq!(ours(arch, &["now"]), Ran::misused("date", message));
}

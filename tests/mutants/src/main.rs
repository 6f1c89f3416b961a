//! A mutation tester: applies small changes to a copy of the sources, one at a time, and reports which test notices
//! each change.
//!
//! - `mutants run LIST RUNNER` (by `scripts/mutants.sh`): for each change it builds the copy and runs the tests of the
//!   changed module. It prints which test notices the change, then the counts of each directory and file.
//! - `mutants check` (by `scripts/lint.sh`): checks that every hand-written change still applies, that every record
//!   of an equivalent change is well-formed, and that cargo can load the copy.
//!
//! LIST is the JSON of `cargo mutants --list`. RUNNER is the test program of `tests/`, built from the unchanged
//! sources. Environment variables: `N` (how many changes; all, if not set), `SEED` (selects the changes), `FILES`
//! (prefixes of paths, separated by spaces), `SKIP` (tests to leave out: texts in their names, separated by commas),
//! and the variables that the tests need.

mod changes;
mod copy;
mod mutant;
mod report;
mod rooms;
mod suite;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use copy::Copy;
use mutant::Mutant;
use report::{Report, Verdict};
use rooms::Suite;
use suite::Ran;

/// The folder of the copy and of the survivors' diffs, relative to the repository.
const PLACE: &str = "target/mutants";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["check"] => check(),
        ["run", list, runner] => run(Path::new(list), Path::new(runner)),
        _ => Err("usage: mutants check | mutants run LIST RUNNER".to_owned()),
    };
    if let Err(why) = done {
        eprintln!("mutants: {why}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn check() -> Result<(), String> {
    changes::read()?;
    changes::equivalent()?;
    Copy::new(Path::new(PLACE), Path::new(""))?.check()
}

fn run(list: &Path, runner: &Path) -> Result<(), String> {
    suite::adopt_orphans();
    let chosen = choose(list)?;
    let place = PathBuf::from(PLACE);
    let mut copy = Copy::new(&place, runner)?;

    let times = unchanged(&mut copy, &chosen)?;
    let mut report = Report::new(&place)?;
    for mutant in &chosen {
        let text =
            fs::read_to_string(&mutant.file).map_err(|why| format!("{}: {why}", mutant.file))?;
        copy.write(&mutant.file, &mutant.apply(&text));
        let verdict = judge(&copy, mutant, &times);
        copy.write(&mutant.file, &text);
        report.add(mutant, &text, verdict);
    }
    report.print();
    Ok(())
}

/// Selects the changes to try: a uniform sample of the changes of cargo-mutants and the hand-written changes together,
/// without the equivalent ones.
fn choose(list: &Path) -> Result<Vec<Mutant>, String> {
    let mut all = mutant::of_cargo_mutants(list)?;
    all.extend(changes::read()?);
    mutant::number(&mut all);
    let equivalent = changes::equivalent()?;
    if let Some(stale) = equivalent
        .iter()
        .find(|id| !all.iter().any(|mutant| &mutant.id() == *id))
    {
        return Err(format!(
            "recorded as equivalent, and there is no such change: {stale}"
        ));
    }
    let files = std::env::var("FILES").unwrap_or_default();
    let prefixes: Vec<&str> = files.split_whitespace().collect();
    all.retain(|mutant| !equivalent.contains(&mutant.id()));
    all.retain(|mutant| {
        prefixes.is_empty()
            || prefixes
                .iter()
                .any(|prefix| mutant.file.starts_with(prefix))
    });
    let total = all.len();
    let number = |name| match std::env::var(name) {
        Ok(value) if !value.is_empty() => value
            .parse()
            .map(Some)
            .map_err(|_| format!("{name} is no number: {value}")),
        _ => Ok(None),
    };
    if let Some(count) = number("N")? {
        let mut random = StdRng::seed_from_u64(number("SEED")?.unwrap_or(0) as u64);
        // In random order, so that the first changes of an interrupted run are a sample too.
        all.shuffle(&mut random);
        all.truncate(count);
    }
    if all.is_empty() {
        return Err(format!("no change is in {files}"));
    }
    println!(
        "{} of {total} changes; {} more are recorded as equivalent",
        all.len(),
        equivalent.len()
    );
    Ok(all)
}

/// Measures how long each suite of these changes takes on the unchanged sources. Leaves out tests that fail there.
///
/// # Errors
/// A test hangs, or a program does not build.
fn unchanged(copy: &mut Copy, chosen: &[Mutant]) -> Result<BTreeMap<Suite, Duration>, String> {
    const LIMIT: Duration = Duration::from_secs(1800);
    copy.build_programs(None)
        .map_err(|_| "the programs do not build unchanged")?;
    let mut times = BTreeMap::new();
    let suites = chosen.iter().flat_map(|mutant| rooms::suites(&mutant.file));
    for suite in suites.collect::<BTreeSet<_>>() {
        let took = loop {
            match copy.run(suite, None, LIMIT) {
                Ok((Ran::Passed, took)) => break took,
                Ok((Ran::Failed(test), _)) => {
                    println!("unchanged: {test} fails, and is left out");
                    copy.leave_out(test);
                }
                Ok((Ran::Died(how), _)) => {
                    return Err(format!("unchanged, {suite} ends with {how}"));
                }
                Ok((Ran::TimedOut, _)) => return Err(format!("unchanged, {suite} does not end")),
                Err(_) => return Err(format!("unchanged, {suite} does not build")),
            }
        };
        println!("unchanged: {suite} passes in {:.1} s", took.as_secs_f32());
        times.insert(suite, took);
    }
    Ok(times)
}

/// Runs the suites of the mutant's module, fastest first, up to the first failure.
fn judge(copy: &Copy, mutant: &Mutant, times: &BTreeMap<Suite, Duration>) -> Verdict {
    let mut suites = rooms::suites(&mutant.file);
    suites.sort_by_key(|suite| times[suite]);
    let mut programs_built = false;
    for suite in suites {
        if suite.is_of_programs() && !programs_built {
            if copy.build_programs(Some(&mutant.file)).is_err() {
                return Verdict::DoesNotBuild;
            }
            programs_built = true;
        }
        match copy.run(
            suite,
            Some(&mutant.file),
            (times[&suite] * 10).max(Duration::from_secs(60)),
        ) {
            Ok((Ran::Passed, _)) => (),
            Ok((Ran::Failed(test), _)) => return Verdict::Killed(test),
            Ok((Ran::Died(how), _)) => return Verdict::Killed(format!("{suite}: {how}")),
            Ok((Ran::TimedOut, _)) => return Verdict::TimedOut(suite),
            Err(_) => return Verdict::DoesNotBuild,
        }
    }
    Verdict::Survived
}

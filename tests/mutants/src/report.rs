//! The report: a line for each change, and a table at the end. The diffs of the survivors are written to a folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::mutant::Mutant;
use crate::rooms::Suite;

pub enum Verdict {
    /// The name of the test that failed.
    Killed(String),
    Survived,
    /// The suite that timed out.
    TimedOut(Suite),
    DoesNotBuild,
}

#[derive(Default)]
struct Counts {
    killed: u32,
    survived: u32,
    timed_out: u32,
    unviable: u32,
}

pub struct Report {
    survivors: PathBuf,
    count: u32,
    counts: BTreeMap<String, Counts>,
}

impl Report {
    pub fn new(place: &Path) -> Result<Self, String> {
        let survivors = place.join("survivors");
        let _ = fs::remove_dir_all(&survivors); // those of an earlier run, if any
        fs::create_dir_all(&survivors).map_err(|why| format!("{}: {why}", survivors.display()))?;
        Ok(Self {
            survivors,
            count: 0,
            counts: BTreeMap::new(),
        })
    }

    pub fn add(&mut self, mutant: &Mutant, text: &str, verdict: Verdict) {
        let printed = match &verdict {
            Verdict::Killed(test) => format!("killed by {test}"),
            Verdict::Survived => "survived".into(),
            Verdict::TimedOut(suite) => format!("timed out in {suite}"),
            Verdict::DoesNotBuild => "does not build".into(),
        };
        println!(
            "{}:{}: {}: {printed}",
            mutant.file, mutant.line, mutant.what
        );
        let _ = std::io::stdout().flush();
        if matches!(verdict, Verdict::Survived) {
            self.count += 1;
            let diff = self.survivors.join(format!("{}.diff", self.count));
            fs::write(diff, diff_of(mutant, text)).expect("target can be written");
        }
        let directory = match mutant.file.rsplit_once('/') {
            Some((directory, _)) => format!("{directory}/"),
            None => String::new(),
        };
        for key in [String::new(), directory, mutant.file.clone()] {
            let counts = self.counts.entry(key).or_default();
            match verdict {
                Verdict::Killed(_) => counts.killed += 1,
                Verdict::Survived => counts.survived += 1,
                Verdict::TimedOut(_) => counts.timed_out += 1,
                Verdict::DoesNotBuild => counts.unviable += 1,
            }
        }
    }

    /// Prints a row for each file, for each directory and for all together. A change that hangs a test counts as found.
    pub fn print(&self) {
        println!("\n{:32} killed survived timed out unviable found", "");
        for (name, counts) in &self.counts {
            let name = if name.is_empty() { "all" } else { name };
            let Counts {
                killed,
                survived,
                timed_out,
                unviable,
            } = counts;
            let found = killed + timed_out;
            let percent = match found + survived {
                0 => String::new(),
                all => format!("{:.0} %", f64::from(found * 100) / f64::from(all)),
            };
            println!("{name:32} {killed:6} {survived:8} {timed_out:9} {unviable:8} {percent:>5}");
        }
        if self.count > 0 {
            println!(
                "\nthe diffs of the survivors are in {}",
                self.survivors.display()
            );
        }
    }
}

/// A diff for `git apply`, after a line with the change's name.
fn diff_of(mutant: &Mutant, text: &str) -> String {
    let (old, new) = (format!("a/{}", mutant.file), format!("b/{}", mutant.file));
    let mut diff = Command::new("diff")
        .args(["-u", "--label", &old, "--label", &new, &mutant.file, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("diff starts");
    let mut stdin = diff.stdin.take().expect("piped");
    stdin
        .write_all(mutant.apply(text).as_bytes())
        .expect("diff reads");
    drop(stdin);
    let diff = diff.wait_with_output().expect("diff ends");
    format!(
        "{}\n\n{}",
        mutant.id(),
        String::from_utf8_lossy(&diff.stdout)
    )
}

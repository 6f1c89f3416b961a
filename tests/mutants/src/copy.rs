//! The copy of the sources, which is changed, built and tested. cargo's build output stays there and speeds up the
//! build of the next change.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::rooms::Suite;
use crate::suite::{self, Ran};

/// The files and folders that the programs and the tests are built from.
const SOURCES: [&str; 10] = [
    ".cargo",
    "build.rs",
    "Cargo.lock",
    "Cargo.toml",
    "examples",
    "linker",
    "manual",
    "rust-toolchain.toml",
    "src",
    "tests",
];

/// `bare_program!` needs some optimisation. More would make builds slow.
const PROFILE: &str = "[profile.mutant]\ninherits = \"release\"\nopt-level = 1\nincremental = true\ncodegen-units = 16\n";

/// The time limit of a build.
const BUILD: Duration = Duration::from_secs(600);

/// The text in the names of tests that do not run natively on this machine.
const OTHERS: &str = " kernel]";

#[derive(Debug)]
pub struct DoesNotBuild;

pub struct Copy {
    tree: PathBuf,
    target: PathBuf,
    dist: PathBuf,
    runner: PathBuf,
    triple: String,
    skipped: Vec<String>,
}

impl Copy {
    /// Makes the copy, or updates the copy of an earlier run.
    pub fn new(place: &Path, runner: &Path) -> Result<Self, String> {
        let here = std::env::current_dir().map_err(|why| why.to_string())?;
        let skipped = std::env::var("SKIP").unwrap_or_default();
        let copy = Self {
            tree: place.join("tree"),
            target: here.join(place).join("target"),
            dist: here.join(place).join("dist"),
            runner: runner.to_owned(),
            triple: format!("{}-unknown-linux-gnu", std::env::consts::ARCH),
            skipped: std::iter::once(OTHERS)
                .chain(skipped.split(',').filter(|name| !name.is_empty()))
                .map(str::to_owned)
                .collect(),
        };
        for source in SOURCES {
            update(Path::new(source), &copy.tree.join(source))
                .map_err(|why| format!("{source}: {why}"))?;
        }
        let profile = here.join(place).join("profile.toml");
        fs::write(profile, PROFILE).map_err(|why| why.to_string())?;
        copy.link_programs()
            .map_err(|why| format!("{}: {why}", copy.dist.display()))?;
        Ok(copy)
    }

    /// Checks that the copy has the sources of each package and each target. (`cargo fetch` looks for them; other
    /// commands without a build do not.)
    ///
    /// # Errors
    /// cargo's message.
    pub fn check(&self) -> Result<(), String> {
        let mut cargo = self.cargo(&["fetch"]);
        let output = cargo.output().map_err(|why| why.to_string())?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// Leaves out a test in all later runs.
    pub fn leave_out(&mut self, test: String) {
        self.skipped.push(test);
    }

    /// Links the programs to the paths where the tests expect them.
    fn link_programs(&self) -> std::io::Result<()> {
        let built = self.target.join(&self.triple).join("mutant");
        let dist = self.dist.join(std::env::consts::ARCH);
        let _ = fs::remove_dir_all(&self.dist);
        fs::create_dir_all(dist.join("probes"))?;
        fs::create_dir_all(dist.join("examples"))?;
        let link = |from: PathBuf, folder: &str, name: &str| {
            symlink(&from, dist.join(folder).join(name))?;
            symlink(&from, dist.join(folder).join(format!("{name}.debug")))
        };
        for name in names("src/bin")? {
            link(built.join(&name), "", &name)?;
        }
        for name in probes()? {
            link(built.join(&name), "probes", &name)?;
        }
        for name in names("examples")? {
            link(built.join("examples").join(&name), "examples", &name)?;
        }
        Ok(())
    }

    /// Writes a source file of the copy.
    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.tree.join(file), text).expect("the copy can be written");
    }

    fn cargo(&self, words: &[&str]) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.args(words).args(["--quiet", "--offline", "--locked"]);
        cargo
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target);
        cargo
    }

    /// Builds the programs that a change of `file` can affect.
    pub fn build_programs(&self, file: Option<&str>) -> Result<(), DoesNotBuild> {
        let mut cargo = self.cargo(&[
            "build",
            "--workspace",
            "--profile",
            "mutant",
            "--target",
            &self.triple,
        ]);
        let setup = format!("../../setup/{}.toml", std::env::consts::ARCH);
        for config in [".cargo/programs.toml", &setup, "../profile.toml"] {
            cargo.args(["--config", config]);
        }
        let program = file.and_then(|file| file.strip_prefix("src/bin/"));
        if let Some(program) = program {
            let name = program.split('/').next().unwrap_or(program);
            cargo.args(["--bin", name.trim_end_matches(".rs")]);
        } else {
            let programs = names("src/bin").into_iter().chain(probes()).flatten();
            for name in programs {
                cargo.args(["--bin", &name]);
            }
            cargo.arg("--examples");
        }
        match suite::run(&mut cargo, BUILD) {
            Ran::Passed => Ok(()),
            _ => Err(DoesNotBuild),
        }
    }

    /// Runs a suite after a change of `file`. Returns the result and how long the suite took, without its build.
    pub fn run(
        &self,
        suite: Suite,
        file: Option<&str>,
        limit: Duration,
    ) -> Result<(Ran, Duration), DoesNotBuild> {
        const RUNNER: [&str; 2] = ["--manifest-path", "tests/Cargo.toml"];
        let built = match suite {
            Suite::Library(_) => self.build_tests(&["--lib"])?,
            Suite::Programs(_) if file.is_some_and(is_included) => self.build_tests(&RUNNER)?,
            Suite::Programs(_) => self.runner.clone(),
        };
        let filter = match suite {
            Suite::Library(path) => format!("{}::", path.replace('/', "::")),
            Suite::Programs(filter) => filter.to_owned(),
        };
        let program = || {
            let mut program = Command::new(&built);
            program.current_dir("tests").env("RING3_DIST", &self.dist);
            program.env("RING3_ARCHES", std::env::consts::ARCH);
            program
        };
        let begin = Instant::now();
        let ran = suite::run_tests(program, &filter, &self.skipped, limit);
        Ok((ran, begin.elapsed()))
    }

    /// Builds tests of the copy, and returns the path of the test program.
    fn build_tests(&self, which: &[&str]) -> Result<PathBuf, DoesNotBuild> {
        let cargo = || {
            let mut cargo = self.cargo(&["test", "--no-run"]);
            cargo.args(which);
            cargo
        };
        match suite::run(&mut cargo(), BUILD) {
            Ran::Passed => (),
            _ => return Err(DoesNotBuild),
        }
        let printed = cargo().args(["--message-format", "json"]).output();
        let printed = printed.map_err(|_| DoesNotBuild)?.stdout;
        let messages = serde_json::Deserializer::from_slice(&printed)
            .into_iter::<Value>()
            .flatten();
        let file =
            messages.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
        file.last().ok_or(DoesNotBuild)
    }
}

/// Whether the tests include this source file of a program by `#[path]`. Only files in folders of `tests/` do.
fn is_included(file: &str) -> bool {
    let path = format!("#[path = \"../../{file}\"]");
    let folders = fs::read_dir("tests").into_iter().flatten().flatten();
    let files = folders
        .flat_map(|folder| fs::read_dir(folder.path()))
        .flatten()
        .flatten();
    files
        .filter_map(|file| fs::read_to_string(file.path()).ok())
        .any(|text| text.contains(&path))
}

/// The names of the programs that only tests run.
fn probes() -> std::io::Result<Vec<String>> {
    let mut names = names("tests/probes/src/bin")?;
    names.push("selftest".to_owned());
    Ok(names)
}

/// The names of the programs in a folder; a program is `NAME.rs` or `NAME/main.rs`.
fn names(folder: &str) -> std::io::Result<Vec<String>> {
    let entries = fs::read_dir(folder)?;
    entries
        .map(|entry| {
            Ok(entry?
                .file_name()
                .to_string_lossy()
                .trim_end_matches(".rs")
                .to_owned())
        })
        .collect()
}

/// Makes `to` equal to `from`. Writes only files that differ, because cargo rebuilds every written file.
fn update(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        let text = fs::read(from)?;
        if fs::read(to).is_ok_and(|old| old == text) {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        return fs::write(to, text);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let name = entry?.file_name();
        if !from.join(&name).exists() {
            let old = to.join(&name);
            if old.is_dir() {
                fs::remove_dir_all(old)?
            } else {
                fs::remove_file(old)?
            }
        }
    }
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != "target" {
            update(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

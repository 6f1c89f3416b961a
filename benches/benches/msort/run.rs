//! A folder of inputs, and what a process takes to sort one of them.

use std::ffi::{c_int, c_long};
use std::fs::{self, File};
use std::io::{BufWriter, Result, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What a run took: seconds, and bytes.
pub struct Used {
    pub wall: f64,
    pub cpu: f64,
    pub peak: f64,
}

/// `struct rusage` of a 64-bit Linux (getrusage(2)).
#[derive(Default)]
#[repr(C)]
struct Usage {
    /// User and system time, each in seconds and microseconds.
    times: [[c_long; 2]; 2],
    /// The largest resident set, in KiB.
    max_rss: c_long,
    others: [c_long; 13],
}

unsafe extern "C" {
    fn wait4(pid: c_int, status: &mut c_int, options: c_int, usage: &mut Usage) -> c_int;
}

/// The program as it ships, before a file.
pub fn msort(file: &Path) -> Command {
    let program = std::env::var_os("RING3_MSORT").expect("RING3_MSORT is set: run `make bench`");
    let mut command = Command::new(program);
    command.arg(file);
    command
}

/// The one that it is measured against.
pub fn sort(file: &Path) -> Command {
    let mut command = Command::new("sort");
    command.args(["--parallel=2", "-S", "2G"]).arg(file);
    command.env("LC_ALL", "C");
    command
}

/// A temporary folder, removed with what is in it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ring3-msort-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Makes a file. It is written as it comes: the memory that we hold when we start a program
    /// counts in the program's peak.
    pub fn file(&self, name: &str, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> PathBuf {
        let path = self.0.join(name);
        let mut file = BufWriter::new(File::create(&path).unwrap());
        write(&mut file).and_then(|()| file.flush()).unwrap();
        path
    }

    /// Makes a file of what a command prints.
    pub fn output(&self, name: &str, command: &mut Command) -> PathBuf {
        let path = self.0.join(name);
        command.stdout(File::create(&path).unwrap());
        assert!(command.status().unwrap().success(), "{command:?}");
        path
    }

    /// Runs a command whose output is of no interest, into a new file.
    pub fn run(&self, command: &mut Command) -> Used {
        let path = self.0.join("output");
        let _ = fs::remove_file(&path);
        command.stdout(File::create(&path).unwrap());
        let begin = Instant::now();
        #[expect(clippy::zombie_processes, reason = "wait4 says more than wait")]
        let child = command.spawn().unwrap();
        let (mut status, mut usage) = (0, Usage::default());
        // SAFETY: a child of ours that nobody has waited for; the kernel fills both structures.
        let waited = unsafe { wait4(child.id() as c_int, &mut status, 0, &mut usage) };
        let wall = begin.elapsed().as_secs_f64();
        assert_eq!((waited, status), (child.id() as c_int, 0), "{command:?}");
        let seconds = |[seconds, micros]: [c_long; 2]| seconds as f64 + micros as f64 / 1e6;
        Used {
            wall,
            cpu: usage.times.map(seconds).iter().sum(),
            peak: usage.max_rss as f64 * 1024.0,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

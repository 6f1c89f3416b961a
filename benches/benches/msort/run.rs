//! Makes the input files, and measures the time and the memory that a process needs to sort one.

use std::ffi::{c_int, c_long};
use std::fs::{self, File};
use std::io::{BufWriter, Result, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The resources that a run used: times in seconds, peak memory in bytes.
pub struct Used {
    pub wall: f64,
    pub cpu: f64,
    pub peak: f64,
}

/// `struct rusage` on 64-bit Linux (getrusage(2)).
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

/// Returns a command that sorts `file` with `msort` as shipped.
pub fn msort(file: &Path) -> Command {
    let program = std::env::var_os("RING3_MSORT").expect("RING3_MSORT is set: run `make bench`");
    let mut command = Command::new(program);
    command.arg(file);
    command
}

/// Returns a command that sorts `file` with coreutils' `sort`.
pub fn sort(file: &Path) -> Command {
    let mut command = Command::new("sort");
    command.args(["--parallel=2", "-S", "2G"]).arg(file);
    command.env("LC_ALL", "C");
    command
}

/// A temporary folder. Dropping it removes the folder and its contents.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("ring3-msort-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Makes a file. `write` writes it piece by piece, not from a buffer with the whole content: the memory that this
    /// process has when it starts a program counts in that program's peak.
    pub fn file(&self, name: &str, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> PathBuf {
        let path = self.0.join(name);
        let mut file = BufWriter::new(File::create(&path).unwrap());
        write(&mut file).and_then(|()| file.flush()).unwrap();
        path
    }

    /// Makes a file of a command's output.
    pub fn output(&self, name: &str, command: &mut Command) -> PathBuf {
        let path = self.0.join(name);
        command.stdout(File::create(&path).unwrap());
        assert!(command.status().unwrap().success(), "{command:?}");
        path
    }

    /// Runs a command, with a new file as its standard output, and measures it.
    pub fn run(&self, command: &mut Command) -> Used {
        let path = self.0.join("output");
        let _ = fs::remove_file(&path);
        command.stdout(File::create(&path).unwrap());
        let begin = Instant::now();
        #[expect(clippy::zombie_processes, reason = "wait4 says more than wait")]
        let child = command.spawn().unwrap();
        let (mut status, mut usage) = (0, Usage::default());
        // SAFETY: the kernel writes `status` and `usage`, which are borrowed mutably; `Usage` has the layout of the
        // kernel's structure. The id is that of our child: nothing has reaped it, so it is not reused.
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

//! Processes beside what others start them with: a C program's `posix_spawn` (musl, static), and `dash`.
//!
//! Rounds are interleaved, and of a round counts the quickest tenth, or of single starts the median. Shown are
//! the median of the rounds, the least and the most, and the median of the ratios of the same round. What one
//! process does after the other is pinned to one CPU, so that the scheduler has nothing to decide.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

unsafe extern "C" {
    fn sched_setaffinity(pid: i32, size: usize, mask: *const u64) -> i32;
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    fn getrusage(who: i32, usage: *mut [i64; 18]) -> i32;
}

const CLOCK_MONOTONIC: i32 = 1;
const RUSAGE_CHILDREN: i32 = -1;

/// How often a program is started in one round.
const SPAWNS: &str = "500";

fn main() {
    let folder = std::env::var_os("RING3_PIPE_BENCH");
    let folder = PathBuf::from(folder.expect("RING3_PIPE_BENCH is set: run `make bench-pipe`"));
    let rounds = std::env::var("ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let rounds = rounds.unwrap_or(21);
    let bench = Bench { folder, rounds };

    println!("| what | unit | ring3 | beside it | ratio |\n|---|---|---|---|---|");
    bench.row(
        "spawn, exec, wait of `hello`; musl's `posix_spawn`",
        "us",
        || bench.spawns("spawn", "0"),
        || bench.spawns("posix_spawn", "0"),
    );
    bench.row(
        "the same, each with 1 GiB of touched memory",
        "us",
        || bench.spawns("spawn", "1024"),
        || bench.spawns("posix_spawn", "1024"),
    );
    bench.row(
        "with 1 GiB of touched memory; with none",
        "us",
        || bench.spawns("spawn", "1024"),
        || bench.spawns("spawn", "0"),
    );
    let file = bench.file();
    let (pipe, dash) = (["pipe", "cat", "|", "cat"], ["dash", "-c", "cat | cat"]);
    bench.row(
        "1 GiB through `cat`, `cat`; dash",
        "ms",
        || bench.through(&file, &pipe).0,
        || bench.through(&file, &dash).0,
    );
    bench.row(
        "the same, CPU time",
        "ms",
        || bench.through(&file, &pipe).1,
        || bench.through(&file, &dash).1,
    );
    std::fs::remove_file(&file).unwrap();
    bench.row(
        "from its own exec until a program runs; dash",
        "us",
        || bench.start(&["pipe", "./spawn"]),
        || bench.start(&["dash", "-c", "./spawn"]),
    );
}

struct Bench {
    /// Where the programs are.
    folder: PathBuf,
    rounds: usize,
}

impl Bench {
    /// A row of the table: what one takes, and the other.
    fn row(&self, title: &str, unit: &str, one: impl Fn() -> f64, other: impl Fn() -> f64) {
        let _ = (one(), other()); // into the caches
        let pairs: Vec<_> = (0..self.rounds)
            .map(|round| {
                if round % 2 == 0 {
                    (one(), other())
                } else {
                    let other = other();
                    (one(), other)
                }
            })
            .collect();
        let told = |values: Vec<f64>| {
            let [least, median, most] = spread(values);
            format!("{median:.1} [{least:.1} {most:.1}]")
        };
        let [_, ratio, _] = spread(pairs.iter().map(|(one, other)| one / other).collect());
        println!(
            "| {title} | {unit} | {} | {} | {ratio:.3} |",
            told(pairs.iter().map(|pair| pair.0).collect()),
            told(pairs.iter().map(|pair| pair.1).collect()),
        );
    }

    /// A program of the folder, or of the system.
    fn command(&self, words: &[&str]) -> Command {
        let own = self.folder.join(words[0]);
        let mut command = Command::new(if own.exists() {
            &own
        } else {
            Path::new(words[0])
        });
        command.args(&words[1..]).current_dir(&self.folder);
        command
    }

    /// Microseconds that each start takes, in the quickest tenth of them.
    fn spawns(&self, program: &str, mebibytes: &str) -> f64 {
        let mut command = self.command(&[program, SPAWNS, mebibytes, "./hello"]);
        pin(&mut command);
        let output = command.stdin(Stdio::null()).stdout(Stdio::null());
        let output = output
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let nanoseconds = String::from_utf8(output.stderr).unwrap();
        nanoseconds.trim().parse::<f64>().unwrap() / 1e3
    }

    /// A file of 1 GiB, all of it a hole: what is measured is not the disk.
    fn file(&self) -> PathBuf {
        let path = self.folder.join("input");
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        path
    }

    /// Milliseconds until all has passed to `/dev/null`, and of CPU time.
    fn through(&self, file: &Path, words: &[&str]) -> (f64, f64) {
        let mut command = self.command(words);
        command
            .stdin(File::open(file).unwrap())
            .stdout(Stdio::null());
        let (begin, used) = (Instant::now(), cpu_of_children());
        assert!(command.status().unwrap().success());
        (
            begin.elapsed().as_secs_f64() * 1e3,
            cpu_of_children() - used,
        )
    }

    /// Microseconds from the moment before it is executed to the first one of the program that it starts.
    fn start(&self, words: &[&str]) -> f64 {
        const TIMES: usize = 100;
        let mut times: Vec<_> = (0..TIMES)
            .map(|_| {
                let mut command = self.command(words);
                pin(&mut command);
                // SAFETY: between fork and exec the child asks for the time and writes it, and allocates
                // nothing.
                unsafe {
                    command.pre_exec(|| {
                        let mut time = [0; 2];
                        clock_gettime(CLOCK_MONOTONIC, &mut time);
                        let now = time[0] * 1_000_000_000 + time[1];
                        let mut digits = [b'\n'; 21];
                        let mut rest = now;
                        for place in digits[..20].iter_mut().rev() {
                            *place = b'0' + (rest % 10) as u8;
                            rest /= 10;
                        }
                        io::stderr().write_all(&digits)
                    })
                };
                let command = command.stdin(Stdio::null());
                let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
                let output = command.spawn().unwrap().wait_with_output().unwrap();
                assert!(output.status.success(), "{output:?}");
                let time = |bytes: Vec<u8>| -> u64 {
                    String::from_utf8(bytes).unwrap().trim().parse().unwrap()
                };
                (time(output.stdout) - time(output.stderr)) as f64 / 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        times[TIMES / 2]
    }
}

/// Milliseconds of CPU time that the children which ended have used, and theirs.
fn cpu_of_children() -> f64 {
    let mut usage = [0; 18];
    // SAFETY: it writes a `struct rusage`, which is 18 longs.
    unsafe { getrusage(RUSAGE_CHILDREN, &mut usage) };
    let [user, user_us, system, system_us, ..] = usage;
    (user + system) as f64 * 1e3 + (user_us + system_us) as f64 / 1e3
}

/// Has it, and what it starts, run on the second CPU, or where there is one, on that.
fn pin(command: &mut Command) {
    let cpu = std::thread::available_parallelism()
        .map_or(1, |count| count.get())
        .min(2)
        - 1;
    // SAFETY: between fork and exec the child makes one system call. Where the CPU is not there it runs
    // anywhere.
    unsafe {
        command.pre_exec(move || {
            let mask = 1_u64 << cpu;
            sched_setaffinity(0, size_of::<u64>(), &mask);
            Ok(())
        })
    };
}

/// The least, the median and the most.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    [0, last / 2, last].map(|at| values[at])
}

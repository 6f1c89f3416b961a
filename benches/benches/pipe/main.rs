//! Compares how fast ring3 starts processes with a C program's `posix_spawn` (musl, static), and with `dash`.
//!
//! Rounds of the two alternate. The result of a round is the fastest tenth of its starts; for starts of `pipe` itself,
//! the median. The table shows the median of the rounds, the least and the greatest, and the median of the ratios
//! within a round. Processes that run one after the other are pinned to one CPU, so that the scheduler does not affect
//! the times.

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
    /// The directory of the programs.
    folder: PathBuf,
    rounds: usize,
}

impl Bench {
    /// Measures and prints a row of the table: the times of `one` and of `other`.
    fn row(&self, title: &str, unit: &str, one: impl Fn() -> f64, other: impl Fn() -> f64) {
        let _ = (one(), other()); // warms the caches
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

    /// Returns a command for a program in the folder, or on the PATH.
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

    /// Returns the microseconds that a start takes, in the fastest tenth of the starts.
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

    /// Makes a sparse file of 1 GiB, so that the disk is not measured.
    fn file(&self) -> PathBuf {
        let path = self.folder.join("input");
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        path
    }

    /// Runs a command with `file` as its input. Returns the milliseconds until its end, and those of CPU time.
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

    /// Returns the microseconds from just before the command is executed to the first instruction of the program that
    /// it starts. The median of 100 starts.
    fn start(&self, words: &[&str]) -> f64 {
        const TIMES: usize = 100;
        let mut times: Vec<_> = (0..TIMES)
            .map(|_| {
                let mut command = self.command(words);
                pin(&mut command);
                // SAFETY: between fork and exec only async-signal-safe functions may run. The closure calls
                // clock_gettime, which writes to `time`, a local variable, and write; it allocates nothing and takes no
                // lock that another thread can hold: this process has one thread.
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

/// Returns the milliseconds of CPU time that all ended children, and their ended children, have used.
fn cpu_of_children() -> f64 {
    let mut usage = [0; 18];
    // SAFETY: getrusage writes a `struct rusage`, which is 18 longs on 64-bit Linux: `usage` has room for them.
    unsafe { getrusage(RUSAGE_CHILDREN, &mut usage) };
    let [user, user_us, system, system_us, ..] = usage;
    (user + system) as f64 * 1e3 + (user_us + system_us) as f64 / 1e3
}

/// Pins the command, and the processes that it starts, to the second CPU, or to the only one.
fn pin(command: &mut Command) {
    let cpu = std::thread::available_parallelism()
        .map_or(1, |count| count.get())
        .min(2)
        - 1;
    // If this process may not use that CPU, sched_setaffinity fails, and the command runs on any CPU.
    // SAFETY: between fork and exec only async-signal-safe functions may run. The closure makes one system call, which
    // reads `mask`, a local variable of the given size.
    unsafe {
        command.pre_exec(move || {
            let mask = 1_u64 << cpu;
            sched_setaffinity(0, size_of::<u64>(), &mask);
            Ok(())
        })
    };
}

/// Returns the least value, the median and the greatest.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    [0, last / 2, last].map(|at| values[at])
}

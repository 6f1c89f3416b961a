//! A time limit for each test. A test that hangs fails; the failure names the test, the time and what the test waited
//! for. Its processes are killed, and the other tests run.
//!
//! The thread of a test has a numbered name (`/proc/self/task/TID/comm`). Threads that it starts inherit the name. So
//! the processes of a test are the children of the threads with that name.
//!
//! A limit is short, so that a hanging test is found soon. On a busy machine the same test takes several times as long.
//! So only a part of each second counts against the limit: the share of a CPU that a thread of this process has among
//! the runnable threads of the machine. On an idle machine a hanging test fails after exactly its limit. (The CPU time
//! of the test itself would not work: a hanging test uses none.)
//!
//! A test that passes but takes more than half of its limit is reported on standard error: the test would fail on a
//! slower machine.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::num::NonZero;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard};
use std::thread::{Builder, available_parallelism};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed, Trial};
use rustix::process::{Pid, Signal, getpriority_process, kill_process};

use crate::support::{Arch, once, run, wait_until};

/// If this variable is set, this program has tests that hang, and no other tests of this file.
const HANG: &str = "RING3_HANG";

pub fn trials() -> Vec<Trial> {
    if std::env::var_os(HANG).is_some() {
        return vec![
            once("trial::hangs", hangs),
            once("trial::waits", waits),
            once("trial::passes", || ()),
        ];
    }
    vec![
        once(
            "trial::reports_a_test_that_hangs",
            reports_a_test_that_hangs,
        ),
        once(
            "trial::counts_time_by_the_share_of_a_cpu",
            counts_time_by_the_share_of_a_cpu,
        ),
        once(
            "trial::outlives_a_terminal_as_the_leader_of_a_session",
            outlives_a_terminal_as_the_leader_of_a_session,
        ),
    ]
}

fn hangs() {
    may_take(Duration::from_secs(1));
    std::thread::scope(|scope| {
        let work = || Command::new("sh").args(["-c", "sleep 1000; :"]).status();
        scope.spawn(work).join().unwrap().unwrap();
    });
    panic!("here it goes on");
}

fn waits() {
    may_take(Duration::from_secs(1));
    wait_until("pigs fly", || false);
}

fn reports_a_test_that_hangs() {
    let mut runner = Command::new(std::env::current_exe().unwrap());
    let ran = run(runner
        .args(["trial::", "--test-threads", "1"])
        .env(HANG, ""));
    assert_eq!(ran.status, Some(101), "{ran:?}");
    let count = "test result: FAILED. 1 passed; 2 failed; 0 ignored;";
    assert!(ran.stdout.contains(count), "{ran:?}");
    let printed = |test| printed_of(test, &ran.stdout);
    let limit = "not done after 1 s, its limit";
    let [late, until] = printed("trial::waits")[..] else {
        panic!("{ran:?}")
    };
    assert!(late.starts_with(limit), "{late}");
    assert_eq!(until, "it waited until pigs fly");
    let [late, sleep, shell] = printed("trial::hangs")[..] else {
        panic!("{ran:?}")
    };
    assert!(late.starts_with(limit), "{late}");
    assert!(
        sleep.starts_with("killed: ") && sleep.ends_with(": sleep 1000"),
        "{sleep}"
    );
    assert!(shell.ends_with(": sh -c sleep 1000; :"), "{shell}");
    for line in [sleep, shell] {
        let pid = line.split(' ').nth(1).unwrap();
        // Empty for a process that has ended, and that its parent has not waited for yet.
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert_eq!(command, b"", "{line}");
    }
    // After the runner had killed their processes, the tests continued and printed their panic messages.
    for message in ["here it goes on", "waited until pigs fly"] {
        assert!(ran.stderr.contains(message), "{ran:?}");
    }
}

/// The lines that a runner printed for a failed test.
pub fn printed_of<'a>(test: &str, stdout: &'a str) -> Vec<&'a str> {
    let (_, printed) = stdout.split_once(&format!("---- {test} ----\n")).unwrap();
    printed
        .lines()
        .take_while(|line| !line.is_empty())
        .collect()
}

/// The runner may lead a session without a terminal: no terminal that a test opens becomes the session's controlling
/// terminal.
fn outlives_a_terminal_as_the_leader_of_a_session() {
    let mut runner = Command::new(std::env::current_exe().unwrap());
    let test = "init::gives_the_program_the_terminal";
    let native = Arch::NATIVE.name();
    runner.args(["--exact", &format!("{test} [{native}]")]);
    runner.env("RING3_ARCHES", native); // this run may be of other architectures
    // SAFETY: the closure runs between fork and exec. It makes one system call, and takes no lock and allocates
    // nothing.
    unsafe { runner.pre_exec(|| Ok(rustix::process::setsid().map(drop)?)) };
    let ran = run(&mut runner);
    assert!(
        ran.status == Some(0) && ran.stdout.contains("1 passed"),
        "{ran:?}"
    );
}

fn counts_time_by_the_share_of_a_cpu() {
    for (runnable, cpus, nice, part) in [
        (0, 2, 0, 1.0),
        (2, 2, 0, 1.0),
        (4, 2, 0, 0.5),
        (8, 2, 0, 0.25),
        (8, 2, -1, 1.25 / 4.125),
        (5, 1, 1, 1.0 / 6.0),
        (8, 2, 19, 1.0 / 30.0),
    ] {
        let counts = share(runnable, cpus, nice);
        assert!(
            (counts - part).abs() < 0.001,
            "{runnable} on {cpus}: {counts}"
        );
    }
    // The calling thread is runnable, so the count is at least 1.
    assert!(runnable().is_none_or(|count| count > 0));
}

/// The time limit of a test that does not call [`may_take`].
const LIMIT: Duration = Duration::from_secs(10);

/// The limit under qemu-user, where a program takes thirty times as long to start.
pub const EMULATED: Duration = Duration::from_secs(30);

/// The limit of a test that computes for seconds or starts hundreds of processes.
pub const LONG: Duration = Duration::from_secs(120);

/// The interval at which the running time of a test is counted.
const STEP: Duration = Duration::from_millis(100);

/// The part of a second that counts, with `runnable` runnable threads on `cpus` CPUs. This thread has the nice value
/// `nice`, the other threads have 0. The lower bound ensures that a hanging test is found at all.
fn share(runnable: usize, cpus: usize, nice: i32) -> f64 {
    let weight = 0.8_f64.powi(nice); // the scheduler's weight of a nice value
    let others = runnable.saturating_sub(1) as f64;
    (cpus as f64 * weight / (weight + others)).clamp(1.0 / 30.0, 1.0)
}

/// The number of the machine's runnable threads: in `/proc/loadavg` the fourth word is for example `2/345`
/// (proc_loadavg(5)).
fn runnable() -> Option<usize> {
    let load = fs::read_to_string("/proc/loadavg").ok()?;
    load.split(' ').nth(3)?.split_once('/')?.0.parse().ok()
}

/// How long to wait for a test after its processes were killed: the test can print its panic message in this time.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// The result of a test: `()` if all its assertions held, or a [`Completion`] with the reason of a skip.
pub trait Verdict {
    fn completion(self) -> Completion;
}

impl Verdict for () {
    fn completion(self) -> Completion {
        Completion::Completed
    }
}

impl Verdict for Completion {
    fn completion(self) -> Completion {
        self
    }
}

/// A running test.
#[derive(Clone)]
struct Running {
    begin: Instant,
    limit: Duration,
    /// The part of the elapsed time that counts against the limit.
    counted: Duration,
    /// What the test waits for in [`waits_until`].
    until: Option<String>,
}

/// The running tests, by the name of their threads.
static RUNNING: Mutex<BTreeMap<String, Running>> = Mutex::new(BTreeMap::new());

fn running() -> MutexGuard<'static, BTreeMap<String, Running>> {
    RUNNING.lock().unwrap()
}

/// Changes the entry of the calling thread's test.
fn note(change: impl FnOnce(&mut Running)) {
    let name = rustix::thread::name().unwrap();
    if let Some(test) = running().get_mut(&*name.to_string_lossy()) {
        change(test);
    }
}

/// Sets the time limit of the calling test, from its start, in place of [`LIMIT`].
pub fn may_take(limit: Duration) {
    note(|test| test.limit = limit);
}

/// Calls `poll` until it returns a value. If the test hangs, the report contains `what`. The wait has no limit of its
/// own: the limit of the test applies.
pub fn waits_until<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    note(|test| test.until = Some(what.to_owned()));
    loop {
        if let Some(value) = poll() {
            note(|test| test.until = None);
            return value;
        }
        assert!(is_running(), "waited until {what}");
    }
}

/// The time of the calling test so far that counts against its limit.
pub fn counted() -> Duration {
    let name = rustix::thread::name().unwrap();
    let counted = running()
        .get(&*name.to_string_lossy())
        .map(|test| test.counted);
    counted.unwrap_or(Duration::MAX) // the test exceeded its limit
}

/// Whether the calling test is within its limit.
fn is_running() -> bool {
    let name = rustix::thread::name().unwrap();
    running().contains_key(&*name.to_string_lossy())
}

/// The trial of a test.
pub fn trial<V: Verdict>(
    name: impl Into<String>,
    test: impl FnOnce() -> V + Send + 'static,
) -> Trial {
    let name = name.into();
    Trial::ignorable_test(name.clone(), move || under_limit(name, test))
}

fn under_limit<V: Verdict>(
    name: String,
    test: impl FnOnce() -> V + Send + 'static,
) -> Result<Completion, Failed> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let thread = format!("test {}", COUNT.fetch_add(1, Relaxed));
    let started = Running {
        begin: Instant::now(),
        limit: LIMIT,
        counted: Duration::ZERO,
        until: None,
    };
    running().insert(thread.clone(), started);

    let comm = CString::new(thread.clone()).unwrap();
    let (sender, receiver) = channel();
    let work = move || {
        rustix::thread::set_name(&comm).unwrap();
        let result = catch_unwind(AssertUnwindSafe(|| checked(test())));
        let _ = sender.send(result); // fails if the test took too long: the receiver is gone
    };
    Builder::new().name(name.clone()).spawn(work).unwrap();
    let cpus = available_parallelism().map_or(1, NonZero::get);
    let nice = getpriority_process(None).unwrap_or(0);
    // In short steps, because the test may change its limit at any time.
    let mut result = Err(RecvTimeoutError::Timeout);
    while result.is_err() && !running()[&thread].is_late() {
        let begin = Instant::now();
        result = receiver.recv_timeout(STEP);
        let share = share(runnable().unwrap_or(0), cpus, nice);
        running().get_mut(&thread).unwrap().counted += begin.elapsed().mul_f64(share);
    }
    let Ok(result) = result else {
        let printed = running()[&thread].report(end_processes(&thread));
        running().remove(&thread);
        let _ = receiver.recv_timeout(AFTERWARDS);
        return Err(Failed::from(printed));
    };
    let ran = running().remove(&thread).unwrap();
    if ran.counted > ran.limit / 2 {
        eprintln!(
            "{name}: took {:.1?} of {:?}, its limit",
            ran.counted, ran.limit
        );
    }
    result.or_else(|panic| resume_unwind(panic))
}

/// Checks that a skip has a reason of at least four words.
fn checked(verdict: impl Verdict) -> Completion {
    let completion = verdict.completion();
    if let Completion::Ignored { reason } = &completion {
        let reason = reason.as_deref().unwrap_or_default();
        let words = reason.split(' ').filter(|word| word.len() > 1);
        assert!(words.count() >= 4, "skipped with the reason {reason:?}");
    }
    completion
}

impl Running {
    fn is_late(&self) -> bool {
        self.counted >= self.limit
    }

    /// The report of a test that exceeded its limit.
    fn report(&self, processes: Vec<String>) -> String {
        let (limit, all) = (self.limit.as_secs(), self.begin.elapsed().as_secs());
        let mut printed = format!("not done after {limit} s, its limit");
        if all > limit {
            printed += &format!(" ({all} s on a busy machine)");
        }
        if let Some(what) = &self.until {
            printed += &format!("\nit waited until {what}");
        }
        for process in processes {
            printed += &format!("\nkilled: {process}");
        }
        printed
    }
}

/// Kills all processes of the test whose threads have this name. Returns a description of each process.
fn end_processes(thread: &str) -> Vec<String> {
    let mut ended = Vec::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        // The thread may end during the loop; then the read fails.
        let comm = fs::read_to_string(task.join("comm")).unwrap_or_default();
        if comm.trim_end() == thread {
            let children = fs::read_to_string(task.join("children")).unwrap_or_default();
            children
                .split_whitespace()
                .for_each(|child| end(child, &mut ended));
        }
    }
    ended
}

/// Kills a process. Its children are killed first, because they would otherwise become orphans.
fn end(process: &str, ended: &mut Vec<String>) {
    let folder = format!("/proc/{process}");
    let read = |file: &str| fs::read(format!("{folder}/{file}")).unwrap_or_default();
    let text = |file: &str| String::from_utf8_lossy(&read(file)).replace('\0', " ");
    let pid = process.parse().ok().and_then(Pid::from_raw);
    let Some(pid) = pid else { return };
    let what = format!(
        "{process} ({}): {}",
        text("wchan"),
        text("cmdline").trim_end()
    );
    let _ = kill_process(pid, Signal::STOP); // a stopped process starts no more children
    for task in fs::read_dir(format!("{folder}/task")).into_iter().flatten() {
        let children = task.map(|task| fs::read_to_string(task.path().join("children")));
        let children = children.and_then(|children| children).unwrap_or_default();
        children
            .split_whitespace()
            .for_each(|child| end(child, ended));
    }
    let _ = kill_process(pid, Signal::KILL);
    ended.push(what);
}

//! The test program for ring3's programs: it runs the shipped files and checks every documented promise.
//!
//! Tests run natively and under qemu-user, with real files, real signals and real clients. `make test` builds the
//! programs, sets the environment and starts this program; `support.rs` describes the environment. Each module is one
//! suite. Its `trials()` lists its tests.

mod architectures;
mod calls;
mod cli;
mod crowd;
mod descriptors;
mod dns;
mod echoc;
mod echod;
mod elf;
mod examples;
mod functions;
mod gdb;
mod guest;
mod guide;
mod heap;
mod hello;
mod init;
mod lists;
mod manual;
mod memory;
mod model;
mod msort;
mod network;
mod oracle;
mod outside;
mod pipe;
mod powercut;
mod probe;
mod process;
mod profiles;
mod readme;
mod resolve;
mod rooms;
mod safe;
mod save;
mod selftest;
mod skip;
mod stack;
mod start;
mod support;
mod syscalls;
mod system;
mod terminal;
mod thread;
mod time;
mod trial;
mod units;

use std::num::NonZero;
use std::os::fd::BorrowedFd;
use std::thread::available_parallelism;

use ring3::signal::{SIGHUP, SIGINT, SIGQUIT};

fn main() -> std::process::ExitCode {
    // A shell's `&` may leave SIGINT and SIGQUIT ignored, and nohup leaves SIGHUP ignored. The programs would inherit
    // the ignored signals, but tests end programs by these signals.
    for signal in [SIGHUP, SIGINT, SIGQUIT] {
        let _ = ring3::signal::set_default(signal); // cannot fail: the action of these three signals can be set
    }
    set_cloexec();
    let mut arguments = libtest_mimic::Arguments::from_args();
    if let Some(trials) = units::of_another_program() {
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    let trials = [
        architectures::trials(),
        calls::trials(),
        cli::trials(),
        crowd::trials(),
        echoc::trials(),
        echod::trials(),
        elf::trials(),
        examples::trials(),
        gdb::trials(),
        guest::trials(),
        guide::trials(),
        heap::trials(),
        hello::trials(),
        init::trials(),
        lists::trials(),
        manual::trials(),
        memory::trials(),
        model::trials(),
        msort::trials(),
        oracle::trials(),
        outside::trials(),
        pipe::trials(),
        powercut::trials(),
        probe::trials(),
        process::trials(),
        profiles::trials(),
        safe::trials(),
        readme::trials(),
        resolve::trials(),
        rooms::trials(),
        save::trials(),
        selftest::trials(),
        skip::trials(),
        stack::trials(),
        start::trials(),
        syscalls::trials(),
        system::trials(),
        terminal::trials(),
        thread::trials(),
        time::trials(),
        trial::trials(),
        units::trials(),
    ];
    // Most tests wait for processes and times, so each CPU has two tests at a time.
    let cpus = available_parallelism().map_or(1, NonZero::get);
    arguments.test_threads.get_or_insert(2 * cpus);
    let mut trials: Vec<_> = trials.into_iter().flatten().collect();
    if std::env::var_os("QEMU_PAGESIZE").is_some() {
        trials.retain(|trial| PAGES.iter().any(|suite| trial.name().starts_with(suite)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The suites that depend on the page size: with `QEMU_PAGESIZE`, only these run. The suite `stack` runs each program.
const PAGES: [&str; 8] = [
    "heap::",
    "memory::",
    "model::",
    "process::",
    "selftest::",
    "stack::",
    "start::",
    "thread::",
];

/// Sets close-on-exec on every inherited descriptor above 2, so that no program inherits them: some tests count
/// descriptors.
fn set_cloexec() {
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let number = entry.unwrap().file_name().into_string().unwrap();
        let number: i32 = number.parse().unwrap();
        if number > 2 {
            // SAFETY: the descriptor stays open while `fd` exists: no other thread has started, and the loop closes no
            // descriptor.
            let fd = unsafe { BorrowedFd::borrow_raw(number) };
            rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC).unwrap();
        }
    }
}

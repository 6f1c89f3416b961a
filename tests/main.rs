//! Every promise of the programs, tested from outside: the shipped files, natively and under
//! qemu-user, with real files, real signals and real clients.

mod echoc;
mod echod;
mod elf;
mod heap;
mod hello;
mod memory;
mod model;
mod msort;
mod oracle;
mod pipe;
mod process;
mod save;
mod start;
mod support;
mod syscalls;
mod thread;
mod time;

fn main() -> std::process::ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = [
        echoc::trials(),
        echod::trials(),
        elf::trials(),
        heap::trials(),
        hello::trials(),
        memory::trials(),
        model::trials(),
        msort::trials(),
        oracle::trials(),
        pipe::trials(),
        process::trials(),
        save::trials(),
        start::trials(),
        syscalls::trials(),
        thread::trials(),
        time::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
}

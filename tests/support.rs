//! Helpers of all suites: where the programs are, and how a test runs a program natively or under qemu-user.
//!
//! `make test` sets these variables. `RING3_DIST` is the folder with a folder for each architecture, which has the
//! shipped programs, their `.debug` files, and `probes/`. `RING3_ARCHES` has the names of the architectures of this run.
//! `RING3_QEMU_ARCH` is the qemu-user of an architecture that this machine does not run natively.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use object::elf::{EM_386, EM_AARCH64, EM_ARM, EM_RISCV, EM_X86_64};
use rustix::process::{Resource, Rlimit, setrlimit};
use tempfile::TempDir;

use crate::skip;
use crate::trial::{EMULATED, Verdict, may_take, trial, waits_until};

/// An architecture that the programs are built for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arch {
    X86_64,
    Aarch64,
    Riscv64,
    X86,
    Arm,
}

/// The facts of an architecture that the tests need.
pub struct Facts {
    /// Rust's name of the architecture (`target_arch`).
    pub name: &'static str,
    /// Rust's name of the target.
    pub triple: &'static str,
    /// The prefix of GNU's tools for the architecture.
    pub gnu: &'static str,
    /// The size of an address in bytes.
    pub pointer: u64,
    /// The number of the architecture in ELF files.
    pub machine: u16,
    /// The page size that the linker assumes: no kernel has larger pages.
    pub page: u64,
}

/// The facts of each [`Arch`], in the order of the enum.
const FACTS: [Facts; 5] = [
    Facts {
        name: "x86_64",
        triple: "x86_64-unknown-linux-gnu",
        gnu: "x86_64-linux-gnu",
        pointer: 8,
        machine: EM_X86_64,
        page: 0x1000,
    },
    Facts {
        name: "aarch64",
        triple: "aarch64-unknown-linux-gnu",
        gnu: "aarch64-linux-gnu",
        pointer: 8,
        machine: EM_AARCH64,
        page: 0x10000,
    },
    Facts {
        name: "riscv64",
        triple: "riscv64gc-unknown-linux-gnu",
        gnu: "riscv64-linux-gnu",
        pointer: 8,
        machine: EM_RISCV,
        page: 0x1000,
    },
    Facts {
        name: "x86",
        triple: "i686-unknown-linux-gnu",
        gnu: "i686-linux-gnu",
        pointer: 4,
        machine: EM_386,
        page: 0x1000,
    },
    Facts {
        name: "arm",
        triple: "armv7-unknown-linux-gnueabihf",
        gnu: "arm-linux-gnueabihf",
        pointer: 4,
        machine: EM_ARM,
        page: 0x10000,
    },
];

impl Arch {
    pub const ALL: [Arch; 5] = [
        Arch::X86_64,
        Arch::Aarch64,
        Arch::Riscv64,
        Arch::X86,
        Arch::Arm,
    ];

    /// The architecture of this machine.
    pub const NATIVE: Arch = if cfg!(target_arch = "x86_64") {
        Arch::X86_64
    } else {
        Arch::Aarch64
    };

    /// The architectures of this run.
    pub fn tested() -> impl Iterator<Item = Arch> {
        let names = variable("RING3_ARCHES").into_string().unwrap();
        Arch::ALL
            .into_iter()
            .filter(move |arch| names.split_whitespace().any(|name| name == arch.name()))
    }

    pub const fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// Whether this machine runs the programs of this architecture natively. An x86_64 machine also runs those of x86.
    /// strace can trace only programs that this machine runs natively.
    pub fn is_native(self) -> bool {
        self == Arch::NATIVE || (Arch::NATIVE, self) == (Arch::X86_64, Arch::X86)
    }

    /// The qemu-user that runs the programs of this architecture.
    pub fn qemu(self) -> PathBuf {
        variable(&format!("RING3_QEMU_{}", self.name())).into()
    }

    /// The words before a program's path in a command that runs the program: qemu-user, or none.
    pub fn runner(self) -> Option<PathBuf> {
        (!self.is_native()).then(|| self.qemu())
    }

    /// The name of a process that runs a program (`/proc/PID/comm`).
    pub fn comm(self, program: &str) -> String {
        let qemu = self.runner();
        let qemu = qemu.as_ref().and_then(|qemu| qemu.file_name()?.to_str());
        qemu.unwrap_or(program).chars().take(15).collect()
    }

    /// One of GNU's tools for this architecture: `gcc`, `objdump`.
    pub fn gnu(self, tool: &str) -> Command {
        Command::new(if self == Arch::NATIVE {
            tool.to_owned()
        } else {
            format!("{}-{tool}", self.facts().gnu)
        })
    }

    /// The shipped file of a program.
    pub fn shipped(self, program: &str) -> PathBuf {
        PathBuf::from(variable("RING3_DIST"))
            .join(self.name())
            .join(program)
    }

    /// The unstripped file of the same program, with sections and symbols.
    pub fn debug(self, program: &str) -> PathBuf {
        self.shipped(&format!("{program}.debug"))
    }

    /// A command that runs a shipped program.
    pub fn program(self, program: &str) -> Command {
        self.command(self.shipped(program))
    }

    /// A command that runs one of the tests' own freestanding programs (`tests/probes`).
    pub fn probe(self, probe: &str) -> Command {
        self.command(self.shipped("probes").join(probe))
    }

    /// A command that runs a probe that maps much memory.
    ///
    /// qemu-user may have larger pages than the machine. Then the kernel sometimes returns an address that is not a
    /// multiple of qemu's page size, and qemu reports exhausted memory. With a reserved address space qemu-user chooses
    /// addresses itself.
    pub fn mapping_probe(self, probe: &str) -> Command {
        let mut command = self.probe(probe);
        if !self.is_native() && !self.reserves_addresses() {
            command.env("QEMU_RESERVED_VA", "256G");
        }
        command
    }

    /// Whether qemu-user reserves all addresses that a program of this architecture can have: it does for 32 bits.
    pub fn reserves_addresses(self) -> bool {
        !self.is_native() && self.facts().pointer == 4
    }

    /// A command that runs a program's file.
    pub fn command(self, file: PathBuf) -> Command {
        assert!(
            file.is_file(),
            "{} is missing: run `make test`",
            file.display()
        );
        match self.runner() {
            None => Command::new(file),
            Some(qemu) => {
                let mut command = Command::new(qemu);
                command.arg(file);
                command
            }
        }
    }
}

pub fn variable(name: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: run `make test`"))
}

/// The trial of a test that does not depend on the architecture.
pub fn once<V: Verdict + 'static>(name: &str, test: fn() -> V) -> Trial {
    trial(name, test)
}

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of the shipped programs, sorted. As in cargo, a program of `src/bin` is NAME.rs or NAME/main.rs.
pub fn programs() -> Vec<String> {
    let entries = fs::read_dir(root().join("src/bin")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .collect();
    names.sort();
    names
}

/// The names of the shipped programs except some.
pub fn programs_except(except: &[&str]) -> Vec<String> {
    let mut names = programs();
    names.retain(|name| !except.contains(&name.as_str()));
    names
}

/// The trials of a test: one for each architecture.
pub fn per_arch<V: Verdict + 'static>(
    name: &str,
    test: fn(Arch) -> V,
) -> impl Iterator<Item = Trial> {
    Arch::tested().map(move |arch| {
        trial(format!("{name} [{}]", arch.name()), move || {
            if !arch.is_native() {
                may_take(EMULATED);
            }
            test(arch)
        })
    })
}

/// Trials that need recvmmsg or the timeouts of sockets: qemu-user lacks both for programs of 32 bits, and they are
/// skipped there.
pub fn with_new_times(trials: impl Iterator<Item = Trial>) -> impl Iterator<Item = Trial> {
    trials.map(|other| {
        let name = other.name().to_owned();
        if name.ends_with("[arm]") && !Arch::Arm.is_native() {
            trial(name, || Completion::ignored_with(skip::TIMES))
        } else {
            other
        }
    })
}

/// The trials of tests that take an [`Arch`], named `FILE::TEST [ARCH]`.
#[macro_export]
macro_rules! per_arch {
    ($($test:ident),* $(,)?) => {
        std::iter::empty()$(.chain($crate::support::per_arch(
            concat!(module_path!(), "::", stringify!($test)).trim_start_matches("programs::"),
            $test,
        )))*
    };
}

/// Exit status, standard output and standard error of a run, ready to compare.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ran {
    /// The exit status; `None` if a signal ended the program.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn new(status: i32, stdout: &str, stderr: &str) -> Self {
        Self {
            status: Some(status),
            stdout: stdout.into(),
            stderr: stderr.into(),
        }
    }

    /// A usage error of this program.
    pub fn misused(program: &str, message: &str) -> Self {
        Self::new(
            2,
            "",
            &format!("{program}: {message}\nTry '{program} --help'.\n"),
        )
    }
}

/// Runs a command until it ends, with an empty standard input.
pub fn run(command: &mut Command) -> Ran {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    ran(output)
}

/// Converts std's [`Output`].
pub fn ran(output: Output) -> Ran {
    Ran {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Limits the program's address space to `bytes` in total.
///
/// Natively the limit is `RLIMIT_AS`. Under qemu-user `RLIMIT_AS` would also limit qemu itself, so `QEMU_RESERVED_VA`
/// limits the program's address space, except where qemu-user [reserves](Arch::reserves_addresses) all addresses: tests
/// are skipped there ([`UNLIMITED`](crate::skip::UNLIMITED)).
pub fn limit_memory(arch: Arch, command: &mut Command, bytes: u64) {
    assert!(!arch.reserves_addresses());
    if !arch.is_native() {
        // `QEMU_RESERVED_VA` limits addresses, not mapped bytes. The heap leaves gaps between its regions, which start
        // 64 MiB apart; twice the size leaves room for the gaps.
        command.env("QEMU_RESERVED_VA", (2 * bytes).to_string());
        return;
    }
    let limit = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    // SAFETY: the closure runs between fork and exec. It makes one system call, and takes no lock and allocates
    // nothing.
    unsafe { command.pre_exec(move || Ok(setrlimit(Resource::As, limit)?)) };
}

/// Limits the program's stack to `bytes`, including arguments and environment. Clears the environment.
///
/// qemu-user has a minimum above `bytes`. There the variable `FILL` occupies the difference.
pub fn limit_stack(arch: Arch, command: &mut Command, bytes: u64) {
    command.env_clear();
    if !arch.is_native() {
        /// The smallest stack that qemu-user provides: 32 pages.
        const LEAST: u64 = 32 * 4096;
        let size = LEAST.to_string();
        command.env("QEMU_STACK_SIZE", size);
        command.env("FILL", "x".repeat((LEAST - bytes) as usize));
        return;
    }
    let limit = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    // SAFETY: the closure runs between fork and exec. It makes one system call, and takes no lock and allocates
    // nothing.
    unsafe { command.pre_exec(move || Ok(setrlimit(Resource::Stack, limit)?)) };
}

/// Returns eight selections among up to seven options. For every two options there are selections with both, with
/// either, and with neither (an orthogonal array).
pub fn pairwise<const N: usize>() -> [[bool; N]; 8] {
    const { assert!(N <= 7) };
    std::array::from_fn(|row: usize| {
        std::array::from_fn(|option| (row & (option + 1)).count_ones() % 2 == 1)
    })
}

/// Returns all pairs of two different elements, in the order of `all`.
pub fn pairs<T>(all: &[T]) -> Vec<[&T; 2]> {
    let numbered = all.iter().enumerate();
    numbered
        .flat_map(|(nth, one)| all[nth + 1..].iter().map(move |other| [one, other]))
        .collect()
}

/// Waits until `condition` holds. `what` names the condition in a failure.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    waits_until(what, || {
        condition().then_some(()).or_else(|| {
            std::thread::sleep(Duration::from_millis(2));
            None
        })
    });
}

/// A temporary folder for one test; programs run in it. A suite that needs more operations adds its own methods.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root().join(name)
    }

    pub fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The names of the folder's entries, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

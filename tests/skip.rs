//! The reasons of skips: why a test cannot run on some machine, kernel or emulator. Each cause has one text, used by
//! all suites.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use libtest_mimic::Trial;
use ring3::Errno;

use crate::support::once;

pub const STRACE: &str =
    "strace would trace the system calls of qemu-user, not those of the program";
pub const OBJDUMP: &str = "objdump supports only the instructions of this machine";
pub const GROFF: &str = "this machine has no groff, which the test needs";
pub const PTRACE: &str = "this machine does not let gdb trace a program (ptrace)";
pub const PTRACE_OF_QEMU: &str = "gdb would trace qemu-user, not the program";
pub const CARGO_GIT: &str = "the cargo of this machine cannot clone any git repository (libgit2)";
pub const MOLD: &str = "this machine has no mold, which the test needs";
pub const CORE: &str =
    "this machine does not write the core of a process into its working directory";
pub const CORE_OF_QEMU: &str = "qemu-user writes no core of a program for riscv64";
pub const NUMBERS: &str = "the tests of this machine have the numbers of another architecture";
pub const PAGES: &str =
    "qemu-user only emulates such pages: its mmap and its maps differ from a kernel's";
pub const PAGE_FAULTS: &str = "page faults under qemu-user are page faults of qemu";
pub const MEMORY: &str =
    "qemu-user limits addresses, not memory: a moving block needs addresses for both copies";
pub const UNLIMITED: &str =
    "qemu-user reserves all addresses of a program of 32 bits, and cannot limit them";
pub const KEPT: &str =
    "qemu-user keeps records of all addresses that it reserved for a program of 32 bits";
pub const UNLISTED: &str =
    "qemu-user does not list the memory without access rights of a program of 32 bits";
pub const TIMES: &str = "qemu-user does not know recvmmsg and the timeouts of sockets with times of 64 bits, \
     which programs of 32 bits use";
pub const ADDRESSES: &str =
    "qemu-user has too little address space for ten thousand blocks of 33 MiB";
pub const RANDOM_PLACE: &str = "qemu-user chooses the address of a program itself";
pub const FIXED_PLACE: &str = "kernel.randomize_va_space is 0 on this machine";
pub const THREAD_OF_QEMU: &str = "qemu-user has a thread of its own, which runs on any CPU";
pub const ONE_CPU: &str = "this machine has one CPU for the tests";
pub const IN_AN_IMAGE: &str = "qemu-user and its libraries would have to be in the image";
pub const SUBREAPER: &str = "qemu-user does not know PR_SET_CHILD_SUBREAPER of prctl";
pub const PEERS_OF_INIT: &str =
    "tini, dumb-init and catatonit are programs of this machine, and it must have them";
pub const PODMAN: &str = "root's podman with runc runs programs of this machine, if it has podman and may start containers";
pub const SIGNALS: &str =
    "qemu-user handles SIGHUP, SIGINT and SIGQUIT: programs that it executes have their default";
pub const HUGE_PAGES: &str = "qemu-user does not know PR_SET_THP_DISABLE of prctl";
pub const ROOT: &str = "the tests do not run as root, and only root may give up files and rights";
pub const ACCESS_LISTS: &str = "the file system of temporary files has no access control lists";
pub const OTHERS_DESCRIPTORS: &str = "this user may not duplicate another process's descriptor";
pub const NETWORKS: &str =
    "this user may not create a network namespace with interfaces and addresses";
pub const APPEND_ONLY: &str =
    "this user cannot make a directory append-only in the file system of temporary files";
pub const SERVERS: &str = "set-up found no Debian packages with nginx, Redis and gRPC for Python";
pub const POSTGRES: &str = "this machine has no PostgreSQL, and set-up found no Debian package";
pub const LINK_LOCAL: &str = "no interface of this machine has a link-local IPv6 address";

/// The output with which unshare(1), or the command that it ran, refused.
pub fn namespaces(stderr: &str) -> String {
    format!(
        "this machine allows no namespaces and mounts: {}",
        stderr.trim()
    )
}

/// The output with which setpriv(1) refused.
pub fn capabilities(stderr: &str) -> String {
    format!("root cannot give up its capabilities: {}", stderr.trim())
}

pub fn address(address: impl Display, error: impl Display) -> String {
    format!("this machine cannot listen at {address}: {error}")
}

pub fn clock(source: &str) -> String {
    format!("no vDSO reads the clock source {source:?} of this machine")
}

/// The reason of a case that the self-test skipped: `by` does not know the call or the request, or forbids it. `name`
/// is the error's name (`ENAME`).
pub fn refused(by: &str, name: &str) -> String {
    let known = (1..4096)
        .filter_map(Errno::from_number)
        .find(|errno| errno.name().is_some_and(|letters| letters.eq(name.bytes())));
    let words = known.and_then(Errno::words).into_iter().flatten();
    let words: String = words.map(char::from).collect();
    format!("{by} answers \"{words}\" ({name}) here")
}

pub fn trials() -> Vec<Trial> {
    vec![
        once(
            "skip::reasons_stand_in_one_place",
            reasons_stand_in_one_place,
        ),
        once(
            "skip::an_error_is_printed_in_words",
            an_error_is_printed_in_words,
        ),
    ]
}

fn an_error_is_printed_in_words() {
    let printed = "qemu-user answers \"Function not implemented\" (ENOSYS) here";
    assert_eq!(refused("qemu-user", "ENOSYS"), printed);
}

/// Checks that no other file of the tests contains the text of a skip's reason.
fn reasons_stand_in_one_place() {
    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text: String = text.split_whitespace().collect();
                // A variable named `why` holds a reason from skip.rs, from set-up, from the self-test or from a unit test.
                let call = format!("Completion::{}(", "ignored_with"); // split, so that this file does not match
                let known = |reason: &str| {
                    ["skip::", "why"]
                        .iter()
                        .any(|begin| reason.starts_with(begin))
                };
                if !text.split(&call).skip(1).all(known) {
                    found.push(path.display().to_string());
                }
            }
        }
    }
    let mut found = Vec::new();
    sources(Path::new(env!("CARGO_MANIFEST_DIR")), &mut found);
    assert_eq!(found, [""; 0], "these reasons belong in tests/skip.rs");
}

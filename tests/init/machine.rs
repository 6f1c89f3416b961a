//! Tests of `init --boot` in separate namespaces: how it sets up a machine, and how it shuts a machine down. (The
//! guests also boot with it.)

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, ran, run};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![begins_and_ends_a_machine, ends_the_machine_at_wrong_use]
}

/// `init` as process 1 of new namespaces, with these arguments. `Err` with the reason if there are no namespaces.
fn boot(arch: Arch, words: &[&str]) -> Result<Command, Completion> {
    let unshare = || {
        let mut unshare = Command::new("unshare");
        unshare.args([
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--mount",
            "--net",
        ]);
        unshare
    };
    let attempt = run(unshare().arg("true"));
    if attempt.status != Some(0) {
        return Err(Completion::ignored_with(skip::namespaces(&attempt.stderr)));
    }
    let init = arch.program("init");
    let mut command = unshare();
    command
        .arg(init.get_program())
        .args(init.get_args())
        .args(words);
    Ok(command)
}

/// The signal that ended the machine, its standard output, and the lines of standard error without mounts that only
/// real root may make.
fn ended(mut command: Command) -> (Option<i32>, String, Vec<String>) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let signal = output.status.signal();
    let ran = ran(output);
    let lines = ran.stderr.lines().map(str::to_owned);
    let lines = lines.filter(|line| !line.starts_with("init: mount /dev: "));
    (signal, ran.stdout, lines.collect())
}

/// Power off: the parent of the first process of a PID namespace sees that it was killed by SIGINT (reboot(2)).
const POWER_OFF: Option<i32> = Some(2);

fn begins_and_ends_a_machine(arch: Arch) -> Completion {
    let folder = Folder::new();
    // Two processes outlive the program: one ends at SIGTERM, the other only by SIGKILL.
    let program = "exec 2>/dev/null
        grep -E ' (/proc|/sys) (proc|sysfs) ' /proc/mounts | tail -n 2 | cut -d ' ' -f 2-4
        cat /sys/class/net/lo/flags
        (trap 'echo asked >asked; exit' TERM; : >a; while :; do sleep 0.01; done) &
        (trap '' TERM; : >b; while :; do echo >>alive; sleep 0.01; done) &
        until [ -e a ] && [ -e b ]; do sleep 0.01; done
        exit 7";
    let mut command = match boot(arch, &["--boot", "sh", "-c", program]) {
        Ok(command) => command,
        Err(ignored) => return ignored,
    };
    command.current_dir(folder.root());
    let begin = std::time::Instant::now();
    let (signal, stdout, lines) = ended(command);
    let time = begin.elapsed().as_secs_f64();
    assert_eq!(lines, ["init: exit status 7"], "{stdout}");
    assert_eq!(signal, POWER_OFF);
    let flags = "rw,nosuid,nodev,noexec,relatime";
    assert_eq!(
        stdout,
        format!("/proc proc {flags}\n/sys sysfs {flags}\n0x9\n")
    );
    assert_eq!(folder.read("asked"), b"asked\n");
    // The other process was killed after its 2 s.
    assert!((2.0..30.0).contains(&time), "{time}");
    Completion::Completed
}

fn ends_the_machine_at_wrong_use(arch: Arch) -> Completion {
    for (words, message) in [
        (&["--boot", "-x"][..], "init: unknown option -x"),
        (&["-x", "--boot"], "init: unknown option -x"),
        (&["--boot"], "init: no CMD"),
        (
            &["-e", "x", "--boo"],
            "init: -e: x is not a number from 0 to 255",
        ),
    ] {
        let command = match boot(arch, words) {
            Ok(command) => command,
            Err(ignored) => return ignored,
        };
        let (signal, _, lines) = ended(command);
        assert_eq!(signal, POWER_OFF, "{words:?}");
        let hint = "Try 'init --help'.";
        assert_eq!(lines, [message, hint, "init: exit status 2"]);
    }
    // Arguments after the program's name are not options of `init`.
    let (signal, stdout, lines) = match boot(arch, &["echo", "--boot"]) {
        Ok(command) => ended(command),
        Err(ignored) => return ignored,
    };
    assert_eq!((signal, &*stdout, lines.len()), (None, "--boot\n", 0));
    Completion::Completed
}

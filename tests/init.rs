//! Tests of `init` as the first process of a container: the behaviour that tini and dumb-init document. They run
//! natively and under qemu-user. (The guests test `init` as the first process of a machine.)

mod entry;
mod grace;
mod machine;
mod options;
mod refused;
mod sockets;
pub mod terminal;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use libtest_mimic::{Completion, Trial};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Ran, run, wait_until};

pub fn trials() -> Vec<Trial> {
    per_arch![
        ends_as_the_program_does,
        says_what_cannot_be_run,
        passes_signals_on,
        passes_them_to_the_program_alone,
        passes_them_to_the_group,
        begins_a_group_or_a_session,
        rewrites_signals,
        takes_a_status_for_success,
        gives_signals_their_default,
        reaps_whom_it_adopts,
        reaps_as_process_1,
        receives_a_signal_at_its_parents_end,
        gives_the_program_the_terminal,
        reports_wrong_usage,
    ]
    .chain(entry::trials())
    .chain(grace::trials())
    .chain(machine::trials())
    .chain(options::trials())
    .chain(refused::trials())
    .chain(sockets::trials())
    .chain(terminal::trials())
    .collect()
}

fn init(arch: Arch, options: &[&str], script: &str) -> Command {
    let mut command = arch.program("init");
    command.args(options).args(["--", "sh", "-c", script]);
    command
}

fn ends_as_the_program_does(arch: Arch) {
    let ran = |script| run(&mut init(arch, &[], script));
    assert_eq!(
        ran("echo hello; echo there >&2"),
        Ran::new(0, "hello\n", "there\n")
    );
    assert_eq!(ran("exit 7"), Ran::new(7, "", ""));
    assert_eq!(ran("kill -KILL $$"), Ran::new(128 + 9, "", ""));
    assert_eq!(ran("kill -USR1 $$"), Ran::new(128 + 10, "", ""));
    // Arguments after the program's name belong to the program, even without `--`.
    let mut command = arch.program("init");
    let ran = run(command.args(["echo", "-g", "--help"]));
    assert_eq!(ran, Ran::new(0, "-g --help\n", ""));
}

fn says_what_cannot_be_run(arch: Arch) {
    let ran = |file| run(arch.program("init").args(["--", file]));
    assert_eq!(
        ran("no-such-program"),
        Ran::new(
            127,
            "",
            "init: run no-such-program: No such file or directory (ENOENT)\n"
        )
    );
    assert_eq!(
        ran("/proc/version"),
        Ran::new(
            126,
            "",
            "init: run /proc/version: Permission denied (EACCES)\n"
        )
    );
}

fn write_executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A running `init` whose script has printed `ready`.
struct Running {
    init: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    fn new(arch: Arch, options: &[&str], script: &str) -> Self {
        let mut command = init(arch, options, script);
        let mut init = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(init.stdout.take().unwrap());
        let mut running = Self { init, output };
        assert_eq!(running.line(), "ready");
        running
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.init), signal).unwrap();
    }

    fn end(mut self) -> (ExitStatus, String) {
        let status = self.init.wait().unwrap();
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (status, rest)
    }
}

/// A script that prints the name of each signal, and exits with 3 at SIGTERM.
const PRINTS_SIGNALS: &str = "
for name in HUP INT QUIT USR1 USR2 ALRM WINCH CONT TSTP; do trap \"echo $name\" $name; done
trap 'exit 3' TERM
echo ready
while :; do sleep 0.02; done";

fn passes_signals_on(arch: Arch) {
    let mut running = Running::new(arch, &[], PRINTS_SIGNALS);
    for (signal, name) in [
        (Signal::HUP, "HUP"),
        (Signal::INT, "INT"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
        (Signal::ALARM, "ALRM"),
        (Signal::WINCH, "WINCH"),
        (Signal::TSTP, "TSTP"),
        (Signal::CONT, "CONT"),
    ] {
        running.send(signal);
        assert_eq!(running.line(), name);
    }
    running.send(Signal::TERM);
    let (status, rest) = running.end();
    assert_eq!((status.code(), &*rest), (Some(3), ""));
}

/// A script that starts another process and prints its process id.
const PARENT: &str = "sleep 1000 >/dev/null & echo ready; echo $!; wait";

fn is_there(pid: Pid) -> bool {
    // A zombie does not count.
    let stat =
        fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    test_kill_process(pid).is_ok() && state.is_some_and(|state| state != 'Z')
}

/// Ends `init` with such a script by SIGTERM. Returns whether the process that the script started is still running.
fn outlives(arch: Arch, options: &[&str]) -> bool {
    let mut running = Running::new(arch, options, PARENT);
    let pid = Pid::from_raw(running.line().parse().unwrap()).unwrap();
    running.send(Signal::TERM);
    let (status, _) = running.end();
    assert_eq!(status.code(), Some(128 + 15));
    // If a signal was sent to the process, it arrives soon. The absence of a signal can only be observed for some time.
    for _ in 0..100 {
        if !is_there(pid) {
            return false;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    kill_process(pid, Signal::KILL).unwrap();
    true
}

fn passes_them_to_the_program_alone(arch: Arch) {
    assert!(outlives(arch, &[]));
}

fn passes_them_to_the_group(arch: Arch) {
    assert!(!outlives(arch, &["-g"]));
    assert!(!outlives(arch, &["-gS"]));
}

fn begins_a_group_or_a_session(arch: Arch) {
    // Fields of /proc/PID/stat: state, parent, group, session.
    let script = "set -- $(cut -d ')' -f 2 /proc/$$/stat); echo $$ $3 $4";
    let ran = |options| {
        let ran = run(&mut init(arch, options, script));
        let numbers = ran
            .stdout
            .split_whitespace()
            .map(|word| word.parse::<i32>().unwrap());
        <[i32; 3]>::try_from(numbers.collect::<Vec<_>>()).unwrap()
    };
    let [pid, group, session] = ran(&[]);
    assert!(group == pid && session != pid);
    let [pid, group, session] = ran(&["-S"]);
    assert!(group == pid && session == pid);
}

fn rewrites_signals(arch: Arch) {
    let mut options = Vec::new();
    for rewrite in [
        "SIGTERM:sigusr1",
        "SIGHUP:12",
        "1:hup",
        "Quit:0",
        "usr2:TERM",
        "RTMIN+3:alrm",
    ] {
        options.extend(["-r", rewrite]);
    }
    let mut running = Running::new(arch, &options, PRINTS_SIGNALS);
    running.send(Signal::TERM);
    assert_eq!(running.line(), "USR1");
    running.send(Signal::HUP);
    assert_eq!(running.line(), "HUP"); // the last rule for a signal counts
    running.send(Signal::QUIT); // is dropped
    running.send(Signal::INT);
    assert_eq!(running.line(), "INT");
    if arch.is_native() {
        // bash uses glibc's numbers. qemu-user maps the real-time signals to other numbers.
        let mut kill = Command::new("bash");
        kill.args(["-c", &format!("kill -s RTMIN+3 {}", running.init.id())]);
        assert_eq!(run(&mut kill), Ran::new(0, "", ""));
        assert_eq!(running.line(), "ALRM");
    }
    running.send(Signal::USR2);
    let (status, rest) = running.end();
    assert_eq!((status.code(), &*rest), (Some(3), ""));
}

fn takes_a_status_for_success(arch: Arch) {
    let code = |options, script| run(&mut init(arch, options, script)).status;
    let options: &[&str] = &["-e", "143", "-e3"];
    assert_eq!(code(options, "exit 3"), Some(0));
    assert_eq!(code(options, "kill $$"), Some(0));
    assert_eq!(code(options, "exit 4"), Some(4));
    assert_eq!(code(options, "exit 0"), Some(0));
}

/// The children of a shell inherit its ignored signals. Of these, the program of `init` keeps only those of the
/// terminal's keys and of a hang-up.
fn gives_signals_their_default(arch: Arch) -> Completion {
    let shell = |script: &str, of_init: &str| {
        let probe = init(arch, &[], of_init);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", script, "sh"])
            .arg(probe.get_program())
            .args(probe.get_args());
        run(&mut shell)
    };
    for (name, number) in [("PIPE", 13), ("TERM", 15), ("USR1", 10)] {
        let ran = shell(
            "trap '' INT QUIT PIPE TERM USR1; exec \"$@\"",
            &format!("kill -{name} $$; echo still there"),
        );
        assert_eq!(ran, Ran::new(128 + number, "", ""));
    }
    // Only the first 31 signals, because qemu-user uses higher signals itself.
    let ran = run(&mut init(
        arch,
        &[],
        "grep -E '^Sig(Blk|Ign)' /proc/self/status",
    ));
    let masks = ran.stdout.lines().map(|line| {
        let bits = u64::from_str_radix(line.split_once('\t').unwrap().1, 16).unwrap();
        bits & 0x7fff_ffff
    });
    assert_eq!(masks.collect::<Vec<_>>(), [0, 0], "{ran:?}");
    if !arch.is_native() {
        return Completion::ignored_with(skip::SIGNALS);
    }
    let kept = "for name in HUP INT QUIT TSTP; do kill -$name $$; done; echo still there";
    let there = Ran::new(0, "still there\n", "");
    let ignoring = "trap '' HUP INT QUIT TSTP; exec \"$@\"";
    assert_eq!(shell(ignoring, kept), there);
    // `init` receives and passes on the signals, and the program ignores them.
    let kept = "kill -HUP $PPID; sleep 0.1; kill -INT $PPID; sleep 0.1; echo still there";
    assert_eq!(shell(ignoring, kept), there);
    let nohup = "exec nohup \"$@\" 2>/dev/null";
    assert_eq!(shell(nohup, "kill -HUP $$; echo still there"), there);
    // A shell without job control starts its background commands with SIGINT and SIGQUIT ignored.
    let background = "\"$@\" & wait $!";
    assert_eq!(
        shell(background, "kill -INT $$; kill -QUIT $$; echo still there"),
        there
    );
    Completion::Completed
}

/// A script that leaves 20 orphans, and ends after they have ended.
const ORPHANS: &str = "
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do (sleep 0.1 & echo $! >>pids); done
sleep 0.5
grep -l '^State:.Z' $(sed 's,.*,/proc/&/status,' pids) 2>/dev/null
exit 5";

fn reaps(mut command: Command) -> Ran {
    let folder = crate::support::Folder::new();
    run(command.current_dir(folder.root()))
}

/// Checks the messages about 20 orphans, and the exit status.
fn check_reaped(ran: &Ran) {
    let reported =
        |line: &&str| line.starts_with("init: orphan ") && line.ends_with(" ended: exit 0");
    assert_eq!((ran.status, &*ran.stdout), (Some(5), ""), "{ran:?}");
    assert_eq!(ran.stderr.lines().filter(reported).count(), 20, "{ran:?}");
}

fn reaps_whom_it_adopts(arch: Arch) -> Completion {
    let ran = reaps(init(arch, &["-s", "-w"], ORPHANS));
    if ran.stderr == "init: adopt orphans: Invalid argument (EINVAL)\n" && !arch.is_native() {
        return Completion::ignored_with(skip::SUBREAPER);
    }
    check_reaped(&ran);
    Completion::Completed
}

/// The command as process 1 of a PID namespace; or why this machine allows none.
fn as_process_1(command: &Command) -> Result<Command, String> {
    let namespace = |command: &Command| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--pid", "--fork", "--mount-proc"]);
        if !rustix::process::getuid().is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        unshare.arg(command.get_program()).args(command.get_args());
        unshare
    };
    let ran = run(&mut namespace(Command::new("true").arg("x")));
    match ran.status {
        Some(0) => Ok(namespace(command)),
        _ => Err(skip::namespaces(&ran.stderr)),
    }
}

fn reaps_as_process_1(arch: Arch) -> Completion {
    if let Err(why) = as_process_1(&Command::new("true")) {
        return Completion::ignored_with(why);
    }
    let namespace = |command: &Command| as_process_1(command).unwrap();
    check_reaped(&reaps(namespace(&init(arch, &["-w"], ORPHANS))));
    // The kernel discards signals to process 1 that have no handler. `init` must still receive and pass on all others.
    let ran = run(&mut namespace(&init(
        arch,
        &[],
        "trap 'exit 9' USR2; kill -USR2 $PPID; while :; do sleep 0.02; done",
    )));
    assert_eq!(ran, Ran::new(9, "", ""));
    Completion::Completed
}

fn receives_a_signal_at_its_parents_end(arch: Arch) {
    let program = init(
        arch,
        &["-p", "USR1"],
        "trap 'echo bereaved; exit' USR1; echo ready; while :; do sleep 0.02; done",
    );
    let mut shell = Command::new("sh");
    // The shell ends at EOF of its input.
    shell
        .args(["-c", "\"$@\" & read line", "sh"])
        .arg(program.get_program())
        .args(program.get_args());
    let mut shell = shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(shell.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    drop(shell.stdin.take());
    shell.wait().unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "bereaved\n");
}

/// A terminal: the end of the test, and the end for a session that the test starts. Neither becomes the controlling
/// terminal of the test runner's session. If it did, and the runner led a session without a terminal, the runner would
/// get SIGHUP when the test closes its end.
pub fn open_terminal() -> (fs::File, fs::File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let path = ptsname(&ours, Vec::new()).unwrap();
    let mut options = fs::File::options();
    options.read(true).write(true);
    options.custom_flags(OpenptFlags::NOCTTY.bits() as i32);
    let theirs = options.open(path.to_str().unwrap()).unwrap();
    (fs::File::from(ours), theirs)
}

fn gives_the_program_the_terminal(arch: Arch) {
    let (ours, file) = open_terminal();
    let mut command = init(
        arch,
        &[],
        "echo ready; read word; echo got $word; sleep 1000",
    );
    let dup = || Stdio::from(file.try_clone().unwrap());
    command.stdin(dup()).stdout(dup()).stderr(dup());
    // SAFETY: the closure runs between fork and exec. It makes two system calls, and takes no lock and allocates
    // nothing.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(std::io::stdin().as_fd())?;
            Ok(())
        });
    }
    let mut child = command.spawn().unwrap();
    drop(file);
    let mut reader = BufReader::new(ours.try_clone().unwrap());
    let mut writer = ours;
    let mut says = |text: &str| {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(
                reader.read_line(&mut line).unwrap() > 0,
                "EOF before {text}"
            );
        }
    };
    says("ready");
    writer.write_all(b"something\n").unwrap();
    says("got something");
    // The interrupt key is for the program, not for init. (A shell may miss an interrupt between two of its commands.)
    let mut status = None;
    wait_until("the program is interrupted", || {
        let _ = writer.write_all(b"\x03"); // an error if the program has just ended
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(
        status.unwrap().code(),
        Some(128 + 2),
        "{:?}",
        status.unwrap().signal()
    );
}

/// (`tests/cli.rs` tests each option.)
fn reports_wrong_usage(arch: Arch) {
    let refuses = |arguments: &[&str], message: &str| {
        let ran = run(arch.program("init").args(arguments));
        assert_eq!(ran, Ran::misused("init", message), "{arguments:?}");
    };
    refuses(&[], "no CMD");
    refuses(&["--"], "no CMD");
    // Signals that `init` never receives or never passes on.
    for (name, number) in [
        ("KILL", 9),
        ("stop", 19),
        ("SIGCHLD", 17),
        ("SEGV", 11),
        ("ttin", 21),
    ] {
        let message = format!("signal {number} is never passed on");
        let rewrite = format!("--rewrite={name}:TERM");
        refuses(&[&rewrite, "true"], &format!("--rewrite: {message}"));
        if name != "KILL" {
            refuses(&["-p", name, "true"], &format!("-p: {message}"));
        }
    }
    // Otherwise it would switch off this machine.
    refuses(&["--boot", "true"], "--boot: only for process 1");
}

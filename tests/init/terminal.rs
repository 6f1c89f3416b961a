//! Tests of `init` on a terminal: a shell with job control sees the same behaviour as without `init`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use super::open_terminal;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, run, wait_until};
use crate::trial::waits_until;

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        ends_in_the_background,
        gives_the_terminal_back_at_its_end,
        stops_and_goes_on_with_its_program,
        stops_the_script_around_it,
        is_a_job_of_a_script,
        stops_a_session_of_its_own,
        waits_for_the_terminal_in_the_background,
        gives_the_terminal_to_a_job_that_ran_on,
        goes_on_where_nobody_could_continue_it,
        goes_on_if_a_key_drops_the_signal,
        keeps_its_program_stopped,
        goes_on_if_it_is_continued_before_it_stops,
        has_the_terminal_as_process_1,
        stops_no_other_group_as_process_1,
        needs_no_device_of_the_terminal,
        takes_no_terminal_for_its_session,
    ]
}

/// A process in a session of its own, on a pseudoterminal whose other end the test holds. Dropping the session hangs up
/// the terminal.
pub struct Session {
    pub keys: fs::File,
    /// The output that no call of `shows` has consumed yet.
    screen: Vec<u8>,
    pub leader: Child,
}

impl Session {
    pub fn new(mut command: Command, folder: &Path) -> Self {
        command
            .current_dir(folder)
            .env("PS1", "$ ")
            .env("TERM", "dumb");
        // SAFETY: the closure runs between fork and exec. It makes two system calls, and takes no lock and allocates
        // nothing.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(std::io::stdin().as_fd())?;
                Ok(())
            });
        }
        Self::start(command)
    }

    /// Starts a command with a new terminal as its standard descriptors. The command makes the session.
    fn start(mut command: Command) -> Self {
        let (keys, theirs) = open_terminal();
        let dup = || Stdio::from(theirs.try_clone().unwrap());
        command.stdin(dup()).stdout(dup()).stderr(dup());
        Self {
            keys,
            screen: Vec::new(),
            leader: command.spawn().unwrap(),
        }
    }

    /// Starts an interactive bash.
    fn bash(folder: &Folder) -> Self {
        let mut bash = Command::new("bash");
        bash.args(["--norc", "--noprofile", "-i"]);
        bash.env("HISTFILE", "/dev/null");
        let mut session = Self::new(bash, folder.root());
        session.answers();
        session
    }

    /// Starts a shell without job control that runs this line.
    fn script(folder: &Folder, line: &str) -> Self {
        let mut sh = Command::new("sh");
        sh.args(["-c", line]);
        Self::new(sh, folder.root())
    }

    pub fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the screen shows `text`, and returns the output before it.
    pub fn shows(&mut self, text: &str) -> String {
        waits_until(&format!("the screen shows {text:?}"), || {
            let screen = String::from_utf8_lossy(&self.screen).into_owned();
            if let Some((before, rest)) = screen.split_once(text) {
                self.screen = rest.as_bytes().to_vec();
                return Some(before.to_owned());
            }
            let mut fds = [PollFd::new(&self.keys, PollFlags::IN)];
            let second = Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            };
            if poll(&mut fds, Some(&second)).unwrap() > 0 {
                let mut bytes = [0; 1024];
                match rustix::io::read(&self.keys, &mut bytes) {
                    Ok(count) => self.screen.extend_from_slice(&bytes[..count]),
                    Err(errno) => panic!("before {text:?}: {errno}; the screen: {screen:?}"),
                }
            }
            None
        })
    }

    /// Makes the shell answer, which proves that it has the terminal. (The echo of the typed line is not the answer.)
    fn answers(&mut self) {
        self.types("echo answer-$((20+3))\n");
        self.shows("answer-23");
    }

    /// Types Ctrl-Z, then waits until the shell reports that its job is stopped, and until the shell has the terminal.
    fn stops_the_job(&mut self) {
        self.types("\x1a");
        self.shows("Stopped");
        self.answers();
    }

    /// Waits until the program, an sh, has the terminal and is not stopped. A key that is typed earlier goes to another
    /// group, or is cancelled by SIGCONT.
    fn is_the_programs(&self) {
        wait_until("the program has the terminal and runs", || {
            let group = rustix::termios::tcgetpgrp(&self.keys).unwrap();
            let stat = fs::read_to_string(format!("/proc/{}/stat", group.as_raw_pid()));
            // The name in parentheses, then the state (proc_pid_stat(5)).
            stat.is_ok_and(|stat| stat.contains("(sh) ") && !stat.contains("(sh) T"))
        });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.leader.kill();
        let _ = self.leader.wait();
    }
}

/// A shell's command line that runs `init` with these options.
fn line(arch: Arch, options: &str, script: &str) -> String {
    let program = arch.program("init");
    let words = [program.get_program()]
        .into_iter()
        .chain(program.get_args());
    let words: Vec<_> = words.map(|word| word.to_str().unwrap()).collect();
    format!("{} {options} -- sh -c '{script}'", words.join(" "))
}

/// The skip of a test, if this unshare(1) command makes no namespaces here.
fn has_no_namespaces(unshare: &str) -> Option<Completion> {
    let ran = run(Command::new("sh").args(["-c", &format!("{unshare} true")]));
    (ran.status != Some(0)).then(|| Completion::ignored_with(skip::namespaces(&ran.stderr)))
}

/// Reads two words, and prints each.
const TWO_WORDS: &str = "read a; echo got-$a; read b; echo got-$b";

fn ends_in_the_background(arch: Arch) {
    let folder = Folder::new();
    // timeout(1) runs its command in a process group of its own, in the background.
    let script = format!("timeout 30 {}; echo status-$?", line(arch, "", "sleep 0.1"));
    Session::script(&folder, &script).shows("status-0");

    let mut bash = Session::bash(&folder);
    let script = line(arch, "", "sleep 0.1; echo writes >f; echo end-$((20+3))");
    bash.types(&format!("{script} &\n"));
    let before = bash.shows("end-23");
    assert!(!before.contains("Stopped"), "{before}");
    bash.answers();
    assert_eq!(folder.read("f"), b"writes\n");
}

fn gives_the_terminal_back_at_its_end(arch: Arch) {
    let folder = Folder::new();
    let none = line(arch, "", "").replace("sh -c", "no-such-program");
    let lines = [
        line(arch, "", "exit 5"),
        line(arch, "-g", "kill -9 $$"),
        none,
    ];
    for (line, status) in lines.into_iter().zip([5, 137, 127]) {
        let script = format!("{line}; echo status-$?; read word; echo got-$word");
        let mut session = Session::script(&folder, &script);
        session.shows(&format!("status-{status}"));
        session.types("word\n");
        session.shows("got-word");
    }
}

fn stops_and_goes_on_with_its_program(arch: Arch) {
    let folder = Folder::new();
    for options in ["", "-g", "-s -w"] {
        if options == "-s -w" && !arch.is_native() {
            continue; // qemu-user has no PR_SET_CHILD_SUBREAPER
        }
        let mut bash = Session::bash(&folder);
        bash.types(&format!(
            "{}; echo status-$?\n",
            line(arch, options, TWO_WORDS)
        ));
        bash.types("one\n");
        bash.shows("got-one");
        for _ in 0..3 {
            bash.stops_the_job();
            bash.types("fg\n");
            bash.is_the_programs();
        }
        bash.types("two\n");
        bash.shows("got-two");
        bash.answers();
    }
}

fn stops_the_script_around_it(arch: Arch) {
    let folder = Folder::new();
    fs::write(
        folder.path("script"),
        format!("{}\necho status-$?\n", line(arch, "", TWO_WORDS)),
    )
    .unwrap();
    let mut bash = Session::bash(&folder);
    bash.types("sh script\n");
    bash.types("one\n");
    bash.shows("got-one");
    bash.stops_the_job();
    bash.types("fg\ntwo\n");
    bash.shows("got-two");
    bash.shows("status-0");
    bash.answers();
}

/// A script with job control (`set -m`) has the terminal again when its job stops or ends.
fn is_a_job_of_a_script(arch: Arch) {
    let folder = Folder::new();
    let script = format!(
        "set -m; {}; echo status-$?; read word; echo got-$word; fg; echo status-$?",
        line(arch, "", TWO_WORDS)
    );
    let mut session = Session::script(&folder, &script);
    session.types("one\n");
    session.shows("got-one");
    session.types("\x1a");
    session.shows("status-148");
    session.types("word\n");
    session.shows("got-word");
    session.types("two\n");
    session.shows("got-two");
    session.shows("status-0");
}

/// A separate session has no terminal, and the kernel discards SIGTSTP there.
fn stops_a_session_of_its_own(arch: Arch) {
    let folder = Folder::new();
    let script = "trap \"echo went-on\" CONT; trap \"exit 9\" INT; echo ready-$((20+3)); while :; do sleep 0.02; done";
    for options in ["-S", "-gS"] {
        let mut bash = Session::bash(&folder);
        bash.types(&format!(
            "{}; echo status-$?\n",
            line(arch, options, script)
        ));
        bash.shows("ready-23");
        bash.stops_the_job();
        bash.types("fg\n");
        bash.shows("\nwent-on");
        bash.types("\x03");
        bash.answers();
    }
}

fn waits_for_the_terminal_in_the_background(arch: Arch) {
    let folder = Folder::new();
    let mut bash = Session::bash(&folder);
    bash.types(&format!("{} &\n", line(arch, "", TWO_WORDS)));
    // bash reports a stopped job before its next prompt.
    let mut is_stopped = false;
    for _ in 0..600 {
        bash.types("echo answer-$((20+3))\n");
        is_stopped |= bash.shows("answer-23").contains("Stopped");
        if is_stopped {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(is_stopped);
    bash.types("fg\n");
    bash.shows(TWO_WORDS);
    bash.types("one\ntwo\n");
    bash.shows("got-one");
    bash.shows("got-two");
    bash.answers();
}

/// `fg` of a job that was not stopped: bash gives the terminal to its group, and sends no signal.
fn gives_the_terminal_to_a_job_that_ran_on(arch: Arch) {
    let folder = Folder::new();
    let mut bash = Session::bash(&folder);
    let script = format!("until [ -e go ]; do sleep 0.02; done; {TWO_WORDS}");
    bash.types(&format!("{} &\n", line(arch, "", &script)));
    bash.answers();
    bash.types("fg\n");
    bash.shows("until");
    fs::write(folder.path("go"), "").unwrap();
    bash.types("one\n");
    bash.shows("got-one");
    bash.stops_the_job();
    bash.types("fg\ntwo\n");
    bash.shows("got-two");
    bash.answers();
}

/// `init` leads the session. No shell could continue it, so the kernel does not stop it.
fn goes_on_where_nobody_could_continue_it(arch: Arch) {
    let folder = Folder::new();
    let mut command = arch.program("init");
    command.args(["--", "sh", "-c", TWO_WORDS]);
    let mut session = Session::new(command, folder.root());
    session.types("one\n");
    session.shows("got-one");
    for _ in 0..3 {
        session.types("\x1a");
        session.shows("^Z");
    }
    session.types("two\n");
    session.shows("got-two");
}

/// The kernel drops a SIGCONT that `init` has not received yet when a key stops `init` again. `init` must not rely on
/// that signal to continue the program. strace delays `init` after it has sent SIGCONT.
fn goes_on_if_a_key_drops_the_signal(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let folder = Folder::new();
    let mut strace = Command::new("strace");
    strace.args(["-o", "calls", "-e", "trace=kill"]);
    strace.args(["-e", "inject=kill:delay_exit=1000000:when=2"]);
    strace.arg(arch.shipped("init"));
    strace.args(["--", "sh", "-c", TWO_WORDS]);
    let mut session = Session::new(strace, folder.root());
    session.types("one\n");
    session.shows("got-one");
    session.types("\x1a");
    wait_until("init has sent SIGCONT", || {
        let calls = fs::read_to_string(folder.path("calls")).unwrap();
        calls.contains("SIGCONT")
    });
    session.types("\x1a");
    session.types("two\n");
    session.shows("got-two");
    Completion::Completed
}

/// Nobody could continue `init` here, and it has no terminal, so only SIGCONT continues the program.
fn keeps_its_program_stopped(arch: Arch) {
    let init = arch.program("init");
    let mut command = Command::new("setsid");
    command.arg(init.get_program()).args(init.get_args());
    command.args(["--", "sh", "-c", "echo $$; exec sleep 60"]);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut program = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut program).unwrap();
    let program = Pid::from_raw(program.trim().parse().unwrap()).unwrap();
    let init = Pid::from_child(&child);
    for _ in 0..3 {
        kill_process(init, Signal::TSTP).unwrap();
        wait_until("the program is stopped", || is_stopped(program));
        std::thread::sleep(Duration::from_millis(100));
        assert!(is_stopped(program));
    }
    kill_process(program, Signal::CONT).unwrap();
    wait_until("the program runs", || !is_stopped(program));
    kill_process(init, Signal::TSTP).unwrap();
    wait_until("the program is stopped", || is_stopped(program));
    kill_process(init, Signal::CONT).unwrap();
    wait_until("the program runs", || !is_stopped(program));
    kill_process(init, Signal::TERM).unwrap();
    child.wait().unwrap();
}

fn is_stopped(program: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.as_raw_nonzero()));
    stat.unwrap().contains(") T ")
}

/// SIGCONT comes before `init` has heard that its program stopped. `init` then stops itself, and the kernel drops a
/// SIGCONT that is pending. strace delays `init` between the two.
fn goes_on_if_it_is_continued_before_it_stops(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let mut command = Command::new("setsid");
    command.args(["strace", "-qq", "-o", "/dev/null", "-e", "trace=wait4"]);
    command.args(["-e", "inject=wait4:delay_exit=500000"]);
    command.arg(arch.shipped("init"));
    command.args(["--", "sh", "-c", "echo $PPID $$; exec sleep 60"]);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ids = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut ids).unwrap();
    let ids = ids.split_whitespace();
    let mut ids = ids.map(|id| Pid::from_raw(id.parse().unwrap()).unwrap());
    let (init, program) = (ids.next().unwrap(), ids.next().unwrap());
    kill_process(init, Signal::TSTP).unwrap();
    wait_until("the program is stopped", || is_stopped(program));
    kill_process(init, Signal::CONT).unwrap();
    wait_until("the program runs", || !is_stopped(program));
    kill_process(init, Signal::TERM).unwrap();
    child.wait().unwrap();
    Completion::Completed
}

/// `init` as process 1 of a PID namespace, in which its process group has no id.
fn has_the_terminal_as_process_1(arch: Arch) -> Completion {
    let unshare = "unshare --user --map-root-user --pid --fork --mount-proc";
    if let Some(skipped) = has_no_namespaces(unshare) {
        return skipped;
    }
    let folder = Folder::new();
    let mut bash = Session::bash(&folder);
    bash.types(&format!("{unshare} {}\n", line(arch, "", TWO_WORDS)));
    bash.types("one\n");
    bash.shows("got-one");
    // unshare(1) stops, and the shell has the terminal. The program continues until it reads from the terminal.
    bash.stops_the_job();
    bash.types("fg\ntwo\n");
    bash.shows("got-two");
    bash.answers();
    // In the background `init` does not take the terminal.
    let script = line(arch, "", "sleep 0.2; echo end-$((20+3))");
    bash.types(&format!("{unshare} {script} &\n"));
    bash.answers();
    bash.types("wait\n");
    bash.shows("end-23");
    bash.answers();
    Completion::Completed
}

/// `init` as process 1 that leads a session with a terminal, as in a container. For kill(2), -1 means all processes, and
/// not the group of process 1: a stop of the program must not stop other groups.
fn stops_no_other_group_as_process_1(arch: Arch) -> Completion {
    let unshare = "unshare --user --map-root-user --pid --fork --kill-child --mount-proc";
    if let Some(skipped) = has_no_namespaces(unshare) {
        return skipped;
    }
    let other = "setsid sleep 100 & sleep 0.3; kill -TSTP $$";
    // The state may be R (running) for a moment.
    let state = "for i in 1 2 3 4 5 6 7 8 9; do read -r _ name state _ </proc/$!/stat; \
                 case $name$state in *sleep*S | *T) break ;; esac; sleep 0.2; done; \
                 kill -KILL $!; echo state-$state";
    let script = line(arch, "", &format!("{other}; {state}"));
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {unshare} setsid --ctty {script}")]);
    Session::start(command).shows("state-S");
    Completion::Completed
}

/// An image may have no `/dev/tty`. Then `init` gives the program the terminal on standard input.
fn needs_no_device_of_the_terminal(arch: Arch) -> Completion {
    let unshare = "unshare --user --map-root-user --mount";
    if let Some(skipped) = has_no_namespaces(unshare) {
        return skipped;
    }
    let folder = Folder::new();
    let hide = "mount -t tmpfs none /dev && exec";
    let script = line(arch, "", TWO_WORDS).replace('\'', "'\\''");
    let mut session = Session::script(&folder, &format!("{unshare} sh -c '{hide} {script}'"));
    session.types("one\n");
    session.shows("got-one");
    session.types("two\n");
    session.shows("got-two");
    Completion::Completed
}

/// The first terminal that a session leader opens becomes the terminal of its session, except with O_NOCTTY. Here /dev/tty
/// is another terminal, which nobody controls.
fn takes_no_terminal_for_its_session(arch: Arch) -> Completion {
    let unshare = "unshare --user --map-root-user --mount";
    if let Some(skipped) = has_no_namespaces(unshare) {
        return skipped;
    }
    let (_keys, terminal) = open_terminal();
    let path = fs::read_link(format!("/proc/self/fd/{}", terminal.as_raw_fd())).unwrap();
    let program = arch.program("init");
    let mut command = Command::new("unshare");
    command.args(&unshare.split(' ').collect::<Vec<_>>()[1..]);
    let script = "mount --bind \"$0\" /dev/tty && exec setsid --wait \"$@\"";
    command.args(["sh", "-c", script]).arg(path);
    command.arg(program.get_program()).args(program.get_args());
    // The number of the controlling terminal (proc_pid_stat(5)).
    let ran = run(command.args(["cut", "-d", " ", "-f", "7", "/proc/self/stat"]));
    assert_eq!(ran, Ran::new(0, "0\n", ""));
    Completion::Completed
}

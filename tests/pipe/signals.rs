//! Tests of signals that `pipe` receives while its programs run, and of its duties as process 1.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use libtest_mimic::{Completion, Trial};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Winsize, tcsetwinsize};

use super::command;
use crate::init::terminal::Session;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, run, wait_until};

pub fn trials() -> Vec<Trial> {
    per_arch![
        passes_each_on_to_all,
        ends_by_sigterm_in_the_middle,
        gives_a_key_of_the_terminal_once,
        gives_a_new_size_of_the_terminal_once,
        goes_on_where_a_lost_terminal_is_ignored,
        reaps_orphans_as_process_1,
        passes_signals_on_as_process_1,
    ]
    .collect()
}

/// Waits until the file `end` exists, but at most a little more than a minute.
const UNTIL_END: &str =
    "n=0; while ! [ -e end ] && [ $n -lt 7000 ]; do n=$((n+1)); sleep 0.01; done";

/// A script that records each arrival of a signal in a file, and reports when it is ready.
fn counter(signal: &str, name: &str) -> String {
    format!("trap 'echo {signal} >>{name}' {signal}; echo ready >{name}.ready; {UNTIL_END}")
}

fn start(arch: Arch, folder: &Folder, words: &[&str]) -> Child {
    let mut pipe = arch.program("pipe");
    pipe.args(words).current_dir(folder.root());
    pipe.stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    pipe.spawn().unwrap()
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn passes_each_on_to_all(arch: Arch) {
    for (name, signal) in [
        ("TERM", Signal::TERM),
        ("INT", Signal::INT),
        ("HUP", Signal::HUP),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("WINCH", Signal::WINCH),
    ] {
        let folder = Folder::new();
        let (a, b) = (counter(name, "a"), counter(name, "b"));
        let pipe = start(arch, &folder, &["sh", "-c", &a, "|", "sh", "-c", &b]);
        wait_until("both programs are ready", || {
            folder.path("a.ready").exists() && folder.path("b.ready").exists()
        });
        send(&pipe, signal);
        wait_until("both programs have received the signal", || {
            folder.path("a").exists() && folder.path("b").exists()
        });
        fs::write(folder.path("end"), "").unwrap();
        let output = pipe.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
        let printed = format!("{name}\n").into_bytes();
        assert_eq!(
            (folder.read("a"), folder.read("b")),
            (printed.clone(), printed)
        );
    }
}

fn ends_by_sigterm_in_the_middle(arch: Arch) {
    let folder = Folder::new();
    // Much data is in flight when the signal arrives.
    let last = "head -c 1000000 >/dev/null; echo ready >ready; exec cat >/dev/null";
    let words = ["cat", "/dev/zero", "|", "cat", "|", "sh", "-c", last];
    let pipe = start(arch, &folder, &words);
    wait_until("the last program runs", || folder.path("ready").exists());
    send(&pipe, Signal::TERM);
    let output = pipe.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert_eq!((output.stdout.len(), output.stderr.len()), (0, 0));
}

/// The programs ignore the signal that nohup(1) made `pipe` ignore.
fn goes_on_where_a_lost_terminal_is_ignored(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::SIGNALS);
    }
    let pipe = arch.program("pipe");
    let mut nohup = Command::new("nohup");
    nohup.arg(pipe.get_program()).args(pipe.get_args());
    nohup.args(["sh", "-c", "kill -HUP $$; echo one", "|"]);
    nohup.args([
        "sh",
        "-c",
        "read word; kill -HUP $PPID; sleep 0.1; echo $word two",
    ]);
    let ran = run(&mut nohup);
    assert_eq!(
        (ran.status, &*ran.stdout),
        (Some(0), "one two\n"),
        "{ran:?}"
    );
    Completion::Completed
}

/// The terminal sends SIGINT to the whole foreground group, so `pipe` must not send it again.
fn gives_a_key_of_the_terminal_once(arch: Arch) {
    let folder = Folder::new();
    let pipe = arch.program("pipe");
    let mut words: Vec<_> = [pipe.get_program()]
        .into_iter()
        .chain(pipe.get_args())
        .collect();
    // `true` must end first; otherwise the key would end it too.
    let script = format!("cat; trap 'echo INT >>received' INT; echo ready; {UNTIL_END}");
    for word in ["true", "|", "sh", "-c", &script] {
        words.push(word.as_ref());
    }
    let quoted: Vec<_> = words
        .iter()
        .map(|word| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''")))
        .collect();
    let mut terminal = Command::new("script")
        .args(["-qefc", &format!("exec {}", quoted.join(" ")), "/dev/null"])
        .env("SHELL", "/bin/sh")
        .current_dir(folder.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut keys = terminal.stdin.take().unwrap();
    let mut screen = BufReader::new(terminal.stdout.take().unwrap());
    let mut line = String::new();
    screen.read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "ready");
    keys.write_all(b"\x03").unwrap();
    wait_until("the program has received the signal", || {
        folder.path("received").exists()
    });
    // If the signal had been sent twice, the second arrival would be recorded by the time the next signal has passed
    // through `pipe`.
    let pid = fs::read_dir("/proc").unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        let parent = fs::read_to_string(path.join("status")).ok()?;
        let parent = parent.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        let own = path.file_name()?.to_str()?.parse::<i32>().ok()?;
        (parent.trim().parse() == Ok(terminal.id())).then_some(own)
    });
    let pid = Pid::from_raw(pid.unwrap()).unwrap();
    // Wait, because two pending signals would be merged.
    wait_until_taken(pid, Signal::INT);
    kill_process(pid, Signal::INT).unwrap();
    wait_until("the program has received the second signal", || {
        folder.read("received").len() >= 8
    });
    fs::write(folder.path("end"), "").unwrap();
    let mut rest = String::new();
    screen.read_to_string(&mut rest).unwrap();
    let status = terminal.wait().unwrap();
    assert!(status.success(), "{status}: {rest:?}");
    assert_eq!(folder.read("received"), b"INT\nINT\n");
}

/// Waits until the process has received this signal, which it blocks: it is not pending any more.
fn wait_until_taken(pid: Pid, signal: Signal) {
    wait_until("pipe has received the signal", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let waiting = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
        let waiting = u64::from_str_radix(waiting.unwrap().trim(), 16).unwrap();
        waiting & (1 << (signal.as_raw() - 1)) == 0
    });
}

/// The terminal sends SIGWINCH to its whole foreground group.
fn gives_a_new_size_of_the_terminal_once(arch: Arch) {
    let folder = Folder::new();
    let program = format!(
        "for name in WINCH USR1; do trap \"echo $name >>received\" $name; done; echo ready; {UNTIL_END}"
    );
    let mut pipe = arch.program("pipe");
    pipe.args(["sh", "-c", &program]);
    let mut session = Session::new(pipe, folder.root());
    session.shows("ready");
    let size = Winsize {
        ws_row: 7,
        ws_col: 77,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&session.keys, size).unwrap();
    wait_until("the program has received the signal", || {
        folder.path("received").exists()
    });
    let pid = Pid::from_child(&session.leader);
    wait_until_taken(pid, Signal::WINCH);
    // This signal passes through `pipe` after everything that `pipe` did for the first signal.
    kill_process(pid, Signal::USR1).unwrap();
    wait_until("the program has received the second signal", || {
        folder.read("received").ends_with(b"USR1\n")
    });
    fs::write(folder.path("end"), "").unwrap();
    assert!(session.leader.wait().unwrap().success());
    assert_eq!(folder.read("received"), b"WINCH\nUSR1\n");
}

/// Runs `pipe` as process 1 of a PID namespace. A skip if this machine does not allow that.
fn as_init(arch: Arch, words: &[&str]) -> Result<Command, Completion> {
    let unshare = |command: &mut Command| {
        command.args([
            "--kill-child",
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--mount-proc",
        ]);
    };
    let mut attempt = Command::new("unshare");
    unshare(&mut attempt);
    let attempt = run(attempt.arg("true"));
    if attempt.status != Some(0) {
        return Err(Completion::ignored_with(skip::namespaces(&attempt.stderr)));
    }
    let pipe = command(arch, words);
    let mut command = Command::new("unshare");
    unshare(&mut command);
    command.arg(pipe.get_program()).args(pipe.get_args());
    Ok(command)
}

fn reaps_orphans_as_process_1(arch: Arch) -> Completion {
    // Orphans that end before and after their parents. Afterwards there is no zombie, and the exit status is that of
    // the programs.
    let orphans = "for i in 1 2 3 4 5; do (sleep 0.0$i; exit 3) & (exit 4) & done; exit 0";
    let look =
        "sleep 0.5; grep -l '^State:.Z' /proc/[0-9]*/status; sed -n 's/^Name:.//p' /proc/1/status";
    let words = ["sh", "-c", orphans, "|", "sh", "-c", look];
    let mut command = match as_init(arch, &words) {
        Ok(command) => command,
        Err(ignored) => return ignored,
    };
    let ran = run(&mut command);
    let name = arch.comm("pipe");
    assert_eq!(ran, Ran::new(0, &format!("{name}\n"), ""));
    // An orphan that never ends does not delay `pipe`.
    let words = ["sh", "-c", "sleep 1000 & exit 6", "|", "true"];
    let mut command = as_init(arch, &words).ok().unwrap();
    assert_eq!(run(&mut command), Ran::new(6, "", ""));
    Completion::Completed
}

fn passes_signals_on_as_process_1(arch: Arch) -> Completion {
    let folder = Folder::new();
    let (a, b) = (
        counter("TERM", "a"),
        "while ! [ -e end ]; do sleep 0.01; done; exit 9",
    );
    // The signal is sent from inside the namespace, where `pipe` has the id 1. Signals without a handler do not reach
    // process 1.
    let killer = "until [ -e a.ready ]; do sleep 0.01; done; kill -TERM 1";
    let words = [
        "sh",
        "-c",
        &a,
        "|",
        "sh",
        "-c",
        &format!("trap '' TERM; {killer}; {b}"),
    ];
    let mut command = match as_init(arch, &words) {
        Ok(command) => command,
        Err(ignored) => return ignored,
    };
    command.current_dir(folder.root()).stdin(Stdio::null());
    let child = command.spawn().unwrap();
    wait_until("the program has received the signal", || {
        folder.path("a").exists()
    });
    fs::write(folder.path("end"), "").unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(9));
    assert_eq!(folder.read("a"), b"TERM\n");
    Completion::Completed
}

//! Tests of `init` as an image's entry point without a shell: `--expand`, `--user`, `--own`, `--no-new-privs`, `--pause`,
//! and `podman run --init --init-path`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use rustix::process::{Pid, Signal, getuid, kill_process};

use super::{init, write_executable};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, run};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        expands_arguments,
        refuses_what_it_cannot_expand,
        runs_as_another_user,
        names_users_that_there_are_not,
        gives_directories,
        refuses_directories,
        denies_privileges,
        pauses,
        podman_runs_it,
    ]
}

fn expanding(arch: Arch, words: &[&str]) -> Ran {
    let mut command = arch.program("init");
    command.args(["--expand", "--"]).args(words);
    command
        .env("A", "a  b*")
        .env("EMPTY", "")
        .env("PROGRAM", "printf")
        .env_remove("NONE");
    run(&mut command)
}

fn expands_arguments(arch: Arch) {
    let words = [
        "${A}",
        "${NONE}",
        "${EMPTY:-d ${A}}",
        "x${A:?no}y",
        "$A",
        "\\${A}",
        "",
    ];
    let printed = "<a  b*>\n<>\n<d a  b*>\n<xa  b*y>\n<$A>\n<${A}>\n<>\n";
    let all = [&["printf", "<%s>\n"][..], &words].concat();
    assert_eq!(expanding(arch, &all), Ran::new(0, printed, ""));
    assert_eq!(
        expanding(arch, &["${PROGRAM}", "${A}"]),
        Ran::new(0, "a  b*", "")
    );
    // Without the option nothing is expanded.
    let mut command = arch.program("init");
    assert_eq!(
        run(command.args(["echo", "${PATH}"])),
        Ran::new(0, "${PATH}\n", "")
    );
    // A text that is longer than a page.
    let mut command = arch.program("init");
    let long = "x".repeat(100_000);
    let ran = run(command.env("LONG", &long).args([
        "--expand",
        "sh",
        "-c",
        "echo ${#1}",
        "sh",
        "${LONG}",
    ]));
    assert_eq!(
        ran,
        Ran::new(
            2,
            "",
            "init: expand ${#1}: expected ${NAME}, ${NAME:-WORD} or ${NAME:?WORD}\n"
        )
    );
    let ran = run(command
        .env("LONG", &long)
        .args(["--expand", "echo", "${LONG}${LONG}"]));
    assert_eq!(ran.status, Some(2)); // the arguments above are still there
    let mut command = arch.program("init");
    let ran = run(command
        .env("LONG", &long)
        .args(["--expand", "printf", "%s", "${LONG}"]));
    assert_eq!(ran, Ran::new(0, &long, ""));
}

fn refuses_what_it_cannot_expand(arch: Arch) {
    for (word, status, message) in [
        ("${A", 2, "${A: expected a closing brace"),
        ("x${NONE:-${A}", 2, "${NONE:-${A}: expected a closing brace"),
        (
            "${A+b}",
            2,
            "${A+b}: expected ${NAME}, ${NAME:-WORD} or ${NAME:?WORD}",
        ),
        ("${NONE:?set NONE}", 1, "NONE: set NONE"),
        ("${EMPTY:?}", 1, "EMPTY: not set, or empty"),
    ] {
        let ran = expanding(arch, &["echo", word]);
        assert_eq!(
            ran,
            Ran::new(status, "", &format!("init: expand {message}\n")),
            "{word}"
        );
    }
}

const PASSWD: &str =
    "root:x:0:0::/root:/bin/sh\nada:x:1234:2345::/home/ada:/bin/sh\nbob:x:1235:2346::/home/bob:\n";
const GROUP: &str = "root:x:0:\nada:x:2345:\naudio:x:29:bob,ada\nvideo:x:44:ada\n";

/// `init` with these accounts; or why it can't be run.
fn with_accounts(
    arch: Arch,
    folder: &Folder,
    options: &[&str],
    words: &[&str],
) -> Result<Ran, String> {
    if !getuid().is_root() {
        return Err(skip::ROOT.into());
    }
    fs::set_permissions(folder.root(), Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.path("passwd"), PASSWD).unwrap();
    fs::write(folder.path("group"), GROUP).unwrap();
    let mount = "mount --bind passwd /etc/passwd && mount --bind group /etc/group && echo mounted >&2 && exec \"$@\"";
    let command = arch.program("init");
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--mount", "sh", "-c", mount, "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    let mut ran = run(unshare.args(options).args(words).current_dir(folder.root()));
    match ran.stderr.strip_prefix("mounted\n") {
        Some(rest) => ran.stderr = rest.into(),
        None => return Err(skip::namespaces(&ran.stderr)),
    }
    Ok(ran)
}

macro_rules! or_skip {
    ($result:expr) => {
        match $result {
            Ok(ran) => ran,
            Err(why) => return Completion::ignored_with(why),
        }
    };
}

fn runs_as_another_user(arch: Arch) -> Completion {
    let script = "id -u; id -g; id -G; echo $HOME; env | grep -c ^HOME=; echo $KEPT; sed -n 's/^Uid://p' /proc/$PPID/status";
    let own = "0\t0\t0\t0";
    for (user, ids, home) in [
        ("ada", "1234\n2345\n2345 29 44", "/home/ada"),
        ("1234", "1234\n2345\n2345 29 44", "/home/ada"),
        ("bob", "1235\n2346\n2346 29", "/home/bob"),
        ("ada:video", "1234\n44\n44", "/home/ada"),
        ("ada:7", "1234\n7\n7", "/home/ada"),
        ("77:88", "77\n88\n88", "/"),
        ("77:audio", "77\n29\n29", "/"),
        ("0", "0\n0\n0", "/root"),
    ] {
        let words = ["env", "KEPT=yes", "sh", "-c", script];
        let ran = or_skip!(with_accounts(
            arch,
            &Folder::new(),
            &["--user", user, "--"],
            &words
        ));
        let expected = format!("{ids}\n{home}\n1\nyes\n\t{own}\n");
        assert_eq!(ran, Ran::new(0, &expected, ""), "{user}");
    }
    // The user's rights are those of CMD from its start: another user's program is not executed.
    let folder = Folder::new();
    write_executable(&folder.path("program"), "#!/bin/sh\n");
    fs::set_permissions(folder.path("program"), Permissions::from_mode(0o700)).unwrap();
    let ran = or_skip!(with_accounts(
        arch,
        &folder,
        &["--user", "ada"],
        &["./program"]
    ));
    let message = "init: run ./program: Permission denied (EACCES)\n";
    assert_eq!(ran, Ran::new(126, "", message));
    // A user who may not change the user.
    let words = [arch.program("init")].map(|command| {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words
            .map(|word| word.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    });
    let words: Vec<&str> = words[0]
        .iter()
        .map(String::as_str)
        .chain(["--user", "bob", "true"])
        .collect();
    let ran = or_skip!(with_accounts(
        arch,
        &Folder::new(),
        &["--user", "ada"],
        &words
    ));
    assert_eq!(
        (ran.status, &*ran.stderr),
        (Some(1), "init: run true: Operation not permitted (EPERM)\n")
    );
    Completion::Completed
}

fn names_users_that_there_are_not(arch: Arch) -> Completion {
    for (user, message) in [
        ("eve", "find eve: not in /etc/passwd"),
        ("ad", "find ad: not in /etc/passwd"),
        (":ada", "find : not in /etc/passwd"),
        ("ada:nobodies", "find nobodies: not in /etc/group"),
        ("ada:", "find : not in /etc/group"),
        ("ada:video:x", "find video:x: not in /etc/group"),
        ("77", "find 77: needs a :GROUP"),
        ("4294967295:1", "find 4294967295: not in /etc/passwd"),
    ] {
        let ran = or_skip!(with_accounts(
            arch,
            &Folder::new(),
            &["--user", user],
            &["true"]
        ));
        assert_eq!(
            ran,
            Ran::new(1, "", &format!("init: {message}\n")),
            "{user}"
        );
    }
    Completion::Completed
}

fn gives_directories(arch: Arch) -> Completion {
    let folder = Folder::new();
    fs::create_dir(folder.path("old")).unwrap();
    fs::write(folder.path("old/file"), "").unwrap();
    let options = ["--own", "old", "--user", "ada", "--own=new", "--own", "old"];
    let ran = or_skip!(with_accounts(
        arch,
        &folder,
        &options,
        &["sh", "-c", ": >new/file; : >old/other"]
    ));
    assert_eq!(ran, Ran::new(0, "", ""));
    let of = |name: &str| {
        let metadata = fs::metadata(folder.path(name)).unwrap();
        (metadata.uid(), metadata.gid())
    };
    for (name, ids) in [
        ("old", (1234, 2345)),
        ("old/file", (0, 0)),
        ("old/other", (1234, 2345)),
        ("new", (1234, 2345)),
        ("new/file", (1234, 2345)),
    ] {
        assert_eq!(of(name), ids, "{name}");
    }
    Completion::Completed
}

fn refuses_directories(arch: Arch) -> Completion {
    let folder = Folder::new();
    fs::create_dir(folder.path("directory")).unwrap();
    symlink("directory", folder.path("link")).unwrap();
    let own = fs::metadata(folder.root()).unwrap().uid();
    for (path, message) in [
        ("link", "Not a directory (ENOTDIR)"),
        ("link/", "Invalid argument (EINVAL)"),
        ("link/.", "Invalid argument (EINVAL)"),
        ("link/..", "Invalid argument (EINVAL)"),
        ("passwd", "Not a directory (ENOTDIR)"),
        ("missing/x", "No such file or directory (ENOENT)"),
    ] {
        let ran = or_skip!(with_accounts(
            arch,
            &folder,
            &["--user", "ada", "--own", path],
            &["true"]
        ));
        assert_eq!(
            ran,
            Ran::new(1, "", &format!("init: own {path}: {message}\n"))
        );
    }
    assert_eq!(fs::metadata(folder.path("directory")).unwrap().uid(), 0);
    assert_eq!(fs::metadata(folder.root()).unwrap().uid(), own);
    // With an error of `--expand`, no directory is created.
    let options = ["--user", "ada", "--own", "new", "--expand", "--"];
    let ran = or_skip!(with_accounts(arch, &folder, &options, &["${NONE:?}"]));
    assert_eq!(
        ran,
        Ran::new(1, "", "init: expand NONE: not set, or empty\n")
    );
    assert!(!folder.path("new").exists());
    let ran = run(arch.program("init").args(["--own", "x", "true"]));
    assert_eq!(ran, Ran::misused("init", "--own: no --user"));
    Completion::Completed
}

fn denies_privileges(arch: Arch) {
    let line = |options: &[&str]| {
        run(&mut init(
            arch,
            options,
            "grep NoNewPrivs /proc/self/status",
        ))
        .stdout
    };
    let before = line(&[]);
    assert_eq!(line(&["--no-new-privs"]), "NoNewPrivs:\t1\n");
    assert_eq!(line(&[]), before);
}

/// `init` replaces a shell whose child becomes a child of `init`.
fn pauses(arch: Arch) -> Completion {
    let start = |options: &[&str]| {
        let command = arch.program("init");
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 0.1 & exec \"$@\"", "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        shell
            .args(options)
            .args(["--pause", "-w"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let send = |child: &std::process::Child, signal| {
        sleep(Duration::from_millis(400));
        kill_process(Pid::from_child(child), signal).unwrap();
    };
    for (options, ignored, end) in [
        (&[][..], Signal::USR1, Signal::TERM),
        (&["-e", "3"], Signal::HUP, Signal::INT),
        (&["-r", "TERM:0"], Signal::TERM, Signal::INT),
        (&["-r", "QUIT:TERM"], Signal::USR2, Signal::QUIT),
    ] {
        let mut child = start(options);
        send(&child, ignored);
        sleep(Duration::from_millis(100));
        assert_eq!(child.try_wait().unwrap(), None, "{ignored:?} ends it");
        send(&child, end);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            text.starts_with("init: orphan ") && text.ends_with(" ended: exit 0\n"),
            "{text}"
        );
    }
    let ran = run(arch.program("init").args(["-P", "true"]));
    assert_eq!(ran, Ran::misused("init", "unexpected true"));
    if !arch.is_native() {
        return Completion::ignored_with(skip::SUBREAPER);
    }
    // With --grace the remaining processes end.
    let mut shell = Command::new("sh");
    let inner = "echo $$; sleep 100 & exec \"$0\" -P --grace 5 -w";
    shell
        .args(["-c", inner])
        .arg(arch.shipped("init"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let child = shell.spawn().unwrap();
    send(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && text.ends_with(" ended: signal 15\n"),
        "{text}"
    );
    Completion::Completed
}

/// A container whose file system has `hello` and nothing else.
fn podman_runs_it(arch: Arch) -> Completion {
    if !arch.is_native() || arch != Arch::X86_64 || !getuid().is_root() {
        return Completion::ignored_with(skip::PODMAN);
    }
    let folder = Folder::new();
    for name in ["proc", "sys", "dev", "etc", "run", "tmp"] {
        fs::create_dir_all(folder.path(format!("root/{name}"))).unwrap();
    }
    fs::copy(arch.shipped("hello"), folder.path("root/hello")).unwrap();
    let podman = |words: &[&str]| {
        let mut command = Command::new("podman");
        command.args([
            "--cgroup-manager",
            "cgroupfs",
            "--events-backend",
            "file",
            "--runtime",
            "runc",
        ]);
        command
            .args(["--storage-driver", "vfs", "--root"])
            .arg(folder.path("storage"));
        command.arg("--runroot").arg(folder.path("state"));
        command.args([
            "run",
            "--rm",
            "--network",
            "none",
            "--ulimit",
            "nofile=1024:1024",
        ]);
        command
            .args(["--ulimit", "nproc=1024:1024", "--init", "--init-path"])
            .arg(arch.shipped("init"));
        command.arg("--rootfs").arg(folder.path("root")).args(words);
        command.output().ok()
    };
    let Some(output) = podman(&["/hello", "Ada"]) else {
        return Completion::ignored_with(skip::PODMAN);
    };
    if output.status.code() != Some(0) {
        let text = String::from_utf8_lossy(&output.stderr);
        let why = format!("{}: {}", skip::PODMAN, text.trim_end());
        return Completion::ignored_with(why);
    }
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "Hello, Ada!\n");
    let output = podman(&["/nothing"]).unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(127));
    assert_eq!(
        message,
        "init: run /nothing: No such file or directory (ENOENT)\n"
    );
    Completion::Completed
}

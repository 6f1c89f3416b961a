//! Tests of the example `find`: it finds what find(1) finds, also in trees that are deeper than the limits of paths,
//! descriptors and the stack.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use libtest_mimic::{Completion, Trial};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat};

use super::example;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, ran, run, wait_until};

pub fn trials() -> Vec<Trial> {
    per_arch![
        finds_what_find_finds,
        names_match_as_for_find,
        continues_after_errors,
        has_no_limit_of_depth,
        does_not_leave_a_tree_that_is_moved,
        refuses_what_it_does_not_understand,
        ends_with_its_reader,
    ]
    .collect()
}

/// A folder with files of all types that need no privilege.
fn folder() -> Folder {
    let folder = Folder::new();
    let path = |name: &str| folder.path(name);
    fs::create_dir_all(path("a/b/c")).unwrap();
    fs::create_dir(path("empty")).unwrap();
    fs::create_dir(path("wide")).unwrap();
    for number in 0..2000 {
        fs::write(path(&format!("wide/{number}")), "").unwrap();
        if number % 10 == 0 {
            fs::create_dir(path(&format!("wide/{number}.d"))).unwrap();
        }
    }
    for name in [
        "a/file",
        "a/b/file",
        "a/b/c/.hidden",
        "a/new\nline",
        "...",
        "-x",
    ] {
        fs::write(path(name), "").unwrap();
    }
    fs::write(folder.path(OsStr::from_bytes(b"a/\xff\x01")), "").unwrap();
    symlink("b", path("a/link")).unwrap();
    symlink("nowhere", path("a/broken")).unwrap();
    symlink("..", path("a/loop")).unwrap();
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, path("a/fifo"), FileType::Fifo, mode, 0).unwrap();
    drop(UnixListener::bind(path("a/socket")).unwrap());
    folder
}

/// Exit status, and the sorted paths. Each path is between newlines, or has one: the sorted pieces are equal if the
/// paths are.
fn found(command: &mut Command) -> (Option<i32>, Vec<Vec<u8>>) {
    let output: Output = command.stdin(Stdio::null()).output().unwrap();
    let pieces = output.stdout.split(|&byte| byte == b'\n');
    let mut pieces: Vec<_> = pieces.map(<[u8]>::to_vec).collect();
    pieces.sort();
    (output.status.code(), pieces)
}

fn same(arch: Arch, folder: &Path, words: &[&str]) {
    let mut theirs = Command::new("find");
    theirs.env("LC_ALL", "C").current_dir(folder).args(words);
    let mut ours = example(arch, "find");
    ours.current_dir(folder).args(words);
    assert!(found(&mut ours) == found(&mut theirs), "{words:?}");
}

fn finds_what_find_finds(arch: Arch) {
    let folder = folder();
    for words in [
        "",
        ".",
        "./",
        "a",
        "a/",
        "a//",
        "./a/b",
        "a/file",
        "a/link",
        "a/link/",
        "a/broken",
        "a/b/..",
        "a empty a",
        "nowhere",
        "a nowhere empty",
        "/dev -type c",
        "/dev -type b",
        "/dev -type l",
        "a -type d",
        "a -type f",
        "a -type l",
        "a -type p",
        "a -type s",
        "-type d",
        "-name file",
        "-name . -type d",
        "a/ empty/ -name a",
        "-type f -name *1* -name *2",
    ] {
        let words: Vec<_> = words.split_whitespace().collect();
        same(arch, folder.root(), &words);
    }
}

fn names_match_as_for_find(arch: Arch) {
    let folder = Folder::new();
    let mut random = SmallRng::seed_from_u64(1);
    let mut text = |letters: &[u8], length| -> String {
        (0..random.random_range(1..length))
            .map(|_| char::from(letters[random.random_range(0..letters.len())]))
            .collect()
    };
    for _ in 0..200 {
        fs::write(folder.path(format!("n{}", text(b"aabbc.-]![*\\", 7))), "").unwrap();
    }
    for _ in 0..60 {
        let pattern = format!("n{}", text(b"aabbc.-*?[[]]!^\\", 9));
        same(arch, folder.root(), &["-name", &pattern]);
    }
}

fn continues_after_errors(arch: Arch) -> Completion {
    let folder = Folder::new();
    for name in ["closed", "listed", "open"] {
        fs::create_dir_all(folder.path(name).join("x/y")).unwrap();
    }
    let set = |name: &str, mode| {
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("closed", 0o000);
    set("listed", 0o444);
    let mut find = example(arch, "find");
    if fs::read_dir(folder.path("closed")).is_ok() {
        // Without capabilities, permissions hold for root too.
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--bounding-set", "-all", "--inh-caps", "-all", "--"]);
        setpriv.arg(find.get_program()).args(find.get_args());
        find = setpriv;
    }
    let ran = run(find.current_dir(folder.root()).arg("."));
    set("closed", 0o700);
    set("listed", 0o700);
    if ran.stderr.starts_with("setpriv: ") {
        return Completion::ignored_with(skip::capabilities(&ran.stderr));
    }
    assert_eq!(ran.status, Some(1));
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(
        sorted(&ran.stdout),
        [
            ".",
            "./closed",
            "./listed",
            "./listed/x",
            "./open",
            "./open/x",
            "./open/x/y"
        ]
    );
    assert_eq!(
        sorted(&ran.stderr),
        [
            "find: open ./closed: Permission denied (EACCES)",
            "find: open ./listed/x: Permission denied (EACCES)",
        ]
    );
    let ran = run(example(arch, "find").args(["nowhere", "/dev/null"]));
    let message = "find: stat nowhere: No such file or directory (ENOENT)\n";
    assert_eq!(ran, Ran::new(1, "/dev/null\n", message));
    Completion::Completed
}

/// A chain of 1500 directories, with two subdirectories and a file in each: the longest path has 12,000 bytes.
fn has_no_limit_of_depth(arch: Arch) {
    const DEPTH: usize = 1500;
    let folder = Folder::new();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mode = Mode::from_raw_mode(0o700);
    let mut dir: OwnedFd = openat(CWD, folder.root(), flags, Mode::empty()).unwrap();
    for _ in 0..DEPTH {
        mkdirat(&dir, "deep-er", mode).unwrap();
        mkdirat(&dir, "b", mode).unwrap();
        dir = openat(&dir, "deep-er", flags, Mode::empty()).unwrap();
    }
    let mut limited = Command::new("sh");
    // qemu-user itself needs more.
    let limits = match arch.is_native() {
        true => "ulimit -n 30; ulimit -s 128; exec \"$@\"",
        false => "ulimit -n 60; exec \"$@\"",
    };
    let find = example(arch, "find");
    limited.args(["-c", limits, "sh"]).arg(find.get_program());
    limited.args(find.get_args()).arg(".");
    let (status, ours) = found(limited.current_dir(folder.root()));
    assert_eq!((status, ours.len()), (Some(0), 2 * DEPTH + 2));
    let (_, theirs) = found(Command::new("find").arg(".").current_dir(folder.root()));
    assert!(ours == theirs);
    // std's remove_dir_all needs a descriptor for each level.
    let removed = run(Command::new("rm")
        .args(["-rf", "deep-er", "b"])
        .current_dir(folder.root()));
    assert_eq!(removed, Ran::new(0, "", ""));
}

/// A directory is moved while `find` is 30 levels below it, and waits for its reader. `..` leads elsewhere then.
fn does_not_leave_a_tree_that_is_moved(arch: Arch) {
    let folder = Folder::new();
    let chain = |depth| ["d"; 40][..depth].join("/");
    let deepest = folder.path(chain(40));
    fs::create_dir_all(&deepest).unwrap();
    for number in 0..1000 {
        fs::write(deepest.join(format!("{number:0200}")), "").unwrap();
    }
    let mut find = example(arch, "find");
    find.current_dir(folder.root()).arg("d");
    find.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = find.spawn().unwrap();
    wait_until("the pipe is full", || {
        rustix::io::ioctl_fionread(child.stdout.as_ref().unwrap()).unwrap() >= 1 << 16
    });
    fs::rename(folder.path(chain(10)), folder.path("moved")).unwrap();
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.stdout.lines().count()), (Some(1), 1040));
    let message = "a directory below was moved";
    let stderr = format!("find: go back to {}: {message}\n", chain(9));
    assert_eq!(ran.stderr, stderr);
}

fn refuses_what_it_does_not_understand(arch: Arch) {
    for (words, message) in [
        ("-nam x", "unknown test -nam"),
        (". -name", "-name needs a pattern"),
        (". -type", "-type needs a letter of bcdflps"),
        (". -type ff", "-type needs a letter of bcdflps"),
        (". -type f .", "file after a test: ."),
    ] {
        let ran = run(example(arch, "find").args(words.split_whitespace()));
        let stderr = format!("find: {message}\nTry 'find --help'.\n");
        assert_eq!(ran, Ran::new(1, "", &stderr), "{words}");
    }
    let ran = run(example(arch, "find").arg("--help"));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.starts_with("usage: find "));
}

fn ends_with_its_reader(arch: Arch) {
    let mut find = example(arch, "find");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = find
        .arg("/proc/self")
        .stdout(writer)
        .stderr(Stdio::null())
        .status();
    assert_eq!(status.unwrap().signal(), Some(13));
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut find = example(arch, "find");
    find.arg("/dev/null").stdout(full).stderr(Stdio::piped());
    let output = find.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        output.stderr,
        b"find: write stdout: No space left on device (ENOSPC)\n"
    );
}

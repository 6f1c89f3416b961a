//! Tests of the kinds of files that FILE may lead to.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};
use rustix::fs::inotify;

use super::attributes::NOBODY;
use super::{OLD, Reader, after, content, failed, fine, on_a_small_disk};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, ran};

pub fn trials() -> Vec<Trial> {
    per_arch![
        follows_symbolic_links,
        makes_what_a_symbolic_link_leads_to,
        refuses_symbolic_links_that_lead_nowhere,
        refuses_directories,
        refuses_what_is_no_path,
        takes_any_name,
        leaves_other_hard_links,
        writes_straight_to_what_is_no_file,
        writes_to_what_is_open_here,
        writes_to_an_unnamed_file,
        writes_to_what_is_open_elsewhere,
        writes_files_of_the_kernel,
        writes_files_of_sysfs,
        appends_to_no_end_of_its_own,
        replaces_what_it_may_not_write,
        needs_not_to_read_the_directory,
        needs_to_write_the_directory,
        writes_over_a_mount_point,
        writes_in_place_once_all_is_there,
        shows_a_new_file_once_it_is_complete,
    ]
    .collect()
}

fn follows_symbolic_links(arch: Arch) {
    let folder = Folder::with_old();
    fs::create_dir_all(folder.path("sub/deep")).unwrap();
    symlink("f", folder.path("link")).unwrap();
    symlink("./link", folder.path("chain")).unwrap();
    symlink("../../f", folder.path("sub/deep/up")).unwrap();
    symlink("deep", folder.path("sub/shallow")).unwrap();
    symlink(folder.path("sub/shallow/up"), folder.path("absolute")).unwrap();
    let links = ["link", "chain", "sub/deep/up", "sub/shallow/up", "absolute"];
    let before: Vec<_> = links
        .map(|link| fs::read_link(folder.path(link)).unwrap())
        .into();
    for link in links {
        assert_eq!(folder.save(arch, &[link], link.as_bytes()), fine());
        assert_eq!(folder.read("f"), link.as_bytes());
        assert_eq!(folder.save(arch, &["-a", link], b"more"), fine());
        assert_eq!(folder.read("f"), [link.as_bytes(), b"more"].concat());
    }
    let after: Vec<_> = links
        .map(|link| fs::read_link(folder.path(link)).unwrap())
        .into();
    assert_eq!(before, after);
    let names = ["absolute", "chain", "f", "link", "sub"];
    assert_eq!(folder.names(), names);
}

fn makes_what_a_symbolic_link_leads_to(arch: Arch) {
    for arguments in [&[][..], &["-a"]] {
        let folder = Folder::new();
        fs::create_dir(folder.path("sub")).unwrap();
        symlink("sub/link", folder.path("link")).unwrap();
        symlink("new", folder.path("sub/link")).unwrap();
        let arguments = [arguments, &["link"]].concat();
        assert_eq!(folder.save(arch, &arguments, b"new"), fine());
        assert_eq!(folder.read("sub/new"), b"new");
        assert!(folder.path("link").is_symlink() && folder.path("sub/link").is_symlink());
    }
}

fn refuses_symbolic_links_that_lead_nowhere(arch: Arch) {
    let folder = Folder::new();
    symlink("b", folder.path("a")).unwrap();
    symlink("a", folder.path("b")).unwrap();
    symlink("missing/new", folder.path("far")).unwrap();
    symlink("new/", folder.path("slash")).unwrap();
    let loops = "Too many levels of symbolic links (ELOOP)";
    let nowhere = "No such file or directory (ENOENT)";
    for (link, message) in [("a", loops), ("far", nowhere), ("slash", nowhere)] {
        let failed = failed(&format!("open {link}: {message}"));
        assert_eq!(folder.save(arch, &[link], b"new"), failed);
        assert_eq!(folder.save(arch, &["-a", link], b"new"), failed);
    }
    assert_eq!(folder.names(), ["a", "b", "far", "slash"]);
}

fn refuses_directories(arch: Arch) {
    let folder = Folder::new();
    fs::create_dir(folder.path("d")).unwrap();
    symlink("d", folder.path("link")).unwrap();
    for path in ["d", "d/", "d/.", ".", "..", "/", "link", "link/"] {
        let failed = failed(&format!("open {path}: Is a directory (EISDIR)"));
        assert_eq!(folder.save(arch, &[path], b"new"), failed);
        assert_eq!(folder.save(arch, &["-a", path], b"new"), failed);
    }
    assert_eq!(folder.names(), ["d", "link"]);
}

fn refuses_what_is_no_path(arch: Arch) {
    let folder = Folder::with_old();
    let (name, path) = ("n".repeat(256), "./".repeat(2048));
    for (path, message) in [
        ("", "No such file or directory (ENOENT)"),
        ("missing/f", "No such file or directory (ENOENT)"),
        ("new/", "No such file or directory (ENOENT)"),
        ("f/", "Not a directory (ENOTDIR)"),
        ("f/g", "Not a directory (ENOTDIR)"),
        (&name, "File name too long (ENAMETOOLONG)"),
        (&path, "File name too long (ENAMETOOLONG)"),
        ("li\nne\x1b/f", "No such file or directory (ENOENT)"),
    ] {
        let shown = path.replace('\n', "\\x0a").replace('\x1b', "\\x1b");
        let failed = failed(&format!("open {shown}: {message}"));
        assert_eq!(folder.save(arch, &[path], b"new"), failed);
        assert_eq!(folder.save(arch, &["-a", path], b"new"), failed);
    }
    assert_eq!(folder.names(), ["f"]);
    assert_eq!(folder.read("f"), OLD);
}

fn takes_any_name(arch: Arch) {
    let folder = Folder::new();
    let long = "n".repeat(255);
    for name in [&b"\xff\n \\'\"*"[..], long.as_bytes(), b"...", b"./f"] {
        let name = OsStr::from_bytes(name);
        for content in [&b"first"[..], b"second"] {
            assert_eq!(folder.save(arch, &[name], content), fine());
            assert_eq!(folder.read(name), content);
        }
    }
    // The longest possible path: 4095 bytes.
    let deep = format!("{}f", "./".repeat(2047));
    assert_eq!(folder.save(arch, &[deep], b"third"), fine());
    assert_eq!(folder.read("f"), b"third");
}

fn leaves_other_hard_links(arch: Arch) {
    let folder = Folder::with_old();
    fs::hard_link(folder.path("f"), folder.path("other")).unwrap();
    assert_eq!(folder.save(arch, &["f"], b"new"), fine());
    assert_eq!(folder.read("f"), b"new");
    assert_eq!(folder.read("other"), OLD);
    // Appending changes the file itself, so the new content is visible under all its names.
    assert_eq!(folder.save(arch, &["-a", "other"], b"new"), fine());
    fs::hard_link(folder.path("other"), folder.path("third")).unwrap();
    assert_eq!(folder.read("third"), [OLD, b"new"].concat());
}

fn writes_straight_to_what_is_no_file(arch: Arch) {
    let folder = Folder::new();
    let input = content(300_000);
    for appending in [&[][..], &["-a"]] {
        let with = |path| [appending, &[path]].concat();
        // Each of these stays a device.
        assert_eq!(folder.save(arch, &with("/dev/null"), &input), fine());
        let full = "write /dev/full: No space left on device (ENOSPC)";
        assert_eq!(folder.save(arch, &with("/dev/full"), &input), failed(full));
        for device in ["/dev/null", "/dev/full"] {
            assert_eq!(fs::metadata(device).unwrap().mode() & 0o170_000, 0o020_000);
        }

        let fifo = folder.path("fifo");
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let reader = Reader::of(&fifo);
        std::thread::scope(|scope| {
            let got = scope.spawn(|| reader.rest());
            assert_eq!(folder.save(arch, &with("fifo"), &input), fine());
            assert!(got.join().unwrap() == input);
        });
        assert_eq!(folder.names(), ["fifo"]);
        fs::remove_file(fifo).unwrap();

        let stdout = folder.save(arch, &with("/dev/stdout"), b"to standard output");
        assert_eq!(stdout.stdout, "to standard output");
        assert_eq!((stdout.status, stdout.stderr.as_str()), (Some(0), ""));

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = arch
            .program("save")
            .args(with("/dev/stdout"))
            .stdin(File::open("/proc/version").unwrap())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn();
        let broken = failed("write /dev/stdout: Broken pipe (EPIPE)");
        assert_eq!(ran(child.unwrap().wait_with_output().unwrap()), broken);
    }
}

/// `save` writes to the open descriptor itself, which shares its offset with other descriptors and may have O_APPEND.
fn writes_to_what_is_open_here(arch: Arch) {
    let folder = Folder::new();
    let program = arch.program("save");
    for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"] {
        for (redirection, save) in [
            (">>log", &["f"][..]),
            (">log", &["f"]),
            (">log", &["-a", "f"]),
            ("1<>log", &["--in-place", "f"]),
        ] {
            fs::write(folder.path("log"), "").unwrap();
            let _ = fs::remove_file(folder.path("link"));
            symlink("/dev/stdout", folder.path("link")).unwrap();
            let save = save
                .iter()
                .map(|&argument| if argument == "f" { path } else { argument });
            let script = format!("(echo first; echo second | \"$@\"; echo third) {redirection}");
            let mut command = Command::new("sh");
            command
                .args(["-c", &script, "sh"])
                .arg(program.get_program())
                .args(program.get_args())
                .args(save);
            assert_eq!(folder.run(&mut command, Stdio::null()), fine());
            let log = String::from_utf8(folder.read("log")).unwrap();
            assert_eq!(log, "first\nsecond\nthird\n", "{redirection} {path}");
        }
    }
    assert_eq!(folder.names(), ["link", "log"]);
    // A closed descriptor is reported as missing. A descriptor that cannot be written is an error.
    let mut command = program_with(arch, &["/dev/stdout"]);
    let ran = folder.run(&mut after("exec >&-", &command), Stdio::null());
    let message = "open /dev/stdout: No such file or directory (ENOENT)";
    assert_eq!(ran, failed(message));
    let ran = folder.feed(&mut after("exec 1<log", &command), b"new");
    assert_eq!(
        ran,
        failed("write /dev/stdout: Bad file descriptor (EBADF)")
    );
    // Other processes continue at the offset where `save` ended, so the file is not cut back.
    command = program_with(arch, &["-a", "/dev/stdout"]);
    let mut command = after("ulimit -f 100; exec >log", &command);
    let ran = folder.feed(&mut command, &content(200_000));
    let printed =
        "write /dev/stdout: File too large (EFBIG)\nsave: /dev/stdout has 51200 bytes of the input";
    assert_eq!(ran, failed(printed));
    assert_eq!(folder.read("log"), content(200_000)[..51_200]);
}

fn program_with(arch: Arch, arguments: &[&str]) -> Command {
    let mut command = arch.program("save");
    command.args(arguments);
    command
}

/// The text of a link in /proc/PID/fd may look like a path without being one.
fn writes_to_an_unnamed_file(arch: Arch) {
    let folder = Folder::with_old();
    let open = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(folder.path("f"));
    let mut file = open.unwrap();
    fs::remove_file(folder.path("f")).unwrap();
    fs::write(folder.path("f (deleted)"), OLD).unwrap();
    let mut command = program_with(arch, &["/dev/stdout"]);
    command
        .current_dir(folder.path(""))
        .stdin(File::open("/proc/version").unwrap())
        .stdout(file.try_clone().unwrap())
        .stderr(Stdio::piped());
    let ran = ran(command.spawn().unwrap().wait_with_output().unwrap());
    assert_eq!(ran, fine());
    let mut content = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut content).unwrap();
    assert!(content.starts_with(&fs::read("/proc/version").unwrap()));
    assert_eq!(folder.read("f (deleted)"), OLD);
    assert_eq!(folder.names(), ["f (deleted)"]);
}

/// A file without a name that another process has open gets the new content. No other file does.
fn writes_to_what_is_open_elsewhere(arch: Arch) {
    let folder = Folder::new();
    let memory = rustix::fs::memfd_create("f", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut memory = File::from(memory);
    memory.write_all(&content(100_000)).unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
    for new in [&content(150_000)[..], b"short"] {
        assert_eq!(folder.save(arch, &[&path], new), fine());
        let mut found = Vec::new();
        memory.rewind().unwrap();
        memory.read_to_end(&mut found).unwrap();
        assert!(found == new);
    }
    assert_eq!(folder.names(), [""; 0]);
}

fn writes_files_of_the_kernel(arch: Arch) {
    let folder = Folder::new();
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let path = |file| format!("/proc/{}/{file}", child.id());
    let oom = path("oom_score_adj");
    for (arguments, value) in [(&[][..], "300"), (&["-a"], "400"), (&["--in-place"], "500")] {
        let arguments = [arguments, &[&oom]].concat();
        assert_eq!(folder.save(arch, &arguments, value.as_bytes()), fine());
        assert_eq!(fs::read_to_string(&oom).unwrap().trim_end(), value);
    }
    let ran = folder.save(arch, &[&oom], b"no number");
    let part = "Invalid argument (EINVAL): it may have a part of the new content";
    assert_eq!(ran, failed(&format!("write {oom}: {part}")));
    let ran = folder.save(arch, &[&path("missing")], b"");
    let message = format!(
        "open {}: No such file or directory (ENOENT)",
        path("missing")
    );
    assert_eq!(ran, failed(&message));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Files of a separate network namespace, so that no other process is affected.
fn writes_files_of_sysfs(arch: Arch) -> Completion {
    let folder = Folder::new();
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "--mount"]);
        let script = format!("mount -t sysfs none /sys && {{ {script}; }}");
        command.args(["sh", "-c", &script, "sh"]);
        command
    };
    let mount = folder.run(&mut unshared("true"), Stdio::null());
    if mount != fine() {
        return Completion::ignored_with(skip::namespaces(&mount.stderr));
    }
    let mtu = "/sys/class/net/lo/mtu";
    let mut command = unshared(&format!(
        r#"echo 1400 | "$@" {mtu}; echo "exit $?"; cat {mtu}; echo 1500 | "$@" -a {mtu}; cat {mtu}
           echo none | "$@" {mtu}"#
    ));
    let program = arch.program("save");
    command.arg(program.get_program()).args(program.get_args());
    let part = "Invalid argument (EINVAL): it may have a part of the new content";
    assert_eq!(
        folder.run(&mut command, Stdio::null()),
        Ran::new(
            1,
            "exit 0\n1400\n1500\n",
            &format!("save: write {mtu}: {part}\n")
        )
    );
    Completion::Completed
}

/// `save` refuses an input that would grow by its own output.
fn appends_to_no_end_of_its_own(arch: Arch) {
    let folder = Folder::with_old();
    for arguments in [&["/dev/stdout"][..], &["-a", "/dev/stdout"]] {
        let command = program_with(arch, arguments);
        let ran = folder.run(&mut after("exec <f >>f", &command), Stdio::null());
        let message = "append to itself /dev/stdout: Invalid argument (EINVAL)";
        assert_eq!(ran, failed(message));
        assert_eq!(folder.read("f"), OLD);
    }
}

/// Replacing a file needs permission for the directory, not for the file.
fn replaces_what_it_may_not_write(arch: Arch) {
    let folder = Folder::with_old();
    folder.set_mode("f", 0o444);
    let mut command = folder.unprivileged_save(arch);
    if rustix::process::geteuid().is_root() {
        chown(folder.path("f"), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    assert_eq!(folder.feed(command.arg("f"), b"new"), fine());
    assert_eq!(folder.read("f"), b"new");
    assert_eq!(folder.mode("f"), 0o444);
}

fn needs_not_to_read_the_directory(arch: Arch) {
    let folder = Folder::new();
    let _ = folder.unprivileged_save(arch);
    fs::create_dir(folder.path("in")).unwrap();
    folder.set_mode("in", 0o333);
    for (arguments, content) in [
        (&["in/f"][..], "new"),
        (&["in/f"], "newer"),
        (&["-a", "in/f"], "newer again"),
        (&["-a", "in/g"], "new"),
        (&["--no-sync", "in/f"], "newest"),
    ] {
        let mut command = folder.unprivileged_save(arch);
        let file = arguments.last().unwrap();
        let input = match arguments[0] {
            "-a" => content.trim_start_matches("newer"),
            _ => content,
        };
        assert_eq!(
            folder.feed(command.args(arguments), input.as_bytes()),
            fine()
        );
        folder.set_mode("in", 0o777);
        assert_eq!(folder.read(file), content.as_bytes());
        folder.set_mode("in", 0o333);
    }
    folder.set_mode("in", 0o777);
    assert_eq!(fs::read_dir(folder.path("in")).unwrap().count(), 2);
}

const DIRECTORY: &str = ": its directory does not allow that; --in-place writes into it";

fn needs_to_write_the_directory(arch: Arch) {
    let folder = Folder::new();
    let _ = folder.unprivileged_save(arch);
    fs::create_dir(folder.path("in")).unwrap();
    fs::write(folder.path("in/f"), OLD).unwrap();
    folder.set_mode("in/f", 0o666);
    folder.set_mode("in", 0o555);
    let save =
        |arguments: &[&str]| folder.feed(folder.unprivileged_save(arch).args(arguments), b"new");
    let denied = "Permission denied (EACCES)";
    folder.set_mode("", 0o777);
    assert_eq!(
        save(&["in/f"]),
        failed(&format!("open in/f: {denied}{DIRECTORY}"))
    );
    assert_eq!(save(&["in/g"]), failed(&format!("open in/g: {denied}")));
    assert_eq!(
        save(&["--in-place", "in/g"]),
        failed(&format!("open in/g: {denied}"))
    );
    assert_eq!(save(&["-a", "in/f"]), fine());
    assert_eq!(folder.read("in/f"), [OLD, b"new"].concat());
    assert_eq!(save(&["--in-place", "in/f"]), fine());
    assert_eq!(folder.read("in/f"), b"new");
    // A file that is not writable by any user.
    folder.set_mode("in/f", 0o444);
    for arguments in [&["in/f"][..], &["--in-place", "in/f"]] {
        assert_eq!(save(arguments), failed(&format!("open in/f: {denied}")));
    }
    assert_eq!(folder.read("in/f"), b"new");
    folder.set_mode("in", 0o777);
}

/// A file that is a mount point, as in containers.
fn writes_over_a_mount_point(arch: Arch) -> Completion {
    let folder = Folder::new();
    let mount = folder.run(&mut on_a_small_disk("true"), Stdio::null());
    if mount != fine() {
        return Completion::ignored_with(skip::namespaces(&mount.stderr));
    }
    let program = arch.program("save");
    let mut command = on_a_small_disk(
        r#"printf 'the old content\n' >g && : >f && mount --bind g f && {
           echo new | "$@" f; echo "exit $?"; cat f
           echo new | "$@" --in-place -m 600 f; echo "exit $?"; cat f; stat -c %a g; ls -A; }"#,
    );
    command.arg(program.get_program()).args(program.get_args());
    let printed = "save: replace f: Device or resource busy (EBUSY): it is a mount point; \
                --in-place writes into it\n";
    let wanted = "exit 1\nthe old content\nexit 0\nnew\n600\nf\ng\n";
    assert_eq!(
        folder.run(&mut command, Stdio::null()),
        Ran::new(0, wanted, printed)
    );
    Completion::Completed
}

/// The inode stays the same, and the file is unchanged until all input has been read.
fn writes_in_place_once_all_is_there(arch: Arch) {
    let folder = Folder::with_old();
    fs::hard_link(folder.path("f"), folder.path("g")).unwrap();
    let program = arch.program("save");
    for (tool, wanted) in [
        ("cat f; echo more", [OLD, b"more\n"].concat()),
        ("tail -n 1 f", b"more\n".to_vec()),
        (":", Vec::new()),
    ] {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{{ {tool}; }} | \"$@\" --in-place f"), "sh"])
            .arg(program.get_program())
            .args(program.get_args());
        assert_eq!(folder.run(&mut command, Stdio::null()), fine());
        assert_eq!(folder.read("g"), wanted);
    }
    fs::write(folder.path("f"), OLD).unwrap();
    let directory = File::open("/").unwrap();
    let ran = folder.run(&mut program_with(arch, &["--in-place", "f"]), directory);
    assert_eq!(ran, failed("read stdin: Is a directory (EISDIR)"));
    assert_eq!(folder.read("g"), OLD);
    // A file that does not exist is created as without --in-place.
    assert_eq!(folder.save(arch, &["--in-place", "new"], b"new"), fine());
    assert_eq!(folder.read("new"), b"new");
    assert_eq!(folder.names(), ["f", "g", "new"]);
}

/// A watcher of the directory gets one event (IN_MOVED_TO) for each replaced or new file.
fn shows_a_new_file_once_it_is_complete(arch: Arch) {
    let folder = Folder::new();
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    let flags = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::CLOSE_WRITE;
    inotify::add_watch(&watch, folder.root(), flags).unwrap();
    for content in ["new", "newer"] {
        assert_eq!(folder.save(arch, &["f"], content.as_bytes()), fine());
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&watch, &mut buffer);
        let mut seen = false;
        while let Ok(event) = events.next() {
            let name = event.file_name().unwrap().to_str().unwrap().to_owned();
            let moved = event.events().contains(inotify::ReadFlags::MOVED_TO);
            seen |= name == "f" && moved;
            assert!(name != "f" || moved, "{:?}", event.events());
        }
        assert!(seen, "{content}");
    }
}

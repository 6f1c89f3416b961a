//! What FILE may lead to.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use super::{OLD, content, failed, fine};
use crate::per_arch;
use crate::support::{Arch, Folder, ran};

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
        finds_no_name_of_an_unnamed_file,
        replaces_what_it_may_not_write,
        needs_to_read_the_directory,
        needs_to_write_the_directory,
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
    // The longest path there is: 4095 bytes.
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
    // Appending changes the file itself, under all its names.
    assert_eq!(folder.save(arch, &["-a", "other"], b"new"), fine());
    fs::hard_link(folder.path("other"), folder.path("third")).unwrap();
    assert_eq!(folder.read("third"), [OLD, b"new"].concat());
}

fn writes_straight_to_what_is_no_file(arch: Arch) {
    let folder = Folder::new();
    let input = content(300_000);
    for appending in [&[][..], &["-a"]] {
        let with = |path| [appending, &[path]].concat();
        // Each a device, which stays one.
        assert_eq!(folder.save(arch, &with("/dev/null"), &input), fine());
        let full = "write /dev/full: No space left on device (ENOSPC)";
        assert_eq!(folder.save(arch, &with("/dev/full"), &input), failed(full));
        for device in ["/dev/null", "/dev/full"] {
            assert_eq!(fs::metadata(device).unwrap().mode() & 0o170_000, 0o020_000);
        }

        let fifo = folder.path("fifo");
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let mut got = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| File::open(&fifo).unwrap().read_to_end(&mut got).unwrap());
            assert_eq!(folder.save(arch, &with("fifo"), &input), fine());
        });
        assert!(got == input);
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

/// The text of a link in /proc/PID/fd may look like a path and is none.
fn finds_no_name_of_an_unnamed_file(arch: Arch) {
    let folder = Folder::with_old();
    let file = File::open(folder.path("f")).unwrap();
    fs::remove_file(folder.path("f")).unwrap();
    fs::write(folder.path("f (deleted)"), OLD).unwrap();
    let mut command = arch.program("save");
    command
        .arg("/dev/stdout")
        .current_dir(folder.path(""))
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(Stdio::piped());
    let ran = ran(command.spawn().unwrap().wait_with_output().unwrap());
    let nameless = failed("open /dev/stdout: No such file or directory (ENOENT)");
    assert_eq!(ran, nameless);
    assert_eq!(folder.read("f (deleted)"), OLD);
    assert_eq!(folder.names(), ["f (deleted)"]);
}

/// What replacing needs is the directory; the file's own permissions are for writing into it.
fn replaces_what_it_may_not_write(arch: Arch) {
    let folder = Folder::with_old();
    let mut permissions = fs::metadata(folder.path("f")).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.path("f"), permissions).unwrap();
    let mut command = folder.unprivileged_save(arch);
    assert_eq!(folder.feed(command.arg("f"), b"new"), fine());
    assert_eq!(folder.read("f"), b"new");
}

fn needs_to_read_the_directory(arch: Arch) {
    let folder = Folder::new();
    let save = || folder.unprivileged_save(arch);
    let _ = save();
    fs::create_dir(folder.path("in")).unwrap();
    folder.set_mode("in", 0o333);
    let denied = failed("open directory of in/f: Permission denied (EACCES)");
    assert_eq!(folder.feed(save().arg("in/f"), b"new"), denied);
    assert_eq!(folder.feed(save().args(["-a", "in/f"]), b"new"), denied);
    let mut command = save();
    command.args(["in/f", "--no-sync"]);
    assert_eq!(folder.feed(&mut command, b"new"), fine());
    folder.set_mode("in", 0o777);
    assert_eq!(folder.read("in/f"), b"new");
}

fn needs_to_write_the_directory(arch: Arch) {
    let folder = Folder::new();
    let mut command = folder.unprivileged_save(arch);
    fs::create_dir(folder.path("in")).unwrap();
    fs::write(folder.path("in/f"), OLD).unwrap();
    folder.set_mode("in/f", 0o666);
    folder.set_mode("in", 0o555);
    let denied = failed("open in/f: Permission denied (EACCES)");
    assert_eq!(folder.feed(command.arg("in/f"), b"new"), denied);
    let mut command = folder.unprivileged_save(arch);
    assert_eq!(folder.feed(command.args(["-a", "in/f"]), b"new"), fine());
    assert_eq!(folder.read("in/f"), [OLD, b"new"].concat());
    folder.set_mode("in", 0o777);
}

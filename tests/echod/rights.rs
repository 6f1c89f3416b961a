//! Tests of the privileges that echod gives up once it listens: its user, and access to other directories.

use std::fs::{Permissions, copy, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use libtest_mimic::{Completion, Trial};
use rustix::process::{Gid, geteuid};
use rustix::thread::set_thread_groups;

use super::client::{connect, ping};
use super::server::Server;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, run, wait_until};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        are_another_users_when_it_serves,
        end_at_a_directory,
        are_refused_to_who_has_none,
        are_refused_where_there_is_no_directory,
    ]
}

/// A skip if the test does not run as root.
pub fn not_root() -> Option<Completion> {
    (!geteuid().is_root()).then(|| Completion::ignored_with(skip::ROOT))
}

/// The lines of proc_pid_status(5) with the user ids and group ids of a thread.
fn whose(status: &str) -> Vec<Vec<&str>> {
    let lines = status.lines();
    lines
        .filter(|line| {
            ["Uid:", "Gid:", "Groups:"]
                .iter()
                .any(|name| line.starts_with(name))
        })
        .map(|line| line.split_whitespace().skip(1).collect())
        .collect()
}

fn are_another_users_when_it_serves(arch: Arch) -> Completion {
    if let Some(ignored) = not_root() {
        return ignored;
    }
    // A privileged port, which the new user could not bind.
    let mut command = arch.program("echod");
    command.args(["-l", "127.0.0.1:0", "--user", "12345:23456", "-w", "3"]);
    // The server starts with supplementary groups, like a shell of root.
    let groups = [0, 4, 27, 34567].map(Gid::from_raw);
    // SAFETY: the closure runs between fork and exec. It makes one system call, and takes no lock and allocates
    // nothing.
    unsafe { command.pre_exec(move || Ok(set_thread_groups(&groups)?)) };
    let server = Server::start(&mut command, 1);
    ping(&mut connect(server.address()), b"whose?");
    let tasks = || {
        let folder = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
        let files = folder.map(|entry| entry.unwrap().path().join("status"));
        files
            .map(|file| std::fs::read_to_string(file).unwrap())
            .collect::<Vec<_>>()
    };
    // qemu-user has a thread of its own, which was started before.
    let own = if arch.is_native() { 0 } else { 1 };
    wait_until("all workers are running", || tasks().len() == 3 + own);
    let is_given_up =
        |status: &&String| whose(status) == [vec!["12345"; 4], vec!["23456"; 4], vec![]];
    assert_eq!(
        tasks().iter().filter(is_given_up).count(),
        3,
        "{:?}",
        tasks()
    );
    server.end("");
    Completion::Completed
}

fn end_at_a_directory(arch: Arch) -> Completion {
    if let Some(ignored) = not_root() {
        return ignored;
    }
    let folder = Folder::new();
    let root = folder.root().to_str().unwrap();
    let mut command = arch.program("echod");
    command.args(["-l", "127.0.0.1:0", "--chroot", root, "--user", "1:1"]);
    let server = Server::start(&mut command, 1);
    ping(&mut connect(server.address()), b"where?");
    for link in ["root", "cwd"] {
        let place = std::fs::read_link(format!("/proc/{}/{link}", server.pid())).unwrap();
        assert_eq!(place, folder.root());
    }
    server.end("");
    Completion::Completed
}

/// A server that cannot give up its privileges must not serve.
fn are_refused_to_who_has_none(arch: Arch) -> Completion {
    let folder = Folder::new();
    let readable = || Permissions::from_mode(0o755);
    set_permissions(folder.root(), readable()).unwrap();
    copy(arch.shipped("echod"), folder.path("echod")).unwrap();
    let nobody = |more: &[&str]| {
        let mut command = arch.command(folder.path("echod"));
        if geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        run(command
            .args(["-l", "127.0.0.1:0"])
            .args(more)
            .current_dir("/"))
    };
    let why = "Operation not permitted (EPERM)";
    assert_eq!(
        nobody(&["--user", "1:1"]),
        Ran::new(1, "", &format!("echod: setresuid 1:1: {why}\n"))
    );
    assert_eq!(
        nobody(&["--chroot", "/"]),
        Ran::new(1, "", &format!("echod: chroot /: {why}\n"))
    );
    Completion::Completed
}

fn are_refused_where_there_is_no_directory(arch: Arch) {
    let ran = super::echod(arch, &["-l", "127.0.0.1:0", "--chroot", "/nowhere"]);
    let why = "No such file or directory (ENOENT)";
    assert_eq!(
        ran,
        Ran::new(1, "", &format!("echod: chroot /nowhere: {why}\n"))
    );
}

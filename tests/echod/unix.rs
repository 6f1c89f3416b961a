//! Tests of echod's Unix sockets (`-x`).

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use libtest_mimic::Trial;
use rustix::process::Signal;

use super::client::{compare, patterned, ping};
use super::server::Server;
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, run};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        serves_at_a_path,
        serves_at_a_name,
        serves_much_at_once,
        all_workers_share_it,
        replaces_what_was_left,
        refuses_what_is_in_use,
        begins_once_of_many_at_once,
        refuses_what_is_no_path,
    ]
}

/// Starts echod at the path `socket` in a folder.
fn server(arch: Arch, folder: &Folder, more: &[&str]) -> Server {
    let mut command = arch.program("echod");
    command.args(["-x", "socket"]).args(more);
    Server::start(command.current_dir(folder.root()), 1)
}

/// Runs an echod that must end by itself, and returns its result.
fn refused(arch: Arch, folder: &Folder, path: &str) -> Ran {
    let mut command = arch.program("echod");
    run(command.args(["-x", path]).current_dir(folder.root()))
}

fn in_use(path: &str) -> Ran {
    let why = "Address already in use (EADDRINUSE)";
    Ran::new(1, "", &format!("echod: bind {path}: {why}\n"))
}

fn serves_at_a_path(arch: Arch) {
    let folder = Folder::new();
    let server = server(arch, &folder, &["-l", "127.0.0.1:0"]);
    assert_eq!(server.listens, ["socket"]);
    let mut client = UnixStream::connect(folder.path("socket")).unwrap();
    ping(&mut client, b"by a path");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().status, Some(0));
}

fn serves_at_a_name(arch: Arch) {
    let name = format!("ring3-{}-{}", std::process::id(), arch.name());
    let at = format!("@{name}");
    let server = Server::start(arch.program("echod").args(["-x", &at]), 1);
    assert_eq!(server.listens, [&*at]);
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let mut client = UnixStream::connect_addr(&address).unwrap();
    ping(&mut client, b"by a name");
    drop(client);
    let second = run(arch.program("echod").args(["-x", &at]));
    assert_eq!(second, in_use(&at));
    server.end("");
}

/// The transfer exceeds the kernel's buffers, and is large enough to go through pipes.
fn serves_much_at_once(arch: Arch) {
    const MUCH: usize = 4_000_000;
    let folder = Folder::new();
    let server = server(arch, &folder, &[]);
    let client = UnixStream::connect(folder.path("socket")).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (&client).write_all(&patterned(1, 0, MUCH)).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
        });
        let mut back = Vec::new();
        (&client).read_to_end(&mut back).unwrap();
        assert_eq!(back.len(), MUCH);
        compare(1, 0, &back);
    });
    drop(client);
    server.end("");
}

/// All workers watch the same socket, and all end at a signal.
fn all_workers_share_it(arch: Arch) {
    let folder = Folder::new();
    let server = server(arch, &folder, &["-w", "4", "--grace", "1000"]);
    let connect = || UnixStream::connect(folder.path("socket")).unwrap();
    let mut clients: Vec<_> = (0..100).map(|_| connect()).collect();
    clients
        .iter_mut()
        .for_each(|client| ping(client, b"one of many"));
    server.signal(Signal::TERM);
    crate::support::wait_until("echod has stopped listening", || {
        UnixStream::connect(folder.path("socket")).is_err()
    });
    clients.iter_mut().for_each(|client| ping(client, b"still"));
    drop(clients);
    assert_eq!(
        server.wait(),
        Ran::new(0, "echod: listening on socket\n", "")
    );
}

fn replaces_what_was_left(arch: Arch) {
    let folder = Folder::new();
    drop(UnixListener::bind(folder.path("socket")).unwrap());
    for _ in 0..2 {
        let kind = folder.path("socket").metadata().unwrap().file_type();
        assert!(kind.is_socket(), "the previous server left no socket");
        let server = server(arch, &folder, &[]);
        let mut client = UnixStream::connect(folder.path("socket")).unwrap();
        ping(&mut client, b"anew");
        drop(client);
        server.end("");
    }
    assert_eq!(folder.names(), ["socket"]);
}

fn refuses_what_is_in_use(arch: Arch) {
    let folder = Folder::new();
    let server = server(arch, &folder, &[]);
    assert_eq!(refused(arch, &folder, "socket"), in_use("socket"));
    let path = folder.path("socket");
    let absolute = path.to_str().unwrap();
    assert_eq!(refused(arch, &folder, absolute), in_use(absolute));
    ping(&mut UnixStream::connect(&path).unwrap(), b"untouched");
    server.end("");

    // A socket whose queue is full does not accept a connection, but is in use.
    let full = UnixListener::bind(folder.path("full")).unwrap();
    rustix::net::listen(&full, 0).unwrap();
    let _first = UnixStream::connect(folder.path("full")).unwrap();
    assert_eq!(refused(arch, &folder, "full"), in_use("full"));

    // A file that is not a socket is not replaced. A symbolic link to a socket is not replaced either.
    std::fs::write(folder.path("file"), "kept").unwrap();
    assert_eq!(refused(arch, &folder, "file"), in_use("file"));
    assert_eq!(folder.read("file"), b"kept");
    std::os::unix::fs::symlink("socket", folder.path("link")).unwrap();
    assert_eq!(refused(arch, &folder, "link"), in_use("link"));
    assert!(folder.path("link").is_symlink());
}

/// Several servers find a stale socket at the same time. Exactly one gets the path, and keeps it.
fn begins_once_of_many_at_once(arch: Arch) {
    let folder = Folder::new();
    for _ in 0..10 {
        drop(UnixListener::bind(folder.path("socket")));
        let mut children: Vec<_> = (0..8)
            .map(|_| {
                let mut command = arch.program("echod");
                command.args(["-x", "socket"]).current_dir(folder.root());
                command.stdout(std::process::Stdio::null());
                command.stderr(std::process::Stdio::null());
                command.spawn().unwrap()
            })
            .collect();
        let mut left = children.len();
        crate::support::wait_until("all servers but one have ended", || {
            left = children
                .iter_mut()
                .filter_map(|child| child.try_wait().unwrap().is_none().then_some(()))
                .count();
            left <= 1
        });
        assert_eq!(left, 1);
        ping(
            &mut UnixStream::connect(folder.path("socket")).unwrap(),
            b"who is it?",
        );
        for child in &mut children {
            match child.try_wait().unwrap() {
                Some(status) => assert_eq!(status.code(), Some(1)),
                None => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                }
            }
        }
        std::fs::remove_file(folder.path("socket")).unwrap();
    }
}

fn refuses_what_is_no_path(arch: Arch) {
    let folder = Folder::new();
    let long = "x".repeat(108);
    for (path, message) in [
        ("", "bind : Invalid argument (EINVAL)".to_owned()),
        (
            "none/socket",
            "open none/socket: No such file or directory (ENOENT)".to_owned(),
        ),
        (
            &long,
            format!("bind {long}: File name too long (ENAMETOOLONG)"),
        ),
    ] {
        let expected = Ran::new(1, "", &format!("echod: {message}\n"));
        assert_eq!(refused(arch, &folder, path), expected);
    }
}

//! Real servers: nginx, Redis, PostgreSQL, and gRPC for Python. Set-up has unpacked them (`scripts/setup/servers.sh`).
//! A test starts a server in a temporary folder, at Unix sockets and at free ports of the loopback interface, and kills
//! it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use libtest_mimic::{Completion, Trial};

use super::server::nobody;
use super::{answers, fails, probe, ran};
use crate::skip;
use crate::support::{Arch, Folder, Ran, once, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    vec![
        once("probe::real::nginx_answers", nginx_answers),
        once("probe::real::redis_answers", redis_answers),
        once("probe::real::postgres_answers", postgres_answers),
        once("probe::real::grpc_answers", grpc_answers),
    ]
}

/// A server. It is killed at the end of the test.
struct Real(Child);

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The folder of the unpacked packages.
fn unpacked() -> Option<PathBuf> {
    let folder = std::env::var_os("RING3_SERVERS").filter(|folder| !folder.is_empty());
    folder.map(PathBuf::from)
}

/// The first of these files that exists: in the unpacked packages, or installed. An asterisk stands for one name.
fn find(paths: &[&str]) -> Option<PathBuf> {
    let roots = [unpacked(), Some(PathBuf::from("/"))];
    roots.into_iter().flatten().find_map(|root| {
        paths.iter().find_map(|path| match path.split_once("*/") {
            None => Some(root.join(path)).filter(|file| file.exists()),
            Some((before, after)) => {
                let entries = fs::read_dir(root.join(before)).ok()?;
                let mut files = entries.map(|entry| entry.unwrap().path().join(after));
                files.find(|file| file.exists())
            }
        })
    })
}

/// A command that runs a server with the libraries of the unpacked packages.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some(root) = unpacked() {
        let folders = ["usr/lib", "lib"].map(|lib| root.join(lib));
        let entries = folders
            .iter()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten();
        let libraries = entries.map(|entry| entry.unwrap().path());
        let libraries: Vec<_> = libraries
            .filter(|path| path.to_string_lossy().ends_with("-linux-gnu"))
            .collect();
        command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).unwrap());
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Starts a server, and waits with `probe` until it answers at all: also a test of `--wait`.
fn start(mut command: Command, target: &str) -> Real {
    let server = Real(command.spawn().unwrap());
    let ran = run(&mut probe(
        Arch::NATIVE,
        &format!("--wait=60 -t 5 {target}"),
    ));
    assert_eq!(ran, Ran::new(0, "", ""), "{command:?}");
    server
}

fn nginx_answers() -> Completion {
    may_take(LONG);
    let Some(nginx) = find(&["usr/sbin/nginx"]) else {
        return Completion::ignored_with(skip::SERVERS);
    };
    let folder = Folder::new();
    fs::set_permissions(folder.root(), fs::Permissions::from_mode(0o755)).unwrap();
    let (root, address) = (folder.root().display(), nobody());
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {root}/{name};"))
        .collect();
    // A body that is sent in chunks, one that is compressed at most in parts, and a large file.
    fs::write(
        folder.path("large"),
        "a line\n".repeat(1_000_000) + "the end",
    )
    .unwrap();
    fs::write(
        folder.path("conf"),
        format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/log;
            events {{}}
            http {{
                access_log off; {paths}
                server {{
                    listen {address}; listen unix:{root}/socket;
                    root {root};
                    location = /health {{ return 200 'it is ready\\n'; }}
                    location = /busy {{ return 503; }}
                    location = /moved {{ return 302 /health; }}
                    location = /host {{ return 200 '$host $request_method $http_x_test'; }}
                    location = /chunks {{ ssi on; ssi_types *; try_files /large =404; }}
                }}
            }}"
        ),
    )
    .unwrap();
    let mut command = command(&nginx);
    command
        .arg("-c")
        .arg(folder.path("conf"))
        .arg("-p")
        .arg(folder.root());
    let _server = start(command, &address.to_string());
    for arch in Arch::tested() {
        let url = |path: &str| format!("http://{address}{path}");
        answers(arch, &url("/health"));
        answers(arch, &format!("-c ready {}", url("/health")));
        answers(
            arch,
            &format!("http://unix:{root}/socket:/health {}", url("/moved")),
        );
        answers(arch, &format!("--method HEAD {}", url("/health")));
        fails(arch, "", url("/busy"), "status 503");
        fails(arch, "", url("/none"), "status 404");
        fails(arch, "-s 200", url("/moved"), "status 302");
        answers(arch, &format!("-s 503 {}", url("/busy")));
        let missing = "the body does not contain the text";
        fails(arch, "-c steady", url("/health"), missing);
        for path in ["/large", "/chunks"] {
            let mut command = probe(arch, &format!("-t 20 {} -c", url(path)));
            assert_eq!(
                run(command.arg("line\nthe end")),
                Ran::new(0, "", ""),
                "{path}"
            );
            fails(arch, "-t 20 -c the-end", url(path), missing);
        }
        let mut command = probe(arch, &format!("{} -H X-Test:yes -H", url("/host")));
        command.args(["Host: example.org", "-c", "example.org GET yes"]);
        assert_eq!(run(&mut command), Ran::new(0, "", ""));
        // nginx does not speak HTTP/2 here, and no other protocol.
        fails(
            arch,
            "",
            format!("grpc://{address}"),
            "not an answer of HTTP/2 and gRPC",
        );
        fails(
            arch,
            "",
            format!("redis://{address}"),
            "not an answer of Redis",
        );
    }
    Completion::Completed
}

fn redis_answers() -> Completion {
    may_take(LONG);
    // Debian's package redis-tools has the server as a tool: the name of the process decides.
    let Some(redis) = find(&["usr/bin/redis-check-rdb"]) else {
        return Completion::ignored_with(skip::SERVERS);
    };
    let folder = Folder::new();
    let (root, address) = (folder.root().display().to_string(), nobody());
    let port = address.port().to_string();
    let socket = format!("{root}/socket");
    let server = |more: &[&str]| {
        let mut command = command(&redis);
        command.arg0("redis-server").current_dir(folder.root());
        command.args(["--bind", "127.0.0.1", "--port", &port, "--save", ""]);
        command.args(["--unixsocket", &socket]).args(more);
        command
    };
    let target = format!("redis://{address}");
    let open = start(server(&[]), &target);
    for arch in Arch::tested() {
        answers(arch, &format!("{target} redis://unix:{socket}"));
    }
    drop(open);
    let users = [
        "--requirepass",
        "secret",
        "--user",
        "me",
        "on",
        ">mine",
        "+ping",
    ];
    let _closed = start(server(&users), &address.to_string());
    for arch in Arch::tested() {
        let with = |user: &str, password: &str| {
            let mut command = probe(arch, &format!("redis://{user}{address}"));
            run(command.env("REDISCLI_AUTH", password))
        };
        assert_eq!(with("", "secret"), Ran::new(0, "", ""));
        assert_eq!(with("me@", "mine"), Ran::new(0, "", ""));
        fails(arch, "", &target, "NOAUTH Authentication required.");
        let why = "WRONGPASS invalid username-password pair or user is disabled.";
        let expected = Ran::new(1, "", &format!("probe: redis://me@{address}: {why}\n"));
        assert_eq!(with("me@", "secret"), expected);
    }
    Completion::Completed
}

/// The server refuses to run as root. So root runs it in a user namespace, where its own id is another.
fn postgres_answers() -> Completion {
    may_take(3 * LONG);
    let Some(postgres) = find(&["usr/lib/postgresql/*/bin/postgres"]) else {
        return Completion::ignored_with(skip::POSTGRES);
    };
    let folder = Folder::new();
    let is_root = rustix::process::geteuid().is_root();
    let as_user = |program: &Path| {
        if !is_root {
            return command(program);
        }
        let mut command = command(Path::new("unshare"));
        command
            .args(["--user", "--map-user=1000", "--map-group=1000", "--"])
            .arg(program);
        command
    };
    let allowed = run(&mut as_user(Path::new("true")));
    if allowed.status != Some(0) {
        return Completion::ignored_with(skip::namespaces(&allowed.stderr));
    }
    let data = folder.path("data");
    let mut initdb = as_user(&postgres.with_file_name("initdb"));
    initdb.args([
        "--auth=reject",
        "--no-sync",
        "--encoding=UTF8",
        "--no-locale",
        "-U",
        "nobody",
        "-D",
    ]);
    let made = initdb
        .arg(&data)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let address = nobody();
    let root = folder.root().display();
    let mut command = as_user(&postgres);
    command.args(["-F", "-h", "127.0.0.1", "-p", &address.port().to_string()]);
    command.arg("-k").arg(folder.root()).arg("-D").arg(&data);
    let socket = format!("postgres://unix:{root}/.s.PGSQL.{}", address.port());
    let target = format!("postgres://{address}");
    let _server = start(command, &format!("{target} {socket}"));
    for arch in Arch::tested() {
        answers(arch, &format!("{target} {socket}"));
        fails(
            arch,
            "-t 5",
            format!("redis://{address}"),
            "the connection ended before the answer did",
        );
    }
    Completion::Completed
}

/// A server of Debian's python3-grpcio, without protobuf: the messages are bytes.
const HEALTH: &str = "
import sys
from concurrent.futures import ThreadPoolExecutor
import grpc
health = {b'': 1, b'up': 1, b'down': 2, b'odd': 0}
def check(request, context):
    service = request[2:]
    if service not in health:
        context.abort(grpc.StatusCode.NOT_FOUND, 'no such service')
    status = health[service]
    return bytes([8, status]) if status else b''
handler = grpc.unary_unary_rpc_method_handler(check)
name = 'grpc.health.v1.Health' if sys.argv[1] == 'health' else 'another.Service'
server = grpc.server(ThreadPoolExecutor(2))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, {'Check': handler})])
print(server.add_insecure_port('127.0.0.1:0'), flush=True)
server.start()
server.wait_for_termination()
";

/// A server of gRPC, with or without the health check, and its address; `None` if this machine cannot run it.
fn grpc_server(kind: &str) -> Option<(Real, SocketAddr)> {
    let python = find(&["usr/bin/python3"])?;
    let packages = find(&["usr/lib/python3/dist-packages/grpc"])?;
    let mut command = command(&python);
    command.env("PYTHONPATH", packages.parent()?);
    command.args(["-c", HEALTH, kind]).stdout(Stdio::piped());
    let mut server = Real(command.spawn().ok()?);
    let mut line = String::new();
    BufReader::new(server.0.stdout.take()?)
        .read_line(&mut line)
        .ok()?;
    let port: u16 = line.trim().parse().ok()?; // no line: the module is for another Python
    Some((server, SocketAddr::from(([127, 0, 0, 1], port))))
}

fn grpc_answers() -> Completion {
    may_take(LONG);
    let (Some((_health, address)), Some((_other, other))) =
        (grpc_server("health"), grpc_server("other"))
    else {
        return Completion::ignored_with(skip::SERVERS);
    };
    for arch in Arch::tested() {
        let target = format!("grpc://{address}");
        assert_eq!(
            ran(arch, &format!("--wait=20 -t 5 {target}")),
            Ran::new(0, "", "")
        );
        answers(arch, &format!("-t 5 {target}/up {target}/"));
        fails(
            arch,
            "-t 5",
            format!("{target}/down"),
            "not serving (NOT_SERVING)",
        );
        fails(
            arch,
            "-t 5",
            format!("{target}/odd"),
            "the health is unknown (UNKNOWN)",
        );
        let why = "the server does not know the service (NOT_FOUND)";
        fails(arch, "-t 5", format!("{target}/none"), why);
        let why = "the server has no health check (UNIMPLEMENTED)";
        fails(arch, "-t 5", format!("grpc://{other}"), why);
        // The server sends its own preface, and closes the connection.
        let refused = ran(arch, &format!("-t 5 redis://{address}"));
        assert_eq!(refused.status, Some(1), "{refused:?}");
    }
    Completion::Completed
}

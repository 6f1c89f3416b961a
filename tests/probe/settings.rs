//! The command line: targets, options that exclude each other, messages, and the program that `probe` executes.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use super::server::{Server, nobody};
use super::{answers, call_fails, fails, probe, ran};
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        connects_over_tcp,
        connects_over_unix,
        reports_why_it_cannot_connect,
        does_not_wait_for_a_wrong_host,
        checks_all_targets,
        refuses_wrong_targets,
        refuses_what_has_no_effect,
        prints_as_much_as_asked,
        keeps_messages_from_services,
        executes_a_program,
        executes_nothing_after_a_failure,
        expands_variables,
    ]
    .collect()
}

const REFUSED: &str = "Connection refused (ECONNREFUSED)";

fn connects_over_tcp(arch: Arch) {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        // Some machines have no IPv6.
        let Ok(listener) = TcpListener::bind(address) else {
            continue;
        };
        let address = listener.local_addr().unwrap();
        answers(arch, &format!("{address}"));
        answers(arch, &format!("tcp://{address}"));
        answers(arch, &format!("localhost:{}", address.port()));
    }
}

fn connects_over_unix(arch: Arch) {
    let folder = Folder::new();
    let path = folder.path("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    answers(arch, &format!("unix:{}", path.display()));
    let name = format!("ring3-probe-{}-{}", std::process::id(), arch.name());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    let _listener = UnixListener::bind_addr(&address).unwrap();
    answers(arch, &format!("unix:@{name}"));
}

fn reports_why_it_cannot_connect(arch: Arch) {
    let address = nobody();
    for target in [
        format!("{address}"),
        format!("http://{address}/"),
        format!("grpc://{address}"),
    ] {
        call_fails(arch, "", "connect", target, REFUSED);
    }
    let folder = Folder::new();
    let path = folder.path("socket");
    let target = format!("unix:{}", path.display());
    let missing = "No such file or directory (ENOENT)";
    call_fails(arch, "", "connect", &target, missing);
    drop(UnixListener::bind(&path).unwrap());
    call_fails(arch, "", "connect", &target, REFUSED);
    fails(arch, "", "256.0.0.1:80", "not a host name");
}

/// A text that is never a host is not tried again.
fn does_not_wait_for_a_wrong_host(arch: Arch) {
    let begin = Instant::now();
    let zone = "a link-local address needs a zone, as in fe80::1%eth0";
    for (target, why) in [("256.0.0.1:80", "not a host name"), ("[fe80::1]:80", zone)] {
        fails(arch, "-v --wait=8", target, why);
    }
    assert!(begin.elapsed() < Duration::from_secs(5));
}

/// Every target that does not answer has a line; the lines may be in any order.
fn checks_all_targets(arch: Arch) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let good = server.local_addr().unwrap();
    answers(arch, &format!("{good} {good} {good}"));
    let bad = [nobody(), nobody()];
    let ran = ran(arch, &format!("{} {good} {}", bad[0], bad[1]));
    let mut lines: Vec<_> = ran.stderr.lines().collect();
    lines.sort_unstable();
    let mut expected = bad.map(|address| format!("probe: connect {address}: {REFUSED}"));
    expected.sort_unstable();
    assert_eq!(
        (ran.status, lines),
        (Some(1), expected.each_ref().map(|line| &**line).to_vec())
    );
    let many = vec![good.to_string(); 64].join(" ");
    answers(arch, &many);
    let more = super::ran(arch, &format!("{many} {good}"));
    assert_eq!(more, Ran::misused("probe", "more than 64 targets"));
}

fn refuses_wrong_targets(arch: Arch) {
    const HOST: &str = "expected HOST:PORT, as in [::1]:80 or tcp://db:5432";
    const UNIX: &str = "expected unix:PATH or unix:@NAME, of at most 107 bytes";
    const TLS: &str = "this needs TLS, which probe does not have; tcp://HOST:PORT checks the port";
    const USER: &str = "a target has no password; a user only for redis://";
    const PATH: &str = "this target takes no path";
    const LONG: &str = "the host or the path is longer than 126 bytes";
    let long = format!("unix:{}", "x".repeat(108));
    let service = format!("grpc://h:1/{}", "x".repeat(126));
    let host = format!("grpc://{}:1", "x".repeat(125));
    for (target, why) in [
        ("127.0.0.1", HOST),
        ("127.0.0.1:", HOST),
        ("127.0.0.1:0", HOST),
        ("127.0.0.1:65536", HOST),
        (":80", HOST),
        ("::1:80", HOST),
        ("http://", HOST),
        ("http://::1/", HOST),
        ("http://[::1/", HOST),
        ("tcp://h", HOST),
        ("grpc://h", HOST),
        ("ftp://h:21", HOST),
        ("http:/h/", HOST),
        ("unix:", UNIX),
        ("http://unix::/x", UNIX),
        (&long, UNIX),
        ("https://h/", TLS),
        ("https://h:8443/health", TLS),
        ("rediss://h", TLS),
        ("grpcs://h:1", TLS),
        ("redis://user:secret@h", USER),
        ("http://user@h/", USER),
        ("postgres://user@h/", USER),
        ("redis://h/0", PATH),
        ("postgres://h/database", PATH),
        ("tcp://h:1/x", PATH),
        // A colon ends the path of a socket: these would check another socket.
        ("unix:/run/a:1", PATH),
        ("unix:/run/a:", PATH),
        ("redis://unix:/run/a:", PATH),
        ("postgres://unix:/run/a:/", PATH),
        (&service, LONG),
        (&host, LONG),
    ] {
        let expected = Ran::misused("probe", &format!("{target}: {why}"));
        assert_eq!(ran(arch, target), expected, "{target}");
    }
    let ran = run(probe(arch, "").arg("http://h/a b"));
    let why = "http://h/a b: a target must be printable ASCII without spaces";
    assert_eq!(ran, Ran::misused("probe", why));
}

fn refuses_what_has_no_effect(arch: Arch) {
    const HTTP: &str = "--status, --method, --header and --contains are for http://";
    let header = "-H X:1 ".repeat(17);
    let text = format!("-c {} http://h/", "x".repeat(256));
    for (arguments, why) in [
        ("", "no TARGET"),
        ("--wait", "no TARGET"),
        ("-- true", "no TARGET"),
        ("-q -v h:1", "--quiet and --verbose exclude each other"),
        ("-i 1 h:1", "--interval is for --wait"),
        ("-s 200 h:1", HTTP),
        ("--method HEAD h:1", HTTP),
        ("-H X:1 redis://h", HTTP),
        ("-c x unix:/x grpc://h:1", HTTP),
        (
            "--method HEAD -c x http://h/",
            "--contains: the answer to HEAD has no body",
        ),
        (&header, "-H: more than 16"),
        (&text, "-c: more than 255 bytes"),
    ] {
        assert_eq!(
            ran(arch, arguments),
            Ran::misused("probe", why),
            "{arguments}"
        );
    }
}

fn prints_as_much_as_asked(arch: Arch) {
    let bad = nobody();
    assert_eq!(ran(arch, &format!("-q {bad}")), Ran::new(1, "", ""));
    assert_eq!(ran(arch, &format!("-q {bad} {bad}")), Ran::new(1, "", ""));
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let good = server.local_addr().unwrap();
    let ran = ran(arch, &format!("-v {good}"));
    let micros = ran
        .stderr
        .strip_prefix(&format!("probe: {good}: answers, after "));
    let micros = micros.and_then(|rest| rest.strip_suffix(" us\n"));
    assert!(
        micros.is_some_and(|number| number.parse::<u64>().is_ok()),
        "{ran:?}"
    );
    assert_eq!((ran.status, &*ran.stdout), (Some(0), ""));
}

fn executes_a_program(arch: Arch) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let good = server.local_addr().unwrap();
    // The program gets its arguments, the environment and the standard descriptors, and its status is that of `probe`.
    let mut command = probe(arch, &format!("{good} -- sh -c"));
    command.args([
        "echo \"$0 $2 $ENVIRON\"; echo error >&2; exit 7",
        "zero",
        "one",
        "-- two",
    ]);
    let ran = run(command.env("ENVIRON", "here"));
    assert_eq!(ran, Ran::new(7, "zero -- two here\n", "error\n"));
    let several = super::ran(arch, &format!("{good} {good} -- echo started"));
    assert_eq!(several, Ran::new(0, "started\n", ""));
    // `--` alone executes nothing.
    answers(arch, &format!("{good} --"));
    for (program, status, words) in [
        ("/nothing", 127, "No such file or directory (ENOENT)"),
        (
            "nothing-is-called-so",
            127,
            "No such file or directory (ENOENT)",
        ),
        ("/etc/passwd", 126, "Permission denied (EACCES)"),
    ] {
        let ran = super::ran(arch, &format!("{good} -- {program} -x"));
        let message = format!("probe: run {program}: {words}\n");
        assert_eq!(ran, Ran::new(status, "", &message));
    }
    if arch.is_native() {
        // It is the same process.
        let mut command = probe(arch, &format!("{good} -- sh -c"));
        let child = command
            .arg("echo $$")
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let id = child.id();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, format!("{id}\n").as_bytes());
    }
}

fn executes_nothing_after_a_failure(arch: Arch) {
    let folder = Folder::new();
    let file = folder.path("file");
    let server = Server::answering(b"\r\n\r\n", "HTTP/1.1 503 Busy\r\n\r\n");
    let target = format!("http://{}/", server.address);
    let ran = ran(arch, &format!("{target} -- touch {}", file.display()));
    assert_eq!(
        ran,
        Ran::new(1, "", &format!("probe: {target}: status 503\n"))
    );
    assert!(!file.exists());
}

fn expands_variables(arch: Arch) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let with = |target: &str, port: &str| {
        let mut command = probe(arch, target);
        run(command.env("PORT_OF_IT", port).env_remove("UNSET"))
    };
    let good = Ran::new(0, "", "");
    assert_eq!(with("127.0.0.1:${PORT_OF_IT}", &port.to_string()), good);
    assert_eq!(
        with(&format!("127.0.0.1:${{PORT_OF_IT:-{port}}}"), ""),
        good
    );
    assert_eq!(
        with(
            &format!("127.0.0.1:${{UNSET:-{port}}} tcp://${{UNSET:-127.0.0.1}}:{port}"),
            ""
        ),
        good
    );
    // The message has the expanded target.
    let bad = nobody();
    let message = format!("probe: connect {bad}: {REFUSED}\n");
    assert_eq!(
        with("${PORT_OF_IT}", &bad.to_string()),
        Ran::new(1, "", &message)
    );
    let long = "x".repeat(513);
    for (target, value, why) in [
        (
            "h:${PORT_OF_IT",
            "",
            "${PORT_OF_IT: expected a closing brace",
        ),
        (
            "h:${P+}",
            "",
            "${P+}: expected ${NAME}, ${NAME:-WORD} or ${NAME:?WORD}",
        ),
        ("h:${UNSET:?no-port}", "", "UNSET: no-port"),
        ("${PORT_OF_IT}", &long, "longer than 512 bytes"),
        (
            "${PORT_OF_IT}",
            "h",
            "expected HOST:PORT, as in [::1]:80 or tcp://db:5432",
        ),
    ] {
        let expected = Ran::misused("probe", &format!("{target}: {why}"));
        assert_eq!(with(target, value), expected, "{target}");
    }
}

/// With standard error closed, a connection could get its number, and messages about other targets would go there.
fn keeps_messages_from_services(arch: Arch) {
    const COUNT: usize = 6;
    let silent = Server::silent();
    let target = format!("redis://{} ", silent.address);
    let arguments = format!("-v --wait=0.5 -t 9 {} {}", target.repeat(COUNT), nobody());
    let probe = probe(arch, &arguments);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "exec \"$@\" <&- >&- 2>&-", "sh"]);
    let ran = run(shell.arg(probe.get_program()).args(probe.get_args()));
    assert_eq!(ran, Ran::new(1, "", ""));
    for _ in 0..COUNT {
        assert_eq!(silent.text(), "*1\r\n$4\r\nPING\r\n");
    }
}

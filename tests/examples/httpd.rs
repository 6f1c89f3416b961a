//! Tests of the example `httpd`: it serves the files of a directory, and nothing else.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant, SystemTime};

use libtest_mimic::Trial;
use rustix::fs::{CWD, Mode, mknodat};

use super::example;
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, run, with_new_times};

pub fn trials() -> Vec<Trial> {
    per_arch![refuses_what_it_cannot_use,]
        .chain(with_new_times(per_arch![
            serves_files,
            answers_one_after_the_other,
            lists_directories,
            stays_in_its_directory,
            serves_what_has_changed,
            serves_a_part,
            refuses_what_is_not_a_request,
            gives_slow_clients_up,
            limits_connections,
        ]))
        .collect()
}

/// A running httpd, and the directory that it serves: `www` in a folder.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
    folder: Folder,
}

impl Server {
    fn new(arch: Arch, options: &[&str]) -> Self {
        let folder = Folder::new();
        fs::create_dir(folder.path("www")).unwrap();
        let mut httpd = example(arch, "httpd");
        let httpd = httpd.args(["-l", "127.0.0.1:0"]).args(options);
        let httpd = httpd.arg(folder.path("www")).stdout(Stdio::piped());
        let mut child = httpd.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on http://").unwrap();
        let address = address.trim_end_matches("/\n").parse().unwrap();
        Self {
            child,
            stdout,
            address,
            folder,
        }
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::write(self.folder.path("www").join(path), content).unwrap();
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    }

    /// Sends bytes, and returns all that comes back.
    fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes.as_ref()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The answer to a GET with these fields, each ending with `\r\n`.
    fn get(&self, path: &str, fields: &str) -> Answer {
        let text = self.exchange(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        let (head, content) = text.split_once("\r\n\r\n").unwrap();
        Answer {
            head: head.to_owned(),
            content: content.to_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Answer {
    head: String,
    content: String,
}

impl Answer {
    fn status(&self) -> u16 {
        let status = self.head.strip_prefix("HTTP/1.1 ").unwrap();
        status[..3].parse().unwrap()
    }

    fn field(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&start))
    }
}

fn serves_files(arch: Arch) {
    let mut server = Server::new(arch, &[]);
    let long: String = (0..300_000).map(|number| format!("{number}\n")).collect();
    for (name, content, media) in [
        ("a.txt", "hello\n", "text/plain; charset=utf-8"),
        ("empty.html", "", "text/html; charset=utf-8"),
        ("a b%\u{e4}?", "odd", "application/octet-stream"),
        ("long", &long, "application/octet-stream"),
    ] {
        server.write(name, content);
        let path: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = server.get(&format!("/{path}?query"), "");
        assert_eq!(answer.status(), 200);
        assert!(answer.content == content, "{name}");
        assert_eq!(answer.field("Content-Type"), Some(media));
        let length = content.len().to_string();
        assert_eq!(answer.field("Content-Length"), Some(&*length));
        let head = format!("HEAD /{path} HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = server.exchange(head);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"));
        assert!(head.contains(&format!("\r\nContent-Length: {length}\r\n")));
    }
    assert_eq!(server.get("/nothing", "").status(), 404);
    let mut lines = String::new();
    while !lines.contains("/nothing") {
        server.stdout.read_line(&mut lines).unwrap();
    }
    assert!(lines.starts_with("127.0.0.1:"), "{lines}");
    assert!(lines.contains(" GET /a.txt 200 OK\n"), "{lines}");
    assert!(lines.contains(" HEAD /a.txt 200 OK\n"), "{lines}");
    assert!(lines.ends_with(" GET /nothing 404 Not Found\n"), "{lines}");
}

/// Requests in one segment, and byte by byte.
fn answers_one_after_the_other(arch: Arch) {
    let server = Server::new(arch, &[]);
    server.write("a", "one");
    server.write("b", "two");
    let get = |path: &str, fields: &str| format!("GET /{path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let three = get("a", "") + &get("b", "") + &get("nothing", "");
    let answers = server.exchange(&three);
    let found = |answers: &str| {
        let codes = answers.split("HTTP/1.1 ").skip(1);
        codes
            .map(|answer| answer[..3].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&answers), ["200", "200", "404"]);
    assert!(answers.contains("\r\n\r\noneHTTP") && answers.contains("\r\n\r\ntwoHTTP"));
    let mut stream = server.connect();
    for byte in three.bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    let mut again = String::new();
    stream.read_to_string(&mut again).unwrap();
    assert_eq!(found(&again), ["200", "200", "404"]);
    // The client wants no second answer; or the server would not know where the second request begins.
    for first in ["Connection: close\r\n", "Content-Length: 18\r\n"] {
        let answers = server.exchange(get("a", first) + &get("b", ""));
        assert_eq!(found(&answers), ["200"]);
        assert!(answers.contains("\r\nConnection: close\r\n"));
    }
    let old = "GET /a HTTP/1.0\r\n\r\n";
    assert_eq!(found(&server.exchange(old.repeat(2))), ["200"]);
    let kept = "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(found(&server.exchange(kept.repeat(2))), ["200", "200"]);
}

fn lists_directories(arch: Arch) {
    let server = Server::new(arch, &[]);
    fs::create_dir(server.folder.path("www/sub")).unwrap();
    server.write("sub/b", "");
    server.write("sub/a", "");
    server.write("sub/<i>\"&'%:.html", "odd");
    fs::create_dir(server.folder.path("www/sub/c")).unwrap();
    let links = |answer: &Answer| {
        let links = answer.content.split("<li><a href=\"").skip(1);
        let links = links.map(|link| link.split_once("</a></li>\n").unwrap().0.to_owned());
        links.collect::<Vec<_>>()
    };
    let root = server.get("/", "");
    assert_eq!(links(&root), ["./sub/\">sub/"]);
    let sub = server.get("/sub/", "");
    let odd = "./%3ci%3e%22%26%27%25%3a.html";
    assert_eq!(
        links(&sub),
        [
            "../\">../",
            &format!("{odd}\">&lt;i&gt;&quot;&amp;&#39;%:.html"),
            "./a\">a",
            "./b\">b",
            "./c/\">c/",
        ]
    );
    assert_eq!(sub.field("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(sub.field("Last-Modified"), None);
    assert_eq!(server.get(&format!("/sub/{odd}"), "").content, "odd");
    // Relative links need the slash. `//sub/` would lead to a host with the name `sub`.
    for path in ["/sub", "//sub", "/%2fsub", "http://host/sub"] {
        let moved = server.get(path, "");
        assert_eq!(
            (moved.status(), moved.field("Location")),
            (301, Some("/sub/"))
        );
    }
    // More than fit into a buffer of the kernel's entries, and of the page.
    for number in 0..1000 {
        server.write(&format!("sub/c/{number:04}"), "");
    }
    let all = links(&server.get("/sub/c/", ""));
    assert_eq!(all.len(), 1001);
    assert!(all.is_sorted());
}

fn stays_in_its_directory(arch: Arch) {
    let server = Server::new(arch, &[]);
    fs::write(server.folder.path("secret"), "secret").unwrap();
    fs::create_dir(server.folder.path("www/sub")).unwrap();
    server.write("inside", "inside");
    let www = server.folder.path("www");
    for (to, name) in [
        ("../secret", "relative"),
        ("..", "parent"),
        ("/proc/self/root", "magic"),
        ("inside", "within"),
        ("loop", "loop"),
    ] {
        symlink(to, www.join(name)).unwrap();
    }
    symlink(server.folder.path("secret"), www.join("absolute")).unwrap();
    let absolute = server.folder.path("secret");
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/sub/../../secret",
        "/sub/%2e%2e/%2e%2e/secret",
        "/..",
        "/../",
        "/relative",
        "/absolute",
        "/parent/secret",
        "/parent/",
        "/magic/etc/passwd",
        "/loop",
        "/inside/",
        "/inside/..",
        &format!("/{}", absolute.display()),
        &format!("/{}", "x".repeat(300)),
    ] {
        let answer = server.get(path, "");
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.content, "404 Not Found\n");
    }
    // Without openat2, no symbolic link is followed. qemu-user may lack this call.
    let within = server.get("/within", "");
    match within.status() {
        404 if !arch.is_native() => {}
        status => assert_eq!((status, &*within.content), (200, "inside")),
    }
    // Nobody writes to the FIFO: reading would not end.
    let fifo = www.join("fifo");
    mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert_eq!(server.get("/fifo", "").status(), 403);
}

fn serves_what_has_changed(arch: Arch) {
    let server = Server::new(arch, &[]);
    server.write("a", "content");
    let set = |seconds: u64| {
        let file = server.folder.path("www/a");
        let file = fs::File::options().append(true).open(file).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, 700_000_000);
        file.set_modified(time).unwrap();
    };
    set(784_111_777);
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(server.get("/a", "").field("Last-Modified"), Some(date));
    for (since, status) in [
        (date, 304),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 304),
        ("Sun Nov  6 08:49:37 1994", 304),
        ("Sun, 06 Nov 1994 08:49:38 GMT", 304),
        ("Sun, 06 Nov 1994 08:49:36 GMT", 200),
        ("yesterday", 200),
    ] {
        let answer = server.get("/a", &format!("If-Modified-Since: {since}\r\n"));
        assert_eq!(answer.status(), status, "{since}");
        let content = if status == 200 { "content" } else { "" };
        assert_eq!(answer.content, content);
        assert_eq!(answer.field("Last-Modified"), Some(date));
    }
    let fields = format!("If-None-Match: \"a\"\r\nIf-Modified-Since: {date}\r\n");
    assert_eq!(server.get("/a", &fields).status(), 200);
    // A time in the future is reported as the present.
    set(4_000_000_000);
    let answer = server.get("/a", "");
    assert_eq!(answer.field("Last-Modified"), answer.field("Date"));
}

fn serves_a_part(arch: Arch) {
    let server = Server::new(arch, &[]);
    server.write("a", "0123456789");
    for (range, status, content, field) in [
        ("0-0", 206, "0", Some("bytes 0-0/10")),
        ("8-", 206, "89", Some("bytes 8-9/10")),
        ("-3", 206, "789", Some("bytes 7-9/10")),
        ("0-99", 206, "0123456789", Some("bytes 0-9/10")),
        (
            "10-",
            416,
            "416 Range Not Satisfiable\n",
            Some("bytes */10"),
        ),
        ("0-1,3-4", 200, "0123456789", None),
        ("1-0", 200, "0123456789", None),
    ] {
        let answer = server.get("/a", &format!("Range: bytes={range}\r\n"));
        assert_eq!((answer.status(), &*answer.content), (status, content));
        assert_eq!(answer.field("Content-Range"), field);
        let length = content.len().to_string();
        assert_eq!(answer.field("Content-Length"), Some(&*length));
    }
    let answer = server.get("/a", "Range: bytes=0-0\r\nIf-Range: \"a\"\r\n");
    assert_eq!(answer.status(), 200);
}

fn refuses_what_is_not_a_request(arch: Arch) {
    let server = Server::new(arch, &[]);
    server.write("a", "content");
    let long = "x".repeat(100_000);
    for (request, status) in [
        ("GET /a HTTP/1.1\r\n\r\n", "400 Bad Request"),
        ("GET /a\r\n\r\n", "400 Bad Request"),
        ("GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"),
        ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"),
        ("GET /a HTTP/1.1\r\nHost : a\r\n\r\n", "400 Bad Request"),
        ("\0\u{ff}\r\n\r\n", "400 Bad Request"),
        (
            "GET /a HTTP/2.0\r\nHost: a\r\n\r\n",
            "505 HTTP Version Not Supported",
        ),
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
            "501 Not Implemented",
        ),
        ("get /a HTTP/1.1\r\nHost: a\r\n\r\n", "501 Not Implemented"),
        (
            &format!("GET /a HTTP/1.1\r\nX: {long}"),
            "431 Request Header Fields Too Large",
        ),
        (
            &format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..5000]),
            "414 URI Too Long",
        ),
    ] {
        let next = "\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n";
        let answer = server.exchange(format!("{request}{next}"));
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{answer}"
        );
        assert!(answer.ends_with(&format!("\r\n\r\n{status}\n")), "{answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"));
    }
    for nothing in ["", "\r\n", "GET /a HTTP/1.1\r\nHost: a\r\n"] {
        assert_eq!(server.exchange(nothing), "");
    }
}

/// A client that sends a byte now and then has no more time than others.
fn gives_slow_clients_up(arch: Arch) {
    let server = Server::new(arch, &["-t", "500ms"]);
    server.write("long", "x".repeat(50 << 20));
    let begin = Instant::now();
    let mut idle = server.connect();
    let mut dripping = server.connect();
    let mut deaf = server.connect();
    deaf.write_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    dripping
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut answer = [0; 1024];
    let length = loop {
        let _ = dripping.write_all(b"G");
        match dripping.read(&mut answer) {
            Ok(length) => break length,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    };
    assert!(begin.elapsed() >= Duration::from_millis(500));
    assert!(answer[..length].starts_with(b"HTTP/1.1 408 Request Timeout\r\n"));
    assert_eq!(idle.read(&mut answer).unwrap(), 0);
    // The server has given up, so the answer is not complete.
    std::thread::sleep(Duration::from_secs(1));
    let mut rest = Vec::new();
    let _ = deaf.read_to_end(&mut rest);
    assert!(rest.len() < 50 << 20);
}

/// The third client waits until one of the other two has gone.
fn limits_connections(arch: Arch) {
    let server = Server::new(arch, &["-m", "2"]);
    server.write("a", "content");
    let request = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut clients = [(); 3].map(|()| server.connect());
    let mut buffer = [0; 1024];
    for client in &mut clients {
        client.write_all(request).unwrap();
    }
    let [first, second, third] = &mut clients;
    for client in [first, second] {
        assert_ne!(client.read(&mut buffer).unwrap(), 0);
    }
    third
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let error = third.read(&mut buffer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let [first, _second, mut third] = clients;
    drop(first);
    third
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    assert_ne!(third.read(&mut buffer).unwrap(), 0);
}

fn refuses_what_it_cannot_use(arch: Arch) {
    let httpd = |arguments: &[&str]| run(example(arch, "httpd").args(arguments));
    let message = "httpd: open /nothing: No such file or directory (ENOENT)\n";
    assert_eq!(httpd(&["/nothing"]), Ran::new(1, "", message));
    let message = "httpd: open /etc/passwd: Not a directory (ENOTDIR)\n";
    assert_eq!(httpd(&["/etc/passwd"]), Ran::new(1, "", message));
    assert_eq!(httpd(&["a", "b"]), Ran::misused("httpd", "unexpected b"));
}

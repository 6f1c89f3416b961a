//! `httpd`: serves the files of a directory over HTTP/1.1 (RFC 9110, RFC 9112).
//!
//! ```sh
//! cargo run --example httpd -- --listen 127.0.0.1:8000 target/doc
//! ```
//!
//! This file has the options, and a thread for each connection. [`request`] reads and parses requests, [`files`] finds
//! the file, [`listing`] lists a directory, and [`answer`] sends the answer.
//!
//! - Methods GET and HEAD; one `Range`; `Last-Modified` and `If-Modified-Since`; connections stay open.
//! - No path leads out of the directory, by `..` or by a symbolic link: the kernel resolves it with `RESOLVE_BENEATH`.
//!   Where the kernel lacks this, no symbolic link is followed.
//! - What one client may take is bounded: the bytes of a request, the time for sending one, the time of a pause in
//!   receiving an answer. The number of connections is bounded too: further clients wait in the kernel's queue.
//! - No allocator: what a connection needs is on its thread's stack.

#![cfg_attr(not(test), no_std, no_main)]
#![forbid(unsafe_code)]

mod answer;
mod files;
mod listing;
mod request;

use core::net::SocketAddr;
use core::time::Duration;

use ring3::cli::{Address, Argument, Limit, Number, Options, OrFail};
use ring3::env::Start;
use ring3::fd::{OwnedFd, STDOUT};
use ring3::fs::{self, CWD, O_CLOEXEC, O_DIRECTORY, O_PATH};
use ring3::net::{self, SOCK_CLOEXEC, SOCK_STREAM, sockopt};
use ring3::rt::Exit;
use ring3::signal::{self, SIGPIPE, SignalSet};
use ring3::sync::{Condvar, Mutex};
use ring3::text::{Shown, Writer};
use ring3::time::{Deadline, NEVER, SECOND};
use ring3::{Errno, parts, thread};

use answer::Answer;
use request::{Input, Request, Status};

ring3::options! {
    "httpd", "[OPTION]... [DIRECTORY]", "Serve the files of DIRECTORY, or of the current directory, over HTTP.";

    /// Listens on this address. Port 0 lets the kernel choose the port. Without this option, the address is
    /// `127.0.0.1:8000`.
    Listen(Address) "-l, --listen=ADDR:PORT" "the address (default 127.0.0.1:8000)";

    /// Closes a connection if the client does not send a request within this time, or does not receive bytes of an answer
    /// for this time. 0: waits without a limit.
    Timeout(Limit, TIMEOUT = "10s") "-t, --timeout=TIME" "wait this long for a client";

    /// Serves up to this many connections at the same time.
    Most(Number<1, 10_000>, MOST = "100") "-m, --most=N" "serve up to N connections at once";

    operands: Argument::Directory;
    note: "Each answer is reported on standard output.";
    example: "httpd -l 0.0.0.0:8000 /srv/www", "Serve /srv/www to the network.";
}

ring3::program!(Given::NAME, main);

fn main(start: Start) -> Result<(), Exit> {
    let mut address = SocketAddr::from(([127, 0, 0, 1], 8000));
    let (mut timeout, mut most, mut directory) = (TIMEOUT, MOST, None);
    let mut options = Options::new(start.args());
    while let Some(given) = options.next_arg()? {
        match given {
            Given::Listen(listen) => address = listen,
            Given::Timeout(limit) => timeout = limit,
            Given::Most(number) => most = number,
            Given::Operand(path) if directory.is_none() => directory = Some(path),
            Given::Operand(path) => return Err(options.unexpected(path)),
        }
    }
    let directory = directory.unwrap_or(c".");

    // With SIGPIPE blocked, sending to a client that has gone fails with EPIPE.
    signal::block(SignalSet::of(&[SIGPIPE])).or_fail(PROGRAM, "block", "SIGPIPE")?;
    let root = fs::open(CWD, directory, O_PATH | O_DIRECTORY | O_CLOEXEC, 0).or_fail(
        PROGRAM,
        "open",
        Shown(directory.to_bytes()),
    )?;
    let socket =
        net::socket(address, SOCK_STREAM | SOCK_CLOEXEC).or_fail(PROGRAM, "socket", address)?;
    sockopt::set_reuse_address(socket.as_fd(), true).or_fail(PROGRAM, "setsockopt", address)?;
    net::bind(socket.as_fd(), address).or_fail(PROGRAM, "bind", address)?;
    net::listen(socket.as_fd(), 128).or_fail(PROGRAM, "listen", address)?;
    let address = net::local_address(socket.as_fd()).or_fail(PROGRAM, "getsockname", address)?;
    let mut buffer = [0; 128];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(parts!("listening on http://", address, "/\n"));
    out.flush().or_fail(PROGRAM, "write", "stdout")?;

    let server = Server { root, timeout };
    let places = Places::new(most);
    thread::scope(|scope| {
        loop {
            let place = places.take();
            let serve = |client| {
                scope.spawn(|| {
                    server.serve(client);
                    drop(place);
                })
            };
            match net::accept(socket.as_fd(), SOCK_CLOEXEC).and_then(serve) {
                Ok(_runs_by_itself) => {}
                Err(Errno::ECONNABORTED) => {} // the client went away before its turn
                Err(errno) => {
                    PROGRAM.fail("accept", address, errno);
                    thread::sleep(Duration::from_millis(100)); // others may free what is lacking
                }
            }
        }
    })
}

/// How many connections may be added.
struct Places {
    free: Mutex<u64>,
    freed: Condvar,
}

/// A connection's place. It is free again when this value is dropped.
struct Place<'a>(&'a Places);

impl Places {
    fn new(count: u64) -> Self {
        Self {
            free: Mutex::new(count),
            freed: Condvar::new(),
        }
    }

    /// Waits for a free place.
    fn take(&self) -> Place<'_> {
        let mut free = self.free.lock();
        while *free == 0 {
            free = self.freed.wait(free);
        }
        *free -= 1;
        Place(self)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock() += 1;
        self.0.freed.notify_one();
    }
}

/// What all connections have in common.
struct Server {
    root: OwnedFd,
    /// In nanoseconds; `NEVER` is no limit.
    timeout: u64,
}

impl Server {
    /// Answers requests until the connection ends. An error of the connection just ends it.
    fn serve(&self, client: OwnedFd) {
        let socket = client.as_fd();
        let limit = (self.timeout != NEVER).then(|| Duration::from_nanos(self.timeout));
        let prepared = sockopt::set_nodelay(socket, true)
            .and_then(|()| sockopt::set_write_timeout(socket, limit))
            .and_then(|()| net::peer_address(socket));
        let Ok(address) = prepared else { return };
        let mut input = Input::new(socket);
        loop {
            let request = match input.receive_head(Deadline::after(self.timeout)) {
                Ok(true) => Request::parse(input.head()),
                Ok(false) => return,
                Err(Errno::EMSGSIZE) => Err(Status("431 Request Header Fields Too Large")),
                Err(Errno::ETIMEDOUT) if input.is_within_request() => {
                    Err(Status("408 Request Timeout"))
                }
                Err(_) => return,
            };
            let answer = Answer::new(self.root.as_fd(), &request);
            let sent = answer.send(socket);
            report(address, &request, answer.status);
            match sent {
                Ok(()) if answer.keeps_open => {}
                Ok(()) => return close(&client),
                Err(_) => return,
            }
        }
    }
}

/// Prints a request and its answer.
fn report(address: SocketAddr, request: &Result<Request<'_>, Status>, status: Status) {
    let mut buffer = [0; 4096];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(parts!(address, " "));
    if let Ok(request) = request {
        let method = if request.is_head { "HEAD" } else { "GET" };
        out.print(parts!(method, " /", Shown(request.path.as_bytes()), " "));
    }
    out.print(parts!(status.0, "\n"));
    let _ = out.flush(); // serving files is more important than reporting it
}

/// Ends the connection so that the client gets the last answer.
///
/// If bytes of the client are unread when the socket is closed, the kernel resets the connection, and the client may lose
/// the answer. So this function reads for a while what the client still sends.
fn close(client: &OwnedFd) {
    let end = Deadline::after(SECOND);
    let mut input = Input::new(client.as_fd());
    if net::shutdown_write(client.as_fd()).is_ok() {
        while let Ok(1..) = input.receive(end) {
            input.clear();
        }
    }
}

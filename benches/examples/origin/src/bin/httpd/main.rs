//! `httpd [OPTION]... [DIRECTORY]`: serves the files of a directory over HTTP/1.1 (RFC 9110, RFC 9112).
//!
//! Each connection has a thread. No path leads out of the directory. Four things are limited: the bytes of a request, the
//! time for a request, the time of a pause in an answer, and the number of connections.

#![no_std]
#![no_main]

extern crate alloc;

mod answer;
mod listing;
mod request;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::net::SocketAddr;
use core::time::Duration;

use common::cli::{Arg, Cli, Opt, Parser};
use common::io::{stdout, write_all};
use common::time::Deadline;
use common::{Args, Environment, Exit, Program, Text, ignore, thread};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_reuseaddr, set_socket_timeout, set_tcp_nodelay};
use rustix::net::{
    AddressFamily, Shutdown, SocketFlags, SocketType, accept_with, bind, getpeername, getsockname,
    listen, shutdown, socket_with,
};
use rustix::process::Signal;
use rustix::thread::{Timespec, nanosleep};
use rustix_futex_sync::{Condvar, Mutex};

use answer::Answer;
use request::{Input, Request, Status, Stop};

common::main!(main);

const PROGRAM: Program = Program("httpd");

const CLI: Cli = Cli {
    program: PROGRAM,
    help: "\
usage: httpd [OPTION]... [DIRECTORY]
Serve the files of DIRECTORY, or of the current directory, over HTTP.

  -l, --listen=ADDR:PORT    the address (default 127.0.0.1:8000)
  -t, --timeout=TIME        wait this long for a client (default 10s)
  -m, --most=N              serve up to N connections at once (default 100)
  -h, --help                print this help
  -V, --version             print the version

Each answer is reported on standard output.

Examples:
  httpd -l 0.0.0.0:8000 /srv/www
      Serve /srv/www to the network.
",
    version: concat!("httpd (origin) ", env!("CARGO_PKG_VERSION"), "\n"),
    options: &[
        Opt(Some('l'), "listen", true),
        Opt(Some('t'), "timeout", true),
        Opt(Some('m'), "most", true),
    ],
};

fn main(args: Args, _: Environment) -> Result<i32, Exit> {
    let mut address = SocketAddr::from(([127, 0, 0, 1], 8000));
    let (mut timeout, mut most, mut directory) = (Some(Duration::from_secs(10)), 100, None);
    let mut parser = Parser::new(&CLI, args);
    while let Some(arg) = parser.next_arg()? {
        match arg {
            Arg::Option("listen") => address = parser.address()?,
            Arg::Option("timeout") => timeout = parser.limit()?,
            Arg::Option(_) => most = parser.number(1, 10_000)?,
            Arg::Operand(path) if directory.is_none() => directory = Some(path),
            Arg::Operand(path) => return Err(parser.unexpected(path)),
        }
    }
    let directory = directory.unwrap_or(c".");

    // So that sending to a client that has gone fails with an error.
    ignore(Signal::PIPE).map_err(|errno| PROGRAM.fail("ignore", "SIGPIPE", errno))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open(directory, flags, Mode::empty())
        .map_err(|errno| PROGRAM.fail("open", Text::from(directory), errno))?;
    let (socket, address) = bound(address)?;
    let message = format!("listening on http://{address}/\n");
    write_all(stdout(), message.as_bytes())
        .map_err(|errno| PROGRAM.fail("write", "stdout", errno))?;

    // The threads use the server as long as the program runs.
    let server: &'static Server = Box::leak(Box::new(Server {
        root,
        timeout,
        free: Mutex::new(most),
        freed: Condvar::new(),
    }));
    loop {
        let place = server.place();
        let served = accept_with(&socket, SocketFlags::CLOEXEC).and_then(|client| {
            thread::spawn(move || {
                server.serve(&client);
                drop(client);
                drop(place);
            })
        });
        match served {
            Ok(()) | Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(errno) => {
                PROGRAM.fail("accept", address, errno);
                // Others may free what is lacking.
                let _ = nanosleep(&Timespec {
                    tv_sec: 0,
                    tv_nsec: 100_000_000,
                });
            }
        }
    }
}

/// A socket that listens on the address, and the address with the port that the kernel chose.
fn bound(address: SocketAddr) -> Result<(OwnedFd, SocketAddr), Exit> {
    let failed = |operation| move |errno| PROGRAM.fail(operation, address, errno);
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(failed("socket"))?;
    set_socket_reuseaddr(&socket, true).map_err(failed("setsockopt"))?;
    bind(&socket, &address).map_err(failed("bind"))?;
    listen(&socket, 128).map_err(failed("listen"))?;
    let address = getsockname(&socket)
        .and_then(SocketAddr::try_from)
        .map_err(failed("getsockname"))?;
    Ok((socket, address))
}

/// What all connections have in common.
struct Server {
    root: OwnedFd,
    /// `None` is no limit.
    timeout: Option<Duration>,
    /// How many connections may be added.
    free: Mutex<u64>,
    freed: Condvar,
}

/// The place of a connection, free again when it is dropped.
struct Place(&'static Server);

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.free.lock() += 1;
        self.0.freed.notify_one();
    }
}

impl Server {
    /// Waits for a free place.
    fn place(&'static self) -> Place {
        let mut free = self.free.lock();
        while *free == 0 {
            free = self.freed.wait(free);
        }
        *free -= 1;
        Place(self)
    }

    /// Answers requests until the connection ends. An error of the connection ends it.
    fn serve(&self, client: &OwnedFd) {
        let prepared = set_tcp_nodelay(client, true)
            .and_then(|()| set_socket_timeout(client, Timeout::Send, self.timeout))
            .and_then(|()| getpeername(client)?.ok_or(Errno::NOTCONN)?.try_into());
        let Ok(address) = prepared else { return };
        let socket = client.as_fd();
        let mut input = Input::new(socket);
        loop {
            let request = match input.receive_head(Deadline::after(self.timeout)) {
                Ok(()) => Request::parse(input.head()),
                Err(Stop::Refuse(status)) => Err(status),
                Err(Stop::Close) => return,
            };
            let (keeps_open, is_old, is_head) = match &request {
                Ok(request) => (request.keeps_open, request.is_old, request.is_head),
                Err(_) => (false, false, false),
            };
            let connection = match (keeps_open, is_old) {
                (false, _) => "Connection: close\r\n",
                (true, true) => "Connection: keep-alive\r\n",
                (true, false) => "",
            };
            let answer = Answer::new(self.root.as_fd(), &request);
            let sent = answer.send(socket, connection, is_head);
            report(address, &request, answer.status);
            if sent.is_err() {
                return;
            }
            if !keeps_open {
                break;
            }
        }
        // If the socket were closed while bytes of the client are unread, the client could lose the answer.
        if shutdown(socket, Shutdown::Write).is_ok() {
            input.drain(Deadline::after(Some(Duration::from_secs(1))));
        }
    }
}

/// Prints a request and its answer.
fn report(address: SocketAddr, request: &Result<Request<'_>, Status>, status: Status) {
    let asked = match request {
        Ok(request) => {
            let method = if request.is_head { "HEAD" } else { "GET" };
            format!("{method} /{} ", Text(&request.path))
        }
        Err(_) => String::new(),
    };
    // To serve files is more important than to report it.
    let _ =
        retry_on_intr(|| write_all(stdout(), format!("{address} {asked}{status}\n").as_bytes()));
}

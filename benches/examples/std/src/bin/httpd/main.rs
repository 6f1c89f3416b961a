//! `httpd [OPTION]... [DIRECTORY]`: serves the files of a directory over HTTP/1.1 (RFC 9110, RFC 9112).
//!
//! This file has the options, and a thread for each connection. [`request`] reads and parses requests, [`files`] finds
//! the file, [`listing`] lists a directory, and [`answer`] sends the answer.

mod answer;
mod files;
mod listing;
mod request;

use std::ffi::OsStr;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder};
use std::time::Duration;

use common::cli::{self, Arg, Cli, Parser};
use common::error::{Error, OrFail, Shown};
use rustix::fs::{Mode, OFlags};

use answer::Answer;
use request::{Head, Input, Request, Status};

const CLI: Cli<Flag> = Cli {
    name: "httpd",
    usage: "[OPTION]... [DIRECTORY]\n\
            Serve the files of DIRECTORY, or of the current directory, over HTTP.",
    options: &[
        (
            "-l, --listen=ADDR:PORT",
            "the address (default 127.0.0.1:8000)",
            Flag::Listen,
        ),
        (
            "-t, --timeout=TIME",
            "wait this long for a client (default 10s)",
            Flag::Timeout,
        ),
        (
            "-m, --most=N",
            "serve up to N connections at once (default 100)",
            Flag::Most,
        ),
    ],
    end: "\
Each answer is reported on standard output.

Examples:
  httpd -l 0.0.0.0:8000 /srv/www
      Serve /srv/www to the network.
",
};

#[derive(Clone, Copy)]
enum Flag {
    Listen,
    Timeout,
    Most,
}

/// The stack of a connection's thread, in bytes.
const STACK: usize = 128 * 1024;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.exit(CLI.name, 1),
    }
}

fn run() -> Result<(), Error> {
    let mut address = SocketAddr::from(([127, 0, 0, 1], 8000));
    let mut timeout = Some(Duration::from_secs(10));
    let (mut most, mut directory) = (100, None);
    let mut parser = Parser::new(&CLI);
    while let Some(arg) = parser.next_arg()? {
        match arg {
            Arg::Option(Flag::Listen) => address = parser.address()?,
            Arg::Option(Flag::Timeout) => timeout = parser.limit()?,
            Arg::Option(Flag::Most) => most = parser.number(1..=10_000)?,
            Arg::Operand(path) if directory.is_none() => directory = Some(path),
            Arg::Operand(path) => return Err(cli::unexpected(&path)),
        }
    }
    let directory = directory.unwrap_or_else(|| ".".into());

    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(&directory, flags, Mode::empty());
    let root = root.or_fail("open", Shown(&directory))?;
    let listener = TcpListener::bind(address).or_fail("bind", address)?;
    let address = listener.local_addr().or_fail("getsockname", address)?;
    cli::print(&format!("listening on http://{address}/\n"))?;

    let server = &Server { root, timeout };
    let places = Places::new(most);
    thread::scope(|scope| {
        loop {
            let place = places.take();
            let accepted = listener.accept().and_then(|(client, address)| {
                Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, move || {
                        // An error of the connection just ends it.
                        let _ = server.serve(&client, address);
                        drop(place);
                    })
            });
            match accepted {
                Ok(_runs_by_itself) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    Error::new("accept", address, error).print(CLI.name);
                    thread::sleep(Duration::from_millis(100)); // others may free what is lacking
                }
            }
        }
    })
}

/// How many connections may be added.
struct Places {
    free: Mutex<u32>,
    freed: Condvar,
}

/// A connection's place. It is free again when this value is dropped.
struct Place<'a>(&'a Places);

impl Places {
    fn new(count: u32) -> Self {
        Self {
            free: Mutex::new(count),
            freed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, u32> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a free place.
    fn take(&self) -> Place<'_> {
        let free = self.freed.wait_while(self.lock(), |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Place(self)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        self.0.freed.notify_one();
    }
}

/// What all connections have in common.
struct Server {
    root: OwnedFd,
    timeout: Option<Duration>,
}

impl Server {
    /// Answers requests until the connection ends.
    fn serve(&self, client: &TcpStream, address: SocketAddr) -> io::Result<()> {
        client.set_nodelay(true)?;
        client.set_write_timeout(self.timeout)?;
        let mut reader = BufReader::new(Input::new(client));
        loop {
            reader.get_mut().set_limit(self.timeout);
            let head = match Head::read(&mut reader)? {
                Head::End => return Ok(()),
                Head::Received(head) => Ok(head),
                Head::Refused(status) => Err(status),
            };
            let request = head.and_then(|head| Request::parse(&head));
            let answer = Answer::new(&self.root, &request);
            let sent = answer.send(client);
            report(address, &request, answer.status);
            sent?;
            if !answer.keeps_open {
                return close(reader.get_mut());
            }
        }
    }
}

/// Prints a request and its answer.
fn report(address: SocketAddr, request: &Result<Request, Status>, status: Status) {
    let request = match request {
        Ok(request) => {
            let method = if request.is_head { "HEAD" } else { "GET" };
            format!("{method} /{} ", Shown(OsStr::new(&request.path)))
        }
        Err(_) => String::new(),
    };
    let line = format!("{address} {request}{status}\n");
    let _ = io::stdout().write_all(line.as_bytes()); // serving files is more important
}

/// Ends the connection so that the client gets the last answer.
///
/// If bytes of the client are unread when the socket is closed, the kernel resets the connection, and the client may lose
/// the answer. So this function reads for a while what the client still sends.
fn close(input: &mut Input<'_>) -> io::Result<()> {
    input.client.shutdown(Shutdown::Write)?;
    input.set_limit(Some(Duration::from_secs(1)));
    let mut buffer = [0; 4096];
    while input.read(&mut buffer)? > 0 {}
    Ok(())
}

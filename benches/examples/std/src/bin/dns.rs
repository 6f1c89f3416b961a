//! `dns [OPTION]... ADDR:PORT NAME`: asks a name server for the IPv4 addresses of a name (RFC 1035, an A query over UDP).
//!
//! Everybody can send a UDP datagram with a false sender, so an answer counts only if it comes from the server's address
//! and port (the socket is connected), to our random port, with our random id and our question. Other datagrams are
//! ignored.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use common::cli::{self, Arg, Cli, Parser};
use common::error::{Error, OrFail, Shown};
use common::signal;

const CLI: Cli<Flag> = Cli {
    name: "dns",
    usage: "[OPTION]... ADDR:PORT NAME\n\
            Ask the name server at ADDR:PORT for the IPv4 addresses of NAME.",
    options: &[
        (
            "-t, --timeout=TIME",
            "wait this long for an answer (default 2s)",
            Flag::Timeout,
        ),
        (
            "-n, --tries=N",
            "send up to N queries (default 3)",
            Flag::Tries,
        ),
    ],
    end: "\
Examples:
  dns 9.9.9.9:53 www.kernel.org
      Print the addresses of www.kernel.org.
",
};

#[derive(Clone, Copy)]
enum Flag {
    Timeout,
    Tries,
}

fn main() -> ExitCode {
    signal::reset(libc::SIGPIPE); // ends silently when its reader has gone
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.exit(CLI.name, 1),
    }
}

fn run() -> Result<(), Error> {
    let (mut timeout, mut tries) = (Duration::from_secs(2), 3);
    let (mut server, mut name) = (None, None);
    let mut parser = Parser::new(&CLI);
    while let Some(arg) = parser.next_arg()? {
        match arg {
            Arg::Option(Flag::Timeout) => timeout = parser.duration()?,
            Arg::Option(Flag::Tries) => tries = parser.number(1..=100)?,
            Arg::Operand(text) if server.is_none() => server = Some(cli::address(&text)?),
            Arg::Operand(text) if name.is_none() => name = Some(text),
            Arg::Operand(text) => return Err(cli::unexpected(&text)),
        }
    }
    let (Some(server), Some(text)) = (server, name) else {
        return Err(Error::Usage("expected ADDR:PORT and NAME".into()));
    };
    let text = Shown(&text);
    let name =
        encode(text.0).ok_or_else(|| Error::Usage(format!("{text} is not the name of a host")))?;

    let answer = ask(server, &name, timeout, tries)?;
    if let Some(trouble) = answer.trouble() {
        return Err(Error::new("query", text, trouble));
    }
    let addresses = answer.addresses(name).ok_or_else(|| {
        Error::new(
            "parse the answer of",
            server,
            io::Error::from(ErrorKind::InvalidData),
        )
    })?;
    let lines: String = addresses
        .iter()
        .map(|address| format!("{address}\n"))
        .collect();
    cli::print(&lines)?;
    match addresses.is_empty() {
        true => Err(Error::new("query", text, "no IPv4 address")),
        false => Ok(()),
    }
}

/// Sends the query until there is an answer.
fn ask(server: SocketAddr, name: &[u8], timeout: Duration, tries: u32) -> Result<Message, Error> {
    let own: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(own).or_fail("bind", own)?;
    socket.connect(server).or_fail("connect", server)?;
    let mut result = Err(ErrorKind::TimedOut.into());
    for _ in 0..tries {
        result = exchange(&socket, name, timeout);
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::TimedOut) {
            break;
        }
    }
    result.or_fail("query", server)
}

/// Sends a query with a random id, and receives its answer.
fn exchange(socket: &UdpSocket, name: &[u8], timeout: Duration) -> io::Result<Message> {
    let mut id = [0; 2];
    File::open("/dev/urandom")?.read_exact(&mut id)?; // std has no random numbers
    let query = query(id, name);
    socket.send(&query)?;
    let deadline = Instant::now() + timeout;
    let mut buffer = [0; LONGEST];
    loop {
        // A stranger may send datagrams all the time, so each wait is shorter than the one before.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        match socket.recv(&mut buffer) {
            Ok(length) if is_answer(&buffer[..length], &query) => {
                return Ok(Message(buffer[..length].to_vec()));
            }
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The longest message over UDP without an extension of the protocol, in bytes.
const LONGEST: usize = 512;

/// The bytes of a message before the question.
const HEADER: usize = 12;

/// Bits of the third byte of the header: this is an answer; the kind of query, 0 for a standard query; the answer was too
/// long; the server shall ask other servers.
const ANSWER: u8 = 0x80;
const OPCODE: u8 = 0x78;
const TRUNCATED: u8 = 0x02;
const RECURSE: u8 = 0x01;

/// Types of records: an IPv4 address, and the name that another name stands for.
const A: u16 = 1;
const CNAME: u16 = 5;
/// The class of records of the Internet.
const IN: u16 = 1;

/// A query as a message.
fn query(id: [u8; 2], name: &[u8]) -> Vec<u8> {
    let flags_and_counts = [RECURSE, 0, 0, 1, 0, 0, 0, 0, 0, 0]; // one question, no records
    [
        &id,
        &flags_and_counts[..],
        name,
        &A.to_be_bytes(),
        &IN.to_be_bytes(),
    ]
    .concat()
}

/// Whether the message is an answer to the query: it has the same id and the same question.
fn is_answer(message: &[u8], query: &[u8]) -> bool {
    message.len() >= query.len()
        && message[..2] == query[..2]
        && message[2] & (ANSWER | OPCODE) == ANSWER
        && message[4..6] == query[4..6]
        // The server may change the case of letters. Lengths and types are below the letters.
        && message[HEADER..query.len()].eq_ignore_ascii_case(&query[HEADER..])
}

/// The name that is written `www.kernel.org` or `www.kernel.org.` as it is in a message: labels, each after its length,
/// up to the label of length 0. `None` if no host has such a name.
fn encode(text: &OsStr) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    let mut name = Vec::new();
    for label in text
        .strip_suffix(b".")
        .unwrap_or(text)
        .split(|&byte| byte == b'.')
    {
        if label.is_empty() || !push_label(&mut name, label) {
            return None;
        }
    }
    push_label(&mut name, b"").then_some(name)
}

/// Appends a label to a name. Returns false if the label or the name is too long.
fn push_label(name: &mut Vec<u8>, label: &[u8]) -> bool {
    let fits = label.len() <= 63 && name.len() + 1 + label.len() <= 255;
    if fits {
        name.push(label.len() as u8);
        name.extend_from_slice(label);
    }
    fits
}

/// An answer.
struct Message(Vec<u8>);

/// A record of an answer.
struct Record<'a> {
    name: Vec<u8>,
    kind: u16,
    class: u16,
    data: &'a [u8],
    /// The place of the data in the message.
    at: usize,
}

impl Message {
    /// Why the server did not answer the question; `None` if it did.
    fn trouble(&self) -> Option<&'static str> {
        // The message is as long as the query, so it has a header.
        if self.0[2] & TRUNCATED != 0 {
            return Some("the answer is too long for UDP");
        }
        match self.0[3] & 0xf {
            0 => None,
            1 => Some("the server does not understand the query (FORMERR)"),
            2 => Some("the server failed (SERVFAIL)"),
            3 => Some("no such name (NXDOMAIN)"),
            4 => Some("the server does not have such queries (NOTIMP)"),
            5 => Some("the server refuses to answer (REFUSED)"),
            _ => Some("the server reports an unknown error"),
        }
    }

    /// The addresses of the name. If the answer says that the name stands for another name, these are the addresses of the
    /// other name. `None`: the answer is malformed.
    fn addresses(&self, mut name: Vec<u8>) -> Option<Vec<Ipv4Addr>> {
        const LONGEST_CHAIN: usize = 16;
        let records = self.records()?;
        for _ in 0..LONGEST_CHAIN {
            let (mut addresses, mut other) = (Vec::new(), None);
            for record in &records {
                if record.class != IN || !record.name.eq_ignore_ascii_case(&name) {
                    continue;
                }
                match record.kind {
                    A => addresses.push(Ipv4Addr::from(<[u8; 4]>::try_from(record.data).ok()?)),
                    CNAME => other = Some(self.name(record.at)?.0),
                    _ => {}
                }
            }
            match other {
                Some(other) if addresses.is_empty() => name = other,
                _ => return Some(addresses),
            }
        }
        Some(Vec::new()) // the names stand for each other
    }

    /// The records after the question.
    fn records(&self) -> Option<Vec<Record<'_>>> {
        let (_, question) = self.name(HEADER)?;
        let mut at = question + 4;
        let mut records = Vec::new();
        for _ in 0..self.number(6)? {
            let (name, end) = self.name(at)?;
            // Four bytes between class and length are the time that the record may be stored.
            let data = end + 10;
            at = data + usize::from(self.number(end + 8)?);
            records.push(Record {
                name,
                kind: self.number(end)?,
                class: self.number(end + 2)?,
                data: self.0.get(data..at)?,
                at: data,
            });
        }
        Some(records)
    }

    /// The name at this place, and the place after it.
    ///
    /// The end of a name may be a pointer to an earlier name: a length with two high bits, and the rest of the length and
    /// the next byte are the place. A pointer that does not lead to before the labels that were read could lead back to
    /// itself.
    fn name(&self, mut at: usize) -> Option<(Vec<u8>, usize)> {
        let (mut name, mut begin, mut end) = (Vec::new(), at, None);
        loop {
            match *self.0.get(at)? {
                length @ 0..=63 => {
                    let label = self.0.get(at + 1..)?.get(..usize::from(length))?;
                    at += 1 + label.len();
                    if !push_label(&mut name, label) {
                        return None;
                    }
                    if label.is_empty() {
                        return Some((name, end.unwrap_or(at)));
                    }
                }
                0xc0.. => {
                    end = end.or(Some(at + 2));
                    at = usize::from(self.number(at)? & 0x3fff);
                    if at >= begin {
                        return None;
                    }
                    begin = at;
                }
                _ => return None,
            }
        }
    }

    /// The number of two bytes at this place.
    fn number(&self, at: usize) -> Option<u16> {
        let bytes = self.0.get(at..)?.first_chunk()?;
        Some(u16::from_be_bytes(*bytes))
    }
}

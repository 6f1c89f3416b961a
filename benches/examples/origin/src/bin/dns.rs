//! `dns [OPTION]... ADDR:PORT NAME`: asks a name server for the IPv4 addresses of a name (RFC 1035, over UDP).
//!
//! An answer counts only if it comes from the server's address (the socket is connected), with the random id and the
//! question of the query. Other datagrams are ignored.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::fmt::Write;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use common::cli::{Arg, Cli, Opt, Parser};
use common::io::{Out, stdout};
use common::time::Deadline;
use common::{Args, Environment, Exit, Program, Text};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::{Errno, Result as IoResult, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};
use rustix::rand::{GetRandomFlags, getrandom};

common::main!(main);

const PROGRAM: Program = Program("dns");

const CLI: Cli = Cli {
    program: PROGRAM,
    help: "\
usage: dns [OPTION]... ADDR:PORT NAME
Ask the name server at ADDR:PORT for the IPv4 addresses of NAME.

  -t, --timeout=TIME        wait this long for an answer (default 2s)
  -n, --tries=N             send up to N queries (default 3)
  -h, --help                print this help
  -V, --version             print the version

Examples:
  dns 9.9.9.9:53 www.kernel.org
      Print the addresses of www.kernel.org.
",
    version: concat!("dns (origin) ", env!("CARGO_PKG_VERSION"), "\n"),
    options: &[
        Opt(Some('t'), "timeout", true),
        Opt(Some('n'), "tries", true),
    ],
};

fn main(args: Args, _: Environment) -> Result<i32, Exit> {
    let (mut timeout, mut tries) = (Duration::from_secs(2), 3);
    let (mut server, mut name) = (None, None);
    let mut parser = Parser::new(&CLI, args);
    while let Some(arg) = parser.next_arg()? {
        match arg {
            Arg::Option("timeout") => timeout = parser.limit()?.unwrap_or_default(),
            Arg::Option(_) => tries = parser.number(1, 100)?,
            Arg::Operand(text) if server.is_none() => server = Some(parser.address_in(text)?),
            Arg::Operand(text) if name.is_none() => name = Some(text.to_bytes()),
            Arg::Operand(text) => return Err(parser.unexpected(text)),
        }
    }
    let (Some(server), Some(text)) = (server, name) else {
        return Err(parser.usage(format_args!("expected ADDR:PORT and NAME")));
    };
    let name = Name::parse(text)
        .ok_or_else(|| parser.usage(format_args!("{} is not the name of a host", Text(text))))?;

    let answer = ask(server, &name, timeout, tries)?;
    let addresses = match answer.trouble() {
        Some(trouble) => Err(trouble),
        None => match answer.addresses(name) {
            Some(addresses) if addresses.is_empty() => Err("no IPv4 address"),
            Some(addresses) => Ok(addresses),
            None => {
                let object = format_args!("the answer of {server}");
                return Err(PROGRAM.fail("parse", object, Errno::BADMSG));
            }
        },
    };
    let addresses = addresses.map_err(|trouble| {
        PROGRAM.say(format_args!("query {}: {trouble}", Text(text)));
        Exit(1)
    })?;
    let mut buffer = [0; 512];
    let mut out = Out::new(stdout(), &mut buffer);
    for address in addresses {
        let _ = writeln!(out, "{address}");
    }
    out.flush()
        .map_err(|errno| PROGRAM.fail("write", "stdout", errno))?;
    Ok(0)
}

/// Sends the query until there is an answer.
fn ask(server: SocketAddr, name: &Name, timeout: Duration, tries: u64) -> Result<Message, Exit> {
    let family = match server {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(|errno| PROGRAM.fail("socket", server, errno))?;
    connect(&socket, &server).map_err(|errno| PROGRAM.fail("connect", server, errno))?;
    let mut answer = Err(Errno::TIMEDOUT);
    for _ in 0..tries {
        answer = exchange(&socket, name, timeout);
        if !matches!(answer, Err(Errno::TIMEDOUT)) {
            break;
        }
    }
    answer.map_err(|errno| PROGRAM.fail("query", server, errno))
}

/// Sends a query, and receives its answer.
fn exchange(socket: &OwnedFd, name: &Name, timeout: Duration) -> IoResult<Message> {
    let mut id = [0; 2];
    retry_on_intr(|| getrandom(&mut id, GetRandomFlags::empty()))?;
    let query = query(id, name);
    retry_on_intr(|| send(socket, &query, SendFlags::empty()))?;
    let deadline = Deadline::after(Some(timeout));
    loop {
        // Datagrams that are not the answer do not prolong the wait.
        let left = deadline.left().filter(|left| !left.is_zero());
        set_socket_timeout(
            socket.as_fd(),
            Timeout::Recv,
            Some(left.ok_or(Errno::TIMEDOUT)?),
        )?;
        let mut buffer = [0; LONGEST];
        match retry_on_intr(|| recv(socket, &mut buffer, RecvFlags::empty())) {
            Ok((length, _)) if is_answer(&buffer[..length], &query) => {
                return Ok(Message(buffer[..length].to_vec()));
            }
            Ok(_) | Err(Errno::AGAIN) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// The longest message over UDP without an extension of the protocol.
const LONGEST: usize = 512;

/// The bytes of a message before the question.
const HEADER: usize = 12;

/// Bits of the third byte of the header: an answer, the kind of query, "the answer was too long", "ask other servers".
const ANSWER: u8 = 0x80;
const OPCODE: u8 = 0x78;
const TRUNCATED: u8 = 0x02;
const RECURSE: u8 = 0x01;

/// The types of records: an IPv4 address, and the name that another name stands for.
const A: u16 = 1;
const CNAME: u16 = 5;
/// The class of the Internet.
const IN: u16 = 1;

/// A query for the addresses of a name.
fn query([high, low]: [u8; 2], name: &Name) -> Vec<u8> {
    let header = [high, low, RECURSE, 0, 0, 1, 0, 0, 0, 0, 0, 0]; // one question
    let [kind, class] = [A, IN].map(u16::to_be_bytes);
    [&header[..], &name.0, &kind, &class].concat()
}

/// Whether a message is an answer to the query: it has the same id and the same question.
fn is_answer(message: &[u8], query: &[u8]) -> bool {
    let Some(question) = message.get(HEADER..query.len()) else {
        return false;
    };
    message[..2] == query[..2]
        && message[2] & (ANSWER | OPCODE) == ANSWER
        && message[4..6] == query[4..6]
        // The server may change the case of letters. No length or type is the code of a letter.
        && question.eq_ignore_ascii_case(&query[HEADER..])
}

/// A name as in a message: labels, each after its length. The last one is empty.
#[derive(Default)]
struct Name(Vec<u8>);

impl Name {
    const LONGEST: usize = 255;

    /// The name `www.kernel.org` or `www.kernel.org.`; `None` if no host has such a name.
    fn parse(text: &[u8]) -> Option<Self> {
        let mut name = Self::default();
        let text = text.strip_suffix(b".").unwrap_or(text);
        for label in text.split(|&byte| byte == b'.') {
            if label.is_empty() {
                return None;
            }
            name.push(label)?;
        }
        name.push(b"")?;
        Some(name)
    }

    /// Appends a label, if it and the name are not too long.
    fn push(&mut self, label: &[u8]) -> Option<()> {
        if label.len() > 63 || self.0.len() + 1 + label.len() > Self::LONGEST {
            return None;
        }
        self.0.push(label.len() as u8);
        self.0.extend_from_slice(label);
        Some(())
    }

    fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

/// An answer. Functions return `None` if it is malformed.
struct Message(Vec<u8>);

impl Message {
    /// Why the server did not answer the question.
    fn trouble(&self) -> Option<&'static str> {
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

    /// The addresses of a name, or of the name that it stands for.
    fn addresses(&self, mut name: Name) -> Option<Vec<Ipv4Addr>> {
        const LONGEST_CHAIN: usize = 16;
        let (_, end) = self.name(HEADER)?;
        let records = self.number(6)?;
        for _ in 0..LONGEST_CHAIN {
            let (mut at, mut addresses, mut other) = (end + 4, Vec::new(), None);
            for _ in 0..records {
                let owner;
                (owner, at) = self.name(at)?;
                let (kind, class) = (self.number(at)?, self.number(at + 2)?);
                // Between are four bytes: how long the record may be stored.
                let begin = at + 10;
                at = begin + usize::from(self.number(at + 8)?);
                let data = self.0.get(begin..at)?;
                if class != IN || !owner.is(&name) {
                    continue;
                }
                match kind {
                    A => addresses.push(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?)),
                    CNAME => other = Some(self.name(begin)?.0),
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

    /// The name at a place, and the end of the name there.
    fn name(&self, mut at: usize) -> Option<(Name, usize)> {
        let (mut name, mut begin, mut end) = (Name::default(), at, None);
        loop {
            match *self.0.get(at)? {
                0 => {
                    name.push(b"")?;
                    return Some((name, end.unwrap_or(at + 1)));
                }
                length @ ..64 => {
                    let next = at + 1 + usize::from(length);
                    name.push(self.0.get(at + 1..next)?)?;
                    at = next;
                }
                // A pointer to the rest of the name. It must lead backwards, or it could lead to itself.
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

    /// The number of two bytes at a place.
    fn number(&self, at: usize) -> Option<u16> {
        let bytes = self.0.get(at..at + 2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }
}

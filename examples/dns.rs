//! `dns`: asks a name server for the IPv4 addresses of a name (RFC 1035, an A query over UDP), and prints them.
//!
//! ```sh
//! cargo run --example dns -- 9.9.9.9:53 www.kernel.org
//! ```
//!
//! Everybody can send a UDP datagram with a false sender, so an answer counts only if it comes from the server's address
//! and port (the socket is connected), to our random port, with our random id and our question. Other datagrams are
//! ignored. An answer is untrusted input: lengths are checked, and a compressed name ends, because its pointers must lead
//! backwards.
//!
//! Exit status: 0 if an address was printed, 1 if not, 2 after a usage error.

#![cfg_attr(not(test), no_std, no_main)]
#![forbid(unsafe_code)]

use core::net::{Ipv4Addr, SocketAddr};

use ring3::cli::{Argument, Duration, Number, Options, OrFail};
use ring3::env::Start;
use ring3::fd::{OwnedFd, STDOUT};
use ring3::net::{self, SOCK_CLOEXEC, SOCK_DGRAM, sockopt};
use ring3::rt::Exit;
use ring3::text::{Shown, Writer};
use ring3::time::{self, Deadline};
use ring3::{Errno, bytes, parts, random};

ring3::options! {
    "dns", "[OPTION]... ADDR:PORT NAME", "Ask the name server at ADDR:PORT for the IPv4 addresses of NAME.";

    /// Waits this long for the answer to each query.
    Timeout(Duration, TIMEOUT = "2s") "-t, --timeout=TIME" "wait this long for an answer";

    /// Sends the query up to this often, because a datagram can be lost.
    Tries(Number<1, 100>, TRIES = "3") "-n, --tries=N" "send up to N queries";

    operands: Argument::Text;
    example: "dns 9.9.9.9:53 www.kernel.org", "Print the addresses of www.kernel.org.";
}

ring3::program!(Given::NAME, main);

fn main(start: Start) -> Result<(), Exit> {
    let (mut timeout, mut tries, mut server, mut name) = (TIMEOUT, TRIES, None, None);
    let mut options = Options::new(start.args());
    while let Some(given) = options.next_arg()? {
        match given {
            Given::Timeout(span) => timeout = span,
            Given::Tries(number) => tries = number,
            Given::Operand(text) if server.is_none() => {
                server = Some(options.parser().address(text)?)
            }
            Given::Operand(text) if name.is_none() => name = Some(text.to_bytes()),
            Given::Operand(text) => return Err(options.unexpected(text)),
        }
    }
    let (Some(server), Some(text)) = (server, name) else {
        return Err(options.usage("expected ADDR:PORT and NAME"));
    };
    let name = Name::new(text)
        .ok_or_else(|| options.usage(parts!(Shown(text), " is not the name of a host")))?;

    let mut buffer = [0; LONGEST];
    let answer = ask(server, &name, timeout, tries, &mut buffer)?;
    if let Some(trouble) = answer.trouble() {
        PROGRAM.say(parts!("query ", Shown(text), ": ", trouble));
        return Err(Exit(1));
    }
    let mut buffer = [0; 512];
    let mut out = Writer::new(STDOUT, &mut buffer);
    let count = answer
        .addresses(name, |address| out.print(parts!(address, "\n")))
        .ok_or(Errno::EBADMSG)
        .or_fail(PROGRAM, "parse", parts!("the answer of ", server))?;
    out.flush().or_fail(PROGRAM, "write", "stdout")?;
    if count == 0 {
        PROGRAM.say(parts!("query ", Shown(text), ": no IPv4 address"));
        return Err(Exit(1));
    }
    Ok(())
}

/// Sends the query until there is an answer. `buffer` is for the answer.
fn ask<'a>(
    server: SocketAddr,
    name: &Name,
    timeout: u64,
    tries: u64,
    buffer: &'a mut [u8; LONGEST],
) -> Result<Message<'a>, Exit> {
    let socket =
        net::socket(server, SOCK_DGRAM | SOCK_CLOEXEC).or_fail(PROGRAM, "socket", server)?;
    net::connect(socket.as_fd(), server).or_fail(PROGRAM, "connect", server)?;
    let mut length = Err(Errno::ETIMEDOUT);
    for _ in 0..tries {
        length = Query::new(name).and_then(|query| query.send(&socket, timeout, buffer));
        if !matches!(length, Err(Errno::ETIMEDOUT)) {
            break;
        }
    }
    let length = length.or_fail(PROGRAM, "query", server)?;
    Ok(Message(buffer.get(..length).unwrap_or_default()))
}

/// The longest message over UDP without an extension of the protocol, in bytes.
const LONGEST: usize = 512;

/// The bytes of a message before the question.
const HEADER: usize = 12;

/// In the third byte of the header: this is an answer.
const ANSWER: u8 = 0x80;
/// In the third byte of the header: the kind of query; 0 is a standard query.
const OPCODE: u8 = 0x78;
/// In the third byte of the header: the answer was too long.
const TRUNCATED: u8 = 0x02;
/// In the third byte of the header: the server shall ask other servers.
const RECURSE: u8 = 0x01;

/// Types of records: an IPv4 address, and the name that another name stands for.
const A: u16 = 1;
const CNAME: u16 = 5;
/// The class of records of the Internet.
const IN: u16 = 1;

/// A query as a message.
struct Query {
    bytes: [u8; HEADER + Name::MOST + 4],
    length: usize,
}

impl Query {
    /// A query with a random id.
    fn new(name: &Name) -> ring3::Result<Self> {
        let [high, low, ..] = random::bits()?.to_ne_bytes();
        let header = [high, low, RECURSE, 0, 0, 1, 0, 0, 0, 0, 0, 0]; // one question, no records
        let mut query = Self {
            bytes: [0; _],
            length: 0,
        };
        for part in [
            &header,
            name.as_bytes(),
            &A.to_be_bytes(),
            &IN.to_be_bytes(),
        ] {
            bytes::copy(
                query.bytes.get_mut(query.length..).unwrap_or_default(),
                part,
            );
            query.length += part.len();
        }
        Ok(query)
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Sends the query, and receives the answer. Returns the answer's length.
    ///
    /// # Errors
    /// `ETIMEDOUT`: no answer came in time. `ECONNREFUSED` and other errors of the network.
    fn send(&self, socket: &OwnedFd, timeout: u64, buffer: &mut [u8]) -> ring3::Result<usize> {
        net::send(socket.as_fd(), self.as_bytes())?;
        let deadline = Deadline::after(timeout);
        loop {
            // A stranger may send datagrams all the time, so each wait is shorter than the one before.
            let left = deadline.left(time::monotonic);
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Errno::ETIMEDOUT);
            }
            sockopt::set_read_timeout(socket.as_fd(), left)?;
            match net::recv(socket.as_fd(), buffer) {
                Ok(length) if self.is_answered_by(buffer.get(..length).unwrap_or_default()) => {
                    return Ok(length);
                }
                Ok(_) | Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Whether the message is an answer to this query: it has the same id and the same question.
    fn is_answered_by(&self, message: &[u8]) -> bool {
        let (Some((own, question)), Some((header, rest))) = (
            self.as_bytes().split_first_chunk::<HEADER>(),
            message.split_first_chunk::<HEADER>(),
        ) else {
            return false;
        };
        header[..2] == own[..2]
            && header[2] & (ANSWER | OPCODE) == ANSWER
            && header[4..6] == own[4..6]
            // The server may change the case of letters. Lengths and types are below the letters.
            && rest.get(..question.len()).is_some_and(|asked| asked.eq_ignore_ascii_case(question))
    }
}

/// A name as it is in a message: labels, each after its length, up to the label of length 0.
#[derive(Clone, Copy)]
struct Name {
    bytes: [u8; Name::MOST],
    length: usize,
}

impl Name {
    /// The most bytes of a name.
    const MOST: usize = 255;

    const EMPTY: Self = Self {
        bytes: [0; Self::MOST],
        length: 0,
    };

    /// The name that is written `www.kernel.org` or `www.kernel.org.`; `None` if no host has such a name.
    fn new(text: &[u8]) -> Option<Self> {
        let mut name = Self::EMPTY;
        for label in text
            .strip_suffix(b".")
            .unwrap_or(text)
            .split(|&byte| byte == b'.')
        {
            if label.is_empty() || !name.push(label) {
                return None;
            }
        }
        name.push(b"").then_some(name)
    }

    /// Appends a label. Returns false if it or the name is too long.
    fn push(&mut self, label: &[u8]) -> bool {
        let Some([length, rest @ ..]) = self.bytes.get_mut(self.length..) else {
            return false;
        };
        if label.len() > 63 || label.len() > rest.len() {
            return false;
        }
        *length = label.len() as u8;
        bytes::copy(rest, label);
        self.length += 1 + label.len();
        true
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether both are the same name: the case of letters makes no difference.
    fn is(&self, other: &Self) -> bool {
        self.as_bytes().eq_ignore_ascii_case(other.as_bytes())
    }
}

/// An answer.
struct Message<'a>(&'a [u8]);

/// A record of an answer. The type is [`A`] or another number; `data` is where the type's data begins.
struct Record {
    name: Name,
    kind: u16,
    class: u16,
    data: usize,
    end: usize,
}

impl Message<'_> {
    /// Why the server did not answer the question; `None` if it did.
    fn trouble(&self) -> Option<&'static str> {
        match self.0.get(2..4) {
            Some(&[flags, _]) if flags & TRUNCATED != 0 => Some("the answer is too long for UDP"),
            Some(&[_, status]) => match status & 0xf {
                0 => None,
                1 => Some("the server does not understand the query (FORMERR)"),
                2 => Some("the server failed (SERVFAIL)"),
                3 => Some("no such name (NXDOMAIN)"),
                4 => Some("the server does not have such queries (NOTIMP)"),
                5 => Some("the server refuses to answer (REFUSED)"),
                _ => Some("the server reports an unknown error"),
            },
            _ => Some("the answer is too short"),
        }
    }

    /// Calls `each` with the addresses of the name. If the answer says that the name stands for another name, these are
    /// the addresses of the other name. Returns the number of addresses; `None`: the answer is malformed.
    fn addresses(&self, mut name: Name, mut each: impl FnMut(Ipv4Addr)) -> Option<usize> {
        const LONGEST_CHAIN: usize = 16;
        let (_, begin) = self.name(HEADER)?;
        let records = self.number(6)?;
        for _ in 0..LONGEST_CHAIN {
            let (mut at, mut count, mut other) = (begin + 4, 0, None);
            for _ in 0..records {
                let record = self.record(at)?;
                at = record.end;
                if record.class != IN || !record.name.is(&name) {
                    continue;
                }
                match (record.kind, self.0.get(record.data..record.end)?) {
                    (A, &[a, b, c, d]) => {
                        each(Ipv4Addr::new(a, b, c, d));
                        count += 1;
                    }
                    (A, _) => return None,
                    (CNAME, _) => other = Some(self.name(record.data)?.0),
                    _ => {}
                }
            }
            match other {
                Some(other) if count == 0 => name = other,
                _ => return Some(count),
            }
        }
        Some(0) // the names stand for each other
    }

    /// The record at this place.
    fn record(&self, at: usize) -> Option<Record> {
        let (name, at) = self.name(at)?;
        // Four bytes between class and length are the time that the record may be stored.
        let data = at + 10;
        Some(Record {
            name,
            kind: self.number(at)?,
            class: self.number(at + 2)?,
            data,
            end: data + usize::from(self.number(at + 8)?),
        })
    }

    /// The name at this place, and the place after it.
    ///
    /// The end of a name may be a pointer to an earlier name: a length with two high bits, and the rest of the length and
    /// the next byte are the place. A pointer that does not lead to before the labels that were read could lead back to
    /// itself.
    fn name(&self, at: usize) -> Option<(Name, usize)> {
        let (mut name, mut at, mut begin, mut end) = (Name::EMPTY, at, at, None);
        loop {
            let length = *self.0.get(at)?;
            match length {
                0..=63 => {
                    let label = self.0.get(at + 1..at + 1 + usize::from(length))?;
                    at += 1 + label.len();
                    if !name.push(label) {
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
        self.0
            .get(at..)?
            .first_chunk()
            .map(|bytes| u16::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER, Message, Name};

    #[test]
    fn a_name_has_labels_of_1_to_63_bytes() {
        let bytes = |text: &str| Some(Name::new(text.as_bytes())?.as_bytes().to_vec());
        assert_eq!(bytes("a.bc").unwrap(), b"\x01a\x02bc\0");
        assert_eq!(bytes("a.bc."), bytes("a.bc"));
        let label = "x".repeat(63);
        assert!(bytes(&label).is_some());
        let long = [&label[..], &label, &label].join(".");
        assert_eq!(
            bytes(&format!("{long}.{}", &label[..61])).unwrap().len(),
            255
        );
        for wrong in [
            "",
            ".",
            "a..b",
            ".a",
            "a..",
            &format!("{label}x"),
            &format!("{long}.{}", &label[..62]),
        ] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_compressed_name_ends() {
        let name = |rest: &[u8], at| {
            let message = [&[0; HEADER], rest].concat();
            let (name, end) = Message(&message).name(HEADER + at)?;
            Some((name.as_bytes().to_vec(), end - HEADER))
        };
        let text = b"\x01a\0\x01b\xc0\x0c\xc0\x0f"; // a, b.a, and a pointer to b.a
        assert_eq!(name(text, 0), Some((b"\x01a\0".to_vec(), 3)));
        assert_eq!(name(text, 3), Some((b"\x01b\x01a\0".to_vec(), 7)));
        assert_eq!(name(text, 7), Some((b"\x01b\x01a\0".to_vec(), 9)));
        // A pointer to itself, to its own name, and ahead; a pointer and a label that are cut off; a length of
        // neither kind.
        for wrong in [
            &b"\xc0\x0c"[..],
            b"\x01a\xc0\x0c",
            b"\xc0\x0e\0",
            b"\xc0",
            b"\x02a",
            b"\x80\0",
            b"",
        ] {
            assert_eq!(name(wrong, 0), None, "{wrong:?}");
        }
        // Pointers that lead back one by one, each with a label: too long for a name.
        let mut chain = b"\x01a\0".to_vec();
        for at in (0..200).map(|number| number * 4) {
            let to = if at == 0 { HEADER } else { HEADER + at - 1 };
            chain.extend([1, b'a', 0xc0 | (to >> 8) as u8, to as u8]);
        }
        assert!(name(&chain, 3).is_some());
        assert_eq!(name(&chain, chain.len() - 4), None);
    }
}

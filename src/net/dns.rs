//! Messages of DNS (RFC 1035, RFC 3596): queries for the addresses of a name, and their answers. [`resolve`] asks the
//! name servers of this machine.
//!
//! An answer is untrusted input: lengths are checked, and a compressed name ends, because its pointers must lead backwards.
//!
//! ```
//! use ring3::net::dns::{Kind, Name, Query};
//!
//! let query = Query::new(7, &Name::new(b"a.example").unwrap(), Kind::A);
//! assert_eq!(query.as_bytes().len(), 12 + 11 + 4); // header, name, type and class
//! assert!(query.answer(query.as_bytes(), 27).is_none()); // not an answer
//! ```
//!
//! [`resolve`]: mod@super::resolve

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::{self, eq_ignore_case};
use crate::parts;
use crate::text::{Print, Writer};

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

/// The type of a record that makes its name an alias and has the canonical name.
const CNAME: u16 = 5;
/// The class of records of the Internet.
const IN: u16 = 1;

/// A type of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// IPv4 addresses.
    A = 1,
    /// IPv6 addresses.
    Aaaa = 28,
}

/// A name as it is in a message: labels, each after its length, up to the label of length 0.
#[derive(Clone, Copy)]
pub struct Name {
    bytes: [u8; Self::MOST],
    length: usize,
}

impl Name {
    /// The most bytes of a name in a message. As text a name has up to 253 bytes.
    const MOST: usize = 255;

    /// The longest label, in bytes.
    const LONGEST_LABEL: usize = 63;

    const EMPTY: Self = Self {
        bytes: [0; Self::MOST],
        length: 0,
    };

    /// The name that is written `www.kernel.org` or `www.kernel.org.`. `None`: a label is empty or longer than 63 bytes,
    /// or the name is longer than 253 bytes.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        Self::in_domain(text, b"")
    }

    /// As [`new`](Self::new), for the name `text` in `domain`: `www` in `kernel.org` is `www.kernel.org`. The domains `.`
    /// and the empty text are the root.
    #[must_use]
    pub fn in_domain(text: &[u8], domain: &[u8]) -> Option<Self> {
        let mut name = Self::EMPTY;
        for (part, may_be_root) in [(text, false), (domain, true)] {
            let part = match part {
                [relative @ .., b'.'] => relative,
                relative => relative,
            };
            if part.is_empty() && may_be_root {
                break;
            }
            for label in part.split(|&byte| byte == b'.') {
                if label.is_empty() || !name.push(label) {
                    return None;
                }
            }
        }
        name.push(b"").then_some(name)
    }

    /// Appends a label. Returns false if it or the name is too long.
    fn push(&mut self, label: &[u8]) -> bool {
        let Some([length, rest @ ..]) = self.bytes.get_mut(self.length..) else {
            return false;
        };
        if label.len() > Self::LONGEST_LABEL || label.len() > rest.len() {
            return false;
        }
        *length = label.len() as u8;
        bytes::copy(rest, label);
        self.length += 1 + label.len();
        true
    }

    /// The bytes of the name in a message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// The same name: upper and lower case are equal.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        eq_ignore_case(self.as_bytes(), other.as_bytes())
    }
}

impl Eq for Name {}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.as_bytes().escape_ascii())
    }
}

/// A query for the addresses of a name.
#[derive(Clone, Copy)]
pub struct Query {
    kind: Kind,
    name: Name,
    bytes: [u8; HEADER + Name::MOST + 4],
    length: usize,
}

impl Query {
    /// The query with this id for the records `kind` of `name`. The server shall ask other servers as needed.
    ///
    /// The id should be random: everybody can send a UDP datagram with a forged source address. Only the id and the port
    /// from which the query was sent are unknown to an attacker.
    #[must_use]
    pub fn new(id: u16, name: &Name, kind: Kind) -> Self {
        let [high, low] = id.to_be_bytes();
        let [type_high, type_low] = (kind as u16).to_be_bytes();
        let [class_high, class_low] = IN.to_be_bytes();
        let header = [high, low, RECURSE, 0, 0, 1, 0, 0, 0, 0, 0, 0]; // one question, no records
        let mut query = Self {
            kind,
            name: *name,
            bytes: [0; _],
            length: 0,
        };
        let end = [type_high, type_low, class_high, class_low];
        for part in [&header[..], name.as_bytes(), &end] {
            let rest = query.bytes.get_mut(query.length..).unwrap_or_default();
            bytes::copy(rest, part);
            query.length += part.len();
        }
        query
    }

    /// The type of the records that the query asks for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The bytes of the query, to be sent over UDP. Over TCP, the length as a `u16` in big-endian comes before.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The message as an answer to this query; `None` if it is not an answer, or has another id or another question. The
    /// server may change the case of letters in the question.
    ///
    /// `message` may be the beginning of a message of `length` bytes. Then only the records that it has in full count.
    #[must_use]
    pub fn answer<'m>(&self, message: &'m [u8], length: usize) -> Option<Answer<'_, 'm>> {
        let (own, question) = self.as_bytes().split_first_chunk::<HEADER>()?;
        let (header, rest) = message.split_first_chunk::<HEADER>()?;
        let is_answer = header[..2] == own[..2]
            && header[2] & (ANSWER | OPCODE) == ANSWER
            && header[4..6] == own[4..6]
            // Ignoring case changes letters only: lengths, types and the class are smaller numbers.
            && eq_ignore_case(rest.get(..question.len())?, question);
        is_answer.then_some(Answer {
            query: self,
            message,
            is_whole: message.len() == length,
        })
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Query");
        fields.field("kind", &self.kind);
        fields.field("name", &self.name).finish_non_exhaustive()
    }
}

/// The status of an answer (RCODE).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status(pub u8);

impl Status {
    /// The server answered the question. The answer may have no records.
    pub const NOERROR: Self = Self(0);
    /// The server does not understand the query.
    pub const FORMERR: Self = Self(1);
    /// The server failed.
    pub const SERVFAIL: Self = Self(2);
    /// The name does not exist.
    pub const NXDOMAIN: Self = Self(3);
    /// The server does not have such queries.
    pub const NOTIMP: Self = Self(4);
    /// The server refuses to answer.
    pub const REFUSED: Self = Self(5);
}

/// Prints the rest of a sentence whose subject is the server: `failed (SERVFAIL)`.
impl Print for Status {
    fn print(&self, out: &mut Writer<'_>) {
        match *self {
            Self::NOERROR => out.print("answered (NOERROR)"),
            Self::FORMERR => out.print("does not understand the query (FORMERR)"),
            Self::SERVFAIL => out.print("failed (SERVFAIL)"),
            Self::NXDOMAIN => out.print("has no such name (NXDOMAIN)"),
            Self::NOTIMP => out.print("does not have such queries (NOTIMP)"),
            Self::REFUSED => out.print("refuses to answer (REFUSED)"),
            Self(status) => out.print(parts!("reports the unknown error ", status)),
        }
    }
}

/// An answer to a [`Query`].
#[derive(Clone, Copy, Debug)]
pub struct Answer<'q, 'm> {
    query: &'q Query,
    message: &'m [u8],
    is_whole: bool,
}

/// A record of an answer; `data` is where the data of its type begins.
struct Record {
    name: Name,
    kind: u16,
    class: u16,
    data: usize,
    end: usize,
}

impl Answer<'_, '_> {
    /// Whether the server left records out, because the answer was too long for UDP. The query should be repeated over
    /// TCP.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.message
            .get(2)
            .is_some_and(|flags| flags & TRUNCATED != 0)
    }

    /// Whether and how the server answered.
    #[must_use]
    pub fn status(&self) -> Status {
        Status(self.message.get(3).map_or(0, |byte| byte & 0xf))
    }

    /// Calls `each` with the addresses of the name. If the answer says that the name stands for another name, these are
    /// the addresses of the other name, and so on, up to 16 names. Returns the number of addresses. `None`: the answer is
    /// malformed; `each` may have been called.
    pub fn addresses(&self, each: &mut dyn FnMut(IpAddr)) -> Option<usize> {
        const LONGEST_CHAIN: usize = 16;
        let mut name = self.query.name;
        for _ in 0..LONGEST_CHAIN {
            let (mut at, mut count, mut other) = (self.query.length, 0, None);
            for _ in 0..self.number(6)? {
                let record = match self.record(at) {
                    Some(record) if record.end <= self.message.len() => record,
                    _ if self.is_whole => return None,
                    _ => break,
                };
                at = record.end;
                if record.class != IN || record.name != name {
                    continue;
                }
                let data = self.message.get(record.data..record.end)?;
                if record.kind == self.query.kind as u16 {
                    each(match self.query.kind {
                        Kind::A => Ipv4Addr::from_octets(data.try_into().ok()?).into(),
                        Kind::Aaaa => Ipv6Addr::from_octets(data.try_into().ok()?).into(),
                    });
                    count += 1;
                } else if record.kind == CNAME {
                    other = Some(self.name(record.data)?.0);
                }
            }
            match other {
                Some(other) if count == 0 => name = other,
                _ => return Some(count),
            }
        }
        Some(0) // a cycle, or a chain of more than 16 names
    }

    /// The record at this place.
    fn record(&self, at: usize) -> Option<Record> {
        let (name, at) = self.name(at)?;
        // Four bytes between class and length are the time for which the record may be stored.
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
    /// the next byte are the place. A pointer must lead to before the labels read so far; otherwise the name could contain
    /// itself.
    fn name(&self, at: usize) -> Option<(Name, usize)> {
        let (mut name, mut at, mut begin, mut end) = (Name::EMPTY, at, at, None);
        loop {
            let length = *self.message.get(at)?;
            match length {
                0..=63 => {
                    let label = self.message.get(at + 1..at + 1 + usize::from(length))?;
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
        let bytes = self.message.get(at..)?.first_chunk()?;
        Some(u16::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::{String, ToString};
    use std::vec;
    use std::vec::Vec;

    fn name(text: &str) -> Vec<u8> {
        Name::new(text.as_bytes()).unwrap().as_bytes().to_vec()
    }

    /// A record.
    fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u16).to_be_bytes();
        let [high, low] = kind.to_be_bytes();
        [name, &[high, low, 0, 1, 0, 0, 0, 60], &length, data].concat()
    }

    const ASKED: &[u8] = &[0xc0, 12];

    fn query(kind: Kind) -> Query {
        Query::new(0x1234, &Name::new(b"www.example.org").unwrap(), kind)
    }

    /// The answer with these records.
    fn answer_of(query: &Query, records: &[Vec<u8>]) -> Vec<u8> {
        let mut message = query.as_bytes().to_vec();
        message[2] |= ANSWER;
        message[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
        message.extend(records.concat());
        message
    }

    /// The addresses of a message. `None`: the message is malformed, or no answer.
    fn addresses(query: &Query, message: &[u8], length: usize) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let mut each = |address: IpAddr| found.push(address.to_string());
        let count = query.answer(message, length)?.addresses(&mut each)?;
        assert_eq!(count, found.len());
        Some(found)
    }

    #[test]
    fn a_name_has_labels_of_1_to_63_bytes() {
        let bytes = |text: &str| Some(Name::new(text.as_bytes())?.as_bytes().to_vec());
        assert_eq!(bytes("a.bc").unwrap(), b"\x01a\x02bc\0");
        assert_eq!(bytes("a.bc."), bytes("a.bc"));
        let label = "x".repeat(63);
        assert!(bytes(&label).is_some());
        let long = [&label[..], &label, &label].join(".");
        let longest = std::format!("{long}.{}", &label[..61]);
        assert_eq!((bytes(&longest).unwrap().len(), longest.len()), (255, 253));
        let mut wrong: Vec<_> = ["", ".", "a..b", ".a", "a.."].map(String::from).into();
        wrong.extend([label.clone() + "x", std::format!("{long}.{}", &label[..62])]);
        for wrong in wrong {
            assert_eq!(bytes(&wrong), None, "{wrong}");
        }
        let within = |text: &str, domain: &str| {
            let name = Name::in_domain(text.as_bytes(), domain.as_bytes())?;
            Some(name.as_bytes().to_vec())
        };
        assert_eq!(within("a", "b.c."), bytes("a.b.c"));
        assert_eq!(within("a.b", ""), bytes("a.b"));
        assert_eq!(within("a.b", "."), bytes("a.b"));
        assert_eq!(within("a", "b..c"), None);
        assert_eq!(within(&long, &label[..61]), bytes(&longest));
        assert_eq!(within(&long, &label[..62]), None);
    }

    #[test]
    fn a_query_is_as_in_rfc_1035() {
        let query = query(Kind::Aaaa);
        let header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let end = [0, 28, 0, 1];
        assert_eq!(
            query.as_bytes(),
            [&header[..], &name("www.example.org"), &end].concat()
        );
        assert_eq!(query.kind(), Kind::Aaaa);
    }

    #[test]
    fn an_answer_has_the_id_and_the_question_of_the_query() {
        let query = query(Kind::A);
        let right = answer_of(&query, &[record(ASKED, 1, &[192, 0, 2, 1])]);
        let own = |message: &[u8]| addresses(&query, message, message.len());
        assert_eq!(own(&right).unwrap(), ["192.0.2.1"]);
        // Every bit of id, flags of the answer, count of questions, and question.
        let question = HEADER..query.as_bytes().len();
        for at in (0..3).chain(4..6).chain(question.clone()) {
            for bit in 0..8 {
                let mut wrong = right.clone();
                wrong[at] ^= 1 << bit;
                let is_case = question.contains(&at) && wrong.eq_ignore_ascii_case(&right);
                let is_flag = at == 2 && 1 << bit & (ANSWER | OPCODE) == 0;
                assert_eq!(own(&wrong).is_some(), is_case || is_flag, "{at} {bit}");
            }
        }
        assert_eq!(own(query.as_bytes()), None);
    }

    #[test]
    fn the_flags_are_those_of_the_message() {
        let query = query(Kind::A);
        let mut message = answer_of(&query, &[]);
        for status in 0..16 {
            for truncated in [0, TRUNCATED] {
                message[2] = ANSWER | truncated;
                message[3] = 0xf0 | status;
                let answer = query.answer(&message, message.len()).unwrap();
                assert_eq!(answer.status(), Status(status));
                assert_eq!(answer.is_truncated(), truncated != 0);
            }
        }
    }

    #[test]
    fn only_records_of_the_name_count() {
        let four = query(Kind::A);
        let other = name("other.example.org");
        let mut other_class = record(ASKED, 1, &[192, 0, 2, 4]);
        other_class[5] = 3;
        let records = [
            record(&other, 1, &[192, 0, 2, 2]),
            record(ASKED, 28, &[0; 16]),
            other_class,
            record(&name("WWW.example.ORG"), 1, &[192, 0, 2, 255]),
            record(ASKED, 1, &[192, 0, 2, 3]),
        ];
        let message = answer_of(&four, &records);
        let found = addresses(&four, &message, message.len()).unwrap();
        assert_eq!(found, ["192.0.2.255", "192.0.2.3"]);
        let six = query(Kind::Aaaa);
        let message = answer_of(&six, &records);
        assert_eq!(addresses(&six, &message, message.len()).unwrap(), ["::"]);
    }

    #[test]
    fn names_that_stand_for_others_are_followed_16_times() {
        let query = query(Kind::A);
        let nth = |at: usize| match at {
            0 => ASKED.to_vec(),
            at => name(&std::format!("n{at}.example.org")),
        };
        for length in [0, 1, 2, 15, 16, 17] {
            let mut records: Vec<_> = (0..length)
                .map(|at| record(&nth(at), CNAME, &nth(at + 1)))
                .collect();
            records.push(record(&nth(length), 1, &[192, 0, 2, 1]));
            for reverse in [false, true] {
                if reverse {
                    records.reverse();
                }
                let message = answer_of(&query, &records);
                let found = addresses(&query, &message, message.len()).unwrap();
                assert_eq!(found.len(), usize::from(length < 16), "{length}");
            }
        }
        // A circle, of one name and of two.
        for other in [ASKED, &nth(1)] {
            let records = [record(ASKED, CNAME, other), record(&nth(1), CNAME, ASKED)];
            let message = answer_of(&query, &records);
            assert!(
                addresses(&query, &message, message.len())
                    .unwrap()
                    .is_empty()
            );
        }
    }

    /// Whatever is cut off or changed, the parser ends without a panic, and finds no other address than the one.
    #[test]
    fn damaged_answers_are_malformed() {
        let query = query(Kind::A);
        let records = [
            record(ASKED, CNAME, &[1, b'b', 0xc0, 16]),
            record(&[1, b'b', 0xc0, 16], 1, &[192, 0, 2, 1]),
        ];
        let whole = answer_of(&query, &records);
        let wanted = ["192.0.2.1"];
        assert_eq!(addresses(&query, &whole, whole.len()).unwrap(), wanted);
        for end in 0..whole.len() {
            assert_eq!(addresses(&query, &whole[..end], end), None, "{end}");
            // The beginning of a longer message has the records that are whole.
            let part = addresses(&query, &whole[..end], whole.len());
            let question = query.as_bytes().len();
            assert_eq!(
                part.map(|found| found.len()),
                (end >= question).then_some(0)
            );
        }
        let longer = [&whole[..], b"more"].concat();
        assert_eq!(addresses(&query, &longer, longer.len()).unwrap(), wanted);
        for at in 0..whole.len() {
            for byte in 0..=255 {
                let mut message = whole.clone();
                message[at] = byte;
                let found = addresses(&query, &message, message.len()).unwrap_or_default();
                assert!(found.len() <= 1);
            }
        }
    }

    #[test]
    fn a_compressed_name_ends() {
        let query = query(Kind::A);
        let name = |rest: &[u8], at| {
            let message = [&[0; HEADER], rest].concat();
            let answer = Answer {
                query: &query,
                message: &message,
                is_whole: true,
            };
            let (name, end) = answer.name(HEADER + at)?;
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

    #[test]
    fn lengths_that_lie_are_malformed() {
        let query = query(Kind::A);
        for data in [&[192, 0, 2][..], &[192, 0, 2, 1, 5], &[]] {
            let message = answer_of(&query, &[record(ASKED, 1, data)]);
            assert_eq!(addresses(&query, &message, message.len()), None);
        }
        // More records than there are.
        let mut message = answer_of(&query, &vec![record(ASKED, 1, &[192, 0, 2, 1]); 3]);
        message[6..8].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(addresses(&query, &message, message.len()), None);
        let part = addresses(&query, &message, message.len() + 1).unwrap();
        assert_eq!(part.len(), 3);
    }
}

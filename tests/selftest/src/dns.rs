//! Self-test cases of DNS messages.

use ring3::net::dns::{Answer, Kind, Name, Query, Status};

use crate::case::*;
use crate::cases;
use crate::print::prints;

cases! {
    "a name in a message", [dns::Name::new, dns::Name::as_bytes], Name::new(b"a.bc.").is_some_and(|name| name.as_bytes() == b"\x01a\x02bc\0") => YES;
    "an empty label", [dns::Name::new], Name::new(b"a..b").is_some() => NO;
    "a name in a domain", [dns::Name::in_domain], Name::in_domain(b"a", b"b.c").is_some_and(|name| Some(name) == Name::new(b"A.B.C")) => YES;
    "a query", [dns::Query::new, dns::Query::as_bytes, dns::Query::kind], query().kind() == Kind::A && query().as_bytes() == QUERY => YES;
    "a query is no answer", [dns::Query::answer], query().answer(QUERY, QUERY.len()).is_some() => NO;
    "the answer to another query", [dns::Query::answer], Query::new(8, &Name::new(b"a.bc").unwrap(), Kind::A).answer(ANSWER, ANSWER.len()).is_some() => NO;
    "addresses", [dns::Answer::addresses], with_answer(|answer| answer.addresses(&mut |ip| assert!(ip.is_loopback()))) => value(1);
    "a whole answer", [dns::Answer::is_truncated], with_answer(|answer| Some(usize::from(answer.is_truncated()))) => value(0);
    "the status of an answer", [dns::Answer::status], with_answer(|answer| Some(usize::from(answer.status() == Status::NOERROR))) => value(1);
    "a status in words", [dns::Answer::status], prints(Status::SERVFAIL, b"failed (SERVFAIL)") => YES;
}

const QUERY: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x02bc\0\0\x01\0\x01";
const ANSWER: &[u8] = b"\0\x07\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x02bc\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01";

fn query() -> Query {
    Query::new(7, &Name::new(b"a.bc").unwrap(), Kind::A)
}

/// What `of` returns for the answer; 99 if there is none.
fn with_answer(of: fn(Answer<'_, '_>) -> Option<usize>) -> usize {
    query()
        .answer(ANSWER, ANSWER.len())
        .and_then(of)
        .unwrap_or(99)
}

//! Self-test cases of names of hosts that need no name server.

use ring3::net::resolve::{self, Addresses, Error};
use ring3::net::{host_and_port, numeric_host};
use ring3::time::Deadline;

use crate::case::*;
use crate::cases;
use crate::print::prints;

cases! {
    "host and port", [host_and_port], host_and_port(b"a.example:80") == Some((b"a.example", 80)) && host_and_port(b"[fe80::1%eth0]:80") == Some((b"fe80::1%eth0", 80)) => YES;
    "no host and port", [host_and_port], [&b""[..], b"a", b":80", b"a:", b"a:65536", b"::1:80", b"[a]:80", b"[::1]"].iter().any(|text| host_and_port(text).is_some()) => NO;
    "a numeric host", [numeric_host], numeric_host(b"::1", 7).is_some_and(|(address, zone)| address.port() == 7 && zone.is_empty()) => YES;
    "a name is no numeric host", [numeric_host], numeric_host(b"localhost", 7).is_some() => NO;
    "a numeric address needs no time", [resolve::resolve], resolved(b"192.0.2.1").map_or(0, |addresses| addresses.len()) => value(1);
    "localhost is this machine", [resolve::resolve], resolved(b"LOCALHOST.").is_ok_and(|addresses| addresses.len() == 2 && addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 7)) => YES;
    "what is no name", [resolve::resolve], fails(b"a..b", Error::NotAName) && fails(b"1.2.3.256", Error::NotAName) => YES;
    "a link-local address without a zone", [resolve::resolve], fails(b"fe80::1", Error::NoZone) => YES;
    "the zone of no interface", [resolve::resolve], matches!(resolved(b"fe80::1%none"), Err(Error::Zone(_))) => YES;
    "an error in words", [resolve::resolve], prints(resolved(b"a..b").map_or_else(|error| error, |_| Error::NoSuchName), b"not a host name") => YES;
}

fn resolved(name: &[u8]) -> Result<Addresses, Error> {
    resolve::resolve(name, 7, Deadline::PASSED)
}

fn fails(name: &[u8], error: Error) -> bool {
    resolved(name).err() == Some(error)
}

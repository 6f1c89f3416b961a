//! Names of hosts: `/etc/hosts`, and DNS as `/etc/resolv.conf` says.
//!
//! ```
//! use ring3::net::resolve::resolve;
//! use ring3::time::{Deadline, SECOND};
//!
//! let addresses = resolve(b"localhost", 80, Deadline::after(5 * SECOND)).unwrap();
//! assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
//! ```

mod config;
mod fields;
mod order;
mod servers;

use core::ffi::CStr;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::ops::Deref;

use super::dns::{Name, Status};
use super::{interface_number, numeric_host};
use crate::abi::Errno;
use crate::bytes::eq_ignore_case;
use crate::parts;
use crate::text::{Print, Writer};
use crate::time::Deadline;
use config::Config;
use fields::each_field;
use servers::Lookup;

const HOSTS: &CStr = c"/etc/hosts";

/// Returns the addresses of a host, with `port`, in the order in which they should be tried. There is at least one.
///
/// `name` is one of these:
///
/// - A numeric address without brackets: IPv4, or IPv6 with or without a zone, which may be the name of an interface.
/// - `localhost`, or a name that ends in `.localhost`: the result is 127.0.0.1 and `::1`, without any file (RFC 6761).
/// - A name of `/etc/hosts` (hosts(5)). All lines with the name count; upper and lower case are the same.
/// - A name of DNS. `/etc/resolv.conf` has the name servers, the search list and the options `ndots`, `timeout` and
///   `attempts` (resolv.conf(5)). Other options, and the environment variables of resolv.conf(5), have no effect.
///
/// DNS is asked for the IPv4 and the IPv6 addresses at once, over UDP, and over TCP if an answer is truncated. If one
/// answer has addresses, the other one is awaited for 0.2 s at most. An answer counts if it comes from the address and the
/// port of the name server, to the port that the kernel chose at random, and has the random id and the name of the query.
/// A server that does not answer or reports an error is followed by the next one. If no server answers, the rest of the
/// search list is not tried, so that a failure does not change which host the name means.
///
/// If the host has addresses of both families, the order follows RFC 6724: IPv6, IPv4, IPv6 addresses that the machine
/// would contact from a source address of another reach, and addresses without a route. Addresses of equal rank keep the
/// order of the file or of the server.
///
/// `deadline` bounds the whole call. The call takes about 12 KiB of stack, and no other memory.
///
/// # Errors
/// [`Error`] has a variant for each reason.
#[doc(alias = "getaddrinfo")]
#[doc(alias = "gethostbyname")]
pub fn resolve(name: &[u8], port: u16, deadline: Deadline) -> Result<Addresses, Error> {
    if let Some(address) = numeric(name, port)? {
        return Ok(address.into());
    }
    if !is_name(name) {
        return Err(Error::NotAName);
    }
    let relative = without_dot(name);
    let mut addresses = Addresses::EMPTY;
    if is_local(relative) {
        addresses.push(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port));
        addresses.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    } else {
        in_hosts(relative, port, &mut addresses)?;
    }
    if addresses.is_empty() {
        in_dns(name, port, deadline, &mut addresses)?;
    }
    order::sort(addresses.as_mut());
    Ok(addresses)
}

/// The numeric address `host`; `None` if it is none.
fn numeric(host: &[u8], port: u16) -> Result<Option<SocketAddr>, Error> {
    let Some((mut address, zone)) = numeric_host(host, port) else {
        return Ok(None);
    };
    if let SocketAddr::V6(six) = &mut address {
        if !zone.is_empty() {
            six.set_scope_id(interface_number(zone).map_err(Error::Zone)?);
        }
        // Every interface has link-local addresses.
        if six.ip().is_unicast_link_local() && six.scope_id() == 0 {
            return Err(Error::NoZone);
        }
    }
    Ok(Some(address))
}

/// The name without the dot at its end.
fn without_dot(name: &[u8]) -> &[u8] {
    match name {
        [relative @ .., b'.'] => relative,
        relative => relative,
    }
}

/// Whether a host can have this name: labels of letters, digits, `-` and `_`. The last label is not a number: such a text
/// is a wrong numeric address.
fn is_name(text: &[u8]) -> bool {
    const MOST: usize = 253;
    let text = without_dot(text);
    let mut last: &[u8] = b"";
    for label in text.split(|&byte| byte == b'.') {
        let is_label = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=63).contains(&label.len()) || !label.iter().all(is_label) {
            return false;
        }
        last = label;
    }
    text.len() <= MOST && !last.iter().all(u8::is_ascii_digit)
}

/// Whether the name is `localhost` or in the domain `localhost`.
fn is_local(name: &[u8]) -> bool {
    const LOCAL: &[u8] = b"localhost";
    match name.split_at_checked(name.len().wrapping_sub(LOCAL.len())) {
        Some(([] | [.., b'.'], end)) => eq_ignore_case(end, LOCAL),
        _ => false,
    }
}

/// Adds the addresses that `/etc/hosts` has for the name. (Not inlined, so that its buffer and those of DNS take no stack
/// for a numeric address.)
#[inline(never)]
fn in_hosts(name: &[u8], port: u16, addresses: &mut Addresses) -> Result<(), Error> {
    let mut line = None;
    let mut each = |number: usize, field: &[u8]| match (number, line) {
        (0, _) => line = numeric(field, port).unwrap_or_default(),
        (_, Some(address)) if eq_ignore_case(field, name) => addresses.push(address),
        _ => {}
    };
    each_field(HOSTS, &mut each).map_err(|errno| Error::File(HOSTS, errno))
}

/// Adds the addresses that the name servers have for the name, or for the name in a domain of the search list.
#[inline(never)]
fn in_dns(
    name: &[u8],
    port: u16,
    deadline: Deadline,
    addresses: &mut Addresses,
) -> Result<(), Error> {
    const ROOT: [&[u8]; 1] = [b""];
    let config = Config::read()?;
    let is_absolute = name.ends_with(b".");
    let dots = name.iter().filter(|&&byte| byte == b'.').count();
    let (first, search, last) = match () {
        () if is_absolute => (&ROOT[..], false, &[][..]),
        () if dots >= config.ndots => (&ROOT[..], true, &[][..]),
        () => (&[][..], true, &ROOT[..]),
    };
    let domains = config.domains().filter(|_| search);
    let mut error = Error::NoSuchName;
    for domain in first
        .iter()
        .copied()
        .chain(domains)
        .chain(last.iter().copied())
    {
        let Some(name) = Name::in_domain(name, domain) else {
            continue; // too long
        };
        match Lookup::new(name, port, addresses).ask(&config, deadline) {
            Err(Error::NoSuchName) => {}
            Err(Error::NoAddress) => error = Error::NoAddress,
            result => return result,
        }
    }
    Err(error)
}

/// The addresses of a host, in the order in which they should be tried.
#[derive(Clone, Copy)]
pub struct Addresses {
    list: [SocketAddr; Self::MOST],
    count: usize,
}

impl Addresses {
    /// The most addresses: 8 of each family. Further addresses of a host are left out.
    pub const MOST: usize = 16;

    const EMPTY: Self = Self {
        list: [SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0); _],
        count: 0,
    };

    /// Appends an address, unless it is there already, or its family has no room left.
    fn push(&mut self, address: SocketAddr) {
        let mut family = 0;
        for other in self.iter() {
            if *other == address {
                return;
            }
            family += usize::from(other.is_ipv4() == address.is_ipv4());
        }
        if family < Self::MOST / 2
            && let Some(place) = self.list.get_mut(self.count)
        {
            *place = address;
            self.count += 1;
        }
    }

    fn as_mut(&mut self) -> &mut [SocketAddr] {
        self.list.get_mut(..self.count).unwrap_or_default()
    }
}

impl Deref for Addresses {
    type Target = [SocketAddr];

    fn deref(&self) -> &[SocketAddr] {
        self.list.get(..self.count).unwrap_or_default()
    }
}

impl From<SocketAddr> for Addresses {
    fn from(address: SocketAddr) -> Self {
        let mut addresses = Self::EMPTY;
        addresses.push(address);
        addresses
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&**self).finish()
    }
}

/// Why a name has no addresses. [`Print`] has the words for a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// No host can have this name. This is not a numeric address either.
    NotAName,
    /// A link-local address of IPv6 without a zone.
    NoZone,
    /// The zone of an IPv6 address is the name of an interface, and the kernel did not return its number.
    Zone(Errno),
    /// Neither `/etc/hosts` nor DNS has the name.
    NoSuchName,
    /// DNS has the name, but no address.
    NoAddress,
    /// The name server did not answer in time. If there are several, this is the last one that was asked.
    NoAnswer(IpAddr),
    /// The name server refused to answer, or failed.
    Refused(IpAddr, Status),
    /// The answer of the name server is not one.
    Malformed(IpAddr),
    /// The name server cannot be reached.
    Server(IpAddr, Errno),
    /// There are no random numbers (getrandom(2)).
    Random(Errno),
    /// This file cannot be read.
    File(&'static CStr, Errno),
}

impl Print for Error {
    fn print(&self, out: &mut Writer<'_>) {
        match *self {
            Self::NotAName => out.print("not a host name"),
            Self::NoZone => out.print("a link-local address needs a zone, as in fe80::1%eth0"),
            Self::Zone(errno) => out.print(parts!("interface: ", errno)),
            Self::NoSuchName => out.print("no such name"),
            Self::NoAddress => out.print("the name has no address"),
            Self::NoAnswer(server) => out.print(parts!(NAME_SERVER, server, " did not answer")),
            Self::Refused(server, status) => out.print(parts!(NAME_SERVER, server, " ", status)),
            Self::Malformed(server) => {
                out.print(parts!(NAME_SERVER, server, " sent a malformed answer"));
            }
            Self::Server(server, errno) => out.print(parts!(NAME_SERVER, server, ": ", errno)),
            Self::Random(errno) => out.print(parts!("getrandom: ", errno)),
            Self::File(path, errno) => out.print(parts!("read ", path, ": ", errno)),
        }
    }
}

const NAME_SERVER: &str = "the name server ";

//! The settings of `/etc/resolv.conf` (resolv.conf(5)).

use core::ffi::CStr;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::fields::each_field;
use super::{Error, numeric};
use crate::bytes;
use crate::system;
use crate::text::number;
use crate::time::SECOND;

const FILE: &CStr = c"/etc/resolv.conf";

/// The port of name servers.
const PORT: u16 = 53;

/// The most name servers. Further ones are ignored, as resolv.conf(5) says.
const SERVERS: usize = 3;

/// The most bytes of the search list. Further domains are ignored.
const SEARCH: usize = 2048;

pub struct Config {
    servers: [SocketAddr; SERVERS],
    count: usize,
    /// The domains of the search list, each with a space after it.
    search: [u8; SEARCH],
    length: usize,
    /// With this many dots a name is tried before the search list, and with fewer after it.
    pub ndots: usize,
    /// How long to wait for a server, in nanoseconds.
    pub timeout: u64,
    /// How many times to ask each server.
    pub attempts: u64,
}

/// The keywords of lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keyword {
    Server,
    Search,
    Domain,
    Options,
    Other,
}

impl Config {
    /// Reads the file. Without it, or without `nameserver`, the name server is 127.0.0.1. Without `search` and `domain`,
    /// the search list is the domain of the machine's own name, if it has one.
    pub fn read() -> Result<Self, Error> {
        let mut config = Self {
            servers: [SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT); _],
            count: 0,
            search: [0; _],
            length: 0,
            ndots: 1,
            timeout: 5 * SECOND,
            attempts: 2,
        };
        let (mut keyword, mut has_search) = (Keyword::Other, false);
        let mut each = |number: usize, field: &[u8]| {
            if number == 0 {
                keyword = match field {
                    b"nameserver" => Keyword::Server,
                    b"search" => Keyword::Search,
                    b"domain" => Keyword::Domain,
                    b"options" => Keyword::Options,
                    _ => Keyword::Other,
                };
                if matches!(keyword, Keyword::Search | Keyword::Domain) {
                    (config.length, has_search) = (0, true); // the last line counts
                }
                return;
            }
            match keyword {
                Keyword::Server if number == 1 => config.add_server(field),
                Keyword::Search => config.add_domain(field),
                Keyword::Domain if number == 1 => config.add_domain(field),
                Keyword::Options => config.set(field),
                _ => {}
            }
        };
        each_field(FILE, &mut each).map_err(|errno| Error::File(FILE, errno))?;
        if !has_search {
            let uname = system::uname();
            let name = uname.nodename().to_bytes();
            if let Some(dot) = bytes::position(name, b'.') {
                config.add_domain(name.get(dot + 1..).unwrap_or_default());
            }
        }
        config.count = config.count.max(1);
        Ok(config)
    }

    /// The name servers, in the order in which they are asked.
    pub fn servers(&self) -> &[SocketAddr] {
        self.servers.get(..self.count).unwrap_or_default()
    }

    /// The domains of the search list.
    pub fn domains(&self) -> impl Iterator<Item = &[u8]> {
        let search = self.search.get(..self.length).unwrap_or_default();
        let domains = search.split(|&byte| byte == b' ');
        domains.filter(|domain| !domain.is_empty())
    }

    fn add_server(&mut self, text: &[u8]) {
        if let Ok(Some(address)) = numeric(text, PORT)
            && let Some(place) = self.servers.get_mut(self.count)
        {
            *place = address;
            self.count += 1;
        }
    }

    fn add_domain(&mut self, domain: &[u8]) {
        if let Some(place) = self.search.get_mut(self.length..)
            && let Some((place, [space, ..])) = place.split_at_mut_checked(domain.len())
        {
            bytes::copy(place, domain);
            *space = b' ';
            self.length += domain.len() + 1;
        }
    }

    /// Sets an option `NAME:NUMBER`. A number out of range becomes the nearest number in range.
    fn set(&mut self, option: &[u8]) {
        let Some(colon) = bytes::position(option, b':') else {
            return;
        };
        let (name, rest) = option.split_at_checked(colon).unwrap_or_default();
        let Some(value) = number::whole(rest.get(1..).unwrap_or_default(), 10, u64::MAX) else {
            return;
        };
        match name {
            b"ndots" => self.ndots = value.min(15) as usize,
            b"timeout" => self.timeout = value.clamp(1, 30) * SECOND,
            b"attempts" => self.attempts = value.clamp(1, 5),
            _ => {}
        }
    }
}

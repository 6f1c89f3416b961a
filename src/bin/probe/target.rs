//! A target: where the service is, and which protocol it speaks.

use ring3::bytes::{begins, position};
use ring3::net::host_and_port;

/// The longest host and the longest path of gRPC, in bytes: HPACK has one byte for such a length.
const LONGEST: usize = 126;

/// A target of the command line, parsed.
pub struct Target<'a> {
    pub place: Place<'a>,
    pub protocol: Protocol,
    /// The host as it is written, with the port if there is one; `localhost` for a Unix socket.
    host: &'a [u8],
    /// The text before the host, up to `@`.
    pub user: &'a [u8],
    /// The text after the host. After a Unix socket, the colon is left out if the protocol has paths.
    pub path: &'a [u8],
}

/// The name of a host for the service, in two parts.
pub type Host<'a> = [&'a [u8]; 2];

/// Where a service listens.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    /// The name or the numeric address of a host, and a port of TCP.
    Host(&'a [u8], u16),
    /// The path of a Unix socket, or `@` and an abstract name.
    Unix(&'a [u8]),
}

/// What has to happen for the service to count as answering.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The connection is established.
    Connect,
    Http,
    Redis,
    Postgres,
    Grpc,
}

/// The beginnings of targets, with the protocol and the default port; 0 if there is no default. The last one matches
/// all targets.
const SCHEMES: [(&[u8], Protocol, u16); 6] = [
    (b"tcp://", Protocol::Connect, 0),
    (b"http://", Protocol::Http, 80),
    (b"redis://", Protocol::Redis, 6379),
    (b"postgres://", Protocol::Postgres, 5432),
    (b"grpc://", Protocol::Grpc, 0),
    (b"", Protocol::Connect, 0),
];

impl<'a> Target<'a> {
    /// Parses a target. The error is a message for the user.
    pub fn of(text: &'a [u8]) -> Result<Self, &'static str> {
        if !text.iter().all(u8::is_ascii_graphic) {
            return Err("a target must be printable ASCII without spaces");
        }
        for tls in [b"https:".as_slice(), b"rediss:", b"grpcs:"] {
            if begins(text, tls) {
                return Err(
                    "this needs TLS, which probe does not have; tcp://HOST:PORT checks the port",
                );
            }
        }
        let mut schemes = SCHEMES.iter();
        let found =
            schemes.find_map(|&(name, protocol, port)| Some((after(text, name)?, protocol, port)));
        let (rest, protocol, port) = found.unwrap_or((text, Protocol::Connect, 0));
        let takes_path = matches!(protocol, Protocol::Http | Protocol::Grpc);
        let mut target = Self {
            place: Place::Unix(b""),
            protocol,
            host: b"localhost",
            user: b"",
            path: b"",
        };
        if let Some(socket) = after(rest, b"unix:") {
            // A colon separates the path of the socket from the path of HTTP or gRPC.
            let (socket, path) = split(socket, b':');
            target.path = match takes_path {
                true => path.get(1..).unwrap_or_default(),
                false => path,
            };
            if socket.is_empty() || socket.len() > 107 {
                return Err("expected unix:PATH or unix:@NAME, of at most 107 bytes");
            }
            target.place = Place::Unix(socket);
        } else {
            let (authority, path) = split(rest, b'/');
            target.path = path;
            target.host = authority;
            if let (user, [b'@', host @ ..]) = split(authority, b'@') {
                (target.user, target.host) = (user, host);
            }
            target.place = host(target.host, port)
                .ok_or("expected HOST:PORT, as in [::1]:80 or tcp://db:5432")?;
        }
        if position(target.user, b':').is_some()
            || !target.user.is_empty() && protocol != Protocol::Redis
        {
            return Err("a target has no password; a user only for redis://");
        }
        if !takes_path && !matches!(target.path, b"" | b"/") {
            return Err("this target takes no path");
        }
        if protocol == Protocol::Grpc && target.path.len().max(target.host.len()) > LONGEST {
            return Err("the host or the path is longer than 126 bytes");
        }
        Ok(target)
    }

    /// Whether the options of HTTP concern the target.
    pub fn is_http(&self) -> bool {
        self.protocol == Protocol::Http
    }

    /// The host for the service, without the zone of an address, which means nothing there (RFC 6874, section 4).
    pub fn host(&self) -> Host<'a> {
        let (start, zone) = split(self.host, b'%');
        let (_, end) = split(zone, b']');
        [start, end]
    }
}

/// `text` after `start`, if the text begins with `start`.
fn after<'a>(text: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    match begins(text, start) {
        true => text.get(start.len()..),
        false => None,
    }
}

/// Splits `text` before the first `byte`.
fn split(text: &[u8], byte: u8) -> (&[u8], &[u8]) {
    let at = text.iter().position(|&other| other == byte);
    text.split_at_checked(at.unwrap_or(text.len()))
        .unwrap_or((text, b""))
}

/// The place `HOST:PORT`, or `HOST` if there is a default for the port.
fn host(text: &[u8], default: u16) -> Option<Place<'_>> {
    let (name, port) = match (host_and_port(text), text) {
        (Some(both), _) => both,
        (None, [b'[', name @ .., b']']) => (name, default),
        (None, name) if position(name, b':').is_none() => (name, default),
        _ => return None,
    };
    (port != 0 && !name.is_empty()).then_some(Place::Host(name, port))
}

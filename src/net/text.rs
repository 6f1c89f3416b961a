//! Parsing and printing addresses: `ADDR:PORT`, `[ADDR]:PORT` and `[ADDR%ZONE]:PORT`. ADDR is read as in RFC
//! 4291 and printed as in RFC 5952.
//!
//! The syntax is that of `core::net`, whose functions take three times as much code; the tests compare both.
//! In `core::net` ZONE is a number. Here it may also be the name of an interface (RFC 4007, section 11).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::bytes::position;
use crate::parts;
use crate::text::{Hex, Print, Writer, number};

/// Parses `text`, which must be an address as a whole.
#[must_use]
pub fn address(text: &[u8]) -> Option<SocketAddr> {
    match address_and_zone(text)? {
        (address, b"") => Some(address),
        _ => None,
    }
}

/// As [`address`], but the zone of an IPv6 address may be a name. Returns the address and the name.
///
/// With a name, the returned address has no zone. Without a name, the returned name is empty.
/// [`interface_number`](crate::net::interface_number) converts a name to a zone.
#[must_use]
pub fn address_and_zone(text: &[u8]) -> Option<(SocketAddr, &[u8])> {
    let (host, port) = host_and_port(text)?;
    numeric_host(host, port)
}

/// Splits `HOST:PORT` and `[HOST]:PORT`. Returns the host and the port. A host with a colon, which is an IPv6 address,
/// must have the brackets, and no other host may have them.
///
/// The host is not checked otherwise: [`numeric_host`] and [`resolve()`](fn@super::resolve::resolve) do.
#[must_use]
pub fn host_and_port(text: &[u8]) -> Option<(&[u8], u16)> {
    let colon = text.iter().rposition(|&byte| byte == b':')?;
    let (host, rest) = text.split_at_checked(colon)?;
    let (host, has_brackets) = match host {
        [b'[', inside @ .., b']'] => (inside, true),
        bare => (bare, false),
    };
    let port = number::whole(rest.get(1..)?, 10, u16::MAX.into())? as u16;
    (!host.is_empty() && position(host, b':').is_some() == has_brackets).then_some((host, port))
}

/// Parses `host`, which must be an IPv4 or IPv6 address as a whole, without brackets. Returns the address with `port`,
/// and the name of the zone as [`address_and_zone`] does.
#[must_use]
pub fn numeric_host(host: &[u8], port: u16) -> Option<(SocketAddr, &[u8])> {
    let mut text = Text(host);
    if position(host, b':').is_none() {
        let address = SocketAddr::V4(SocketAddrV4::new(text.v4()?, port));
        return text.0.is_empty().then_some((address, b""));
    }
    let ip = text.v6()?;
    let address = |zone| SocketAddr::V6(SocketAddrV6::new(ip, port, 0, zone));
    match text.0 {
        [] => Some((address(0), b"")),
        [b'%', zone @ ..] if !zone.is_empty() => match number::whole(zone, 10, u32::MAX.into()) {
            Some(number) => Some((address(number as u32), b"")),
            None => Some((address(0), zone)),
        },
        _ => None,
    }
}

/// The text that is not parsed yet.
#[derive(Clone, Copy)]
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    /// Skips `what` if the text begins with `what`. Returns whether `what` was skipped.
    fn skip(&mut self, what: &[u8]) -> bool {
        let is_next = self.0.starts_with(what);
        if is_next {
            self.0 = self.0.get(what.len()..).unwrap_or_default();
        }
        is_next
    }

    fn number(&mut self, radix: u8, most: u32) -> Option<u32> {
        number::take(&mut self.0, radix, most.into()).map(|number| number as u32)
    }

    /// Parses four numbers. A number has no leading zero, because some programs read `010` as 8: a `0` ends its number.
    fn v4(&mut self) -> Option<Ipv4Addr> {
        let mut bytes = [0; 4];
        for (at, byte) in bytes.iter_mut().enumerate() {
            if at > 0 && !self.skip(b".") {
                return None;
            }
            *byte = match self.skip(b"0") {
                true => 0,
                false => self.number(10, 255)? as u8,
            };
        }
        Some(bytes.into())
    }

    /// Parses eight groups. `::` stands for one or more groups of zeros, and may occur once. The last two
    /// groups may be written as an IPv4 address.
    fn v6(&mut self) -> Option<Ipv6Addr> {
        let mut groups = [0; 8];
        let mut count = 0;
        let mut gap = None; // the number of groups before the `::`
        let mut most = groups.len();
        loop {
            if gap.is_none() && self.skip(b"::") {
                (gap, most) = (Some(count), most - 1);
            } else if count > 0 && (count == most || !self.skip(b":")) {
                break;
            }
            let begin = *self;
            if let Some(place) = groups
                .get_mut(count..most)
                .and_then(|left| left.first_chunk_mut())
                && let Some(v4) = self.v4()
            {
                let [a, b, c, d] = v4.octets().map(u16::from);
                *place = [a << 8 | b, c << 8 | d];
                count += 2;
                break;
            }
            *self = begin;
            match (self.number(16, u16::MAX.into()), groups.get_mut(count)) {
                (Some(group), Some(place)) if begin.0.len() - self.0.len() <= 4 => {
                    *place = group as u16;
                    count += 1;
                }
                (None, _) if gap == Some(count) => break,
                _ => return None,
            }
        }
        let missing = groups.len() - count;
        if gap.is_some() != (missing > 0) {
            return None;
        }
        // The groups after the gap move to the end.
        let gap = gap.unwrap_or(count);
        let mut whole = [0; 8];
        for (at, &group) in groups.iter().take(count).enumerate() {
            let to = if at < gap { at } else { at + missing };
            if let Some(place) = whole.get_mut(to) {
                *place = group;
            }
        }
        Some(whole.into())
    }
}

impl Print for SocketAddr {
    fn print(&self, out: &mut Writer<'_>) {
        match self {
            Self::V4(v4) => out.print(v4.ip()),
            Self::V6(v6) => {
                out.print(parts!("[", v6.ip()));
                if v6.scope_id() != 0 {
                    out.print(parts!("%", v6.scope_id()));
                }
                out.print("]");
            }
        }
        out.print(parts!(":", self.port()));
    }
}

impl Print for IpAddr {
    fn print(&self, out: &mut Writer<'_>) {
        match self {
            Self::V4(v4) => out.print(v4),
            Self::V6(v6) => out.print(v6),
        }
    }
}

impl Print for Ipv4Addr {
    fn print(&self, out: &mut Writer<'_>) {
        let [a, b, c, d] = self.octets();
        out.print(parts!(a, ".", b, ".", c, ".", d));
    }
}

impl Print for Ipv6Addr {
    fn print(&self, out: &mut Writer<'_>) {
        if let Some(v4) = self.to_ipv4_mapped() {
            return out.print(parts!("::ffff:", v4));
        }
        // The gap is the first of the longest runs of zeros, if that run is longer than one.
        let groups = self.segments();
        let (mut gap, mut length) = (groups.len(), 1);
        let mut run = 0;
        for (at, &group) in groups.iter().enumerate() {
            run = if group == 0 { run + 1 } else { 0 };
            if run > length {
                (gap, length) = (at + 1 - run, run);
            }
        }
        for (at, &group) in groups.iter().enumerate() {
            if at == gap {
                out.print("::");
            }
            if at < gap || at >= gap + length {
                if at != 0 && at != gap + length {
                    out.print(":");
                }
                out.print(Hex(group.into(), 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::text::printed;
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// Checks that `text` is parsed as `core` parses it, and that the address is printed as `core` prints it.
    fn check(text: &str) {
        let core: Option<SocketAddr> = text.parse().ok();
        assert_eq!(address(text.as_bytes()), core, "{text:?}");
        if let Some(core) = core {
            let shown = core.to_string();
            assert_eq!(printed(core), shown);
            assert_eq!(address(shown.as_bytes()), Some(core));
        }
    }

    /// The next number of a pseudo-random sequence (xorshift64).
    fn next(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    #[test]
    fn corner_cases_are_as_in_core() {
        let texts = "
            : 1 127.0.0.1 127.0.0.1: :80 127.0.0.1:80 127.0.0.1:65535 127.0.0.1:65536
            127.0.0.1:0000000000080 127.0.0.1:00000000000065536 127.0.0.1:-1 127.0.0.1:+1
            127.0.0.1:99999999999999999999999 127.0.0.01:1 127.0.0.00:1 0.0.0.0:0 127.0.0.256:1
            127.0.0:1 127.0.0.1.1:1 127..0.1:1 .0.0.1:1 1.2.3.1000:1 a.b.c.d:1 localhost:1
            255.255.255.255:1 127.0.0.1:8x 127.0.0.1:x [::1] [::1]: [::1]:7 ::1:7 [::1:7 [::]:7 [:]:7
            []:7 [::%1]:7 [::1%]:7 [::1%0]:7 [::1%4294967295]:7 [::1%4294967296]:7 [::1%eth0]:7
            [::1%007]:7 [::1%1%1]:7 [::1]7 [1:2:3:4:5:6:7:8]:7 [1:2:3:4:5:6:7:8:9]:7 [1:2:3:4:5:6:7]:7
            [1:2:3:4:5:6:7:8:]:7 [:1:2:3:4:5:6:7:8]:7 [1:2:3:4:5:6:7::]:7 [1:2:3:4:5:6:7::8]:7
            [::2:3:4:5:6:7:8]:7 [1::2:3:4:5:6:7:8]:7 [1:2:3:4:5:6:7:8::]:7 [1::3:4:5:6:7:8]:7
            [1:2::4::6]:7 [:::]:7 [:::1]:7 [1:::2]:7 [::1:]:7 [1::2:]:7 [1:]:7 [:1]:7 [00001::]:7
            [0001::]:7 [::00001]:7 [fffff::]:7 [::fffff]:7 [::g]:7 [ABCD:EF::]:7 [abcd:ef::]:7
            [::1.2.3.4]:7 [::ffff:1.2.3.4]:7 [::fffe:1.2.3.4]:7 [1:2:3:4:5:6:1.2.3.4]:7
            [1:2:3:4:5:6:7:1.2.3.4]:7 [1:2:3:4:5:1.2.3.4]:7 [1:2:3:4:5::1.2.3.4]:7
            [1:2:3:4:5:6::1.2.3.4]:7 [1.2.3.4::]:7 [1.2.3.4:1::]:7 [::1.2.3.4:1]:7 [::1.2.3]:7
            [::1.2.3.04]:7 [::1.2.3.256]:7 [1.2.3.4]:7 [::1.2.3.4%3]:7 [0:0:1:0:0:0:1:0]:7
            [0:0:1:0:0:1:0:0]:7 [1:0:1:0:1:0:1:0]:7 [0:1:1:1:1:1:1:1]:7 [0::0:1]:7 [fe80::1%2]:7
            [::ffff:0:0]:7 [::1:0:0]:7 [64:ff9b::1.2.3.4]:7
        ";
        texts.split_whitespace().for_each(check);
        for text in [
            "",
            "127.0.0.1: 1",
            " 127.0.0.1:1",
            "127.0.0.1:1 ",
            "[::1] :7",
        ] {
            check(text);
        }
    }

    #[test]
    fn a_zone_may_have_a_name() {
        let read = |text: &'static str| {
            let (address, zone) = address_and_zone(text.as_bytes())?;
            Some((address.to_string(), core::str::from_utf8(zone).unwrap()))
        };
        let some = |address: &str, zone| Some((String::from(address), zone));
        assert_eq!(read("[fe80::1%lo]:7"), some("[fe80::1]:7", "lo"));
        assert_eq!(read("[fe80::1%2]:7"), some("[fe80::1%2]:7", ""));
        assert_eq!(read("[fe80::1%2x]:7"), some("[fe80::1]:7", "2x"));
        assert_eq!(read("[::%eth0.1:%2]:7"), some("[::]:7", "eth0.1:%2"));
        assert_eq!(read("[::1]:7"), some("[::1]:7", ""));
        assert_eq!(read("127.0.0.1:7"), some("127.0.0.1:7", ""));
        // A number above u32::MAX is read as a name. No interface has such a name.
        assert_eq!(read("[::%4294967296]:7"), some("[::]:7", "4294967296"));
        for wrong in [
            "[::%]:7",
            "[::%lo:7",
            "[::%lo]",
            "[::%lo]7",
            "127.0.0.1%lo:7",
            "%lo",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn short_texts_are_as_in_core() {
        // All texts of up to six of these parts, in different surroundings.
        let mut inner: Vec<String> = std::vec![String::new()];
        let mut begin = 0;
        for _ in 0..if crate::SLOW { 2 } else { 6 } {
            let end = inner.len();
            for at in begin..end {
                for part in ["1", ":", "0", "::", "1.2.3.4", "%"] {
                    inner.push(inner[at].clone() + part);
                }
            }
            begin = end;
        }
        for text in &inner {
            check(&std::format!("[{text}]:7"));
            check(&std::format!("{text}:7"));
            check(&std::format!("1.2.3{text}"));
            check(&std::format!("[1:2:3:4:{text}]:7"));
        }
    }

    #[test]
    fn damaged_addresses_are_as_in_core() {
        let mut state = 0x9e37_79b9_7f4a_7c15;
        let letters = b"0123456789abcdefF:.[]%x ";
        for _ in 0..if crate::SLOW { 200 } else { 100_000 } {
            let mut text = some_address(&mut state).to_string().into_bytes();
            for _ in 0..next(&mut state) % 4 {
                let at = next(&mut state) as usize % text.len();
                let letter = letters[next(&mut state) as usize % letters.len()];
                match next(&mut state) % 3 {
                    0 => text[at] = letter,
                    1 => text.insert(at, letter),
                    _ if text.len() > 1 => drop(text.remove(at)),
                    _ => {}
                }
            }
            check(core::str::from_utf8(&text).unwrap());
        }
    }

    /// An address with many zeros or with few.
    fn some_address(state: &mut u64) -> SocketAddr {
        let port = next(state) as u16;
        let zeros = next(state);
        let groups: [u16; 8] = core::array::from_fn(|at| match zeros >> (4 * at) & 15 {
            0..8 => 0,
            8 => 0xffff,
            bits => next(state) as u16 >> (2 * (bits - 9)),
        });
        match zeros >> 60 {
            0..5 => SocketAddr::new(Ipv4Addr::from_bits(next(state) as u32).into(), port),
            5 => SocketAddrV6::new(groups.into(), port, 0, next(state) as u32).into(),
            6 => SocketAddr::new(
                Ipv4Addr::from_bits(port.into()).to_ipv6_mapped().into(),
                port,
            ),
            _ => SocketAddrV6::new(groups.into(), port, 0, 0).into(),
        }
    }

    #[test]
    fn every_pattern_of_zeros_is_printed_as_in_core() {
        for pattern in (0..6561_u32).step_by(if crate::SLOW { 100 } else { 1 }) {
            let groups: [u16; 8] = core::array::from_fn(|at| {
                [0, 1, 0xffff][(pattern / 3_u32.pow(at as u32) % 3) as usize]
            });
            let ip = Ipv6Addr::from(groups);
            assert_eq!(printed(ip), ip.to_string());
            check(&SocketAddr::new(ip.into(), 7).to_string());
        }
    }
}

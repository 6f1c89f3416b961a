//! The order in which addresses are tried.

use core::net::{Ipv6Addr, SocketAddr};

use crate::net::{SOCK_CLOEXEC, SOCK_DGRAM, connect, local_address, socket};

/// Sorts addresses, if there are some of both families. The addresses of a rank keep their order.
pub fn sort(addresses: &mut [SocketAddr]) {
    let sixes = addresses.iter().filter(|address| address.is_ipv6()).count();
    if sixes != 0 && sixes != addresses.len() {
        sort_by(addresses, &mut rank);
    }
}

/// Moves the addresses of each rank after those of lower ranks, one by one: there are few addresses. (`core`'s stable sort
/// needs an allocator.)
fn sort_by(addresses: &mut [SocketAddr], rank: &mut dyn FnMut(&SocketAddr) -> u8) {
    let mut left = addresses;
    for wanted in 0..LAST {
        // Addresses of this rank move to the front of those that are left.
        let mut count = 0;
        for at in 0..left.len() {
            if let Some(part) = left.get_mut(count..=at)
                && part.last().is_some_and(|address| rank(address) == wanted)
            {
                part.rotate_right(1);
                count += 1;
            }
        }
        left = core::mem::take(&mut left)
            .get_mut(count..)
            .unwrap_or_default();
    }
}

/// The rank of addresses to which there is no route.
const LAST: u8 = 3;

/// The rank of an address: the lower, the earlier it is tried. This follows the rules of RFC 6724 that a source address
/// decides. The kernel chooses the source address when a UDP socket is connected; nothing is sent.
///
/// IPv6 comes first, unless the source address has another reach than the destination: a global host cannot answer a
/// link-local or unique local address.
fn rank(address: &SocketAddr) -> u8 {
    let source = socket(*address, SOCK_DGRAM | SOCK_CLOEXEC).and_then(|socket| {
        connect(socket.as_fd(), *address)?;
        local_address(socket.as_fd())
    });
    match (address, source) {
        (_, Err(_)) => LAST,
        (SocketAddr::V6(to), Ok(SocketAddr::V6(from))) if reach(to.ip()) == reach(from.ip()) => 0,
        (SocketAddr::V4(_), Ok(_)) => 1,
        _ => 2,
    }
}

/// How far an address reaches: this machine, a link, a site, or the Internet.
fn reach(ip: &Ipv6Addr) -> u8 {
    match ip {
        _ if ip.is_loopback() => 0,
        _ if ip.is_unicast_link_local() => 1,
        _ if ip.is_unique_local() => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn lower_ranks_come_first_and_equal_ranks_keep_their_order() {
        // The rank of an address is its port modulo 4. Every list of up to five ports.
        for length in 0..=5 {
            for code in 0..4_u32.pow(length) {
                let ports = (0..length).map(|at| (at * 4 + code / 4_u32.pow(at) % 4) as u16);
                let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
                let mut addresses: Vec<_> = ports.map(address).collect();
                let mut wanted = addresses.clone();
                wanted.sort_by_key(|address| address.port() % 4);
                sort_by(&mut addresses, &mut |address| (address.port() % 4) as u8);
                assert_eq!(addresses, wanted);
            }
        }
    }

    #[test]
    fn an_address_without_a_route_comes_last() {
        let rank = |text: &str| rank(&text.parse().unwrap());
        assert_eq!(rank("127.0.0.1:1"), 1);
        assert!([0, LAST].contains(&rank("[::1]:1")));
        // An interface that does not exist.
        assert_eq!(rank("[fe80::1%4294967295]:1"), LAST);
    }
}

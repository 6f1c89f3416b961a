//! Socket addresses in the kernel's format.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::abi::net::{AF_INET, AF_INET6, SockaddrIn, SockaddrIn6};

/// A socket address as the kernel reads and writes it. The first field, the family, determines the format.
#[repr(C)]
pub(super) union Sockaddr {
    v4: SockaddrIn,
    v6: SockaddrIn6,
}

impl Sockaddr {
    /// An address without a family, and a buffer for either format.
    pub const ZERO: Self = Self {
        v6: SockaddrIn6::ZERO,
    };

    /// Converts an address. Returns the kernel's format, and its length in bytes.
    pub fn new(address: SocketAddr) -> (Self, usize) {
        match address {
            SocketAddr::V4(v4) => {
                let raw = SockaddrIn {
                    sin_family: AF_INET as u16,
                    sin_port: v4.port().to_be_bytes(),
                    sin_addr: v4.ip().octets(),
                    ..SockaddrIn::ZERO
                };
                (Self { v4: raw }, size_of_val(&raw))
            }
            SocketAddr::V6(v6) => {
                let raw = SockaddrIn6 {
                    sin6_family: AF_INET6 as u16,
                    sin6_port: v6.port().to_be_bytes(),
                    sin6_flowinfo: v6.flowinfo().to_be_bytes(),
                    sin6_addr: v6.ip().octets(),
                    sin6_scope_id: v6.scope_id(),
                };
                (Self { v6: raw }, size_of_val(&raw))
            }
        }
    }

    /// Converts back; `None` for a family other than IPv4 and IPv6.
    pub fn address(&self) -> Option<SocketAddr> {
        // SAFETY: both members are plain bytes, so any initialised bytes are valid. A `Sockaddr` is created
        // from a whole member, or is in the zeroed mapping of a `Batch`. An IPv4 address is no longer than an
        // IPv6 address. So the bytes of `v4` are initialised.
        let v4 = unsafe { self.v4 };
        match v4.sin_family.into() {
            AF_INET => Some(SocketAddr::V4(SocketAddrV4::new(
                Ipv4Addr::from_octets(v4.sin_addr),
                u16::from_be_bytes(v4.sin_port),
            ))),
            AF_INET6 => {
                // SAFETY: with this family all bytes of `v6` are initialised: `new` or `ZERO` created a whole
                // `SockaddrIn6`, or the `Sockaddr` is in the zeroed mapping of a `Batch`.
                let v6 = unsafe { self.v6 };
                Some(SocketAddr::V6(SocketAddrV6::new(
                    Ipv6Addr::from_octets(v6.sin6_addr),
                    u16::from_be_bytes(v6.sin6_port),
                    u32::from_be_bytes(v6.sin6_flowinfo),
                    v6.sin6_scope_id,
                )))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::slice;

    /// The bytes that the kernel reads.
    fn bytes(raw: &Sockaddr, length: usize) -> &[u8] {
        assert!(length <= size_of::<Sockaddr>());
        // SAFETY: `raw` has at least `length` bytes, as was just checked. `new` initialised that many.
        unsafe { slice::from_raw_parts((&raw const *raw).cast(), length) }
    }

    #[test]
    fn addresses_have_the_format_of_ip_7_and_ipv6_7() {
        let four: SocketAddr = SocketAddrV4::new(Ipv4Addr::new(1, 2, 3, 4), 0x1234).into();
        let (raw, length) = Sockaddr::new(four);
        let [low, high] = 2_u16.to_ne_bytes();
        let expected = [low, high, 0x12, 0x34, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(bytes(&raw, length), expected);
        assert_eq!(raw.address(), Some(four));

        let ip = Ipv6Addr::from_bits(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        let six: SocketAddr = SocketAddrV6::new(ip, 0x1234, 0x000a_bcde, 0x0708_090a).into();
        let (raw, length) = Sockaddr::new(six);
        let mut expected = [0; 28];
        expected[..2].copy_from_slice(&10_u16.to_ne_bytes());
        expected[2..8].copy_from_slice(&[0x12, 0x34, 0x00, 0x0a, 0xbc, 0xde]);
        (1..=16).for_each(|byte| expected[7 + byte] = byte as u8);
        expected[24..].copy_from_slice(&0x0708_090a_u32.to_ne_bytes()); // in the machine's byte order
        assert_eq!(bytes(&raw, length), expected);
        assert_eq!(raw.address(), Some(six));
    }

    #[test]
    fn an_address_of_another_family_is_none() {
        for family in (0..20).filter(|family| ![2, 10].contains(family)) {
            let raw = SockaddrIn6 {
                sin6_family: family,
                ..SockaddrIn6::ZERO
            };
            assert_eq!(Sockaddr { v6: raw }.address(), None, "{family}");
        }
    }
}

//! Addresses in the kernel's form.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::abi::net::{AF_INET, AF_INET6, SockaddrIn, SockaddrIn6};

/// A socket address as the kernel takes and gives it: the family comes first and says which it is.
#[repr(C)]
pub(super) union Sockaddr {
    v4: SockaddrIn,
    v6: SockaddrIn6,
}

impl Sockaddr {
    /// Of no family, and with room for each.
    pub const ZERO: Self = Self {
        v6: SockaddrIn6::ZERO,
    };

    /// The kernel's form, and how many bytes of it count.
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

    /// The address; none of another family than these two.
    pub fn address(&self) -> Option<SocketAddr> {
        // SAFETY: both members are plain bytes, and every `Sockaddr` begins as one of them, whole;
        // the smaller one's bytes are the first of the larger's.
        let v4 = unsafe { self.v4 };
        match v4.sin_family.into() {
            AF_INET => Some(SocketAddr::V4(SocketAddrV4::new(
                Ipv4Addr::from_octets(v4.sin_addr),
                u16::from_be_bytes(v4.sin_port),
            ))),
            AF_INET6 => {
                // SAFETY: only a `SockaddrIn6` has this family, the kernel's or `new`'s.
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

//! Options of sockets, each with its type. The functions `set_NAME` set an option (setsockopt(2)), and the functions
//! `NAME` read it (getsockopt(2)). The names are those of `std::net` and of the crate socket2.
//!
//! [`set_option`] and [`get_option`] are for the other options whose value is an
//! integer.
//!
//! ```
//! use core::time::Duration;
//! use ring3::net::{SOCK_CLOEXEC, SOCK_STREAM, socket, sockopt};
//!
//! let socket = socket("127.0.0.1:0".parse().unwrap(), SOCK_STREAM | SOCK_CLOEXEC)?;
//! sockopt::set_nodelay(socket.as_fd(), true)?;
//! sockopt::set_read_timeout(socket.as_fd(), Some(Duration::from_secs(5)))?;
//! assert!(sockopt::nodelay(socket.as_fd())?);
//! # Ok::<(), ring3::Errno>(())
//! ```
//!
//! # Errors
//! Where no other errors are listed: `ENOTSOCK`: the descriptor is not a socket. `ENOPROTOOPT`, `EOPNOTSUPP`: the
//! socket has no such option, for instance an option of TCP for a UDP socket.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use super::{get, get_option, set, set_option};
use crate::abi::net::*;
use crate::abi::time::SockTimeval;
use crate::abi::{Errno, Result};
use crate::fd::BorrowedFd;

/// Allows binding to an address where connections of an earlier socket are still in TIME_WAIT. Set it before `bind`
/// (socket(7), `SO_REUSEADDR`).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "SO_REUSEADDR")]
pub fn set_reuse_address(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, on.into())
}

/// Whether an address in TIME_WAIT may be bound (socket(7), `SO_REUSEADDR`).
///
/// # Errors
/// As for the [module](self).
pub fn reuse_address(fd: BorrowedFd<'_>) -> Result<bool> {
    get_option(fd, SOL_SOCKET, SO_REUSEADDR).map(|value| value != 0)
}

/// Allows several sockets to bind to one address; the kernel distributes connections and datagrams among them. Set it
/// before `bind`, on each of the sockets (socket(7), `SO_REUSEPORT`).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "SO_REUSEPORT")]
pub fn set_reuse_port(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, on.into())
}

/// Whether other sockets may bind to the address (socket(7), `SO_REUSEPORT`).
///
/// # Errors
/// As for the [module](self).
pub fn reuse_port(fd: BorrowedFd<'_>) -> Result<bool> {
    get_option(fd, SOL_SOCKET, SO_REUSEPORT).map(|value| value != 0)
}

/// Allows sending datagrams to broadcast addresses (socket(7), `SO_BROADCAST`).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "SO_BROADCAST")]
pub fn set_broadcast(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_option(fd, SOL_SOCKET, SO_BROADCAST, on.into())
}

/// Whether datagrams may be sent to broadcast addresses (socket(7), `SO_BROADCAST`).
///
/// # Errors
/// As for the [module](self).
pub fn broadcast(fd: BorrowedFd<'_>) -> Result<bool> {
    get_option(fd, SOL_SOCKET, SO_BROADCAST).map(|value| value != 0)
}

/// Probes the peer of an idle connection, so that a connection whose peer is gone ends with `ETIMEDOUT` (socket(7),
/// `SO_KEEPALIVE`).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "SO_KEEPALIVE")]
pub fn set_keepalive(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, on.into())
}

/// Whether the peer of an idle connection is probed (socket(7), `SO_KEEPALIVE`).
///
/// # Errors
/// As for the [module](self).
pub fn keepalive(fd: BorrowedFd<'_>) -> Result<bool> {
    get_option(fd, SOL_SOCKET, SO_KEEPALIVE).map(|value| value != 0)
}

/// Sets the size of the receive buffer in bytes. The kernel doubles the number, for its own data, and limits it to
/// `net.core.rmem_max` (socket(7), `SO_RCVBUF`).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "SO_RCVBUF")]
pub fn set_recv_buffer_size(fd: BorrowedFd<'_>, bytes: u32) -> Result<()> {
    set_number(fd, SOL_SOCKET, SO_RCVBUF, bytes)
}

/// The size of the receive buffer in bytes, twice the number that was set (socket(7), `SO_RCVBUF`).
///
/// # Errors
/// As for the [module](self).
pub fn recv_buffer_size(fd: BorrowedFd<'_>) -> Result<u32> {
    get_number(fd, SOL_SOCKET, SO_RCVBUF)
}

/// Sets the size of the send buffer in bytes. The kernel doubles the number, for its own data, and limits it to
/// `net.core.wmem_max` (socket(7), `SO_SNDBUF`).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "SO_SNDBUF")]
pub fn set_send_buffer_size(fd: BorrowedFd<'_>, bytes: u32) -> Result<()> {
    set_number(fd, SOL_SOCKET, SO_SNDBUF, bytes)
}

/// The size of the send buffer in bytes, twice the number that was set (socket(7), `SO_SNDBUF`).
///
/// # Errors
/// As for the [module](self).
pub fn send_buffer_size(fd: BorrowedFd<'_>) -> Result<u32> {
    get_number(fd, SOL_SOCKET, SO_SNDBUF)
}

/// Sets what closing the socket does with unsent bytes (socket(7), `SO_LINGER`). `None`: close(2) returns at once, and
/// the
/// kernel sends the bytes. A duration: close(2) waits until the bytes were sent, at most for this time, rounded up to
/// whole seconds. Zero: the bytes are discarded, and the connection is reset, as by
/// [`reset_on_close`](super::reset_on_close).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "SO_LINGER")]
pub fn set_linger(fd: BorrowedFd<'_>, time: Option<Duration>) -> Result<()> {
    let linger = Linger {
        l_onoff: time.is_some().into(),
        l_linger: time.map_or(0, seconds),
    };
    // SAFETY: the option's value is a Linger, without pointers.
    unsafe { set(fd, SOL_SOCKET, SO_LINGER, &linger) }
}

/// What closing the socket does with unsent bytes, as for [`set_linger`] (socket(7), `SO_LINGER`).
///
/// # Errors
/// As for the [module](self).
pub fn linger(fd: BorrowedFd<'_>) -> Result<Option<Duration>> {
    // SAFETY: the option's value is a Linger, for which any bytes are valid.
    let linger = unsafe { get(fd, SOL_SOCKET, SO_LINGER, Linger::ZERO) }?;
    let time = Duration::from_secs(linger.l_linger.unsigned_abs().into());
    Ok((linger.l_onoff != 0).then_some(time))
}

/// Sets the longest wait of a call for receiving, which then returns `EAGAIN`; `None` is no limit (socket(7),
/// `SO_RCVTIMEO`). Also a limit for `accept`.
/// The kernel rounds up to its timer ticks.
///
/// # Errors
/// `EINVAL`: a limit of zero. Others as for the [module](self).
#[doc(alias = "SO_RCVTIMEO")]
pub fn set_read_timeout(fd: BorrowedFd<'_>, limit: Option<Duration>) -> Result<()> {
    set_timeout(fd, SO_RCVTIMEO, limit)
}

/// The longest wait of a call for receiving; `None` is no limit (socket(7), `SO_RCVTIMEO`).
///
/// # Errors
/// As for the [module](self).
pub fn read_timeout(fd: BorrowedFd<'_>) -> Result<Option<Duration>> {
    timeout(fd, SO_RCVTIMEO)
}

/// Sets the longest wait of a call for sending, which then returns `EAGAIN`; `None` is no limit (socket(7),
/// `SO_SNDTIMEO`). Also a limit for `connect`, which then returns `EINPROGRESS`.
/// The kernel rounds up to its timer ticks.
///
/// # Errors
/// `EINVAL`: a limit of zero. Others as for the [module](self).
#[doc(alias = "SO_SNDTIMEO")]
pub fn set_write_timeout(fd: BorrowedFd<'_>, limit: Option<Duration>) -> Result<()> {
    set_timeout(fd, SO_SNDTIMEO, limit)
}

/// The longest wait of a call for sending; `None` is no limit (socket(7), `SO_SNDTIMEO`).
///
/// # Errors
/// As for the [module](self).
pub fn write_timeout(fd: BorrowedFd<'_>) -> Result<Option<Duration>> {
    timeout(fd, SO_SNDTIMEO)
}

/// Sends small segments at once: disables Nagle's algorithm (tcp(7), `TCP_NODELAY`).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "TCP_NODELAY")]
pub fn set_nodelay(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, on.into())
}

/// Whether small segments are sent at once (tcp(7), `TCP_NODELAY`).
///
/// # Errors
/// As for the [module](self).
pub fn nodelay(fd: BorrowedFd<'_>) -> Result<bool> {
    get_option(fd, IPPROTO_TCP, TCP_NODELAY).map(|value| value != 0)
}

/// Acknowledges received segments at once. The kernel may clear the option again (tcp(7), `TCP_QUICKACK`).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "TCP_QUICKACK")]
pub fn set_quickack(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_option(fd, IPPROTO_TCP, TCP_QUICKACK, on.into())
}

/// Whether received segments are acknowledged at once (tcp(7), `TCP_QUICKACK`).
///
/// # Errors
/// As for the [module](self).
pub fn quickack(fd: BorrowedFd<'_>) -> Result<bool> {
    get_option(fd, IPPROTO_TCP, TCP_QUICKACK).map(|value| value != 0)
}

/// Sets how long a connection is idle before its peer is probed, in whole seconds, rounded up (tcp(7), `TCP_KEEPIDLE`).
/// [`set_keepalive`] enables the probes.
///
/// # Errors
/// `EINVAL`: zero, or more than 32,767 s. Others as for the [module](self).
#[doc(alias = "TCP_KEEPIDLE")]
pub fn set_tcp_keepalive_time(fd: BorrowedFd<'_>, time: Duration) -> Result<()> {
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(time))
}

/// How long a connection is idle before its peer is probed (tcp(7), `TCP_KEEPIDLE`).
///
/// # Errors
/// As for the [module](self).
pub fn tcp_keepalive_time(fd: BorrowedFd<'_>) -> Result<Duration> {
    get_number(fd, IPPROTO_TCP, TCP_KEEPIDLE).map(|time| Duration::from_secs(time.into()))
}

/// Sets the time between two probes, in whole seconds, rounded up (tcp(7), `TCP_KEEPINTVL`). [`set_keepalive`] enables
/// the probes.
///
/// # Errors
/// `EINVAL`: zero, or more than 32,767 s. Others as for the [module](self).
#[doc(alias = "TCP_KEEPINTVL")]
pub fn set_tcp_keepalive_interval(fd: BorrowedFd<'_>, time: Duration) -> Result<()> {
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(time))
}

/// The time between two probes (tcp(7), `TCP_KEEPINTVL`).
///
/// # Errors
/// As for the [module](self).
pub fn tcp_keepalive_interval(fd: BorrowedFd<'_>) -> Result<Duration> {
    get_number(fd, IPPROTO_TCP, TCP_KEEPINTVL).map(|time| Duration::from_secs(time.into()))
}

/// Sets the number of unanswered probes after which the connection has failed, 1 to 127 (tcp(7), `TCP_KEEPCNT`).
///
/// # Errors
/// As for the [module](self). `EINVAL`: another number.
#[doc(alias = "TCP_KEEPCNT")]
pub fn set_tcp_keepalive_retries(fd: BorrowedFd<'_>, probes: u32) -> Result<()> {
    set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, probes)
}

/// The number of unanswered probes after which the connection has failed (tcp(7), `TCP_KEEPCNT`).
///
/// # Errors
/// As for the [module](self).
pub fn tcp_keepalive_retries(fd: BorrowedFd<'_>) -> Result<u32> {
    get_number(fd, IPPROTO_TCP, TCP_KEEPCNT)
}

/// Sets how long sent bytes may stay without acknowledgement before the connection fails with `ETIMEDOUT`, in whole
/// milliseconds, rounded up; `None` is the kernel's default (tcp(7), `TCP_USER_TIMEOUT`).
///
/// # Errors
/// `EINVAL`: zero, or more than 2^31 - 1 milliseconds. Others as for the [module](self).
#[doc(alias = "TCP_USER_TIMEOUT")]
pub fn set_tcp_user_timeout(fd: BorrowedFd<'_>, time: Option<Duration>) -> Result<()> {
    if time == Some(Duration::ZERO) {
        return Err(Errno::EINVAL); // to the kernel, 0 is the default
    }
    let time = time.unwrap_or_default().as_nanos().div_ceil(1_000_000);
    let time = i32::try_from(time).map_err(|_| Errno::EINVAL)?;
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, time)
}

/// How long sent bytes may stay without acknowledgement; `None` is the kernel's default (tcp(7), `TCP_USER_TIMEOUT`).
///
/// # Errors
/// As for the [module](self).
pub fn tcp_user_timeout(fd: BorrowedFd<'_>) -> Result<Option<Duration>> {
    let time = get_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT)?;
    Ok((time != 0).then_some(Duration::from_millis(time.into())))
}

/// Sets the time to live of sent IPv4 packets: the number of routers that may forward a packet, 1 to 255 (ip(7),
/// `IP_TTL`).
///
/// # Errors
/// As for the [module](self). `EINVAL`: another number.
#[doc(alias = "IP_TTL")]
pub fn set_ttl(fd: BorrowedFd<'_>, hops: u32) -> Result<()> {
    set_number(fd, IPPROTO_IP, IP_TTL, hops)
}

/// The time to live of sent IPv4 packets (ip(7), `IP_TTL`).
///
/// # Errors
/// As for the [module](self).
pub fn ttl(fd: BorrowedFd<'_>) -> Result<u32> {
    get_number(fd, IPPROTO_IP, IP_TTL)
}

/// Sets the type of service of sent IPv4 packets (ip(7), `IP_TOS`). The value is a `u8`, because the kernel takes any
/// integer and drops the bits above the lowest eight. For TCP the kernel ignores the two lowest bits of the value: they
/// belong to congestion control (ECN).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "IP_TOS")]
pub fn set_tos(fd: BorrowedFd<'_>, value: u8) -> Result<()> {
    set_option(fd, IPPROTO_IP, IP_TOS, value.into())
}

/// The type of service of sent IPv4 packets (ip(7), `IP_TOS`).
///
/// # Errors
/// As for the [module](self).
pub fn tos(fd: BorrowedFd<'_>) -> Result<u8> {
    get_option(fd, IPPROTO_IP, IP_TOS).map(|value| value as u8) // the kernel stores 8 bits
}

/// Sets the hop limit of sent IPv6 packets, 0 to 255 (ipv6(7), `IPV6_UNICAST_HOPS`).
///
/// # Errors
/// As for the [module](self). `EINVAL`: another number.
#[doc(alias = "IPV6_UNICAST_HOPS")]
pub fn set_unicast_hops_v6(fd: BorrowedFd<'_>, hops: u32) -> Result<()> {
    set_number(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops)
}

/// The hop limit of sent IPv6 packets (ipv6(7), `IPV6_UNICAST_HOPS`).
///
/// # Errors
/// As for the [module](self).
pub fn unicast_hops_v6(fd: BorrowedFd<'_>) -> Result<u32> {
    get_number(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS)
}

/// Keeps IPv4 traffic from an IPv6 socket. Set it before `bind` (ipv6(7), `IPV6_V6ONLY`).
///
/// # Errors
/// As for the [module](self). `EINVAL`: the socket is bound already.
#[doc(alias = "IPV6_V6ONLY")]
pub fn set_only_v6(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, on.into())
}

/// Whether the IPv6 socket gets no IPv4 traffic (ipv6(7), `IPV6_V6ONLY`).
///
/// # Errors
/// As for the [module](self).
pub fn only_v6(fd: BorrowedFd<'_>) -> Result<bool> {
    get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY).map(|value| value != 0)
}

/// Sets the time to live of sent IPv4 multicast packets, 0 to 255. The default of 1 keeps packets in the local network
/// (ip(7), `IP_MULTICAST_TTL`).
///
/// # Errors
/// As for the [module](self). `EINVAL`: another number.
#[doc(alias = "IP_MULTICAST_TTL")]
pub fn set_multicast_ttl_v4(fd: BorrowedFd<'_>, hops: u32) -> Result<()> {
    set_number(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops)
}

/// The time to live of sent IPv4 multicast packets (ip(7), `IP_MULTICAST_TTL`).
///
/// # Errors
/// As for the [module](self).
pub fn multicast_ttl_v4(fd: BorrowedFd<'_>) -> Result<u32> {
    get_number(fd, IPPROTO_IP, IP_MULTICAST_TTL)
}

/// Delivers sent IPv4 multicast packets to sockets of this machine too (ip(7), `IP_MULTICAST_LOOP`).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "IP_MULTICAST_LOOP")]
pub fn set_multicast_loop_v4(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, on.into())
}

/// Whether sent IPv4 multicast packets are delivered to this machine too (ip(7), `IP_MULTICAST_LOOP`).
///
/// # Errors
/// As for the [module](self).
pub fn multicast_loop_v4(fd: BorrowedFd<'_>) -> Result<bool> {
    get_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP).map(|value| value != 0)
}

/// Sets the hop limit of sent IPv6 multicast packets, 0 to 255. The default of 1 keeps packets in the local network
/// (ipv6(7), `IPV6_MULTICAST_HOPS`).
///
/// # Errors
/// As for the [module](self). `EINVAL`: another number.
#[doc(alias = "IPV6_MULTICAST_HOPS")]
pub fn set_multicast_hops_v6(fd: BorrowedFd<'_>, hops: u32) -> Result<()> {
    set_number(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops)
}

/// The hop limit of sent IPv6 multicast packets (ipv6(7), `IPV6_MULTICAST_HOPS`).
///
/// # Errors
/// As for the [module](self).
pub fn multicast_hops_v6(fd: BorrowedFd<'_>) -> Result<u32> {
    get_number(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS)
}

/// Delivers sent IPv6 multicast packets to sockets of this machine too (ipv6(7), `IPV6_MULTICAST_LOOP`).
///
/// # Errors
/// As for the [module](self).
#[doc(alias = "IPV6_MULTICAST_LOOP")]
pub fn set_multicast_loop_v6(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on.into())
}

/// Whether sent IPv6 multicast packets are delivered to this machine too (ipv6(7), `IPV6_MULTICAST_LOOP`).
///
/// # Errors
/// As for the [module](self).
pub fn multicast_loop_v6(fd: BorrowedFd<'_>) -> Result<bool> {
    get_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP).map(|value| value != 0)
}

/// Joins a multicast group, on the interface that has the address `interface`; `UNSPECIFIED` lets the kernel choose the
/// interface (ip(7), `IP_ADD_MEMBERSHIP`).
///
/// # Errors
/// `EADDRINUSE`: joined already. `EINVAL`: `group` is no multicast address. `ENODEV`: no such interface. `ENOBUFS`: too
/// many groups. Others as for the [module](self).
#[doc(alias = "IP_ADD_MEMBERSHIP")]
pub fn join_multicast_v4(fd: BorrowedFd<'_>, group: Ipv4Addr, interface: Ipv4Addr) -> Result<()> {
    membership_v4(fd, IP_ADD_MEMBERSHIP, group, interface)
}

/// Leaves a multicast group, with the arguments of [`join_multicast_v4`] (ip(7), `IP_DROP_MEMBERSHIP`).
///
/// # Errors
/// `EADDRNOTAVAIL`: not joined. Others as for [`join_multicast_v4`].
#[doc(alias = "IP_DROP_MEMBERSHIP")]
pub fn leave_multicast_v4(fd: BorrowedFd<'_>, group: Ipv4Addr, interface: Ipv4Addr) -> Result<()> {
    membership_v4(fd, IP_DROP_MEMBERSHIP, group, interface)
}

/// Joins a multicast group, on the interface with the number `interface`; 0 lets the kernel choose the interface
/// (ipv6(7), `IPV6_ADD_MEMBERSHIP`). [`interface_number`](crate::net::interface_number) returns a number.
///
/// # Errors
/// As for [`join_multicast_v4`].
#[doc(alias = "IPV6_ADD_MEMBERSHIP")]
pub fn join_multicast_v6(fd: BorrowedFd<'_>, group: Ipv6Addr, interface: u32) -> Result<()> {
    membership_v6(fd, IPV6_ADD_MEMBERSHIP, group, interface)
}

/// Leaves a multicast group, with the arguments of [`join_multicast_v6`] (ipv6(7), `IPV6_DROP_MEMBERSHIP`).
///
/// # Errors
/// `EADDRNOTAVAIL`: not joined. Others as for [`join_multicast_v4`].
#[doc(alias = "IPV6_DROP_MEMBERSHIP")]
pub fn leave_multicast_v6(fd: BorrowedFd<'_>, group: Ipv6Addr, interface: u32) -> Result<()> {
    membership_v6(fd, IPV6_DROP_MEMBERSHIP, group, interface)
}

fn membership_v4(fd: BorrowedFd<'_>, option: i32, group: Ipv4Addr, at: Ipv4Addr) -> Result<()> {
    let request = IpMreq {
        imr_multiaddr: group.octets(),
        imr_interface: at.octets(),
    };
    // SAFETY: the option's value is an IpMreq, without pointers.
    unsafe { set(fd, IPPROTO_IP, option, &request) }
}

fn membership_v6(fd: BorrowedFd<'_>, option: i32, group: Ipv6Addr, at: u32) -> Result<()> {
    let request = Ipv6Mreq {
        ipv6mr_multiaddr: group.octets(),
        ipv6mr_ifindex: at.cast_signed(),
    };
    // SAFETY: the option's value is an Ipv6Mreq, without pointers.
    unsafe { set(fd, IPPROTO_IPV6, option, &request) }
}

/// A number above `i32::MAX` becomes `i32::MAX`, which the kernel limits or refuses.
fn set_number(fd: BorrowedFd<'_>, level: i32, option: i32, value: u32) -> Result<()> {
    let value = i32::try_from(value).unwrap_or(i32::MAX);
    set_option(fd, level, option, value)
}

fn get_number(fd: BorrowedFd<'_>, level: i32, option: i32) -> Result<u32> {
    // The kernel returns no negative number for the options of this module.
    get_option(fd, level, option).map(i32::cast_unsigned)
}

/// The duration in whole seconds, rounded up: a short time does not become 0.
fn seconds(time: Duration) -> i32 {
    let part = u64::from(time.subsec_nanos() != 0);
    i32::try_from(time.as_secs().saturating_add(part)).unwrap_or(i32::MAX)
}

fn set_timeout(fd: BorrowedFd<'_>, option: i32, limit: Option<Duration>) -> Result<()> {
    let limit = match limit {
        None => SockTimeval::ZERO, // no limit
        Some(Duration::ZERO) => return Err(Errno::EINVAL),
        Some(limit) => {
            // Rounded up to microseconds: a short limit does not become 0.
            let limit = limit.saturating_add(Duration::from_nanos(999));
            SockTimeval {
                tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
                tv_usec: limit.subsec_micros().into(),
            }
        }
    };
    // SAFETY: the option's value is a SockTimeval, without pointers.
    unsafe { set(fd, SOL_SOCKET, option, &limit) }
}

fn timeout(fd: BorrowedFd<'_>, option: i32) -> Result<Option<Duration>> {
    // SAFETY: the option's value is a SockTimeval, for which any bytes are valid.
    let limit = unsafe { get(fd, SOL_SOCKET, option, SockTimeval::ZERO) }?;
    // Neither field is negative, and the kernel's microseconds are below a second.
    let limit = Duration::new(limit.tv_sec as u64, limit.tv_usec as u32 * 1000);
    Ok((!limit.is_zero()).then_some(limit))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::{SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM, bind, local_address, recv, socket};
    use super::*;
    use crate::fd::OwnedFd;
    use std::net::SocketAddr;
    use std::time::Instant;

    type Set<T> = fn(BorrowedFd<'_>, T) -> Result<()>;
    type Get<T> = fn(BorrowedFd<'_>) -> Result<T>;

    fn of(address: &str, kind: Sock) -> OwnedFd {
        let address: SocketAddr = address.parse().unwrap();
        socket(address, kind | SOCK_CLOEXEC).unwrap()
    }

    /// The value that `get` returns after each `set`.
    fn check<T: Copy + PartialEq + core::fmt::Debug>(
        fd: &OwnedFd,
        set: Set<T>,
        get: Get<T>,
        values: &[(T, T)],
    ) {
        for &(value, read) in values {
            set(fd.as_fd(), value).unwrap();
            assert_eq!(get(fd.as_fd()), Ok(read), "{value:?}");
        }
    }

    #[test]
    fn options_are_read_back() {
        let both = [(true, true), (false, false)];
        let tcp = of("127.0.0.1:0", SOCK_STREAM);
        for (set, get) in [
            (set_reuse_address as Set<bool>, reuse_address as Get<bool>),
            (set_reuse_port, reuse_port),
            (set_broadcast, broadcast),
            (set_keepalive, keepalive),
            (set_nodelay, nodelay),
            (set_multicast_loop_v4, multicast_loop_v4),
        ] {
            check(&tcp, set, get, &both);
        }
        let (half, whole) = (Duration::from_millis(500), Duration::from_secs);
        check(
            &tcp,
            set_linger,
            linger,
            &[
                (Some(half), Some(whole(1))),
                (Some(Duration::ZERO), Some(Duration::ZERO)),
                (Some(whole(7)), Some(whole(7))),
                (None, None),
            ],
        );
        check(
            &tcp,
            set_tcp_keepalive_time,
            tcp_keepalive_time,
            &[(half, whole(1)), (whole(9), whole(9))],
        );
        check(
            &tcp,
            set_tcp_keepalive_interval,
            tcp_keepalive_interval,
            &[(half, whole(1)), (whole(9), whole(9))],
        );
        check(
            &tcp,
            set_tcp_keepalive_retries,
            tcp_keepalive_retries,
            &[(1, 1), (127, 127)],
        );
        let nano = Duration::from_nanos(1);
        check(
            &tcp,
            set_tcp_user_timeout,
            tcp_user_timeout,
            &[
                (Some(half), Some(half)),
                (Some(nano), Some(Duration::from_millis(1))),
                (None, None),
            ],
        );
        check(&tcp, set_ttl, ttl, &[(1, 1), (255, 255)]);
        check(&tcp, set_tos, tos, &[(0x10, 0x10), (0, 0), (0xff, 0xfc)]);
        check(
            &tcp,
            set_send_buffer_size,
            send_buffer_size,
            &[(8192, 16_384)],
        );
        check(
            &tcp,
            set_recv_buffer_size,
            recv_buffer_size,
            &[(8192, 16_384)],
        );
        let udp = of("127.0.0.1:0", SOCK_DGRAM);
        check(&udp, set_tos, tos, &[(0xff, 0xff), (0, 0)]);
        check(
            &udp,
            set_multicast_ttl_v4,
            multicast_ttl_v4,
            &[(0, 0), (255, 255)],
        );
        let six = of("[::1]:0", SOCK_DGRAM);
        check(&six, set_only_v6, only_v6, &both);
        check(
            &six,
            set_unicast_hops_v6,
            unicast_hops_v6,
            &[(0, 0), (255, 255)],
        );
        check(
            &six,
            set_multicast_hops_v6,
            multicast_hops_v6,
            &[(0, 0), (255, 255)],
        );
        check(&six, set_multicast_loop_v6, multicast_loop_v6, &both);
        assert!(set_quickack(tcp.as_fd(), true).is_ok() && quickack(tcp.as_fd()).is_ok());
    }

    /// No function wraps a number that is too large, or replaces a wrong number.
    #[test]
    fn a_wrong_number_is_refused() {
        let tcp = of("127.0.0.1:0", SOCK_STREAM);
        let udp = of("127.0.0.1:0", SOCK_DGRAM);
        let six = of("[::1]:0", SOCK_DGRAM);
        for (fd, wrong, most) in [
            (&tcp, set_ttl as Set<u32>, 255),
            (&tcp, set_tcp_keepalive_retries, 127),
            (&udp, set_multicast_ttl_v4, 255),
            (&six, set_unicast_hops_v6, 255),
            (&six, set_multicast_hops_v6, 255),
        ] {
            assert_eq!(wrong(fd.as_fd(), most), Ok(()));
            for number in [most + 1, 1 << 16, 1 << 31, u32::MAX] {
                assert_eq!(wrong(fd.as_fd(), number), Err(Errno::EINVAL), "{number}");
            }
        }
        for none in [set_ttl as Set<u32>, set_tcp_keepalive_retries] {
            assert_eq!(none(tcp.as_fd(), 0), Err(Errno::EINVAL));
        }
        let (nano, second) = (Duration::from_nanos(1), Duration::from_secs(1));
        for set in [
            set_tcp_keepalive_time as Set<Duration>,
            set_tcp_keepalive_interval,
        ] {
            let most = 32_767 * second;
            assert_eq!(set(tcp.as_fd(), most), Ok(()));
            for wrong in [Duration::ZERO, most + nano, Duration::MAX] {
                assert_eq!(set(tcp.as_fd(), wrong), Err(Errno::EINVAL), "{wrong:?}");
            }
        }
        let most = Duration::from_millis(i32::MAX as u64);
        assert_eq!(set_tcp_user_timeout(tcp.as_fd(), Some(most)), Ok(()));
        for wrong in [Duration::ZERO, most + nano, Duration::MAX] {
            let result = set_tcp_user_timeout(tcp.as_fd(), Some(wrong));
            assert_eq!(result, Err(Errno::EINVAL), "{wrong:?}");
        }
        // The kernel reduces a size or a linger time that is too large.
        for set in [set_recv_buffer_size as Set<u32>, set_send_buffer_size] {
            assert_eq!(set(tcp.as_fd(), u32::MAX), Ok(()));
        }
        assert_eq!(set_linger(tcp.as_fd(), Some(Duration::MAX)), Ok(()));
        assert!(linger(tcp.as_fd()).unwrap() > Some(second));
    }

    #[test]
    fn a_timeout_ends_a_call() {
        let udp = of("127.0.0.1:0", SOCK_DGRAM);
        bind(udp.as_fd(), local_address(udp.as_fd()).unwrap()).unwrap();
        for (set, get) in [
            (
                set_read_timeout as Set<Option<Duration>>,
                read_timeout as Get<Option<Duration>>,
            ),
            (set_write_timeout, write_timeout),
        ] {
            assert_eq!(get(udp.as_fd()), Ok(None));
            if set(udp.as_fd(), None) == Err(Errno::ENOPROTOOPT) {
                std::eprintln!("skipped: {}", crate::net::TIMES);
                return;
            }
            // The self-test reads times back: qemu-user 10 reports 0 for each.
            check(&udp, set, get, &[(None, None)]);
            assert_eq!(set(udp.as_fd(), Some(Duration::ZERO)), Err(Errno::EINVAL));
            set(udp.as_fd(), Some(Duration::MAX)).unwrap();
        }
        for limit in [Duration::from_nanos(1), Duration::from_millis(20)] {
            set_read_timeout(udp.as_fd(), Some(limit)).unwrap();
            let begin = Instant::now();
            assert_eq!(recv(udp.as_fd(), &mut [0]), Err(Errno::EAGAIN));
            assert!(begin.elapsed() >= limit);
        }
    }

    #[test]
    fn a_group_is_joined_once() {
        let udp = of("0.0.0.0:0", SOCK_DGRAM);
        let (group, lo) = (Ipv4Addr::new(239, 1, 2, 3), Ipv4Addr::LOCALHOST);
        assert_eq!(
            leave_multicast_v4(udp.as_fd(), group, lo),
            Err(Errno::EADDRNOTAVAIL)
        );
        assert_eq!(join_multicast_v4(udp.as_fd(), group, lo), Ok(()));
        assert_eq!(
            join_multicast_v4(udp.as_fd(), group, lo),
            Err(Errno::EADDRINUSE)
        );
        assert_eq!(leave_multicast_v4(udp.as_fd(), group, lo), Ok(()));
        assert_eq!(join_multicast_v4(udp.as_fd(), lo, lo), Err(Errno::EINVAL));
        let six = of("[::]:0", SOCK_DGRAM);
        let (group, lo) = (
            "ff02::1234".parse().unwrap(),
            crate::net::interface_number(b"lo").unwrap(),
        );
        assert_eq!(join_multicast_v6(six.as_fd(), group, lo), Ok(()));
        assert_eq!(
            join_multicast_v6(six.as_fd(), group, lo),
            Err(Errno::EADDRINUSE)
        );
        assert_eq!(leave_multicast_v6(six.as_fd(), group, lo), Ok(()));
        assert_eq!(
            leave_multicast_v6(six.as_fd(), group, lo),
            Err(Errno::EADDRNOTAVAIL)
        );
    }
}

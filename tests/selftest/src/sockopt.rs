//! Self-test cases of the typed options of sockets.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use ring3::Errno;
use ring3::fd::BorrowedFd;
use ring3::net::{
    SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM, Sock, bind, interface_number, recv_from, socket, sockopt,
};

use crate::case::*;
use crate::cases;

cases! {
    "an address again", [sockopt::set_reuse_address, sockopt::reuse_address], both(TCP, sockopt::set_reuse_address, sockopt::reuse_address) => YES;
    "a port for several", [sockopt::set_reuse_port, sockopt::reuse_port], both(TCP, sockopt::set_reuse_port, sockopt::reuse_port) => YES;
    "datagrams to all", [sockopt::set_broadcast, sockopt::broadcast], both(UDP, sockopt::set_broadcast, sockopt::broadcast) => YES;
    "an idle peer is probed", [sockopt::set_keepalive, sockopt::keepalive], both(TCP, sockopt::set_keepalive, sockopt::keepalive) => YES;
    "segments at once", [sockopt::set_nodelay, sockopt::nodelay], both(TCP, sockopt::set_nodelay, sockopt::nodelay) => YES;
    "acknowledged at once", [sockopt::set_quickack, sockopt::quickack], with(TCP, |fd| { sockopt::set_quickack(fd, true)?; sockopt::quickack(fd).map(drop) }) => DONE;
    "a larger receive buffer", [sockopt::set_recv_buffer_size, sockopt::recv_buffer_size], reads(TCP, sockopt::set_recv_buffer_size, sockopt::recv_buffer_size, &[(8192, 16_384)]) => YES;
    "a larger send buffer", [sockopt::set_send_buffer_size, sockopt::send_buffer_size], reads(TCP, sockopt::set_send_buffer_size, sockopt::send_buffer_size, &[(8192, 16_384)]) => YES;
    "a close that waits", [sockopt::set_linger, sockopt::linger], reads(TCP, sockopt::set_linger, sockopt::linger, &[(Some(HALF), Some(SECOND)), (Some(Duration::ZERO), Some(Duration::ZERO)), (None, None)]) => YES;
    "a wait for bytes ends", [sockopt::set_read_timeout, sockopt::read_timeout], times(sockopt::set_read_timeout, sockopt::read_timeout) => YES, cannot ENODATA | ENOPROTOOPT;
    "a wait for room ends", [sockopt::set_write_timeout, sockopt::write_timeout], times(sockopt::set_write_timeout, sockopt::write_timeout) => YES, cannot ENODATA | ENOPROTOOPT;
    "no wait at all", [sockopt::set_read_timeout], with(UDP, |fd| sockopt::set_read_timeout(fd, Some(Duration::ZERO))) => error(Errno::EINVAL);
    "the wait is over", [sockopt::set_read_timeout], with(UDP, |fd| { bind(fd, LOOPBACK)?; sockopt::set_read_timeout(fd, Some(Duration::from_millis(5)))?; recv_from(fd, &mut [0]).map(drop) }) => error(Errno::EAGAIN), cannot ENOPROTOOPT;
    "when to probe", [sockopt::set_tcp_keepalive_time, sockopt::tcp_keepalive_time], reads(TCP, sockopt::set_tcp_keepalive_time, sockopt::tcp_keepalive_time, &[(HALF, SECOND), (9 * SECOND, 9 * SECOND)]) => YES;
    "how often to probe", [sockopt::set_tcp_keepalive_interval, sockopt::tcp_keepalive_interval], reads(TCP, sockopt::set_tcp_keepalive_interval, sockopt::tcp_keepalive_interval, &[(HALF, SECOND), (9 * SECOND, 9 * SECOND)]) => YES;
    "how many probes", [sockopt::set_tcp_keepalive_retries, sockopt::tcp_keepalive_retries], reads(TCP, sockopt::set_tcp_keepalive_retries, sockopt::tcp_keepalive_retries, &[(3, 3), (127, 127)]) => YES;
    "no probes", [sockopt::set_tcp_keepalive_retries], with(TCP, |fd| sockopt::set_tcp_keepalive_retries(fd, 0)) => error(Errno::EINVAL);
    "no time at all unacknowledged", [sockopt::set_tcp_user_timeout], with(TCP, |fd| sockopt::set_tcp_user_timeout(fd, Some(Duration::ZERO))) => error(Errno::EINVAL);
    "how long unacknowledged", [sockopt::set_tcp_user_timeout, sockopt::tcp_user_timeout], reads(TCP, sockopt::set_tcp_user_timeout, sockopt::tcp_user_timeout, &[(Some(HALF), Some(HALF)), (None, None)]) => YES;
    "how many routers", [sockopt::set_ttl, sockopt::ttl], reads(UDP, sockopt::set_ttl, sockopt::ttl, &[(1, 1), (255, 255)]) => YES;
    "too many routers", [sockopt::set_ttl], with(UDP, |fd| sockopt::set_ttl(fd, 256)) => error(Errno::EINVAL);
    "the type of service", [sockopt::set_tos, sockopt::tos], reads(UDP, sockopt::set_tos, sockopt::tos, &[(0x10, 0x10), (0xff, 0xff), (0, 0)]) => YES;
    "how many routers of IPv6", [sockopt::set_unicast_hops_v6, sockopt::unicast_hops_v6], reads(SIX, sockopt::set_unicast_hops_v6, sockopt::unicast_hops_v6, &[(0, 0), (255, 255)]) => YES, cannot EAFNOSUPPORT;
    "IPv6 alone", [sockopt::set_only_v6, sockopt::only_v6], both(SIX, sockopt::set_only_v6, sockopt::only_v6) => YES, cannot EAFNOSUPPORT;
    "how many routers to a group", [sockopt::set_multicast_ttl_v4, sockopt::multicast_ttl_v4], reads(UDP, sockopt::set_multicast_ttl_v4, sockopt::multicast_ttl_v4, &[(0, 0), (255, 255)]) => YES;
    "a group on this machine", [sockopt::set_multicast_loop_v4, sockopt::multicast_loop_v4], both(UDP, sockopt::set_multicast_loop_v4, sockopt::multicast_loop_v4) => YES;
    "how many routers to a group of IPv6", [sockopt::set_multicast_hops_v6, sockopt::multicast_hops_v6], reads(SIX, sockopt::set_multicast_hops_v6, sockopt::multicast_hops_v6, &[(0, 0), (255, 255)]) => YES, cannot EAFNOSUPPORT;
    "a group of IPv6 on this machine", [sockopt::set_multicast_loop_v6, sockopt::multicast_loop_v6], both(SIX, sockopt::set_multicast_loop_v6, sockopt::multicast_loop_v6) => YES, cannot EAFNOSUPPORT;
    "joining a group, and leaving it", [sockopt::join_multicast_v4, sockopt::leave_multicast_v4], with(UDP, |fd| { sockopt::join_multicast_v4(fd, GROUP, Ipv4Addr::LOCALHOST)?; sockopt::leave_multicast_v4(fd, GROUP, Ipv4Addr::LOCALHOST) }) => DONE;
    "leaving what was not joined", [sockopt::leave_multicast_v4], with(UDP, |fd| sockopt::leave_multicast_v4(fd, GROUP, Ipv4Addr::LOCALHOST)) => error(Errno::EADDRNOTAVAIL);
    "joining what is no group", [sockopt::join_multicast_v4], with(UDP, |fd| sockopt::join_multicast_v4(fd, Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST)) => error(Errno::EINVAL);
    "a group of IPv6", [sockopt::join_multicast_v6, sockopt::leave_multicast_v6], with(SIX, |fd| { let lo = interface_number(b"lo")?; sockopt::join_multicast_v6(fd, GROUP_6, lo)?; sockopt::leave_multicast_v6(fd, GROUP_6, lo) }) => DONE, cannot EAFNOSUPPORT;
    "an option of TCP for UDP", [sockopt::nodelay], with(UDP, sockopt::nodelay) => error(Errno::EOPNOTSUPP);
}

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const TCP: (SocketAddr, Sock) = (LOOPBACK, SOCK_STREAM);
const UDP: (SocketAddr, Sock) = (LOOPBACK, SOCK_DGRAM);
const SIX: (SocketAddr, Sock) = (
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
    SOCK_DGRAM,
);
/// Groups of this machine and this link (RFC 2365, RFC 4291).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 1, 2);
const GROUP_6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x1234);
const SECOND: Duration = Duration::from_secs(1);
const HALF: Duration = Duration::from_millis(500);

fn with<T>(
    (address, kind): (SocketAddr, Sock),
    work: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>,
) -> Result<T, Errno> {
    work(socket(address, kind | SOCK_CLOEXEC)?.as_fd())
}

type Set<T> = fn(BorrowedFd<'_>, T) -> Result<(), Errno>;
type Get<T> = fn(BorrowedFd<'_>) -> Result<T, Errno>;

/// Whether each set value reads as the second of its pair.
fn reads<T: Copy + PartialEq>(
    of: (SocketAddr, Sock),
    set: Set<T>,
    get: Get<T>,
    values: &[(T, T)],
) -> Result<bool, Errno> {
    with(of, |fd| {
        for &(value, read) in values {
            set(fd, value)?;
            if get(fd)? != read {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// As `reads`, with times. `ENODATA`: a time was set, and the time that is read is 0 (qemu-user 10). `ENOPROTOOPT`:
/// qemu-user lacks the options with times of 64 bits, which 32-bit programs use.
fn times(set: Set<Option<Duration>>, get: Get<Option<Duration>>) -> Result<bool, Errno> {
    let lost = with(UDP, |fd| set(fd, Some(SECOND)).and_then(|()| get(fd)))?.is_none();
    if lost {
        return Err(Errno::ENODATA);
    }
    let time = Some(20 * SECOND);
    reads(UDP, set, get, &[(time, time), (None, None)])
}

fn both(of: (SocketAddr, Sock), set: Set<bool>, get: Get<bool>) -> Result<bool, Errno> {
    reads(of, set, get, &[(true, true), (false, false)])
}

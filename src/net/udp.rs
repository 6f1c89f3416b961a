//! Single datagrams with their addresses.

use core::net::SocketAddr;

use super::read_address;
use super::sockaddr::Sockaddr;
use crate::abi::net::MSG_NOSIGNAL;
use crate::abi::{Result, syscall};
use crate::fd::BorrowedFd;
use crate::io::retry;

/// Sends `bytes` as one datagram to `address` (sendto(2)). Returns the length of the datagram.
///
/// A socket that is not bound gets a port first, and the address 0.0.0.0 or `::`.
///
/// # Errors
/// `EAGAIN`: the send buffer is full, and the socket is non-blocking. `EMSGSIZE`: the datagram is too long.
/// `ECONNREFUSED`, `EHOSTUNREACH` and other errors of the network: an earlier datagram may have caused them. `EACCES`:
/// a broadcast address without [`set_broadcast`](super::sockopt::set_broadcast). `EISCONN`: a connected socket of TCP.
/// `EPERM`: a firewall rule. `ENOBUFS`, `ENOMEM`.
#[doc(alias = "sendto")]
pub fn send_to(fd: BorrowedFd<'_>, bytes: &[u8], address: SocketAddr) -> Result<usize> {
    let (raw, length) = Sockaddr::new(address);
    // SAFETY: the kernel reads at most `bytes.len()` bytes from `bytes`, and the first `length` bytes of `raw`, a
    // local; `Sockaddr::new` returned both.
    retry(|| unsafe {
        syscall!(sendto(
            fd,
            bytes.as_ptr(),
            bytes.len(),
            MSG_NOSIGNAL,
            &raw const raw,
            length
        ))
    })
}

/// Receives a datagram, and its sender's address (recvfrom(2)). Returns the number of bytes in `buffer`; the rest of a
/// longer datagram is lost.
///
/// # Errors
/// `EAGAIN`: no datagram has arrived, and the socket is non-blocking, or the time of
/// [`set_read_timeout`](super::sockopt::set_read_timeout) is over. `ECONNREFUSED`: nobody received a datagram that a
/// connected socket sent. `EAFNOSUPPORT`: received, but from no IPv4 or IPv6 address: the socket is not a UDP socket.
/// `ENOMEM`.
#[doc(alias = "recvfrom")]
pub fn recv_from(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<(usize, SocketAddr)> {
    let mut count = 0;
    let address = read_address(|raw, length| {
        // SAFETY: the kernel writes at most `buffer.len()` bytes to `buffer`, which this function borrows mutably.
        // `read_address` passes an address buffer and its length, to both of which the kernel may write.
        count = retry(|| unsafe {
            syscall!(recvfrom(
                fd,
                buffer.as_mut_ptr(),
                buffer.len(),
                0u32,
                raw,
                length
            ))
        })?;
        Ok(count)
    })?;
    Ok((count, address))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::Errno;
    use crate::net::{SOCK_CLOEXEC, SOCK_DGRAM, bind, local_address, socket};
    use std::net::UdpSocket;

    #[test]
    fn datagrams_come_from_whom_they_say() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let any = any.parse().unwrap();
            let own = socket(any, SOCK_DGRAM | SOCK_CLOEXEC).unwrap();
            bind(own.as_fd(), any).unwrap();
            let (own_address, theirs) = (
                local_address(own.as_fd()).unwrap(),
                UdpSocket::bind(any).unwrap(),
            );
            let address = theirs.local_addr().unwrap();
            let mut buffer = [0; 8];
            for bytes in [&b"four"[..], b"", b"12345678", b"more than eight"] {
                assert_eq!(send_to(own.as_fd(), bytes, address), Ok(bytes.len()));
                let length = bytes.len().min(8);
                assert_eq!(
                    theirs.recv_from(&mut buffer).unwrap(),
                    (length, own_address)
                );
                assert_eq!(buffer[..length], bytes[..length]);
                theirs.send_to(bytes, own_address).unwrap();
                assert_eq!(recv_from(own.as_fd(), &mut buffer), Ok((length, address)));
                assert_eq!(buffer[..length], bytes[..length]);
            }
            let long = std::vec![0; 70_000];
            assert_eq!(send_to(own.as_fd(), &long, address), Err(Errno::EMSGSIZE));
        }
    }
}

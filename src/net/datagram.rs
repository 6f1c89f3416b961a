//! Receiving and sending many datagrams with one system call: recvmmsg(2), sendmmsg(2).

use core::net::{Ipv6Addr, SocketAddr};
use core::{ptr, slice};

use super::sockaddr::Sockaddr;
use crate::abi::net::*;
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io::retry;
use crate::mem::Mapping;

/// The maximum length of a UDP datagram in bytes: over IPv6, the 16-bit length includes UDP's header of 8
/// bytes. (Over IPv4 it also includes the IP header.)
const LONGEST: usize = 65_535 - 8;

/// The distance between the buffers of two datagrams in bytes. It is not a multiple of a page: otherwise the
/// beginnings of all buffers would share a few sets of the processor's caches.
const STRIDE: usize = 64 * 1024 + 64;

/// Buffers for datagrams that one call receives and another call sends back. No datagram is truncated.
///
/// Memory is taken page by page: a page of a buffer takes memory when a datagram first reaches it. So short
/// datagrams and small batches use little memory.
#[derive(Debug)]
pub struct Batch {
    /// `count` headers, `count` envelopes, and `count` buffers.
    memory: Mapping,
    count: usize,
    /// The number of datagrams in the batch.
    received: usize,
}

/// The addresses and the buffer of a datagram. The kernel fills it in on receipt, and reads it for the reply.
#[repr(C)]
struct Envelope {
    source: Sockaddr,
    bytes: Iovec,
    destination: Destination,
}

/// The ancillary data that holds the datagram's destination address.
#[repr(C)]
struct Destination {
    header: Cmsghdr,
    info: Pktinfo,
}

#[repr(C)]
union Pktinfo {
    v4: InPktinfo,
    v6: In6Pktinfo,
    /// As many descriptors as fit in the control buffer, whose size the alignment of the header rounds up.
    descriptors:
        [i32; size_of::<In6Pktinfo>().next_multiple_of(align_of::<Cmsghdr>()) / size_of::<i32>()],
}

/// A received datagram.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// The sender's address.
    pub source: SocketAddr,
    /// The content.
    pub bytes: &'a [u8],
    /// Whether the datagram was sent to a broadcast or multicast address, if the socket reports that address
    /// ([`report_destination`]). Every socket that shares the port has received such a datagram, on other machines
    /// too. For a datagram that arrived before [`report_destination`] this can be false; the kernel then refuses the
    /// reply with `EINVAL`.
    pub is_multicast_or_broadcast: bool,
}

/// The result of sending a batch back.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The number of datagrams sent back.
    pub datagrams: usize,
    /// The number of bytes in them.
    pub bytes: usize,
    /// The number of datagrams that were not to be answered.
    pub refused: usize,
    /// The number of datagrams that could not be sent: an error of the network, a firewall rule, or a full
    /// send buffer.
    pub failed: usize,
}

/// Makes a UDP socket of `address`'s family report the destination address of each datagram.
/// [`Batch::send_back`] then replies from that address (ip(7), `IP_PKTINFO`; ipv6(7), `IPV6_RECVPKTINFO`).
///
/// # Errors
/// None for such a socket.
#[doc(alias = "setsockopt")]
pub fn report_destination(fd: BorrowedFd<'_>, address: SocketAddr) -> Result<()> {
    let (level, option) = match address {
        SocketAddr::V4(_) => (IPPROTO_IP, IP_PKTINFO),
        SocketAddr::V6(_) => (IPPROTO_IPV6, IPV6_RECVPKTINFO),
    };
    super::set_option(fd, level, option, 1)
}

impl Batch {
    /// Allocates buffers for `count` datagrams. (The kernel receives at most 1024 at once.)
    ///
    /// # Errors
    /// `ENOMEM`: not enough address space. `EINVAL`: `count` is 0.
    pub fn new(count: usize) -> Result<Self> {
        const EACH: usize = size_of::<Mmsghdr>() + size_of::<Envelope>() + STRIDE;
        let mut batch = Self {
            memory: Mapping::new(count.checked_mul(EACH).ok_or(Errno::ENOMEM)?)?,
            count,
            received: count,
        };
        batch.reset();
        Ok(batch)
    }

    /// The headers, the envelopes and the buffers. The buffers are [`STRIDE`] bytes apart.
    fn parts(&mut self) -> (&mut [Mmsghdr], &mut [Envelope], &mut [u8]) {
        let count = self.count;
        let headers = self.memory.as_mut_ptr().cast::<Mmsghdr>();
        let envelopes = headers.wrapping_add(count).cast::<Envelope>();
        let bytes = envelopes.wrapping_add(count).cast();
        // SAFETY: `new` made the mapping large enough for `count` of each, one array after the other, and
        // `&mut self` excludes other references to the mapping. The arrays are aligned: the mapping begins on
        // a page, a header has 64 bytes, and the buffers are bytes. The mapping is initialised, and all
        // fields are integers, pointers and unions of them, for which any bytes are valid.
        unsafe {
            (
                slice::from_raw_parts_mut(headers, count),
                slice::from_raw_parts_mut(envelopes, count),
                slice::from_raw_parts_mut(bytes, count * STRIDE),
            )
        }
    }

    /// Discards the datagrams of the batch, and prepares their headers and envelopes for the next ones.
    fn reset(&mut self) {
        let received = core::mem::take(&mut self.received);
        let (headers, envelopes, bytes) = self.parts();
        let places = headers
            .iter_mut()
            .zip(envelopes)
            .zip(bytes.chunks_mut(STRIDE));
        for ((header, envelope), bytes) in places.take(received) {
            envelope.destination.close_descriptors();
            envelope.bytes = Iovec {
                iov_base: bytes.as_mut_ptr(),
                iov_len: LONGEST,
            };
            header.msg_hdr = Msghdr {
                msg_name: (&raw mut envelope.source).cast(),
                msg_namelen: size_of::<Sockaddr>() as u32,
                msg_iov: &raw mut envelope.bytes,
                msg_iovlen: 1,
                msg_control: (&raw mut envelope.destination).cast(),
                msg_controllen: size_of::<Destination>(),
                msg_flags: 0,
            };
        }
    }

    /// Receives the datagrams that have arrived, without waiting, up to the batch's capacity (recvmmsg(2)).
    /// Returns their number. The previous datagrams of the batch are discarded.
    ///
    /// # Errors
    /// `EAGAIN`: no datagram has arrived. `ECONNREFUSED` and other errors of the network, which a connected
    /// socket reports once. `ENOMEM`, `ENOBUFS`.
    #[doc(alias = "recvmmsg")]
    pub fn receive(&mut self, fd: BorrowedFd<'_>) -> Result<usize> {
        self.reset();
        let (headers, count) = (self.memory.as_mut_ptr(), self.count);
        // SAFETY: the memory begins with `count` headers. `new` and `reset` filled in each header: its
        // pointers lead to an address, a buffer and a control record in this memory, with their lengths. The
        // kernel writes there; no reference into the memory is alive. The null pointer means no time limit.
        self.received = retry(|| unsafe {
            syscall!(recvmmsg(
                fd,
                headers,
                count,
                MSG_DONTWAIT,
                ptr::null_mut::<u8>()
            ))
        })?;
        Ok(self.received)
    }

    /// Sends datagrams back to their senders, without waiting, and empties the batch (sendmmsg(2)). Sends
    /// each datagram for which `is_answered` returns true. The source address of a reply is the datagram's
    /// destination address, if the socket reports it ([`report_destination`]) and it is not a broadcast or multicast
    /// address.
    ///
    /// A datagram that can't be sent does not prevent sending those after it. But if the socket's send buffer
    /// is full (`EAGAIN`), the remaining datagrams are dropped, as UDP allows.
    #[doc(alias = "sendmmsg")]
    pub fn send_back(
        &mut self,
        fd: BorrowedFd<'_>,
        mut is_answered: impl FnMut(&Datagram<'_>) -> bool,
    ) -> Sent {
        let received = self.received;
        let (headers, envelopes, bytes) = self.parts();
        // The headers of the datagrams to answer move to the front. Their envelopes and buffers stay in
        // place.
        let mut answers = 0;
        let parts = envelopes.iter_mut().zip(bytes.chunks(STRIDE));
        for (number, (envelope, bytes)) in parts.take(received).enumerate() {
            let Some(&(mut header)) = headers.get(number) else {
                break;
            };
            let length = header.msg_len as usize;
            let (to, is_multicast_or_broadcast) = envelope
                .destination
                .prepare_reply(header.msg_hdr.msg_controllen);
            let (Some(source), Some(bytes)) = (envelope.source.address(), bytes.get(..length))
            else {
                continue; // not a UDP datagram: there is no sender to answer
            };
            if is_answered(&Datagram {
                source,
                bytes,
                is_multicast_or_broadcast,
            }) {
                envelope.bytes.iov_len = length;
                header.msg_hdr.msg_controllen = to;
                if let Some(place) = headers.get_mut(answers) {
                    *place = header;
                    answers += 1;
                }
            }
        }
        let mut sent = Sent {
            refused: received - answers,
            ..Sent::default()
        };
        let mut next = 0;
        while next < answers {
            let first = self
                .memory
                .as_mut_ptr()
                .wrapping_add(next * size_of::<Mmsghdr>());
            // SAFETY: `answers - next` headers begin at `first`. Each is a copy of a header that `reset`
            // filled in. Its pointers still lead to an address, a buffer and a control record in this memory;
            // the lengths are now those of the received datagram. The kernel reads these records and writes
            // the headers' `msg_len`. No reference into the memory is alive.
            let result = retry(|| unsafe {
                let flags = MSG_DONTWAIT | MSG_NOSIGNAL;
                syscall!(sendmmsg(fd, first, answers - next, flags))
            });
            match result {
                Ok(count @ 1..) => {
                    let headers = self.parts().0.iter().skip(next).take(count);
                    sent.bytes += headers.map(|header| header.msg_len as usize).sum::<usize>();
                    sent.datagrams += count;
                    next += count;
                }
                Err(Errno::EAGAIN) => break,
                _ => next += 1, // the error is that of the first datagram
            }
        }
        sent.failed = answers.saturating_sub(sent.datagrams);
        self.reset();
        sent
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.reset();
    }
}

impl Destination {
    /// Closes the descriptors that came with a datagram of a local socket. Nothing else owns them.
    fn close_descriptors(&mut self) {
        // The header is cleared, so that no later call closes the descriptors again.
        let header = core::mem::replace(&mut self.header, Cmsghdr::ZERO);
        if (header.cmsg_level, header.cmsg_type) == (SOL_SOCKET, SCM_RIGHTS) {
            // SAFETY: the union is in the batch's mapping, so all bytes of the union are initialised, and any
            // bytes are valid integers.
            let raws = unsafe { &self.info.descriptors };
            let count = header.cmsg_len.saturating_sub(size_of::<Cmsghdr>()) / size_of::<i32>();
            for &raw in raws.iter().take(count) {
                // SAFETY: the kernel created the descriptor for this record, so no other value owns it. The
                // header is cleared, so this happens once.
                drop(unsafe { OwnedFd::from_raw(raw as usize) });
            }
        }
    }

    /// Converts the received record, of `length` bytes, to the record for the reply. Returns the length of
    /// that record, and whether the datagram was sent to a broadcast or multicast address.
    fn prepare_reply(&mut self, length: usize) -> (usize, bool) {
        const V4: usize = size_of::<Cmsghdr>() + size_of::<InPktinfo>();
        const V6: usize = size_of::<Cmsghdr>() + size_of::<In6Pktinfo>();
        let Cmsghdr {
            cmsg_len,
            cmsg_level,
            cmsg_type,
        } = self.header;
        match (cmsg_level, cmsg_type, cmsg_len) {
            (IPPROTO_IP, IP_PKTINFO, V4) if length >= V4 => {
                // SAFETY: the bytes of `v4` are initialised: the union is in the batch's mapping, or a test created
                // the union from `v4`. Any bytes are valid integers.
                let info = unsafe { &mut self.info.v4 };
                // The routing table chooses the interface of the reply.
                info.ipi_ifindex = 0;
                // All zeros: the datagram arrived before `report_destination`. The address may be a broadcast
                // or multicast address; the kernel refuses to send from such an address.
                if info.ipi_spec_dst == [0; 4] {
                    info.ipi_spec_dst = info.ipi_addr;
                }
                (length, info.ipi_addr != info.ipi_spec_dst)
            }
            (IPPROTO_IPV6, IPV6_PKTINFO, V6) if length >= V6 => {
                // SAFETY: the bytes of `v6` are initialised: the union is in the batch's mapping, or a test created
                // the union from `v6`. Any bytes are valid integers.
                let info = unsafe { &mut self.info.v6 };
                let address = Ipv6Addr::from_octets(info.ipi6_addr);
                if address.is_multicast() {
                    return (0, true); // not a valid source: the kernel chooses one
                }
                // A link-local address is valid only together with its interface.
                if !address.is_unicast_link_local() {
                    info.ipi6_ifindex = 0;
                }
                (length, false)
            }
            _ => (0, false),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::time::Duration;
    use std::vec;
    use std::vec::Vec;

    /// A socket at `address` and a port of the kernel's choice.
    fn socket(address: &str) -> UdpSocket {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        let patience = Duration::from_secs(60);
        socket.set_read_timeout(Some(patience)).unwrap();
        socket
    }

    /// Such a socket, and a client that is connected to it.
    fn pair(address: &str) -> (UdpSocket, UdpSocket) {
        let (server, client) = (socket(address), socket(address));
        client.connect(server.local_addr().unwrap()).unwrap();
        (server, client)
    }

    fn fd(socket: &UdpSocket) -> BorrowedFd<'_> {
        // SAFETY: `socket` owns the descriptor, and the result borrows `socket`.
        unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) }
    }

    /// Whether the test is skipped, because this is a program of 32 bits under qemu-user.
    fn is_skipped() -> bool {
        let (server, _client) = pair("127.0.0.1");
        let lacks_it = Batch::new(1).unwrap().receive(fd(&server)) == Err(Errno::ENOSYS);
        if lacks_it {
            std::eprintln!("skipped: {}", crate::net::TIMES);
        }
        lacks_it
    }

    fn received(client: &UdpSocket) -> Vec<u8> {
        let mut bytes = vec![0; 1 << 16];
        let length = client.recv(&mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn datagrams_go_back_whole_up_to_the_capacity() {
        if is_skipped() {
            return;
        }
        let (server, client) = pair("127.0.0.1");
        let mut batch = Batch::new(4).unwrap();
        let sent: Vec<Vec<u8>> = (1..)
            .zip([0, 1, 1472, 65_507, 3])
            .map(|(byte, length)| vec![byte; length])
            .collect();
        for bytes in &sent {
            client.send(bytes).unwrap();
        }
        for expected in [&sent[..4], &sent[4..]] {
            assert_eq!(batch.receive(fd(&server)), Ok(expected.len()));
            let mut seen = Vec::new();
            let answer = batch.send_back(fd(&server), |datagram| {
                assert_eq!(datagram.source, client.local_addr().unwrap());
                seen.push(datagram.bytes.to_vec());
                true
            });
            assert_eq!(seen, expected);
            let all = Sent {
                datagrams: expected.len(),
                bytes: expected.iter().map(Vec::len).sum(),
                ..Sent::default()
            };
            assert_eq!(answer, all);
            assert!(expected.iter().all(|bytes| *bytes == received(&client)));
        }
        // `receive` does not wait, although the socket is blocking. No datagram is sent twice.
        assert_eq!(batch.receive(fd(&server)), Err(Errno::EAGAIN));
        assert_eq!(batch.send_back(fd(&server), |_| true), Sent::default());
    }

    #[test]
    fn refused_datagrams_are_not_sent() {
        if is_skipped() {
            return;
        }
        let (server, client) = pair("127.0.0.1");
        let mut batch = Batch::new(16).unwrap();
        for _ in 0..3 {
            for byte in 0..10 {
                client.send(&[byte]).unwrap();
            }
            assert_eq!(batch.receive(fd(&server)), Ok(10));
            let answer = batch.send_back(fd(&server), |datagram| datagram.bytes[0] % 3 == 1);
            let some = Sent {
                datagrams: 3,
                bytes: 3,
                refused: 7,
                failed: 0,
            };
            assert_eq!(answer, some);
            assert_eq!([1, 4, 7].map(|_| received(&client)), [[1], [4], [7]]);
        }
        // Datagrams that were received and not sent back are replaced by the next ones.
        for byte in 0..32 {
            client.send(&[byte]).unwrap();
        }
        assert_eq!(batch.receive(fd(&server)), Ok(16));
        assert_eq!(batch.receive(fd(&server)), Ok(16));
        batch.send_back(fd(&server), |_| true);
        assert_eq!(received(&client), [16]);
    }

    /// The datagram is longer than the loopback interface's MTU, and the socket forbids fragmentation.
    #[test]
    fn a_datagram_that_cannot_be_sent_does_not_stop_the_others() {
        if is_skipped() {
            return;
        }
        const IPV6_MTU_DISCOVER: i32 = 23;
        const IPV6_PMTUDISC_DO: i32 = 2;
        let (server, client) = pair("::1");
        let raw = fd(&server);
        crate::net::set_option(raw, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO).unwrap();
        let mut batch = Batch::new(8).unwrap();
        client.send(b"before").unwrap();
        client.send(&[0; LONGEST]).unwrap();
        client.send(b"behind").unwrap();
        assert_eq!(batch.receive(raw), Ok(3));
        let mut longest = 0;
        let answer = batch.send_back(raw, |datagram| {
            longest = longest.max(datagram.bytes.len());
            true
        });
        let some = Sent {
            datagrams: 2,
            bytes: 12,
            refused: 0,
            failed: 1,
        };
        assert_eq!((answer, longest), (some, LONGEST));
        assert_eq!(received(&client), b"before");
        assert_eq!(received(&client), b"behind");
    }

    /// Sends a datagram to `address`, and a server that is bound to every address replies. Returns the source
    /// address of the reply, and the server's `is_multicast_or_broadcast`.
    fn reply_source(address: &str, told: bool) -> (SocketAddr, bool) {
        let (server, client) = (socket("0.0.0.0"), socket("0.0.0.0"));
        let own = server.local_addr().unwrap();
        if told {
            report_destination(fd(&server), own).unwrap();
        }
        client.set_broadcast(true).unwrap();
        client.send_to(b"who?", (address, own.port())).unwrap();
        let mut batch = Batch::new(1).unwrap();
        assert_eq!(batch.receive(fd(&server)), Ok(1));
        let mut is_multicast_or_broadcast = false;
        batch.send_back(fd(&server), |datagram| {
            is_multicast_or_broadcast = datagram.is_multicast_or_broadcast;
            true
        });
        let (_, mut from) = client.recv_from(&mut [0; 4]).unwrap();
        assert_eq!(from.port(), own.port());
        from.set_port(0);
        (from, is_multicast_or_broadcast)
    }

    #[test]
    fn replies_come_from_the_destination_address() {
        if is_skipped() {
            return;
        }
        let from = |last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
        assert_eq!(reply_source("127.0.0.2", true), (from(2), false));
        // The kernel chooses the source address.
        assert_eq!(reply_source("127.0.0.2", false), (from(1), false));
        assert_eq!(reply_source("127.255.255.255", true), (from(1), true));
    }

    /// Converts a record. Returns the length, whether the datagram was sent to a broadcast or multicast
    /// address, and the converted record.
    fn reply_record(
        level: i32,
        kind: i32,
        info: Pktinfo,
        length: usize,
    ) -> (usize, bool, Destination) {
        let size = match level {
            IPPROTO_IP => size_of::<InPktinfo>(),
            _ => size_of::<In6Pktinfo>(),
        };
        let header = Cmsghdr {
            cmsg_len: size_of::<Cmsghdr>() + size,
            cmsg_level: level,
            cmsg_type: kind,
        };
        let mut destination = Destination { header, info };
        let (length, is_multicast_or_broadcast) = destination.prepare_reply(length);
        (length, is_multicast_or_broadcast, destination)
    }

    #[test]
    fn an_ipv4_reply_keeps_the_address_but_not_the_interface() {
        const LENGTH: usize = size_of::<Cmsghdr>() + size_of::<InPktinfo>();
        let (own, many) = ([127, 0, 0, 2], [127, 255, 255, 255]);
        for (spec_dst, addr, from, is_multicast_or_broadcast) in [
            (own, own, own, false),
            (own, many, own, true),
            // The datagram arrived before the socket reported its address.
            ([0; 4], own, own, false),
            ([0; 4], many, many, false),
        ] {
            for (length, is_whole) in [(LENGTH - 1, false), (LENGTH, true), (LENGTH + 8, true)] {
                let info = InPktinfo {
                    ipi_ifindex: 7,
                    ipi_spec_dst: spec_dst,
                    ipi_addr: addr,
                };
                let info = Pktinfo { v4: info };
                let (to, was_for_many, destination) =
                    reply_record(IPPROTO_IP, IP_PKTINFO, info, length);
                if !is_whole {
                    assert_eq!((to, was_for_many), (0, false));
                    continue;
                }
                assert_eq!((to, was_for_many), (length, is_multicast_or_broadcast));
                // SAFETY: the union was created from this member.
                let info = unsafe { destination.info.v4 };
                assert_eq!((info.ipi_ifindex, info.ipi_spec_dst), (0, from));
            }
        }
    }

    #[test]
    fn an_ipv6_reply_keeps_the_interface_of_a_link_local_address() {
        const LENGTH: usize = size_of::<Cmsghdr>() + size_of::<In6Pktinfo>();
        for (address, expected) in [
            ("::1", Some(0)),
            ("2001:db8::1", Some(0)),
            ("fe7f::1", Some(0)),
            ("fe80::1", Some(7)),
            ("febf::1", Some(7)),
            ("fec0::1", Some(0)),
            ("fd00::1", Some(0)),
            ("ff02::1", None),
            ("ff0e::1234", None),
        ] {
            let address: Ipv6Addr = address.parse().unwrap();
            let info = || Pktinfo {
                v6: In6Pktinfo {
                    ipi6_addr: address.octets(),
                    ipi6_ifindex: 7,
                },
            };
            let (to, is_multicast_or_broadcast, destination) =
                reply_record(IPPROTO_IPV6, IPV6_PKTINFO, info(), LENGTH);
            let length = if expected.is_some() { LENGTH } else { 0 };
            assert_eq!(
                (to, is_multicast_or_broadcast),
                (length, expected.is_none()),
                "{address}"
            );
            // SAFETY: the union was created from this member.
            let kept = unsafe { destination.info.v6 };
            assert_eq!(kept.ipi6_addr, address.octets());
            if let Some(expected) = expected {
                assert_eq!(kept.ipi6_ifindex, expected, "{address}");
            }
            // A truncated record and a record of another type have no effect.
            for (level, kind, length) in [
                (IPPROTO_IPV6, IPV6_PKTINFO, LENGTH - 1),
                (IPPROTO_IPV6, IPV6_PKTINFO + 1, LENGTH),
                (SOL_SOCKET, IPV6_PKTINFO, LENGTH),
                (IPPROTO_IP, IP_PKTINFO + 1, LENGTH),
            ] {
                let (to, is_multicast_or_broadcast, _) = reply_record(level, kind, info(), length);
                assert_eq!((to, is_multicast_or_broadcast), (0, false));
            }
        }
    }

    /// Descriptors can come with datagrams of a local socket.
    #[test]
    fn received_descriptors_are_closed() {
        if is_skipped() {
            return;
        }
        use crate::net::unix;
        use crate::pipe::{O_CLOEXEC, O_NONBLOCK, Pipe};
        let [one, two] = unix::pair(SOCK_DGRAM | SOCK_CLOEXEC).unwrap();
        let mut batch = Batch::new(2).unwrap();
        for dropped in [false, true] {
            let Pipe { read, write } = Pipe::new(O_CLOEXEC | O_NONBLOCK).unwrap();
            unix::send(one.as_fd(), b"x", &[write.as_fd(), write.as_fd()]).unwrap();
            drop(write);
            assert_eq!(batch.receive(two.as_fd()), Ok(1));
            let look = || crate::io::read(read.as_fd(), &mut [0]);
            assert_eq!(look(), Err(Errno::EAGAIN)); // the batch holds the write end
            if dropped {
                drop(core::mem::replace(&mut batch, Batch::new(1).unwrap()));
            } else {
                assert_eq!(batch.receive(two.as_fd()), Err(Errno::EAGAIN));
            }
            assert_eq!(look(), Ok(0));
        }
    }

    #[test]
    fn an_impossible_capacity_is_an_error() {
        assert_eq!(Batch::new(0).err(), Some(Errno::EINVAL));
        assert_eq!(Batch::new(usize::MAX).err(), Some(Errno::ENOMEM));
        let nearly_all = usize::MAX / (STRIDE + STRIDE / 16); // nearly the whole address space
        assert_eq!(Batch::new(nearly_all).err(), Some(Errno::ENOMEM));
    }
}

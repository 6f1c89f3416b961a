//! Datagrams, many a call: recvmmsg(2), sendmmsg(2).

use core::net::{Ipv6Addr, SocketAddr};
use core::{ptr, slice};

use super::sockaddr::Sockaddr;
use crate::abi::net::*;
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io::retry;
use crate::mem::Mapping;

/// The most bytes that a datagram of UDP has: over IPv6, where a length of 16 bits counts UDP's header
/// of 8 bytes too. (Over IPv4 it counts IP's header as well.)
const LONGEST: usize = 65_535 - 8;

/// From one datagram's bytes to the next one's. Not a multiple of a page: then the beginnings of all
/// would be at few places of the processor's caches.
const STRIDE: usize = 64 * 1024 + 64;

/// Room for datagrams that are received in one call and sent back in another. None is ever cut.
///
/// No page of it takes memory before a datagram comes that is as long, or the last ones of so many.
pub struct Batch {
    /// `count` headers, `count` envelopes, and the bytes.
    memory: Mapping,
    count: usize,
    /// How many datagrams there are.
    received: usize,
}

/// What the kernel says of a datagram, and is told again when it goes back.
#[repr(C)]
struct Envelope {
    source: Sockaddr,
    bytes: Iovec,
    asked: Asked,
}

/// The record that says where a datagram was sent to.
#[repr(C)]
struct Asked {
    header: Cmsghdr,
    info: Pktinfo,
}

#[repr(C)]
union Pktinfo {
    v4: InPktinfo,
    v6: In6Pktinfo,
    /// As many descriptors as the union has room for.
    descriptors: [i32; size_of::<In6Pktinfo>() / size_of::<i32>()],
}

/// A datagram that was received.
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddr,
    /// What is in it.
    pub bytes: &'a [u8],
    /// Whether the datagram was sent to a broadcast or multicast address, where the socket reports that address
    /// ([`tell_asked`]). Every socket that shares the port has received such a datagram, on other machines too. For a
    /// datagram that arrived before [`tell_asked`] this can be false; the kernel then refuses the reply with `EINVAL`.
    pub is_for_many: bool,
}

/// What became of a batch.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Sent {
    /// So many datagrams were sent back.
    pub datagrams: usize,
    /// With so many bytes.
    pub bytes: usize,
    /// So many were to be left unanswered.
    pub refused: usize,
    /// So many could not be sent: the network's errors, a firewall's, or no room for them.
    pub failed: usize,
}

/// Has a UDP socket of `address`'s family tell where each datagram was sent to, so that
/// [`Batch::send_back`] replies from there (ip(7), `IP_PKTINFO`; ipv6(7), `IPV6_RECVPKTINFO`).
///
/// # Errors
/// None of such a socket.
pub fn tell_asked(fd: BorrowedFd<'_>, address: SocketAddr) -> Result<()> {
    let (level, option) = match address {
        SocketAddr::V4(_) => (IPPROTO_IP, IP_PKTINFO),
        SocketAddr::V6(_) => (IPPROTO_IPV6, IPV6_RECVPKTINFO),
    };
    super::set_option(fd, level, option, 1)
}

impl Batch {
    /// Room for `count` datagrams. (The kernel takes no more than 1024 at once.)
    ///
    /// # Errors
    /// `ENOMEM`: there is no address space for so many. `EINVAL`: `count` is 0.
    pub fn new(count: usize) -> Result<Self> {
        const EACH: usize = size_of::<Mmsghdr>() + size_of::<Envelope>() + STRIDE;
        let mut batch = Self {
            memory: Mapping::new(count.checked_mul(EACH).ok_or(Errno::ENOMEM)?)?,
            count,
            received: count,
        };
        batch.forget();
        Ok(batch)
    }

    /// Headers, envelopes, and the bytes, each [`STRIDE`] behind the last.
    fn parts(&mut self) -> (&mut [Mmsghdr], &mut [Envelope], &mut [u8]) {
        let count = self.count;
        let headers = self.memory.as_mut_ptr().cast::<Mmsghdr>();
        let envelopes = headers.wrapping_add(count).cast::<Envelope>();
        let bytes = envelopes.wrapping_add(count).cast();
        // SAFETY: the mapping has room for `count` of each, one behind the other; it begins on a page, and
        // the envelopes behind headers of 64 bytes: aligned. All of their fields are plain bytes,
        // integers and pointers, which any bytes are.
        unsafe {
            (
                slice::from_raw_parts_mut(headers, count),
                slice::from_raw_parts_mut(envelopes, count),
                slice::from_raw_parts_mut(bytes, count * STRIDE),
            )
        }
    }

    /// Makes the places of the datagrams that there were ready for others.
    fn forget(&mut self) {
        let received = core::mem::take(&mut self.received);
        let (headers, envelopes, bytes) = self.parts();
        let places = headers
            .iter_mut()
            .zip(envelopes)
            .zip(bytes.chunks_mut(STRIDE));
        for ((header, envelope), bytes) in places.take(received) {
            envelope.asked.close_descriptors();
            envelope.bytes = Iovec {
                iov_base: bytes.as_mut_ptr(),
                iov_len: LONGEST,
            };
            header.msg_hdr = Msghdr {
                msg_name: (&raw mut envelope.source).cast(),
                msg_namelen: size_of::<Sockaddr>() as u32,
                msg_iov: &raw mut envelope.bytes,
                msg_iovlen: 1,
                msg_control: (&raw mut envelope.asked).cast(),
                msg_controllen: size_of::<Asked>(),
                msg_flags: 0,
            };
        }
    }

    /// Receives the datagrams that are there, up to all there is room for, without waiting, and says how
    /// many. Those of the last time are gone.
    ///
    /// # Errors
    /// `EAGAIN`: there is none. `ECONNREFUSED` and other errors of the network, which a connected socket
    /// tells once. `ENOMEM`, `ENOBUFS`.
    pub fn receive(&mut self, fd: BorrowedFd<'_>) -> Result<usize> {
        self.forget();
        let (headers, count) = (self.memory.as_mut_ptr(), self.count);
        // SAFETY: the memory begins with `count` headers, which `forget` filled in: each leads to a
        // name, a piece and a control buffer in this memory, with their lengths. The kernel writes
        // there, and no reference into it is alive. The null pointer: no time limit.
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

    /// Sends each datagram of the batch for which `is_answered` back to who sent it, without waiting, from the
    /// address that it was sent to, if the socket says which ([`tell_asked`]) and that is one machine's. The batch
    /// is empty then.
    ///
    /// One that cannot be sent does not keep those behind it, unless the socket takes no more (`EAGAIN`): then
    /// the rest is dropped, as UDP may.
    pub fn send_back(
        &mut self,
        fd: BorrowedFd<'_>,
        mut is_answered: impl FnMut(&Datagram<'_>) -> bool,
    ) -> Sent {
        let received = self.received;
        let (headers, envelopes, bytes) = self.parts();
        // Those to answer move to the front: the headers alone, which lead to the rest.
        let mut answers = 0;
        let parts = envelopes.iter_mut().zip(bytes.chunks(STRIDE));
        for (number, (envelope, bytes)) in parts.take(received).enumerate() {
            let Some(&(mut header)) = headers.get(number) else {
                break;
            };
            let length = header.msg_len as usize;
            let (to, is_for_many) = envelope.asked.turn_round(header.msg_hdr.msg_controllen);
            let (Some(source), Some(bytes)) = (envelope.source.address(), bytes.get(..length))
            else {
                continue; // nobody to answer, and not UDP's
            };
            if is_answered(&Datagram {
                source,
                bytes,
                is_for_many,
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
            // SAFETY: so many headers are behind the first, which the kernel filled in and which still lead to a name, a piece
            // and a control record in this memory, now with the lengths of what was received. The kernel
            // reads them and writes the headers' `msg_len`; no reference into the memory is alive.
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
                _ => next += 1, // it is told of the first one
            }
        }
        sent.failed = answers.saturating_sub(sent.datagrams);
        self.forget();
        sent
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.forget();
    }
}

impl Asked {
    /// Closes the descriptors that came with a datagram of a Unix socket. Nothing else owns them.
    fn close_descriptors(&mut self) {
        // The header is cleared, so that no later call closes the descriptors again.
        let header = core::mem::replace(&mut self.header, Cmsghdr::ZERO);
        if (header.cmsg_level, header.cmsg_type) == (SOL_SOCKET, SCM_RIGHTS) {
            // SAFETY: the union is in a mapping, so all its bytes are initialised, and any bytes are integers.
            let raws = unsafe { &self.info.descriptors };
            let count = header.cmsg_len.saturating_sub(size_of::<Cmsghdr>()) / size_of::<i32>();
            for &raw in raws.iter().take(count) {
                // SAFETY: the kernel made the descriptor for this record; the cleared header keeps it unique.
                drop(unsafe { OwnedFd::from_raw(raw as usize) });
            }
        }
    }

    /// Turns the received record, of `length` bytes, into the record for the reply. Returns the length of that record,
    /// and whether the datagram was sent to a broadcast or multicast address.
    fn turn_round(&mut self, length: usize) -> (usize, bool) {
        const V4: usize = size_of::<Cmsghdr>() + size_of::<InPktinfo>();
        const V6: usize = size_of::<Cmsghdr>() + size_of::<In6Pktinfo>();
        let Cmsghdr {
            cmsg_len,
            cmsg_level,
            cmsg_type,
        } = self.header;
        match (cmsg_level, cmsg_type, cmsg_len) {
            (IPPROTO_IP, IP_PKTINFO, V4) if length >= V4 => {
                // SAFETY: any bytes are integers.
                let info = unsafe { &mut self.info.v4 };
                // Where the way back goes is the routes' to say.
                info.ipi_ifindex = 0;
                // 0: the datagram arrived before `tell_asked`. The address may be a broadcast or multicast address;
                // the kernel refuses to send from such an address.
                if info.ipi_spec_dst == [0; 4] {
                    info.ipi_spec_dst = info.ipi_addr;
                }
                (length, info.ipi_addr != info.ipi_spec_dst)
            }
            (IPPROTO_IPV6, IPV6_PKTINFO, V6) if length >= V6 => {
                // SAFETY: as above.
                let info = unsafe { &mut self.info.v6 };
                let address = Ipv6Addr::from_octets(info.ipi6_addr);
                if address.is_multicast() {
                    return (0, true); // nobody's own: the kernel chooses one
                }
                // A link-local address is one of an interface.
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

    /// A socket at that address and a port of the kernel's choice.
    fn socket(address: &str) -> UdpSocket {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        let patience = Duration::from_secs(60);
        socket.set_read_timeout(Some(patience)).unwrap();
        socket
    }

    /// The same, and a client of it.
    fn pair(address: &str) -> (UdpSocket, UdpSocket) {
        let (server, client) = (socket(address), socket(address));
        client.connect(server.local_addr().unwrap()).unwrap();
        (server, client)
    }

    fn fd(socket: &UdpSocket) -> BorrowedFd<'_> {
        // SAFETY: the socket stays open for as long as it is borrowed.
        unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) }
    }

    fn received(client: &UdpSocket) -> Vec<u8> {
        let mut bytes = vec![0; 1 << 16];
        let length = client.recv(&mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }

    #[test]
    fn all_go_back_whole_as_many_as_there_is_room_for() {
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
        // It does not wait, on a socket that would; and nothing is there to be sent twice.
        assert_eq!(batch.receive(fd(&server)), Err(Errno::EAGAIN));
        assert_eq!(batch.send_back(fd(&server), |_| true), Sent::default());
    }

    #[test]
    fn those_refused_are_left_out() {
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
        // Received and not wanted, they make room for others.
        for byte in 0..32 {
            client.send(&[byte]).unwrap();
        }
        assert_eq!(batch.receive(fd(&server)), Ok(16));
        assert_eq!(batch.receive(fd(&server)), Ok(16));
        batch.send_back(fd(&server), |_| true);
        assert_eq!(received(&client), [16]);
    }

    /// What is longer than the loopback interface takes at once, and may not be parted.
    #[test]
    fn one_that_cannot_be_sent_does_not_keep_others() {
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

    /// Where a server at every address replies from, asked at `address`, and whether that is many's.
    fn asked(address: &str, told: bool) -> (SocketAddr, bool) {
        let (server, client) = (socket("0.0.0.0"), socket("0.0.0.0"));
        let own = server.local_addr().unwrap();
        if told {
            tell_asked(fd(&server), own).unwrap();
        }
        client.set_broadcast(true).unwrap();
        client.send_to(b"who?", (address, own.port())).unwrap();
        let mut batch = Batch::new(1).unwrap();
        assert_eq!(batch.receive(fd(&server)), Ok(1));
        let mut is_for_many = false;
        batch.send_back(fd(&server), |datagram| {
            is_for_many = datagram.is_for_many;
            true
        });
        let (_, mut from) = client.recv_from(&mut [0; 4]).unwrap();
        assert_eq!(from.port(), own.port());
        from.set_port(0);
        (from, is_for_many)
    }

    #[test]
    fn replies_are_from_the_address_that_was_asked() {
        let from = |last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
        assert_eq!(asked("127.0.0.2", true), (from(2), false));
        // The kernel's choice.
        assert_eq!(asked("127.0.0.2", false), (from(1), false));
        assert_eq!(asked("127.255.255.255", true), (from(1), true));
    }

    /// Turns a record round, and what came of it: the length, whether it was for many, and the record.
    fn turned(level: i32, kind: i32, info: Pktinfo, length: usize) -> (usize, bool, Asked) {
        let size = match level {
            IPPROTO_IP => size_of::<InPktinfo>(),
            _ => size_of::<In6Pktinfo>(),
        };
        let header = Cmsghdr {
            cmsg_len: size_of::<Cmsghdr>() + size,
            cmsg_level: level,
            cmsg_type: kind,
        };
        let mut asked = Asked { header, info };
        let (length, is_for_many) = asked.turn_round(length);
        (length, is_for_many, asked)
    }

    #[test]
    fn a_reply_of_ipv4_is_from_the_address_and_by_any_interface() {
        const LENGTH: usize = size_of::<Cmsghdr>() + size_of::<InPktinfo>();
        let (own, many) = ([127, 0, 0, 2], [127, 255, 255, 255]);
        for (spec_dst, addr, from, is_for_many) in [
            (own, own, own, false),
            (own, many, own, true),
            // It arrived before the socket asked for its address.
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
                let (to, was_for_many, asked) = turned(IPPROTO_IP, IP_PKTINFO, info, length);
                if !is_whole {
                    assert_eq!((to, was_for_many), (0, false));
                    continue;
                }
                assert_eq!((to, was_for_many), (length, is_for_many));
                // SAFETY: it was made of this member.
                let info = unsafe { asked.info.v4 };
                assert_eq!((info.ipi_ifindex, info.ipi_spec_dst), (0, from));
            }
        }
    }

    #[test]
    fn a_reply_of_ipv6_keeps_the_interface_of_a_link_local_address() {
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
            let (to, is_for_many, asked) = turned(IPPROTO_IPV6, IPV6_PKTINFO, info(), LENGTH);
            let length = if expected.is_some() { LENGTH } else { 0 };
            assert_eq!((to, is_for_many), (length, expected.is_none()), "{address}");
            // SAFETY: it was made of this member.
            let kept = unsafe { asked.info.v6 };
            assert_eq!(kept.ipi6_addr, address.octets());
            if let Some(expected) = expected {
                assert_eq!(kept.ipi6_ifindex, expected, "{address}");
            }
            // A record that is cut, or another one, says nothing.
            for (level, kind, length) in [
                (IPPROTO_IPV6, IPV6_PKTINFO, LENGTH - 1),
                (IPPROTO_IPV6, IPV6_PKTINFO + 1, LENGTH),
                (SOL_SOCKET, IPV6_PKTINFO, LENGTH),
                (IPPROTO_IP, IP_PKTINFO + 1, LENGTH),
            ] {
                let (to, is_for_many, _) = turned(level, kind, info(), length);
                assert_eq!((to, is_for_many), (0, false));
            }
        }
    }

    /// Descriptors may come beside datagrams of a Unix socket.
    #[test]
    fn descriptors_that_come_are_closed() {
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
            assert_eq!(look(), Err(Errno::EAGAIN)); // the batch has the other end
            if dropped {
                drop(core::mem::replace(&mut batch, Batch::new(1).unwrap()));
            } else {
                assert_eq!(batch.receive(two.as_fd()), Err(Errno::EAGAIN));
            }
            assert_eq!(look(), Ok(0));
        }
    }

    #[test]
    fn room_has_its_bounds() {
        assert_eq!(Batch::new(0).err(), Some(Errno::EINVAL));
        assert_eq!(Batch::new(usize::MAX).err(), Some(Errno::ENOMEM));
        assert_eq!(Batch::new(1 << 40).err(), Some(Errno::ENOMEM));
    }
}

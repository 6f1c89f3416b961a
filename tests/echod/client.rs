//! Clients: each sends a pattern of its own and compares every byte that comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::net::sockopt::set_socket_linger;
use socket2::{Domain, Socket, Type};

/// What takes longer fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("echod accepts");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The byte that client `seed` sends at `position`: no two places near each other look alike, and
/// no two clients.
pub fn pattern(seed: u64, position: usize) -> u8 {
    let mixed = (position as u64 ^ seed << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as u8
}

/// `length` bytes of a client's pattern from `start` on.
pub fn patterned(seed: u64, start: usize, length: usize) -> Vec<u8> {
    (start..start + length)
        .map(|position| pattern(seed, position))
        .collect()
}

/// Compares what came back at `start`.
pub fn compare(seed: u64, start: usize, bytes: &[u8]) {
    for (byte, position) in bytes.iter().zip(start..) {
        assert_eq!(
            *byte,
            pattern(seed, position),
            "client {seed}, byte {position}"
        );
    }
}

/// Sends `bytes` and waits until the same came back.
pub fn ping(stream: &mut (impl Read + Write), bytes: &[u8]) {
    stream.write_all(bytes).expect("echod reads");
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).expect("echod answers");
    assert_eq!(back, bytes);
}

/// Whether so many bytes have come back that nobody has read yet. That it waits is no reason to send a
/// client away.
pub fn answered(client: &TcpStream, length: usize) -> bool {
    client.set_nonblocking(true).unwrap();
    let peeked = client.peek(&mut vec![0; length]);
    client.set_nonblocking(false).unwrap();
    match peeked {
        Ok(count) => count == length,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("a client that waits was sent away: {error}"),
    }
}

/// Has closing the connection reset it.
pub fn reset_on_close(stream: &TcpStream) {
    set_socket_linger(stream, Some(Duration::ZERO)).expect("a socket");
}

/// Whether the other side has reset the connection, behind what it sent before.
pub fn is_reset(mut stream: TcpStream) -> bool {
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            true
        }
    }
}

/// How a client leaves.
#[derive(Clone, Copy, Debug)]
pub enum Leave {
    /// It ends its direction, reads to the end, and that must come right behind the last byte.
    HalfClose,
    /// It closes when everything has come back.
    Close,
    /// It resets the connection somewhere in the middle.
    Reset,
}

/// One client's life: `length` bytes in random pieces out and, at the same time, back.
pub fn session(address: SocketAddr, seed: u64, length: usize, leave: Leave) {
    let stream = connect(address);
    let mut random = StdRng::seed_from_u64(seed);
    // At most some 30,000 pieces: a piece costs a system call and a wake-up, however small.
    let most = (1 << random.random_range(0..17)).max(length >> 14);
    let mut piece = move |left: usize| random.random_range(1..=most).min(left);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = &stream;
            let mut sent = 0;
            while sent < length {
                let bytes = patterned(seed, sent, piece(length - sent));
                match writer.write_all(&bytes) {
                    Ok(()) => sent += bytes.len(),
                    Err(_) if matches!(leave, Leave::Reset) => return, // the reader is through
                    Err(error) => panic!("client {seed}, after {sent} bytes: {error}"),
                }
            }
            if let Leave::HalfClose = leave {
                stream.shutdown(Shutdown::Write).expect("it is connected");
            }
        });
        let wanted = if let Leave::Reset = leave {
            length / 2
        } else {
            length
        };
        let mut reader = &stream;
        let mut buffer = vec![0; 1 + seed as usize % 40_000];
        let mut got = 0;
        while got < wanted {
            let room = buffer.len().min(wanted - got);
            match reader.read(&mut buffer[..room]) {
                Ok(0) => panic!("client {seed}: the end, after {got} bytes of {length}"),
                Ok(count) => {
                    compare(seed, got, &buffer[..count]);
                    got += count;
                }
                Err(error) => panic!("client {seed}, after {got} bytes of {length}: {error}"),
            }
        }
        match leave {
            Leave::HalfClose => {
                let more = reader.read(&mut buffer).expect("the end");
                assert_eq!(more, 0, "client {seed}: more than it sent");
            }
            Leave::Close => {}
            Leave::Reset => {
                reset_on_close(&stream);
                // The writer may wait for room, which there will never be.
                stream.shutdown(Shutdown::Both).expect("it is connected");
            }
        }
    });
}

/// A client that sends until neither the kernel nor echod takes more, and reads nothing.
pub struct Blocked {
    seed: u64,
    stream: TcpStream,
    sent: usize,
}

impl Blocked {
    pub fn new(address: SocketAddr, seed: u64) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        // Of the kernel's buffers, too, each would take some MB: they are made for a few of
        // loopback's large segments, and grow with what fits into the client's own.
        socket.set_tcp_mss(536).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        socket.connect(&address.into()).expect("echod accepts");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            seed,
            stream,
            sent: 0,
        }
    }

    /// Sends until nothing is taken for a while.
    pub fn fill(&mut self) {
        self.stream
            .set_write_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        loop {
            let bytes = patterned(self.seed, self.sent, 64 * 1024);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                match self.stream.write(rest) {
                    Ok(count) => rest = &rest[count..],
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        self.sent += bytes.len() - rest.len();
                        return;
                    }
                    Err(error) => panic!("client {}: {error}", self.seed),
                }
            }
            self.sent += bytes.len();
        }
    }

    pub fn sent(&self) -> usize {
        self.sent
    }

    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Ends its direction and reads: everything comes back, then the end.
    pub fn finish(mut self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("it is connected");
        let mut back = Vec::new();
        self.stream
            .read_to_end(&mut back)
            .expect("everything comes back");
        assert_eq!(back.len(), self.sent, "client {}", self.seed);
        compare(self.seed, 0, &back);
    }
}

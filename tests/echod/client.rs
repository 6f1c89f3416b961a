//! Clients for the tests of echo servers. Each sends its own pattern and compares every byte that comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustix::net::sockopt::set_socket_linger;
use socket2::{Domain, Socket, Type};

/// The time limit of one operation: an operation that takes longer fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("echod accepts");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The byte that client `seed` sends at `position`. Bytes of nearby positions and of different clients differ.
pub fn pattern(seed: u64, position: usize) -> u8 {
    let mixed = (position as u64 ^ seed << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as u8
}

/// `length` bytes of a client's pattern, starting at `start`.
pub fn patterned(seed: u64, start: usize, length: usize) -> Vec<u8> {
    (start..start + length)
        .map(|position| pattern(seed, position))
        .collect()
}

/// Compares received bytes with the pattern from `start` on.
pub fn compare(seed: u64, start: usize, bytes: &[u8]) {
    for (byte, position) in bytes.iter().zip(start..) {
        assert_eq!(
            *byte,
            pattern(seed, position),
            "client {seed}, byte {position}"
        );
    }
}

/// Reads once, also if a signal interrupts the call: if a socket has a time limit, even the stop and the continuation of
/// this process do so (signal(7)).
pub fn read(mut stream: impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Sends `bytes` and waits until they have come back.
pub fn ping(stream: &mut (impl Read + Write), bytes: &[u8]) {
    stream.write_all(bytes).expect("echod reads");
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).expect("echod answers");
    assert_eq!(back, bytes);
}

/// Whether `length` bytes have come back, without reading them. Fails if the server has closed the connection: a
/// waiting client must stay connected.
pub fn answered(client: &TcpStream, length: usize) -> bool {
    client.set_nonblocking(true).unwrap();
    let peeked = client.peek(&mut vec![0; length]);
    client.set_nonblocking(false).unwrap();
    match peeked {
        Ok(count) => count == length,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("a waiting client was disconnected: {error}"),
    }
}

/// Makes the close of this socket reset the connection.
pub fn reset_on_close(stream: &TcpStream) {
    set_socket_linger(stream, Some(Duration::ZERO)).expect("a socket");
}

/// Whether the peer has reset the connection, after the bytes that it sent before.
pub fn is_reset(mut stream: TcpStream) -> bool {
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            true
        }
    }
}

/// How a client ends its connection.
#[derive(Clone, Copy, Debug)]
pub enum Leave {
    /// It closes its sending direction and reads to EOF, which must follow immediately after the last byte.
    HalfClose,
    /// It closes when all bytes have come back.
    Close,
    /// It resets the connection somewhere in the middle.
    Reset,
}

/// Runs one client: it sends `length` bytes in random pieces and reads them back at the same time.
pub fn session(address: SocketAddr, seed: u64, length: usize, leave: Leave) {
    let stream = connect(address);
    let mut random = SmallRng::seed_from_u64(seed);
    // At most about 30,000 pieces: each piece costs a system call and a wake-up, however small it is.
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
                    Err(_) if matches!(leave, Leave::Reset) => return, // the reader has reset the connection
                    Err(error) => panic!("client {seed}, after {sent} bytes: {error}"),
                }
            }
            if let Leave::HalfClose = leave {
                stream
                    .shutdown(Shutdown::Write)
                    .expect("the socket is connected");
            }
        });
        let wanted = if let Leave::Reset = leave {
            length / 2
        } else {
            length
        };
        let reader = &stream;
        let mut buffer = vec![0; 1 + seed as usize % 40_000];
        let mut got = 0;
        while got < wanted {
            let room = buffer.len().min(wanted - got);
            match read(reader, &mut buffer[..room]) {
                Ok(0) => panic!("client {seed}: EOF after {got} of {length} bytes"),
                Ok(count) => {
                    compare(seed, got, &buffer[..count]);
                    got += count;
                }
                Err(error) => panic!("client {seed}, after {got} of {length} bytes: {error}"),
            }
        }
        match leave {
            Leave::HalfClose => {
                let more = read(reader, &mut buffer).expect("EOF");
                assert_eq!(more, 0, "client {seed}: more bytes than it sent");
            }
            Leave::Close => {}
            Leave::Reset => {
                reset_on_close(&stream);
                // The writer may wait for buffer space that will never become free.
                stream
                    .shutdown(Shutdown::Both)
                    .expect("the socket is connected");
            }
        }
    });
}

/// A client that reads nothing, and sends until neither the kernel nor echod accepts more.
pub struct Blocked {
    seed: u64,
    stream: TcpStream,
    sent: usize,
}

impl Blocked {
    pub fn new(address: SocketAddr, seed: u64) -> Self {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        // Keeps the kernel's buffers small; otherwise each would take some MB. They are sized for a few of loopback's
        // large segments, and grow with the client's own buffers.
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

    /// Sends until no bytes are accepted for a while.
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

    /// Closes the sending direction and reads: all bytes come back, then EOF.
    pub fn finish(mut self) {
        self.stream
            .shutdown(Shutdown::Write)
            .expect("the socket is connected");
        let mut back = Vec::new();
        self.stream
            .read_to_end(&mut back)
            .expect("all bytes come back");
        assert_eq!(back.len(), self.sent, "client {}", self.seed);
        compare(self.seed, 0, &back);
    }
}

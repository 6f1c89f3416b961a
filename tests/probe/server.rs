//! Servers for the tests of `probe`: each sends what the test says.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A server. It serves its clients one after the other in a thread, which ends with the tests' process.
pub struct Server {
    pub address: SocketAddr,
    requests: Receiver<(Instant, Vec<u8>)>,
}

impl Server {
    /// A server that calls `serve` for each client. The function returns what the client has sent.
    pub fn new(serve: impl Fn(&mut TcpStream) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::on(listener, serve)
    }

    /// The same with a listener that exists.
    pub fn on(
        listener: TcpListener,
        serve: impl Fn(&mut TcpStream) -> Vec<u8> + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            while let Ok((mut client, _)) = listener.accept() {
                let moment = Instant::now();
                let request = serve(&mut client);
                if sender.send((moment, request)).is_err() {
                    return; // the test has ended
                }
            }
        });
        Self { address, requests }
    }

    /// A server that reads a request up to `end`, sends `answer`, and reads to the end of the connection.
    pub fn answering(end: &'static [u8], answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::answering_on(listener, end, answer)
    }

    /// The same with a listener that exists.
    pub fn answering_on(
        listener: TcpListener,
        end: &'static [u8],
        answer: impl Into<Vec<u8>>,
    ) -> Self {
        let answer = answer.into();
        Self::on(listener, move |client| {
            let request = read_until(client, end);
            // The client may have closed the connection already.
            let _ = client.write_all(&answer);
            let _ = client.shutdown(Shutdown::Write);
            let _ = client.read_to_end(&mut Vec::new());
            request
        })
    }

    /// The same, but the answer comes byte by byte.
    pub fn dripping(end: &'static [u8], answer: impl Into<Vec<u8>>, pause: Duration) -> Self {
        let answer = answer.into();
        Self::new(move |client| {
            client.set_nodelay(true).unwrap();
            let request = read_until(client, end);
            for byte in &answer {
                if client.write_all(&[*byte]).is_err() {
                    break;
                }
                std::thread::sleep(pause);
            }
            request
        })
    }

    /// A server that accepts, reads, and sends nothing.
    pub fn silent() -> Self {
        Self::new(|client| {
            let mut request = Vec::new();
            let _ = client.read_to_end(&mut request);
            request
        })
    }

    /// A server that sends `head`, and then `part` for as long as the client takes it, but at most a gigabyte.
    pub fn flooding(head: &'static [u8], part: &'static [u8]) -> Self {
        Self::new(move |client| {
            let block = part.repeat(65536 / part.len());
            let mut sent = 0;
            let _ = client.write_all(head);
            while sent < 1 << 30 && client.write_all(&block).is_ok() {
                sent += block.len();
            }
            Vec::new()
        })
    }

    /// What the next client sent, and when it was accepted.
    pub fn request(&self) -> (Instant, Vec<u8>) {
        self.requests
            .recv_timeout(Duration::from_secs(60))
            .expect("a client has come")
    }

    /// What the next client sent, as a text.
    pub fn text(&self) -> String {
        String::from_utf8(self.request().1).unwrap()
    }
}

/// Reads up to `end`, or to the end of the connection.
fn read_until(client: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(end) && matches!(client.read(&mut byte), Ok(1)) {
        request.push(byte[0]);
    }
    request
}

/// An address at which nobody listens.
pub fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

//! Echo servers for the tests of echoc; some of them misbehave.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::echod::client::reset_on_close;

/// Serves `clients` connections, each by `serve` in a separate thread. Returns the address and the serving thread.
pub fn start(
    clients: usize,
    serve: impl Fn(TcpStream) + Clone + Send + 'static,
) -> (SocketAddr, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let threads: Vec<_> = (0..clients)
            .map(|_| {
                let (client, _) = listener.accept().unwrap();
                let serve = serve.clone();
                std::thread::spawn(move || serve(client))
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("the thread has served its client"));
    });
    (address, serving)
}

/// Echoes all bytes of a client. `alter` may change each piece before it is sent back; it also receives the position of
/// the piece in the stream. Returns when the client has ended or `alter` returns false.
pub fn echo(mut client: TcpStream, mut alter: impl FnMut(usize, &mut Vec<u8>) -> bool) {
    let mut position = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match client.read(&mut buffer) {
            Ok(count) => count,
            Err(_) => return, // the client found an error, and reset the connection
        };
        let mut bytes = buffer[..count].to_vec();
        let go_on = alter(position, &mut bytes);
        if client.write_all(&bytes).is_err() || count == 0 || !go_on {
            return;
        }
        position += count;
    }
}

/// A server that echoes. The returned function returns the number of echoed bytes.
pub fn counting(clients: usize) -> (SocketAddr, impl FnOnce() -> u64) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    let (address, serving) = start(clients, move |client| {
        echo(client, |_, bytes| {
            counted.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            true
        });
    });
    (address, move || {
        serving.join().expect("the server has served all clients");
        count.load(Ordering::Relaxed)
    })
}

/// Delays the echo of each piece.
pub fn slow(client: TcpStream, delay: Duration) {
    echo(client, |_, _| {
        std::thread::sleep(delay);
        true
    });
}

/// Resets the connection after `count` bytes were received.
pub fn reset(mut client: TcpStream, count: usize) {
    client
        .read_exact(&mut vec![0; count])
        .expect("the client sends that many bytes");
    reset_on_close(&client);
}

//! Servers that echo, well or not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::echod::client::reset_on_close;

/// Serves so many clients, each by `serve` in a thread of its own, and says where.
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
            .for_each(|thread| thread.join().expect("it served"));
    });
    (address, serving)
}

/// Sends back what comes, and between the two `alter` has it, with its position in the stream.
/// Ends with the client, or when `alter` says so.
pub fn echo(mut client: TcpStream, mut alter: impl FnMut(usize, &mut Vec<u8>) -> bool) {
    let mut position = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match client.read(&mut buffer) {
            Ok(count) => count,
            Err(_) => return, // it was not content, and left
        };
        let mut bytes = buffer[..count].to_vec();
        let go_on = alter(position, &mut bytes);
        if client.write_all(&bytes).is_err() || count == 0 || !go_on {
            return;
        }
        position += count;
    }
}

/// Echoes, and adds up what it echoed.
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
        serving.join().expect("all were served");
        count.load(Ordering::Relaxed)
    })
}

/// Echoes each piece only after a while.
pub fn slow(client: TcpStream, delay: Duration) {
    echo(client, |_, _| {
        std::thread::sleep(delay);
        true
    });
}

/// Resets the connection when `count` bytes have come.
pub fn reset(mut client: TcpStream, count: usize) {
    client.read_exact(&mut vec![0; count]).expect("so many");
    reset_on_close(&client);
}

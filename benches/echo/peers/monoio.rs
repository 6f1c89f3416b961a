//! `monoio ADDR PORT`: a TCP echo server that uses io_uring. It has a thread with a listener of its own for each CPU,
//! and a task for each connection.

use std::{env, io, net::SocketAddr, thread};

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let address: SocketAddr = arguments.join(":").parse().expect("ADDR PORT");
    let others = thread::available_parallelism()?.get() - 1;
    run(address, |address| {
        for _ in 0..others {
            thread::spawn(move || run(address, |_| ()).expect("as the first one"));
        }
        println!("listening on {address}");
    })
}

/// Serves on this thread. First calls `listening` with the address.
fn run(address: SocketAddr, listening: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let mut runtime = RuntimeBuilder::<IoUringDriver>::new().build()?;
    runtime.block_on(async {
        // `bind` sets SO_REUSEPORT, so that several threads can listen on one address.
        let listener = TcpListener::bind(address)?;
        listening(listener.local_addr()?);
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                monoio::spawn(echo(stream));
            }
        }
    })
}

/// Serves a client until EOF or an error.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        let (read, filled) = stream.read(buffer).await;
        if read? == 0 {
            return Ok(());
        }
        let (sent, emptied) = stream.write_all(filled).await;
        sent?;
        buffer = emptied;
        buffer.clear();
    }
}

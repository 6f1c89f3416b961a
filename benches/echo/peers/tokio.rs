//! `tokio ADDR PORT`: a TCP echo server with a task for each connection. On one CPU it uses the single-threaded
//! runtime, otherwise the multi-threaded one.

use std::{env, io, net::SocketAddr, thread};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let address: SocketAddr = arguments.join(":").parse().expect("ADDR PORT");
    let mut builder = match thread::available_parallelism()?.get() {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_io().build()?.block_on(serve(address))
}

async fn serve(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    }
}

/// Serves a client until EOF or an error.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        // `read_buf` appends to the buffer, without initializing it first.
        buffer.clear();
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        stream.write_all(&buffer).await?;
    }
}

//! Sends each client its own address: a template for a TCP server, with a thread for each connection.
//! (The guide, docs/guide.md, builds this program step by step.)

#![cfg_attr(not(test), no_std, no_main)]

use core::net::SocketAddr;

use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::{OwnedFd, STDOUT};
use ring3::net::{self, SOCK_CLOEXEC, SOCK_STREAM, sockopt};
use ring3::rt::Exit;
use ring3::signal::{self, SIGPIPE, SignalSet};
use ring3::text::Writer;
use ring3::{Errno, parts, thread};

ring3::program!("server", main);

fn main(start: Start) -> Result<(), Exit> {
    // With SIGPIPE blocked, a send to a client that has gone fails with EPIPE.
    signal::block(SignalSet::of(&[SIGPIPE])).or_fail(PROGRAM, "block", "SIGPIPE")?;
    let socket = listen(address(start)?)?;
    announce(&socket)?;
    loop {
        match net::accept(socket.as_fd(), SOCK_CLOEXEC) {
            // The thread ends by itself: its handle is not needed.
            Ok(client) => drop(thread::spawn(move || serve(client)).or_fail(PROGRAM, "start", "a thread")),
            // The client went away before its turn.
            Err(Errno::ECONNABORTED) => {}
            Err(errno) => return Err(PROGRAM.fail("accept", "a client", errno)),
        }
    }
}

/// The address in the first argument. The default is 127.0.0.1 and a port that the kernel chooses.
fn address(start: Start) -> Result<SocketAddr, Exit> {
    let Some(text) = start.args().nth(1) else {
        return Ok(SocketAddr::from(([127, 0, 0, 1], 0)));
    };
    net::address(text.to_bytes()).ok_or_else(|| {
        PROGRAM.say("usage: server [ADDRESS:PORT]");
        Exit(2)
    })
}

/// Creates a socket that listens at `address`.
fn listen(address: SocketAddr) -> Result<OwnedFd, Exit> {
    let socket = net::socket(address, SOCK_STREAM | SOCK_CLOEXEC).or_fail(PROGRAM, "socket", address)?;
    // Else the address may stay in use for a minute after the server's end.
    sockopt::set_reuse_address(socket.as_fd(), true).or_fail(PROGRAM, "setsockopt", address)?;
    net::bind(socket.as_fd(), address).or_fail(PROGRAM, "bind", address)?;
    net::listen(socket.as_fd(), 128).or_fail(PROGRAM, "listen", address)?;
    Ok(socket)
}

/// Prints the address at which `socket` listens.
fn announce(socket: &OwnedFd) -> Result<(), Exit> {
    let address = net::local_address(socket.as_fd()).or_fail(PROGRAM, "getsockname", "socket")?;
    let mut buffer = [0; 128];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(parts!("listening on ", address, "\n"));
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

/// Serves a client, and closes the connection.
fn serve(client: OwnedFd) {
    if let Err(errno) = answer(&client) {
        PROGRAM.fail("answer", "a client", errno);
    }
}

/// Sends a client its address.
fn answer(client: &OwnedFd) -> ring3::Result<()> {
    let address = net::peer_address(client.as_fd())?;
    let mut buffer = [0; 128];
    let mut out = Writer::new(client.as_fd(), &mut buffer);
    out.print(parts!(address, "\n"));
    out.flush()
}

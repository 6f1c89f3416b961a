//! `dns`: asks a name server for the IPv4 addresses of a name (RFC 1035, an A query over UDP), and prints them.
//!
//! ```sh
//! cargo run --example dns -- 9.9.9.9:53 www.kernel.org
//! ```
//!
//! The example asks one server. `ring3::net::resolve` asks those of `/etc/resolv.conf`, as most programs should.
//!
//! Everybody can send a UDP datagram with a false sender, so an answer counts only if it comes from the server's address
//! and port (the socket is connected), to our random port, with our random id and our question. Other datagrams are
//! ignored.
//!
//! Exit status: 0 if an address was printed, 1 if not, 2 after a usage error.

#![cfg_attr(not(test), no_std, no_main)]
#![forbid(unsafe_code)]

use core::net::SocketAddr;

use ring3::cli::{Argument, Duration, Number, Options, OrFail};
use ring3::env::Start;
use ring3::fd::{OwnedFd, STDOUT};
use ring3::net::dns::{Answer, Kind, Name, Query, Status};
use ring3::net::{self, SOCK_CLOEXEC, SOCK_DGRAM, sockopt};
use ring3::rt::Exit;
use ring3::text::{Print, Shown, Writer};
use ring3::time::{self, Deadline};
use ring3::{Errno, parts, random};

ring3::options! {
    "dns", "[OPTION]... ADDR:PORT NAME", "Ask the name server at ADDR:PORT for the IPv4 addresses of NAME.";

    /// Waits this long for the answer to each query.
    Timeout(Duration, TIMEOUT = "2s") "-t, --timeout=TIME" "wait this long for an answer";

    /// Sends the query up to this often, because a datagram can be lost.
    Tries(Number<1, 100>, TRIES = "3") "-n, --tries=N" "send up to N queries";

    operands: Argument::Text;
    example: "dns 9.9.9.9:53 www.kernel.org", "Print the addresses of www.kernel.org.";
}

ring3::program!(Given::NAME, main);

fn main(start: Start) -> Result<(), Exit> {
    let (mut timeout, mut tries, mut server, mut name) = (TIMEOUT, TRIES, None, None);
    let mut options = Options::new(start.args());
    while let Some(given) = options.next_arg()? {
        match given {
            Given::Timeout(span) => timeout = span,
            Given::Tries(number) => tries = number,
            Given::Operand(text) if server.is_none() => {
                server = Some(options.parser().address(text)?)
            }
            Given::Operand(text) if name.is_none() => name = Some(text.to_bytes()),
            Given::Operand(text) => return Err(options.unexpected(text)),
        }
    }
    let (Some(server), Some(text)) = (server, name) else {
        return Err(options.usage("expected ADDR:PORT and NAME"));
    };
    let name = Name::new(text)
        .ok_or_else(|| options.usage(parts!(Shown(text), " is not the name of a host")))?;

    let [high, low, ..] = random::bits()
        .or_fail(PROGRAM, "getrandom", "the id of the query")?
        .to_ne_bytes();
    let query = Query::new(u16::from_be_bytes([high, low]), &name, Kind::A);
    let mut buffer = [0; LONGEST];
    let answer = ask(server, &query, timeout, tries, &mut buffer)?;
    let trouble = |what: &dyn Print| {
        PROGRAM.say(parts!("query ", Shown(text), ": ", what));
        Err(Exit(1))
    };
    if answer.is_truncated() {
        return trouble(&"the answer is too long for UDP");
    }
    if answer.status() != Status::NOERROR {
        return trouble(&parts!("the server ", answer.status()));
    }
    let mut buffer = [0; 512];
    let mut out = Writer::new(STDOUT, &mut buffer);
    let count = answer
        .addresses(&mut |address| out.print(parts!(address, "\n")))
        .ok_or(Errno::EBADMSG)
        .or_fail(PROGRAM, "parse", parts!("the answer of ", server))?;
    out.flush().or_fail(PROGRAM, "write", "stdout")?;
    if count == 0 {
        return trouble(&"no IPv4 address");
    }
    Ok(())
}

/// The longest message over UDP without an extension of the protocol, in bytes.
const LONGEST: usize = 512;

/// Sends the query until there is an answer. `buffer` is for the answer.
fn ask<'a>(
    server: SocketAddr,
    query: &'a Query,
    timeout: u64,
    tries: u64,
    buffer: &'a mut [u8; LONGEST],
) -> Result<Answer<'a, 'a>, Exit> {
    let socket =
        net::socket(server, SOCK_DGRAM | SOCK_CLOEXEC).or_fail(PROGRAM, "socket", server)?;
    net::connect(socket.as_fd(), server).or_fail(PROGRAM, "connect", server)?;
    let mut length = Err(Errno::ETIMEDOUT);
    for _ in 0..tries {
        length = send(query, &socket, timeout, buffer);
        if !matches!(length, Err(Errno::ETIMEDOUT)) {
            break;
        }
    }
    let length = length.or_fail(PROGRAM, "query", server)?;
    let message = buffer.get(..length).unwrap_or_default();
    let answer = query.answer(message, length).ok_or(Errno::EBADMSG);
    answer.or_fail(PROGRAM, "query", server)
}

/// Sends the query, and receives the answer. Returns the answer's length.
///
/// # Errors
/// `ETIMEDOUT`: no answer came in time. `ECONNREFUSED` and other errors of the network.
fn send(query: &Query, socket: &OwnedFd, timeout: u64, buffer: &mut [u8]) -> ring3::Result<usize> {
    net::send(socket.as_fd(), query.as_bytes())?;
    let deadline = Deadline::after(timeout);
    loop {
        // A stranger may send datagrams all the time, so each wait is shorter than the one before.
        let left = deadline.left(time::monotonic);
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Errno::ETIMEDOUT);
        }
        sockopt::set_read_timeout(socket.as_fd(), left)?;
        match net::recv(socket.as_fd(), buffer) {
            Ok(length) => {
                let message = buffer.get(..length).unwrap_or_default();
                if query.answer(message, length).is_some() {
                    return Ok(length);
                }
            }
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
    }
}

//! `echod`: sends back what TCP clients send (RFC 862).
//!
//! This file reads the command line and opens the listeners; `server.rs` is the loop that waits and
//! decides, `connection.rs` one client's bytes on their way.

#![no_std]
#![no_main]

mod connection;
mod server;

use core::ffi::CStr;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;
use core::time::Duration;

use ring3::Errno;
use ring3::cli::{Arg, Options, OrFail};
use ring3::fd::{OwnedFd, STDOUT};
use ring3::io::Writer;
use ring3::net::{self, *};
use ring3::rt::{Exit, Start};
use ring3::shown::Shown;
use ring3::signal::{self, SIGINT, SIGPIPE, SIGTERM, SignalSet};
use ring3::table::Table;

use server::Server;

ring3::program!("echod", main);

const HELP: &str = "\
usage: echod [-l ADDR:PORT]... [--grace SECONDS]
Send back what TCP clients send (RFC 862).

  -l ADDR:PORT     listen there, 127.0.0.1:7 or [::1]:7; may be given again.
                   Port 0 lets the kernel choose. [::] is IPv6 alone.
                   Default: 127.0.0.1:7007, and [::1]:7007 where there is IPv6
  --grace SECONDS  how long connections may go on after SIGTERM or SIGINT
                   (default 10); a second signal ends them at once
  --help           print this
  --version        print the version

For each address it prints \"echod: listening on ADDR:PORT\" on standard output.
";

const DEFAULT_PORT: u16 = 7007;
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// How many clients may wait to be accepted, where `net.core.somaxconn` allows so many.
const BACKLOG: i32 = 4096;

fn main(start: Start) -> Result<(), Exit> {
    // What ends the server is heard in its loop, however early it comes. A reader of our output that
    // is gone makes an error of the write, and does not kill.
    let end = SignalSet::of(&[SIGTERM, SIGINT]);
    signal::block(end);
    signal::block(SignalSet::of(&[SIGPIPE]));

    let mut settings = Settings::of(start)?;
    let mut server = Server::new(end)?;
    if settings.addresses.iter_mut().next().is_some() {
        for &mut address in settings.addresses.iter_mut() {
            let fd = listener(address)
                .map_err(|(operation, errno)| PROGRAM.fail(operation, address, errno))?;
            server.add_listener(fd)?;
        }
    } else {
        listen_by_default(&mut server)?;
    }

    let mut out = Writer::<512>::new(STDOUT);
    for address in server.addresses() {
        ring3::println!(&mut out, "echod: listening on {}", address?);
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")?;

    server.run(settings.grace)
}

/// What the command line asks for.
struct Settings {
    addresses: Table<SocketAddr>,
    grace: Duration,
}

impl Settings {
    fn of(start: Start) -> Result<Self, Exit> {
        let mut settings = Self {
            // There are no more addresses than arguments.
            addresses: Table::new(start.args().len()).or_fail(PROGRAM, "mmap", "addresses")?,
            grace: DEFAULT_GRACE,
        };
        let mut options = Options::new(PROGRAM, HELP, start.args());
        for index in 0.. {
            match options.next_arg()? {
                None => break,
                Some(Arg::Short(b'l')) => {
                    let address = value(&mut options, "ADDR:PORT")?;
                    let _ = settings.addresses.insert(index, address);
                }
                Some(Arg::Long(b"grace")) => {
                    settings.grace =
                        Duration::from_secs(value(&mut options, "a number of seconds")?);
                }
                Some(Arg::Operand(operand)) => {
                    return Err(
                        options.usage(format_args!("unexpected {}", Shown(operand.to_bytes())))
                    );
                }
                Some(_) => return Err(options.unknown()),
            }
        }
        Ok(settings)
    }
}

/// The value of the option just read, which must be one of `what`.
fn value<T: FromStr>(options: &mut Options, what: &str) -> Result<T, Exit> {
    let text: &CStr = options.value()?;
    match text.to_str().ok().and_then(|text| text.parse().ok()) {
        Some(value) => Ok(value),
        None => Err(options.usage(format_args!("{} is not {what}", Shown(text.to_bytes())))),
    }
}

/// A socket that listens at `address`, or the operation that failed.
fn listener(address: SocketAddr) -> Result<OwnedFd, (&'static str, Errno)> {
    let kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    let fd = net::socket(address, kind).map_err(|errno| ("socket", errno))?;
    let set = |level, option| {
        net::set_option(fd.as_fd(), level, option, 1).map_err(|errno| ("setsockopt", errno))
    };
    set(SOL_SOCKET, SO_REUSEADDR)?;
    if address.is_ipv6() {
        // The address says what is served: [::] leaves IPv4 to 0.0.0.0, and both can be given,
        // whatever net.ipv6.bindv6only is.
        set(IPPROTO_IPV6, IPV6_V6ONLY)?;
    }
    // Connections have both from their listener. An echo is not held back for more to go with it,
    // and a byte sent out of band comes back in its place.
    set(IPPROTO_TCP, TCP_NODELAY)?;
    set(SOL_SOCKET, SO_OOBINLINE)?;
    net::bind(fd.as_fd(), address).map_err(|errno| ("bind", errno))?;
    net::listen(fd.as_fd(), BACKLOG).map_err(|errno| ("listen", errno))?;
    Ok(fd)
}

/// Listens on both loopback addresses, or on IPv4's where there is no IPv6.
fn listen_by_default(server: &mut Server) -> Result<(), Exit> {
    for address in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
        let address = SocketAddr::new(address, DEFAULT_PORT);
        match listener(address) {
            Ok(fd) => server.add_listener(fd)?,
            Err((operation, errno @ (Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL)))
                if address.is_ipv6() =>
            {
                PROGRAM.say(format_args!("{operation} {address}: {errno}; IPv4 alone"));
            }
            Err((operation, errno)) => return Err(PROGRAM.fail(operation, address, errno)),
        }
    }
    Ok(())
}

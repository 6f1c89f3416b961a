//! Opens the listening sockets, and hands them to the workers.
//!
//! For each TCP or UDP address, every worker has a socket of its own. If there is one worker for each CPU, the kernel
//! gives a connection or a datagram to the worker of the CPU on which the connection or the datagram arrives. Otherwise
//! the kernel distributes them by a hash. A Unix socket, and a socket from a service manager, is shared by all workers;
//! the kernel wakes one idle worker for each event on it.

use core::ffi::CStr;
use core::net::SocketAddr;

use ring3::Errno;
use ring3::bytes;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::fs::{self, AT_SYMLINK_NOFOLLOW, CWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, S_IFSOCK};
use ring3::net::unix::{self, Address};
use ring3::net::{self, *};
use ring3::thread::Cpus;

use crate::settings::Settings;
use crate::shared::Failed;
use crate::worker::{Kind, Listener, Worker};

/// How many ports chosen by the kernel are tried until one is free for both TCP and UDP.
const PORTS: usize = 16;

/// Opens a socket for each worker at `address`, and returns the address with the port, which the kernel may have
/// chosen. With `cpus`, the Nth worker receives the connections and datagrams that arrive on the Nth of these CPUs.
#[inline(never)]
pub fn at_address(
    address: SocketAddr,
    settings: &Settings,
    workers: &mut [Worker<'_>],
    cpus: Option<&Cpus>,
) -> Result<SocketAddr, Failed> {
    let mut ports = 1;
    loop {
        let port = open(Some(settings.backlog), address, workers, cpus)?;
        if !settings.datagrams {
            return Ok(port);
        }
        match open(None, port, workers, cpus) {
            Err((_, Errno::EADDRINUSE)) if address.port() == 0 && ports < PORTS => ports += 1,
            result => return result,
        }
        workers.iter_mut().for_each(Worker::drop_last_listener);
    }
}

/// Opens a socket for each worker at `address`: TCP sockets if there is a `backlog`, otherwise UDP sockets. Returns the
/// address with the port.
fn open(
    backlog: Option<i32>,
    mut address: SocketAddr,
    workers: &mut [Worker<'_>],
    cpus: Option<&Cpus>,
) -> Result<SocketAddr, Failed> {
    let (kind, bind) = match backlog {
        Some(_) => (SOCK_STREAM, "bind"),
        None => (SOCK_DGRAM, "bind udp"),
    };
    let shared = workers.len() > 1;
    for (number, worker) in workers.iter_mut().enumerate() {
        let fd = socket(address, kind)?;
        let share = || option(fd.as_fd(), SOL_SOCKET, SO_REUSEPORT);
        // The first socket is bound without SO_REUSEPORT, so that bind fails if another process uses the address.
        if number != 0 {
            share()?;
        }
        net::bind(fd.as_fd(), address).map_err(|errno| (bind, errno))?;
        if number == 0 && shared {
            share()?;
        }
        if let Some(backlog) = backlog {
            net::listen(fd.as_fd(), backlog).map_err(|errno| ("listen", errno))?;
        }
        if number == 0 {
            address = net::local_address(fd.as_fd()).map_err(|errno| ("getsockname", errno))?;
        }
        // The program is attached to the group of sockets that share the address. The second socket is the first for
        // which the group exists in any case: a TCP group exists from the first socket on, a UDP group from the second.
        if let (1, Some(cpus)) = (number, cpus) {
            steer(fd.as_fd(), cpus);
        }
        let kind = match backlog {
            Some(_) => Kind::Stream,
            None => Kind::Datagram(address.port()),
        };
        worker.add_listener(Listener { fd, kind })?;
    }
    Ok(address)
}

/// Creates a non-blocking socket with all options for an echo server.
fn socket(address: SocketAddr, kind: Sock) -> Result<OwnedFd, Failed> {
    let fd = net::socket(address, kind | SOCK_NONBLOCK | SOCK_CLOEXEC);
    let fd = fd.map_err(|errno| ("socket", errno))?;
    if address.is_ipv6() {
        // [::] then means IPv6 only, whatever net.ipv6.bindv6only is, and 0.0.0.0 can be used beside it.
        option(fd.as_fd(), IPPROTO_IPV6, IPV6_V6ONLY)?;
    }
    if kind == SOCK_STREAM {
        // Not for UDP: there, this option would let another UDP server use the same address.
        option(fd.as_fd(), SOL_SOCKET, SO_REUSEADDR)?;
    }
    for_echo(fd.as_fd(), address, kind)?;
    Ok(fd)
}

/// Sets the options of a listening TCP socket or a connection: accepted connections inherit them. A UDP socket reports
/// from now on the destination address of each datagram.
fn for_echo(fd: BorrowedFd<'_>, address: SocketAddr, kind: Sock) -> Result<(), Failed> {
    if kind == SOCK_DGRAM {
        return net::report_destination(fd, address).map_err(|errno| ("setsockopt", errno));
    }
    // TCP_NODELAY: the kernel sends an echo at once, and does not wait for more bytes. SO_OOBINLINE: a byte that was
    // sent out of band comes back at its place in the stream.
    option(fd, IPPROTO_TCP, TCP_NODELAY)?;
    option(fd, SOL_SOCKET, SO_OOBINLINE)
}

fn option(fd: BorrowedFd<'_>, level: i32, option: i32) -> Result<(), Failed> {
    net::set_option(fd, level, option, 1).map_err(|errno| ("setsockopt", errno))
}

/// Listens on a Unix socket, shared by all workers.
#[inline(never)]
pub fn at_path(path: &CStr, backlog: i32, workers: &mut [Worker<'_>]) -> Result<(), Failed> {
    let kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    let address = Address::new(path).map_err(|errno| ("bind", errno))?;
    let fd = unix::socket(kind).map_err(|errno| ("socket", errno))?;
    // This process holds the lock until it listens. Between `bind` and `listen`, another echod that starts would find
    // this socket without a listener, take the socket for abandoned, and replace the socket.
    let directory = address
        .is_path()
        .then(|| lock_directory(path))
        .transpose()?;
    match unix::bind(fd.as_fd(), &address) {
        Err(Errno::EADDRINUSE) if address.is_path() && is_left(path, &address) => {
            fs::unlink(CWD, path).map_err(|errno| ("unlink", errno))?;
            unix::bind(fd.as_fd(), &address)
        }
        bound => bound,
    }
    .map_err(|errno| ("bind", errno))?;
    net::listen(fd.as_fd(), backlog).map_err(|errno| ("listen", errno))?;
    drop(directory);
    share(fd.as_fd(), Kind::Stream, workers)
}

/// Locks the directory of the path (flock(2)). The lock is held until the descriptor is closed.
fn lock_directory(path: &CStr) -> Result<OwnedFd, Failed> {
    let mut text = [0; size_of::<SockaddrUn>()]; // an address has room for the path
    let bytes = path.to_bytes();
    let slash = bytes.iter().rposition(|&byte| byte == b'/');
    let name = match slash.and_then(|slash| bytes.get(..=slash)) {
        Some(directory) => {
            for (to, from) in text.iter_mut().zip(directory) {
                *to = *from;
            }
            bytes::until_zero(&text) // shorter than `text`, so a zero follows it
        }
        None => c".",
    };
    let directory = fs::open(CWD, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    let directory = directory.map_err(|errno| ("open", errno))?;
    fs::lock(directory.as_fd()).map_err(|errno| ("flock", errno))?;
    Ok(directory)
}

/// Whether the path is a socket on which no process listens.
fn is_left(path: &CStr, address: &Address) -> bool {
    let kind = fs::kind_at(CWD, path, AT_SYMLINK_NOFOLLOW);
    let probe = || {
        let fd = unix::socket(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)?;
        unix::connect(fd.as_fd(), address)
    };
    kind == Ok(S_IFSOCK) && probe() == Err(Errno::ECONNREFUSED)
}

/// Takes over a socket that a service manager opened. All workers serve a listening stream socket or a UDP socket; the
/// first worker serves a connection that was accepted already. Returns false for such a connection.
///
/// # Errors
/// `ESOCKTNOSUPPORT`: any other kind of socket. A Unix socket that keeps message boundaries cannot be served: a message
/// can be longer than the buffer, and an empty message is not EOF.
#[inline(never)]
pub fn take_over(fd: OwnedFd, workers: &mut [Worker<'_>]) -> Result<bool, Failed> {
    let socket = fd.as_fd();
    let get =
        |option| net::get_option(socket, SOL_SOCKET, option).map_err(|errno| ("getsockopt", errno));
    let sock = Sock::from_bits(get(SO_TYPE)? as u32);
    let address = net::local_address(socket);
    let kind = match address {
        Ok(address) if sock == SOCK_STREAM => {
            for_echo(socket, address, sock)?;
            Kind::Stream
        }
        Ok(address) if sock == SOCK_DGRAM => {
            for_echo(socket, address, sock)?;
            Kind::Datagram(address.port())
        }
        Err(Errno::EAFNOSUPPORT) if sock == SOCK_STREAM => Kind::Stream, // a Unix socket
        _ => return Err(("serve", Errno::ESOCKTNOSUPPORT)),
    };
    socket.set_nonblocking().map_err(|errno| ("fcntl", errno))?;
    if kind == Kind::Stream && get(SO_ACCEPTCONN)? == 0 {
        if let Some(first) = workers.first_mut() {
            first.add_client(fd)?;
        }
        return Ok(false);
    }
    share(socket, kind, workers)?;
    Ok(true)
}

/// Gives every worker a duplicate of one socket.
fn share(fd: BorrowedFd<'_>, kind: Kind, workers: &mut [Worker<'_>]) -> Result<(), Failed> {
    for worker in workers.iter_mut() {
        let fd = fd.duplicate().map_err(|errno| ("fcntl", errno))?;
        worker.add_listener(Listener { fd, kind })?;
    }
    Ok(())
}

/// Attaches a BPF program to a group of sockets that share an address. For each connection or datagram, the program
/// chooses the socket of the worker that is pinned to the CPU of the arrival. `listener` is any socket of the group.
/// The Nth socket of the group must belong to the worker on the Nth of `cpus`.
///
/// If the kernel refuses the program, it distributes connections and datagrams by a hash. This is slower, and loses
/// nothing.
pub fn steer(listener: BorrowedFd<'_>, cpus: &Cpus) {
    /// The most CPUs for which the program has room. Arrivals on further CPUs are distributed by the hash.
    const MOST: usize = 512;
    let mut program = [SockFilter::ZERO; 2 * MOST + 2];
    let mut length = 0;
    let mut add = |code, k, jf| {
        if let Some(place) = program.get_mut(length) {
            *place = SockFilter { code, jt: 0, jf, k };
            length += 1;
        }
    };
    add(
        BPF_LD | BPF_W | BPF_ABS,
        (SKF_AD_OFF + SKF_AD_CPU) as u32,
        0,
    );
    for (worker, cpu) in (0..).zip(cpus.iter()).take(MOST) {
        add(BPF_JMP | BPF_JEQ | BPF_K, cpu, 1);
        add(BPF_RET | BPF_K, worker, 0);
    }
    add(BPF_RET | BPF_K, u32::MAX, 0); // another CPU: an index out of range makes the kernel use the hash
    let _ = net::attach_reuseport_filter(listener, program.get(..length).unwrap_or_default());
}

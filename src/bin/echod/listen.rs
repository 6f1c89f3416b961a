//! The sockets that listen: at each address one for every worker, and the kernel takes a new connection, and
//! a datagram, to the worker whose CPU it arrives on.

use core::net::SocketAddr;

use ring3::Errno;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::net::{self, *};
use ring3::slab::Slab;
use ring3::thread::Cpus;

use crate::settings::Settings;
use crate::shared::Failed;
use crate::worker::{Listener, Worker};

/// How many ports of the kernel's choice are tried until one is free in UDP as in TCP.
const PORTS: usize = 16;

/// Has each worker listen at `address`, and says which that is where the kernel chose the port. With
/// `cpus` the Nth worker takes the connections and datagrams that arrive on the Nth of them.
pub fn listen(
    address: SocketAddr,
    settings: &Settings,
    workers: &mut Slab<Worker<'_>>,
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
        workers
            .iter_mut()
            .for_each(|(_, worker)| worker.drop_last_listener());
    }
}

/// The same, of TCP with this backlog; or of UDP, which has none.
fn open(
    backlog: Option<i32>,
    mut address: SocketAddr,
    workers: &mut Slab<Worker<'_>>,
    cpus: Option<&Cpus>,
) -> Result<SocketAddr, Failed> {
    let (kind, bind) = match backlog {
        Some(_) => (SOCK_STREAM, "bind"),
        None => (SOCK_DGRAM, "bind udp"),
    };
    let shared = workers.len() > 1;
    for (number, worker) in workers.iter_mut() {
        let fd = socket(address, kind)?;
        let share = || option(fd.as_fd(), SOL_SOCKET, SO_REUSEPORT);
        // The first finds out whether somebody else is there: who shares an address does not.
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
        // With the second one of UDP they share; of TCP, with the first.
        if let (1, Some(cpus)) = (number, cpus) {
            steer(fd.as_fd(), cpus);
        }
        let port = backlog.map_or(address.port(), |_| 0);
        worker.add_listener(Listener { fd, port })?;
    }
    Ok(address)
}

/// A socket whose connections are as they should be: of TCP, or of UDP, which says of each datagram where it
/// was sent to.
fn socket(address: SocketAddr, kind: Sock) -> Result<OwnedFd, Failed> {
    // The first of these lets another server of UDP have the address as well. Connections have the others from
    // their listener: an echo is not held back for more to go with it, and a byte sent out of band comes back
    // in its place.
    const STREAM: &[(i32, i32)] = &[
        (SOL_SOCKET, SO_REUSEADDR),
        (IPPROTO_TCP, TCP_NODELAY),
        (SOL_SOCKET, SO_OOBINLINE),
    ];
    let fd = net::socket(address, kind | SOCK_NONBLOCK | SOCK_CLOEXEC);
    let fd = fd.map_err(|errno| ("socket", errno))?;
    if address.is_ipv6() {
        // The address says what is served: [::] leaves IPv4 to 0.0.0.0, and both can be given,
        // whatever net.ipv6.bindv6only is.
        option(fd.as_fd(), IPPROTO_IPV6, IPV6_V6ONLY)?;
    }
    if kind == SOCK_STREAM {
        for &(level, name) in STREAM {
            option(fd.as_fd(), level, name)?;
        }
    } else {
        net::tell_asked(fd.as_fd(), address).map_err(|errno| ("setsockopt", errno))?;
    }
    Ok(fd)
}

fn option(fd: BorrowedFd<'_>, level: i32, option: i32) -> Result<(), Failed> {
    net::set_option(fd, level, option, 1).map_err(|errno| ("setsockopt", errno))
}

/// Has connections or datagrams go to the worker that is pinned to the CPU they arrive on. The worker of the
/// Nth of `cpus` is the Nth to listen at the address, and `listener` one of theirs.
///
/// Where the kernel refuses, it deals them out by a hash: slower, and nothing is lost.
pub fn steer(listener: BorrowedFd<'_>, cpus: &Cpus) {
    /// So many CPUs fit; a machine with more is left to the hash.
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
    add(BPF_RET | BPF_K, u32::MAX, 0); // no worker's: the hash
    let _ = net::choose_by(listener, program.get(..length).unwrap_or_default());
}

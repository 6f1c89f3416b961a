//! The sockets that listen: at each address one for every worker, and the kernel takes a new connection
//! to the worker whose CPU it arrives on.

use core::net::SocketAddr;

use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::net::{self, *};
use ring3::slab::Slab;
use ring3::thread::Cpus;

use crate::shared::Failed;
use crate::worker::Worker;

/// Has each worker listen at `address`, and says which that is where the kernel chose the port. With
/// `cpus` the Nth worker takes the connections that arrive on the Nth of them.
pub fn listen(
    mut address: SocketAddr,
    backlog: i32,
    workers: &mut Slab<Worker<'_>>,
    cpus: Option<&Cpus>,
) -> Result<SocketAddr, Failed> {
    let shared = workers.len() > 1;
    for (number, worker) in workers.iter_mut() {
        let fd = socket(address)?;
        let share = || option(fd.as_fd(), SOL_SOCKET, SO_REUSEPORT);
        // The first finds out whether somebody else is there: who shares an address does not.
        if number != 0 {
            share()?;
        }
        net::bind(fd.as_fd(), address).map_err(|errno| ("bind", errno))?;
        if number == 0 && shared {
            share()?;
        }
        net::listen(fd.as_fd(), backlog).map_err(|errno| ("listen", errno))?;
        if number == 0 {
            address = net::local_address(fd.as_fd()).map_err(|errno| ("getsockname", errno))?;
            if let Some(cpus) = cpus {
                steer(fd.as_fd(), cpus);
            }
        }
        worker.add_listener(fd)?;
    }
    Ok(address)
}

/// A socket whose connections are as they should be.
fn socket(address: SocketAddr) -> Result<OwnedFd, Failed> {
    let kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    let fd = net::socket(address, kind).map_err(|errno| ("socket", errno))?;
    option(fd.as_fd(), SOL_SOCKET, SO_REUSEADDR)?;
    if address.is_ipv6() {
        // The address says what is served: [::] leaves IPv4 to 0.0.0.0, and both can be given,
        // whatever net.ipv6.bindv6only is.
        option(fd.as_fd(), IPPROTO_IPV6, IPV6_V6ONLY)?;
    }
    // Connections have both from their listener. An echo is not held back for more to go with it,
    // and a byte sent out of band comes back in its place.
    option(fd.as_fd(), IPPROTO_TCP, TCP_NODELAY)?;
    option(fd.as_fd(), SOL_SOCKET, SO_OOBINLINE)?;
    Ok(fd)
}

fn option(fd: BorrowedFd<'_>, level: i32, option: i32) -> Result<(), Failed> {
    net::set_option(fd, level, option, 1).map_err(|errno| ("setsockopt", errno))
}

/// Has connections go to the worker that is pinned to the CPU they arrive on. The worker of the Nth of
/// `cpus` is the Nth to listen at the address, and `listener` one of theirs.
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

//! UDP: sends each datagram back to its source address, unless two servers could then answer each other for ever.

use ring3::fd::BorrowedFd;
use ring3::net::{Batch, Sent};
use ring3::{Errno, Result};

/// How many datagrams are received in one batch, and answered before other sockets are served. A batch of small
/// datagrams takes about 100 us. A batch of the longest datagrams takes 4 MiB of memory.
pub const BATCH: usize = 64;

/// The lowest source port that gets an answer. Services use the ports below, and some of them answer every datagram.
/// Two such services would answer each other for ever, after one datagram with a forged source address.
const CLIENTS: u16 = 1024;

/// Sends back the datagrams that a socket has received, at most one batch, and returns how many were sent.
///
/// Some datagrams are not answered:
///
/// - Datagrams from a service: from a port below 1024, or from a port that this server serves too (`is_own`), because
///   the sender may be this or another echod.
/// - Broadcast and multicast datagrams. Every worker receives them, and so do other machines. All would answer, and so
///   flood the source address, which can be forged.
///
/// # Errors
/// `ENOMEM`, `ENOBUFS`: nothing can be received. An empty queue is not an error.
pub fn echo(
    socket: BorrowedFd<'_>,
    batch: &mut Batch,
    is_own: impl Fn(u16) -> bool,
) -> Result<Sent> {
    match batch.receive(socket) {
        Ok(_) | Err(Errno::EAGAIN) => Ok(batch.send_back(socket, |datagram| {
            let port = datagram.source.port();
            port >= CLIENTS && !is_own(port) && !datagram.is_multicast_or_broadcast
        })),
        Err(errno) => Err(errno),
    }
}

//! UDP: each datagram back to where it came from, unless it could come back for ever.

use ring3::fd::BorrowedFd;
use ring3::net::{Batch, Sent};
use ring3::{Errno, Result};

/// How many datagrams are received at once, and answered before others have their turn. Small ones take
/// some 100 us; all of the longest, 4 MiB.
pub const BATCH: usize = 64;

/// A port from which clients ask is not below. There are services, of which some answer whatever comes: an
/// echo of an echo never ends, and one datagram with a forged source would begin it.
const CLIENTS: u16 = 1024;

/// Sends back what has come to a socket, up to a batch, and says how much that was.
///
/// Left without an answer is what a service sent, another echod at one of our ports included, and what was
/// sent to many: each worker has got that, and others have too, who would all answer one forged source.
///
/// # Errors
/// Nothing can be received: `ENOMEM`, `ENOBUFS`. That there is nothing is none.
pub fn echo(
    socket: BorrowedFd<'_>,
    batch: &mut Batch,
    is_own: impl Fn(u16) -> bool,
) -> Result<Sent> {
    match batch.receive(socket) {
        Ok(_) | Err(Errno::EAGAIN) => Ok(batch.send_back(socket, |datagram| {
            let port = datagram.source.port();
            port >= CLIENTS && !is_own(port) && !datagram.is_for_many
        })),
        Err(errno) => Err(errno),
    }
}

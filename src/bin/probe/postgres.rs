//! PostgreSQL: `SSLRequest`, which a server answers before it asks for a user (PostgreSQL's manual, "Message Flow",
//! "SSL Session Encryption"). A server that is still starting answers too, so the database may not yet be open.

use crate::failure::{Failure, Stopped, Words};
use crate::stream::Stream;

/// The length of the message and the code of the request, 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Asks whether the server speaks TLS. Both answers are right.
#[inline(never)]
pub fn ask(stream: &mut Stream<'_>) -> Result<(), Stopped> {
    stream.send(&SSL_REQUEST)?;
    match stream.byte()? {
        b'S' | b'N' => Ok(()),
        // The server could not start a process for the connection.
        b'E' => {
            let words = Words::new(stream.line(&mut [0; 80])?);
            Err(stream.stop(Failure::Words(words)))
        }
        _ => Err(stream.wrong("not an answer of PostgreSQL")),
    }
}

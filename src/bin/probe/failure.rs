//! Why an attempt failed, and how that is printed.

use ring3::Errno;
use ring3::bytes;
use ring3::parts;
use ring3::text::{Print, Shown, Writer};

/// The reason why a target did not answer.
pub enum Failure {
    /// A system call failed. A time limit is `ETIMEDOUT` of the call that waited.
    Call(&'static str, Errno),
    /// The name has no address.
    Name(ring3::net::resolve::Error),
    /// The answer breaks the rules of its protocol, or is a refusal.
    Answer(&'static str),
    /// A status of HTTP or of gRPC that is not the expected one.
    Status(&'static str, u64),
    /// The words of the server.
    Words(Words),
}

/// The beginning of a text from a server.
pub struct Words {
    text: [u8; 80],
    length: usize,
}

impl Words {
    pub fn new(text: &[u8]) -> Self {
        let mut words = Self {
            text: [0; 80],
            length: text.len().min(80),
        };
        bytes::copy(&mut words.text, text);
        words
    }
}

/// An exchange has stopped: its [`Stream`](crate::stream::Stream) has the failure. (As a result of every function, the
/// failure itself would be much code.)
pub struct Stopped;

impl Failure {
    /// The end of the connection came before the end of the answer.
    pub const CUT: Self = Self::Answer("the connection ended before the answer did");

    /// Converts the error of a call.
    pub fn of(call: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self::Call(call, errno)
    }
}

/// A target, and why it did not answer: `connect HOST:PORT: Connection refused (ECONNREFUSED)`.
pub struct Failed<'a>(pub &'a [u8], pub &'a Failure);

impl Print for Failed<'_> {
    fn print(&self, out: &mut Writer<'_>) {
        let Self(target, failure) = self;
        if let Failure::Call(call, _) = failure {
            out.print(parts!(*call, " "));
        }
        out.print(parts!(Shown(target), ": "));
        match failure {
            Failure::Call(_, errno) => out.print(errno),
            Failure::Name(error) => out.print(error),
            Failure::Answer(what) => out.print(*what),
            Failure::Status(what, status) => out.print(parts!(*what, *status)),
            Failure::Words(words) => {
                out.print(Shown(words.text.get(..words.length).unwrap_or_default()));
            }
        }
    }
}

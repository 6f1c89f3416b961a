//! Redis: `AUTH`, if the environment has a password, and `PING` (RESP).

use crate::failure::{Failure, Stopped, Words};
use crate::stream::Stream;

/// Asks for a `PONG`. Without `user`, the password is that of the user `default`.
#[inline(never)]
pub fn ask(stream: &mut Stream<'_>, user: &[u8], password: &[u8]) -> Result<(), Stopped> {
    if !password.is_empty() {
        match user {
            b"" => command(stream, &[b"AUTH", password])?,
            user => command(stream, &[b"AUTH", user, password])?,
        }
    }
    command(stream, &[b"PING"])?;
    stream.flush()?;
    if !password.is_empty() {
        answer(stream, b"+OK")?;
    }
    answer(stream, b"+PONG")
}

/// Puts a command into the buffer: an array of strings, each after its length.
fn command(stream: &mut Stream<'_>, words: &[&[u8]]) -> Result<(), Stopped> {
    length(stream, b'*', words.len())?;
    words.iter().try_for_each(|word| {
        length(stream, b'$', word.len())?;
        stream.put(word)?;
        stream.put(b"\r\n")
    })
}

/// Puts a length below 100,000 into the buffer, in decimal.
fn length(stream: &mut Stream<'_>, kind: u8, length: usize) -> Result<(), Stopped> {
    stream.put(&[kind])?;
    for unit in [10_000, 1000, 100, 10, 1] {
        if length >= unit || unit == 1 {
            let digits = length.checked_div(unit).unwrap_or_default();
            stream.put(&[b'0' + (digits % 10) as u8])?;
        }
    }
    stream.put(b"\r\n")
}

/// Compares the next line with the expected one.
fn answer(stream: &mut Stream<'_>, expected: &[u8]) -> Result<(), Stopped> {
    let mut room = [0; 80];
    match stream.line(&mut room)? {
        line if line == expected => Ok(()),
        [b'-', error @ ..] => Err(stream.stop(Failure::Words(Words::new(error)))),
        _ => Err(stream.wrong("not an answer of Redis")),
    }
}

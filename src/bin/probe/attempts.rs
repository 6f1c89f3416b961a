//! Tries a target until it answers, or until the time is over.

use ring3::fd::BorrowedFd;
use ring3::net::resolve::Error;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::Shown;
use ring3::time::{Deadline, SECOND, sleep_until};

use crate::connect::{connect, now};
use crate::failure::{Failed, Failure, Stopped};
use crate::stream::Stream;
use crate::target::{Protocol, Target};
use crate::{PROGRAM, Settings, grpc, http, postgres, redis};

/// The first pause between two attempts, 0.1 s, and the longest.
const PAUSES: (u64, u64) = (SECOND / 10, SECOND);

/// The shortest pause, 1 ms: without one, an attempt that fails at once would be repeated without end.
const SHORTEST: u64 = SECOND / 1000;

/// How long before the end of the wait an attempt begins at the latest, 0.1 s. Otherwise a service that became ready in
/// the last pause would be missed.
const LAST: u64 = SECOND / 10;

/// Tries the target, and prints why it does not answer. `text` is the target as the messages name it.
#[inline(never)]
pub fn make(settings: &Settings, text: &[u8], target: &Target<'_>) -> Result<(), Exit> {
    let end = settings.end;
    let (mut pause, longest) = match settings.interval {
        Some(pause) => (pause.max(SHORTEST), pause.max(SHORTEST)),
        None => PAUSES,
    };
    loop {
        let begin = now();
        let deadline = Deadline::from(begin, settings.timeout);
        let failure = match attempt(
            settings,
            target,
            deadline.min(end.unwrap_or(Deadline::NEVER)),
        ) {
            Ok(()) => {
                if settings.verbose {
                    let micros = (now() - begin) / 1000;
                    PROGRAM.say(parts!(Shown(text), ": answers, after ", micros, " us"));
                }
                return Ok(());
            }
            Err(failure) => failure,
        };
        let moment = now();
        let mut next = Deadline::from(moment, pause);
        if let Some(end) = end {
            let last = Deadline::from(end.as_nanoseconds().saturating_sub(LAST), 0);
            if !last.has_passed(moment) {
                next = next.min(last);
            }
        }
        // No time makes such a text a host.
        let is_final = matches!(failure, Failure::Name(Error::NotAName | Error::NoZone));
        let is_last = is_final || end.is_none_or(|end| end <= next);
        if settings.verbose || is_last && !settings.quiet {
            PROGRAM.say(Failed(text, &failure));
        }
        if is_last {
            return Err(Exit(1));
        }
        sleep_until(next);
        pause = (2 * pause).min(longest);
    }
}

/// Connects, and asks for an answer.
fn attempt(settings: &Settings, target: &Target<'_>, deadline: Deadline) -> Result<(), Failure> {
    let fd = connect(target.place, deadline)?;
    ask(settings, target, fd.as_fd(), deadline)
}

/// Asks for an answer. (Not inlined, so that the buffers of `connect` and of the stream take the same part of the
/// stack.)
#[inline(never)]
fn ask(
    settings: &Settings,
    target: &Target<'_>,
    fd: BorrowedFd<'_>,
    deadline: Deadline,
) -> Result<(), Failure> {
    let mut stream = Stream::new(fd, deadline);
    let asked = match target.protocol {
        Protocol::Connect => Ok(()),
        Protocol::Http => http::ask(&mut stream, &settings.request, target.host(), target.path),
        Protocol::Redis => redis::ask(&mut stream, target.user, settings.password),
        Protocol::Postgres => postgres::ask(&mut stream),
        Protocol::Grpc => {
            let service = target.path.strip_prefix(b"/").unwrap_or(target.path);
            grpc::ask(&mut stream, target.host(), service)
        }
    };
    asked.map_err(|Stopped| stream.failure)
}

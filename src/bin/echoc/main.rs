//! `echoc`: a load generator for TCP echo servers. It works in a closed loop: each connection sends the next message
//! when a reply arrives. It prints the rate and the latencies of the replies, and fails if a reply is wrong.
//!
//! This file reads the options. The parts:
//!
//! - `options.rs` is the table of options.
//! - `load.rs` is the event loop.
//! - `connection.rs` sends the messages of one connection, and checks the replies.
//! - `pattern.rs` generates the bytes of the messages.
//! - `histogram.rs` counts the latencies.
//! - `report.rs` prints the result.

#![cfg_attr(not(test), no_std, no_main)]

mod connection;
mod histogram;
mod load;
mod options;
mod pattern;
mod report;

use ring3::cli::{Options, OrFail};
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::net::resolve::Addresses;
use ring3::process::{self, RLIMIT_NOFILE};
use ring3::rt::Exit;
use ring3::signal::{self, SIGINT, SIGPIPE, SIGTERM, SignalSet};
use ring3::text::Writer;
use ring3::time::{Deadline, NEVER};

use load::Load;
use options::{CONNECTIONS, DEPTH, Given, SIZE, STALL, TIME};

ring3::program!(Given::NAME, main);

/// The number of descriptors that are not connections: the standard ones, two of the event loop, and some that a parent
/// may have left open.
const OTHERS: u64 = 16;

fn main(start: Start) -> Result<(), Exit> {
    // SIGTERM and SIGINT are read in the event loop. With SIGPIPE blocked, a write to a closed pipe fails with EPIPE
    // instead of killing the process.
    let end = SignalSet::of(&[SIGTERM, SIGINT]);
    signal::block(end | SignalSet::of(&[SIGPIPE])).or_fail(PROGRAM, "rt_sigprocmask", "signals")?;

    let settings = Settings::of(start)?;
    allow_descriptors(settings.connections as u64 + OTHERS);
    let outcome = Load::new(settings, end)?.run()?;
    let mut buffer = [0; 512];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(outcome);
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

/// The options of the command line, or their defaults.
#[derive(Clone, Copy)]
struct Settings {
    /// The server's addresses, in the order in which they are tried.
    addresses: Addresses,
    connections: usize,
    /// Bytes in a message.
    size: u64,
    /// The most messages without a reply on a connection.
    depth: u64,
    /// How many messages to send in total; `u64::MAX` if there is no limit.
    count: u64,
    /// For how many nanoseconds to send new messages; [`NEVER`] if there is no limit.
    time: u64,
    verify: bool,
    /// After how many nanoseconds without progress a connection fails; [`NEVER`] if there is no limit.
    stall: u64,
}

impl Settings {
    /// Parses the command line.
    fn of(start: Start) -> Result<Self, Exit> {
        let (mut connections, mut size, mut depth) = (CONNECTIONS, SIZE, DEPTH);
        let (mut count, mut time) = (u64::MAX, None);
        let (mut verify, mut stall) = (false, STALL);
        let mut server = None;
        let mut options = Options::new(start.args());
        while let Some(given) = options.next_arg()? {
            match given {
                Given::Connections(count) => connections = count,
                Given::Size(bytes) => size = bytes,
                Given::Depth(count) => depth = count,
                Given::Requests(number) => count = number,
                Given::Time(span) => time = Some(span),
                Given::Verify => verify = true,
                Given::Stall(limit) => stall = limit,
                Given::Operand(operand) if server.is_some() => {
                    return Err(options.unexpected(operand));
                }
                Given::Operand(operand) => server = Some(operand),
            }
        }
        let server = server.ok_or_else(|| options.usage("no HOST:PORT"))?;
        Ok(Self {
            addresses: options.parser().host(server, Deadline::after(stall))?,
            connections: connections.min(count) as usize, // each sends at least one message
            size,
            depth,
            count,
            time: time.unwrap_or(if count == u64::MAX { TIME } else { NEVER }),
            verify,
            stall,
        })
    }
}

/// Raises RLIMIT_NOFILE if it is below `count`. If the limit can't be raised, the first socket above the limit reports
/// the error.
fn allow_descriptors(count: u64) {
    if process::limit(RLIMIT_NOFILE).is_ok_and(|limit| limit.rlim_cur < count) {
        let _ = process::raise_limit(RLIMIT_NOFILE);
    }
}

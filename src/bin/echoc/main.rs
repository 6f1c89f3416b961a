//! `echoc`: a load generator for TCP echo servers. It works in a closed loop: each connection sends the next message
//! when a reply arrives. It prints the rate and the latencies of the replies, and fails if a reply is wrong.
//!
//! This file parses the command line. The parts:
//!
//! - `load.rs` is the event loop.
//! - `connection.rs` sends the messages of one connection, and checks the replies.
//! - `pattern.rs` generates the bytes of the messages.
//! - `histogram.rs` counts the latencies.
//! - `report.rs` prints the result.

#![no_std]
#![no_main]

mod connection;
mod histogram;
mod load;
mod pattern;
mod report;

use core::net::SocketAddr;
use core::ops::RangeInclusive;

use ring3::cli::{Arg, Options, OrFail};
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::parts;
use ring3::process::{self, RLIMIT_NOFILE};
use ring3::rt::Exit;
use ring3::signal::{self, SIGINT, SIGPIPE, SIGTERM, SignalSet};
use ring3::text::{Shown, Writer};

use load::Load;

ring3::program!("echoc", main);

const HELP: &str = "\
usage: echoc [OPTION...] ADDR:PORT
Send messages to a TCP echo server, a new one after each reply, and print the
rate and the latency of the replies. A missing or extra byte is an error.

  -c CONNECTIONS   number of connections (default 1)
  -s SIZE          bytes in a message (default 64)
  -d DEPTH         messages without a reply on each connection (default 1)
  -t SECONDS       how long to send new messages (default 1); SIGTERM and SIGINT
                   end this time early
  --verify         compare every byte
  --stall SECONDS  fail if an expected reply makes no progress for this time
                   (default 5)
  --help           print this
  --version        print the version
";

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
    address: SocketAddr,
    connections: usize,
    /// Bytes in a message.
    size: u64,
    /// The most messages without a reply on a connection.
    depth: u64,
    /// How many seconds to send new messages.
    seconds: u64,
    verify: bool,
    /// After how many seconds without progress a connection fails.
    stall: u64,
}

impl Settings {
    /// Parses the command line.
    fn of(start: Start) -> Result<Self, Exit> {
        const SECONDS: RangeInclusive<u64> = 1..=1_000_000;
        let (mut connections, mut size, mut depth) = (1, 64, 1);
        let (mut seconds, mut verify, mut stall) = (1, false, 5);
        let mut server = None;
        let mut options = Options::new(PROGRAM, HELP, start.args());
        while let Some(arg) = options.next_arg()? {
            match arg {
                Arg::Short(b'c') => connections = options.number(1..=1_000_000)? as usize,
                Arg::Short(b's') => size = options.number(1..=16 << 20)?,
                Arg::Short(b'd') => depth = options.number(1..=1024)?,
                Arg::Short(b't') => seconds = options.number(SECONDS)?,
                Arg::Long(b"verify") => verify = true,
                Arg::Long(b"stall") => stall = options.number(SECONDS)?,
                Arg::Operand(operand) => {
                    if server.is_some() {
                        let shown = Shown(operand.to_bytes());
                        return Err(options.usage(parts!("unexpected ", shown)));
                    }
                    server = Some(options.address(operand)?);
                }
                _ => return Err(options.unknown()),
            }
        }
        match server {
            Some(address) => Ok(Self {
                address,
                connections,
                size,
                depth,
                seconds,
                verify,
                stall,
            }),
            None => Err(options.usage("no ADDR:PORT")),
        }
    }
}

/// Raises RLIMIT_NOFILE if it is below `count`. If the limit can't be raised, the first socket above the limit reports
/// the error.
fn allow_descriptors(count: u64) {
    if process::limit(RLIMIT_NOFILE).is_ok_and(|limit| limit.rlim_cur < count) {
        let _ = process::raise_limit(RLIMIT_NOFILE);
    }
}

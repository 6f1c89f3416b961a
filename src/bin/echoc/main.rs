//! `echoc`: sends messages to a TCP echo server, each answered by the next, and says how many came back
//! and how fast; and when one comes back wrong.
//!
//! This file reads the command line; `load.rs` is the loop that waits, `connection.rs` one connection's messages
//! on their way, `pattern.rs` what is in them, `histogram.rs` how long they took, `report.rs` what is printed of that.

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
use ring3::fd::STDOUT;

use ring3::parts;
use ring3::print::Writer;
use ring3::process::{self, RLIMIT_NOFILE};
use ring3::rt::{Exit, Start};
use ring3::shown::Shown;
use ring3::signal::{self, SIGINT, SIGPIPE, SIGTERM, SignalSet};

use load::Load;

ring3::program!("echoc", main);

const HELP: &str = "\
usage: echoc [-c CONNECTIONS] [-s SIZE] [-d DEPTH] [-t SECONDS] [--verify] [--stall SECONDS] ADDR:PORT
Send messages to a TCP echo server, the next when one has come back, and say how
many came back, and how fast. A byte too few or too many is an error.

  -c CONNECTIONS   how many at once (default 1)
  -s SIZE          bytes of a message (default 64)
  -d DEPTH         messages under way on a connection (default 1)
  -t SECONDS       for how long new ones are sent (default 1); SIGTERM and SIGINT
                   end that early
  --verify         compare every byte
  --stall SECONDS  how long nothing may come back that is owed (default 5)
  --help           print this
  --version        print the version
";

/// Descriptors that are no connections: the standard ones, the loop's two, and some that a parent left
/// open.
const OTHERS: u64 = 16;

fn main(start: Start) -> Result<(), Exit> {
    // What ends it early is heard in its loop. A reader of our output that is gone makes an error of
    // the write, and does not kill.
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

/// What the command line asks for.
#[derive(Clone, Copy)]
struct Settings {
    address: SocketAddr,
    connections: usize,
    size: u64,
    depth: u64,
    seconds: u64,
    verify: bool,
    stall: u64,
}

impl Settings {
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
                        return Err(options.usage(parts!("one ADDR:PORT, not ", shown, " too")));
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

/// Has so many descriptors be possible, if that can be had. Where it can't, the socket that is one too
/// many says so.
fn allow_descriptors(count: u64) {
    if process::limit(RLIMIT_NOFILE).is_ok_and(|limit| limit.rlim_cur < count) {
        let _ = process::raise_limit(RLIMIT_NOFILE);
    }
}

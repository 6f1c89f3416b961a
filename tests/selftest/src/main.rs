//! Checks that the system it runs on behaves as the library expects. Each module of the library ("room") has a table of
//! cases. The cases cover every public function and its errors. `tests/selftest.rs` runs this program natively, under
//! qemu-user, and on real kernels.
//!
//! ```text
//! selftest              runs every case and prints a line for each: `ok ROOM::NAME`, `SKIP ROOM::NAME ENAME`,
//!                       or `FAIL ROOM::NAME: RESULT, not EXPECTED RESULT`; then the counts
//! selftest ROOM...      runs the cases of these rooms
//! selftest --list       prints each case and, after a tab, the functions that it covers
//! ```

#![no_std]
#![no_main]

mod abi;
mod arch;
mod auxv;
mod bytes;
mod calendar;
mod case;
mod child;
mod cli;
mod copy;
mod dir;
mod dns;
mod env;
mod eventfd;
mod fd;
mod fs;
mod heap;
mod ids;
mod inotify;
mod io;
mod kernel;
mod list;
#[path = "../../probes/src/machine.rs"]
mod machine;
#[path = "../../probes/src/maps.rs"]
#[allow(dead_code, reason = "the probes use the rest")]
mod maps;
mod mem;
mod names;
mod net;
mod number;
mod path;
mod pipe;
mod poll;
mod print;
mod process;
mod random;
mod replace;
mod resolve;
mod rt;
mod shown;
mod signal;
mod slab;
mod sockopt;
mod sync;
mod system;
mod systemd;
mod terminal;
mod thread;
mod time;
mod timer;
mod unix;
mod whole;

use case::{Case, Verdict};
use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::heap::Heap;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::Writer;

ring3::program!("selftest", main);

#[global_allocator]
static HEAP: Heap = Heap::new();

/// The rooms and their cases, in the order of the library's floors (lowest first).
const ROOMS: &[(&str, &[Case])] = &[
    ("kernel", kernel::CASES),
    ("arch", arch::CASES),
    ("abi", abi::CASES),
    ("env", auxv::CASES),
    ("rt", rt::CASES),
    ("env", env::CASES),
    ("bytes", bytes::CASES),
    ("path", path::CASES),
    ("fd", fd::CASES),
    ("io", io::CASES),
    ("text", print::CASES),
    ("text", number::CASES),
    ("fs", fs::CASES),
    ("fs", dir::CASES),
    ("fs", whole::CASES),
    ("pipe", pipe::CASES),
    ("net", net::CASES),
    ("net", sockopt::CASES),
    ("net", unix::CASES),
    ("poll", poll::CASES),
    ("eventfd", eventfd::CASES),
    ("mem", mem::CASES),
    ("process", process::CASES),
    ("process", ids::CASES),
    ("signal", signal::CASES),
    ("time", time::CASES),
    ("time", timer::CASES),
    ("time", calendar::CASES),
    ("random", random::CASES),
    ("system", system::CASES),
    ("inotify", inotify::CASES),
    ("terminal", terminal::CASES),
    ("sync", sync::CASES),
    ("thread", thread::CASES),
    ("heap", heap::CASES),
    ("collections", slab::CASES),
    ("collections", list::CASES),
    ("systemd", systemd::CASES),
    ("fs", resolve::CASES),
    ("net", dns::CASES),
    ("net", names::CASES),
    ("fs", copy::CASES),
    ("fs", replace::CASES),
    ("text", shown::CASES),
    ("cli", cli::CASES),
];

fn main(start: Start) -> Result<(), Exit> {
    env::keep(start);
    let first = start.args().nth(1).map(|word| word.to_bytes());
    let mut buffer = [0; 4096];
    let mut out = Writer::new(STDOUT, &mut buffer);
    if first == Some(b"--list") {
        for (room, cases) in ROOMS {
            for case in *cases {
                out.print(parts!(*room, "::", case.name, "\t"));
                for function in case.covers {
                    out.print(parts!(" ", *function));
                }
                out.print("\n");
            }
        }
        return out.flush().or_fail(PROGRAM, "write", "stdout");
    }
    if first == Some(b"--child") {
        return child::main(start);
    }
    let asked = |room: &str| {
        let mut rooms = start.args().skip(1);
        first.is_none() || rooms.any(|word| word.to_bytes() == room.as_bytes())
    };
    let (mut passed, mut failed, mut skipped) = (0_u32, 0_u32, 0_u32);
    for (room, cases) in ROOMS.iter().filter(|(room, _)| asked(room)) {
        for case in *cases {
            let name = parts!(*room, "::", case.name);
            match case.verdict() {
                Verdict::Passed => {
                    passed += 1;
                    out.print(parts!("ok ", name, "\n"));
                }
                Verdict::Skipped(errno) => {
                    skipped += 1;
                    out.print(parts!("SKIP ", name, " "));
                    errno
                        .name()
                        .into_iter()
                        .flatten()
                        .for_each(|letter| out.put(&[letter]));
                    out.print("\n");
                }
                Verdict::Failed(got) => {
                    failed += 1;
                    out.print(parts!("FAIL ", name, ": ", got, ", not ", case.want, "\n"));
                }
            }
            // Flush after each line: if a case ends the program, the last line names the case before it.
            out.flush().or_fail(PROGRAM, "write", "stdout")?;
        }
    }
    out.print(parts!(
        passed,
        " passed, ",
        failed,
        " failed, ",
        skipped,
        " skipped\n"
    ));
    out.flush().or_fail(PROGRAM, "write", "stdout")?;
    if failed == 0 { Ok(()) } else { Err(Exit(1)) }
}

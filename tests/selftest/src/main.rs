//! Asks whether what it runs on is what the library takes it for: a table of cases for each room of the
//! library, every public function among them, and its errors. `tests/selftest.rs` runs it natively, under
//! qemu-user, and on real kernels.
//!
//! ```text
//! selftest              every case, a line each: `ok ROOM::NAME`, `SKIP ROOM::NAME ENAME`, or
//!                       `FAIL ROOM::NAME: what came back, not what had to`; and the count
//! selftest ROOM...      those of these rooms
//! selftest --list       each case, and behind a tab what it covers
//! ```

#![no_std]
#![no_main]

mod abi;
mod arch;
mod auxv;
mod case;
mod child;
mod cli;
mod copy;
mod fd;
mod fs;
mod heap;
mod io;
mod kernel;
mod mem;
mod net;
mod pipe;
mod place;
mod poll;
mod process;
mod random;
mod replace;
mod rt;
mod shown;
mod signal;
mod slab;
mod sync;
mod system;
mod thread;
mod time;
mod unix;

use case::{Case, Verdict};
use ring3::cli::OrFail;
use ring3::fd::STDOUT;
use ring3::heap::Heap;
use ring3::parts;
use ring3::print::Writer;
use ring3::rt::{Exit, Start};

ring3::program!("selftest", main);

#[global_allocator]
static HEAP: Heap = Heap::new();

/// The rooms, in the order of the library's floors, and what they are asked.
const ROOMS: &[(&str, &[Case])] = &[
    ("kernel", kernel::CASES),
    ("arch", arch::CASES),
    ("abi", abi::CASES),
    ("auxv", auxv::CASES),
    ("rt", rt::CASES),
    ("fd", fd::CASES),
    ("io", io::CASES),
    ("fs", fs::CASES),
    ("pipe", pipe::CASES),
    ("net", net::CASES),
    ("unix", unix::CASES),
    ("poll", poll::CASES),
    ("mem", mem::CASES),
    ("process", process::CASES),
    ("signal", signal::CASES),
    ("time", time::CASES),
    ("random", random::CASES),
    ("system", system::CASES),
    ("sync", sync::CASES),
    ("thread", thread::CASES),
    ("heap", heap::CASES),
    ("slab", slab::CASES),
    ("place", place::CASES),
    ("copy", copy::CASES),
    ("replace", replace::CASES),
    ("shown", shown::CASES),
    ("cli", cli::CASES),
];

fn main(start: Start) -> Result<(), Exit> {
    rt::keep(start);
    let first = start.args().nth(1).map(|word| word.to_bytes());
    let mut buffer = [0; 4096];
    let mut out = Writer::new(STDOUT, &mut buffer);
    if first == Some(b"--list") {
        for (room, cases) in ROOMS {
            for case in *cases {
                out.print(parts!(room, "::", case.name, "\t"));
                for function in case.covers {
                    out.print(parts!(" ", function));
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
        first.is_none()
            || start
                .args()
                .skip(1)
                .any(|word| word.to_bytes() == room.as_bytes())
    };
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (room, cases) in ROOMS.iter().filter(|(room, _)| asked(room)) {
        for case in *cases {
            match case.verdict() {
                Verdict::Passed => {
                    passed += 1;
                    out.print(parts!("ok ", room, "::", case.name, "\n"));
                }
                Verdict::Skipped(errno) => {
                    skipped += 1;
                    out.print(parts!("SKIP ", room, "::", case.name, " "));
                    let name = errno.name().into_iter().flatten();
                    name.for_each(|letter| out.put(&[letter]));
                    out.print("\n");
                }
                Verdict::Failed(got) => {
                    failed += 1;
                    out.print(parts!("FAIL ", room, "::", case.name));
                    out.print(parts!(": ", got, ", not ", case.want, "\n"));
                }
            }
            // Each line at once: where a case ends the program, the last one tells which came before it.
            out.flush().or_fail(PROGRAM, "write", "stdout")?;
        }
    }
    out.print(parts!(passed, " passed, ", failed, " failed, "));
    out.print(parts!(skipped, " skipped\n"));
    out.flush().or_fail(PROGRAM, "write", "stdout")?;
    if failed == 0 { Ok(()) } else { Err(Exit(1)) }
}

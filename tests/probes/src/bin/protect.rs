//! Does what a program may not: writes to its read-only data after relocation (`relro`), to its
//! code (`text`) or to a page of its stack that it made read-only (`local`), runs its stack (`stack`), or overflows it, in the first thread (`overflow`) or in another
//! (`overflow-thread`). It returns only if nothing stopped it. With a second argument, `reported`, a stack overflow is
//! reported. With `reports` it makes and drops a thousand reports, and then overflows its stack.

#![no_std]
#![no_main]

#[path = "../machine.rs"]
#[allow(dead_code, reason = "the self-test uses the rest")]
mod machine;
#[path = "../maps.rs"]
#[allow(dead_code, reason = "other probes use the rest")]
mod maps;

use core::hint::black_box;

use ring3::abi::mem::PROT_READ;
use ring3::abi::nr;
use ring3::arch;
use ring3::env::Start;
use ring3::mem;
use ring3::overflow::Report;
use ring3::process;
use ring3::rt::Exit;
use ring3::signal::SIGSEGV;
use ring3::thread::Builder;

ring3::program!("protect", main);

static RELOCATED: [&&str; 1] = [&"read-only"];

fn main(start: Start) -> Result<(), Exit> {
    let mut args = start.args().skip(1);
    let what = args.next();
    let is_reported = args.next() == Some(c"reported");
    let report = move || is_reported.then(|| Report::new(PROGRAM).ok());
    let _report = report();
    match what.map(|arg| arg.to_bytes()) {
        Some(b"overflow") => return Err(Exit(recurse(0) as u8)),
        Some(b"overflow-thread") => {
            let work = move || {
                drop(report()); // a second report can be made after the first
                let _report = report();
                recurse(0)
            };
            let thread = Builder::new().name(b"deep").spawn(work);
            return Err(Exit(thread.map_err(|_| Exit(4))?.join() as u8));
        }
        Some(b"reports") => {
            let before = (maps::mapped(), maps::stacks());
            for nth in 0..1000 {
                let report = Report::new(PROGRAM).expect("an alternate stack");
                // The alternate stack has a guard. (One look: it takes long under qemu-user.)
                assert!(nth != 0 || maps::stacks() == before.1 + 1);
                drop(report);
            }
            assert_eq!((maps::mapped(), maps::stacks()), before);
            // No report is left for this stack overflow.
            return Err(Exit(recurse(0) as u8));
        }
        Some(b"sent") => process::kill(process::getpid(), SIGSEGV).map_err(|_| Exit(5))?,
        Some(b"relro") => overwrite((&raw const RELOCATED).cast()),
        Some(b"text") => overwrite(overwrite as *const u8),
        Some(b"local") => {
            let local = black_box([0_u8; 2 * arch::PAGE_MAX]);
            let page = mem::page_size();
            let start = local
                .as_ptr()
                .map_addr(|address| address.next_multiple_of(page));
            // SAFETY: the page is in `local`, which nothing writes any more, except for the fault.
            let _ = unsafe {
                arch::syscall3::<{ nr::mprotect }>(start.addr(), page, PROT_READ.bits() as usize)
            };
            overwrite(start);
            black_box(local);
        }
        Some(b"stack") => {
            let code = black_box(machine::MACHINE.ret);
            // SAFETY: none. The test is that the kernel ends the program here.
            let run: extern "C" fn() = unsafe { core::mem::transmute(code.as_ptr()) };
            run();
        }
        _ => return Err(Exit(2)),
    }
    Ok(())
}

fn overwrite(place: *const u8) {
    // SAFETY: none. The test is that the kernel ends the program here.
    unsafe { black_box(place).cast_mut().write_volatile(1) }
}

/// Uses all of the stack.
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if frame[0] == u64::MAX {
        return 0;
    }
    recurse(depth + 1) + frame[3]
}

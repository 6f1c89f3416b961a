//! From `_start` to `main`: what the kernel handed the program, and what became of it in memory.

use core::ffi::CStr;
use core::hint::black_box;

use ring3::rt::{Exit, Start, Termination};
use ring3::sync::OnceLock;

use crate::case::*;
use crate::cases;
use crate::child::code;
use crate::mem::{maps, protection};

cases! {
    "the stack is aligned to 16 bytes", [start], stack_misalignment() => value(0);
    "the program's own name comes first", [Start::args], own_name() => YES;
    "argv ends where argc says", [Start::args], start().args().len() == start().args().count() => YES;
    "the environment ends", [Start::environ], start().environ().iter().count() < 10_000 => YES;
    "a variable that nobody set", [Start::var], start().var("RING3_NOT_SET").is_some() => NO;
    "an empty name is no variable", [Start::var], start().var("").is_some() => NO;
    "a variable is found by its name", [Start::var], found_by_name() => YES;
    "every address in the image is relocated", [start], relocated() => value(130);
    "relocated data is read-only", [start], what(POINTERS.as_ptr().addr()) == *b"r--p" => YES;
    "code is executable and not writable", [start], what(stack_misalignment as *const () as usize) == *b"r-xp" => YES;
    "the stack is writable and not executable", [start], stack_is_rw() => YES;
    "no memory is writable and executable", [start], maps(|line| line.what[1] == b'w' && line.what[2] == b'x') => value(0);
    "a panic aborts", [panic], code(&[c"panic"]) => value(128 + 6);
    "the arguments as a list", [Args::strings], start().args().strings().iter().eq(start().args()) => YES;
    "an exit status by its type", [Termination::status], statuses() => YES;
}

/// What the kernel handed us, which stays for the process's life.
struct Kept(Start);
// SAFETY: what it leads to is the initial stack's, which nobody writes.
unsafe impl Sync for Kept {}
// SAFETY: as above.
unsafe impl Send for Kept {}

static KEPT: OnceLock<Kept> = OnceLock::new();

pub fn keep(start: Start) {
    KEPT.get_or_init(|| Kept(start));
}

pub fn start() -> Start {
    KEPT.get().expect("main kept it").0
}

/// By how much a function finds its stack off the alignment that both ABIs promise.
#[inline(never)]
fn stack_misalignment() -> usize {
    #[repr(align(16))]
    struct Aligned(#[allow(dead_code, reason = "its place is what counts")] [u8; 16]);
    let here = Aligned([0; 16]);
    // The compiler knows what the address has to be, and must not answer itself.
    black_box((&raw const here).addr()) % black_box(16)
}

fn own_name() -> bool {
    start().args().next().is_some_and(|name| !name.is_empty())
}

fn found_by_name() -> bool {
    let Some(entry) = start()
        .environ()
        .iter()
        .find(|entry| entry.to_bytes().contains(&b'='))
    else {
        return start().environ().iter().count() == 0; // nothing to look up
    };
    let text = entry.to_bytes();
    let equals = text
        .iter()
        .position(|&byte| byte == b'=')
        .unwrap_or_default();
    let (name, value) = (&text[..equals], &text[equals + 1..]);
    match core::str::from_utf8(name) {
        Ok(name) => start().var(name).map(CStr::to_bytes) == Some(value),
        Err(_) => false,
    }
}

/// Addresses in read-only data: so many that RELR needs more than one bitmap.
static POINTERS: [&&str; 130] = [&"relocated"; 130];

fn relocated() -> usize {
    let pointers = black_box(&POINTERS);
    pointers
        .iter()
        .filter(|text| **text == &"relocated")
        .count()
}

fn what(address: usize) -> [u8; 4] {
    protection(address).unwrap_or(*b"none")
}

fn stack_is_rw() -> bool {
    let here = 0_u8;
    what((&raw const *black_box(&here)).addr()) == *b"rw-p"
}

fn statuses() -> bool {
    let failed: Result<(), Exit> = Err(Exit(7));
    ().status() == 0
        && Exit(3).status() == 3
        && failed.status() == 7
        && Ok::<(), Exit>(()).status() == 0
}

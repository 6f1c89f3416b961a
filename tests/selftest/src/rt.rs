//! Self-test cases of the run-time, from `ring3_start` to `main`: the program in memory, panics, exit statuses.

use core::hint::black_box;

use ring3::Errno;
use ring3::fd::STDERR;
use ring3::io::read;
use ring3::pipe::{O_CLOEXEC, Pipe};
use ring3::rt::{Exit, Termination};

use crate::case::*;
use crate::cases;
use crate::child::{code, spawn};
use crate::maps::{maps, protection};

cases! {
    "the stack is aligned to 16 bytes", [start], stack_misalignment() => value(0);
    "every address in the image is relocated", [start], relocated() => value(130);
    "relocated data is read-only", [start], what(POINTERS.as_ptr().addr()) == *b"r--p" => YES;
    "code is executable and not writable", [start], what(stack_misalignment as *const () as usize) == *b"r-xp" => YES;
    "the stack is writable and not executable", [start], stack_is_rw() => YES;
    "no memory is writable and executable", [start], maps(|line| line.rights[1] == b'w' && line.rights[2] == b'x') => value(0);
    "a panic aborts", [panic], code(&[c"panic"]) => value(128 + 6);
    "a message", [Program::new, Program::say, Program::fail], code(&[c"say"]) => value(1);
    "an exit status by its type", [Termination::status], statuses() => YES;
    "an error of main is printed", [Termination::report], reported() => YES;
    "its exit status", [Termination::report], code(&[c"unreported"]) => value(1);
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
        && ring3::Result::<()>::Err(Errno::EIO).status() == 1
}

fn reported() -> Result<bool, Errno> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    let files = [(pipe.write.as_fd(), STDERR.as_raw())];
    spawn(&[c"unreported"], &files, |command| command)?.wait()?;
    drop(pipe.write);
    let mut buffer = [0; 256];
    let length = read(pipe.read.as_fd(), &mut buffer)?;
    Ok(buffer[..length] == *b"selftest: No such file or directory (ENOENT)\n")
}

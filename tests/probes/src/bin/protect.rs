//! Does what a program may not: writes to its read-only data after relocation (`relro`), to its
//! code (`text`), or runs its stack (`stack`). Comes back only where nobody stopped it.

#![no_std]
#![no_main]

use core::hint::black_box;

use ring3::rt::{Exit, Start};

ring3::program!("protect", main);

/// The instruction that returns to the caller.
const RETURN: [u8; 4] = if cfg!(target_arch = "x86_64") {
    [0xc3; 4]
} else {
    [0xc0, 0x03, 0x5f, 0xd6]
};

static RELOCATED: [&&str; 1] = [&"read-only"];

fn main(start: Start) -> Result<(), Exit> {
    match start.args().nth(1).map(|arg| arg.to_bytes()) {
        Some(b"relro") => overwrite((&raw const RELOCATED).cast()),
        Some(b"text") => overwrite(overwrite as *const u8),
        Some(b"stack") => {
            let code = black_box(RETURN);
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

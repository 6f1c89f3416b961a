//! Tests of `ring3::terminal` on a pseudoterminal that rustix opened: both read and set the same attributes.

use std::fs::File;
use std::os::fd::AsRawFd;

use libtest_mimic::Trial;
use ring3::fd::BorrowedFd;
use ring3::terminal::{self, RawMode, Size, Termios, When};
use rustix::termios::{OptionalActions, SpecialCodeIndex, Winsize, tcgetattr, tcsetattr};
use rustix::termios::{tcgetwinsize, tcsetwinsize};

use crate::init::open_terminal;
use crate::support::once;

pub fn trials() -> Vec<Trial> {
    vec![
        once("terminal::has_rustix_s_size", has_rustix_s_size),
        once("terminal::is_as_raw_as_rustix_s", is_as_raw_as_rustix_s),
    ]
}

fn borrowed(file: &File) -> BorrowedFd<'_> {
    // SAFETY: `file` owns the descriptor, and the result borrows `file`.
    unsafe { BorrowedFd::borrow_raw(file.as_raw_fd()) }
}

fn has_rustix_s_size() {
    let (keys, theirs) = open_terminal();
    let size = Winsize {
        ws_row: 25,
        ws_col: 132,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&keys, size).unwrap();
    let (columns, rows) = (132, 25);
    let fd = borrowed(&theirs);
    assert_eq!(terminal::size(fd), Ok(Size { columns, rows }));
    let (columns, rows) = (80, 24);
    terminal::set_size(fd, Size { columns, rows }).unwrap();
    let read = tcgetwinsize(&keys).unwrap();
    assert_eq!((read.ws_col, read.ws_row), (80, 24));
}

/// The fields that rustix and the library have in common.
fn rustix_s(file: &File) -> ([u32; 4], [u8; 3]) {
    let all = tcgetattr(file).unwrap();
    let modes = [
        all.input_modes.bits(),
        all.output_modes.bits(),
        all.control_modes.bits(),
        all.local_modes.bits(),
    ];
    let codes = [
        SpecialCodeIndex::VMIN,
        SpecialCodeIndex::VTIME,
        SpecialCodeIndex::VINTR,
    ];
    (modes, codes.map(|code| all.special_codes[code]))
}

fn ours(all: &Termios) -> ([u32; 4], [u8; 3]) {
    let modes = [all.c_iflag, all.c_oflag, all.c_cflag, all.c_lflag];
    let codes = [terminal::VMIN, terminal::VTIME, terminal::VINTR];
    (modes, codes.map(|code| all.c_cc[code]))
}

fn is_as_raw_as_rustix_s() {
    let (_keys, theirs) = open_terminal();
    let fd = borrowed(&theirs);
    assert!(terminal::is_terminal(fd));
    let cooked = rustix_s(&theirs);
    let attributes = terminal::attributes(fd).unwrap();
    assert_eq!(ours(&attributes), cooked);

    let mut raw = tcgetattr(&theirs).unwrap();
    raw.make_raw();
    tcsetattr(&theirs, OptionalActions::Now, &raw).unwrap();
    let raw = rustix_s(&theirs);
    assert_ne!(raw, cooked);

    terminal::set_attributes(fd, When::Drained, &attributes).unwrap();
    assert_eq!(rustix_s(&theirs), cooked);
    let guard = RawMode::new(fd).unwrap();
    assert_eq!(rustix_s(&theirs), raw);
    drop(guard);
    assert_eq!(rustix_s(&theirs), cooked);
}

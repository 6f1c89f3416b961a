//! Self-test cases of terminals.

use ring3::Errno;
use ring3::fd::BorrowedFd;
use ring3::io::{read, write};
use ring3::terminal::*;

use crate::case::*;
use crate::cases;
use crate::fd::{closes_at_exec, nobody};

cases! {
    "a file is no terminal", [is_terminal], crate::fd::open().map(|file| is_terminal(file.as_fd())) => NO;
    "nor a descriptor that is closed", [is_terminal], is_terminal(nobody()) => NO;
    "the size of what is no terminal", [size], crate::fd::open().and_then(|file| size(file.as_fd())).map(drop) => error(Errno::ENOTTY);
    "a size for what is no terminal", [set_size], crate::fd::open().and_then(|file| set_size(file.as_fd(), SIZE)) => error(Errno::ENOTTY);
    "the attributes of what is no terminal", [attributes], crate::fd::open().and_then(|file| attributes(file.as_fd())).map(drop) => error(Errno::ENOTTY);
    "attributes for what is no terminal", [set_attributes], crate::fd::open().and_then(|file| set_attributes(file.as_fd(), When::Now, &Termios::ZERO)) => error(Errno::ENOTTY);
    "raw mode of what is no terminal", [RawMode::new], crate::fd::open().and_then(|file| RawMode::new(file.as_fd()).map(drop)) => error(Errno::ENOTTY);
    "raw attributes", [Termios::make_raw], { let mut raw = Termios::ZERO; raw.c_lflag = ICANON | ISIG; raw.make_raw(); raw.c_lflag == 0 && raw.c_cflag == CS8 && raw.c_cc[VMIN] == 1 } => YES;
    "a pseudoterminal", [Pty::new, is_terminal], Pty::new().map(|pty| is_terminal(pty.terminal.as_fd()) && is_terminal(pty.controller.as_fd())) => YES, cannot EACCES | EIO | EINVAL | ENODEV | ENOENT | ENOSPC | ENOTTY | ENXIO | EPERM;
    "it is closed at execve", [Pty::new], Pty::new().and_then(|pty| Ok(closes_at_exec(pty.terminal.as_fd())? && closes_at_exec(pty.controller.as_fd())?)) => YES, cannot EACCES | EIO | EINVAL | ENODEV | ENOENT | ENOSPC | ENOTTY | ENXIO | EPERM;
    "its size", [size, set_size], Pty::new().and_then(|pty| { set_size(pty.controller.as_fd(), SIZE)?; Ok(size(pty.terminal.as_fd())? == SIZE) }) => YES, cannot EACCES | EIO | EINVAL | ENODEV | ENOENT | ENOSPC | ENOTTY | ENXIO | EPERM;
    "no echo", [attributes, set_attributes], Pty::new().and_then(|pty| echoes_not(&pty)) => YES, cannot EACCES | EIO | EINVAL | ENODEV | ENOENT | ENOSPC | ENOTTY | ENXIO | EPERM;
    "raw mode, and no more", [RawMode::new, RawMode::before, RawMode::restore], Pty::new().and_then(|pty| raw(&pty)) => value(0b1111), cannot EACCES | EIO | EINVAL | ENODEV | ENOENT | ENOSPC | ENOTTY | ENXIO | EPERM;
}

const SIZE: Size = Size {
    columns: 132,
    rows: 25,
};

fn echoes_not(pty: &Pty) -> Result<bool, Errno> {
    let mut without = attributes(pty.terminal.as_fd())?;
    without.c_lflag &= !ECHO;
    set_attributes(pty.terminal.as_fd(), When::Drained, &without)?;
    write(pty.controller.as_fd(), b"secret\n")?;
    write(pty.terminal.as_fd(), b"shown")?;
    let mut buffer = [0; 16];
    let length = read(pty.controller.as_fd(), &mut buffer)?;
    Ok(buffer[..length] == *b"shown")
}

/// A bit for each check that holds: a byte is read at once in raw mode; the attributes before are those before; they
/// return at the end; and when the guard is dropped.
fn raw(pty: &Pty) -> Result<u8, Errno> {
    let terminal = pty.terminal.as_fd();
    let before = modes(terminal)?;
    let guard = RawMode::new(terminal)?;
    write(pty.controller.as_fd(), b"\x03")?;
    let at_once = read(terminal, &mut [0; 8])? == 1;
    let kept = guard.before().c_lflag == before[3];
    guard.restore()?;
    let restored = modes(terminal)? == before;
    drop(RawMode::new(terminal)?);
    let dropped = modes(terminal)? == before;
    Ok([at_once, kept, restored, dropped]
        .into_iter()
        .fold(0, |bits, holds| bits << 1 | u8::from(holds)))
}

fn modes(terminal: BorrowedFd<'_>) -> Result<[u32; 4], Errno> {
    let all = attributes(terminal)?;
    Ok([all.c_iflag, all.c_oflag, all.c_cflag, all.c_lflag])
}

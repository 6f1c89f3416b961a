//! Terminals: size, modes and pseudoterminals (ioctl_tty(2), termios(3), pty(7)).
//!
//! A descriptor that is no terminal has neither a size nor modes:
//!
//! ```
//! use ring3::pipe::{O_CLOEXEC, Pipe};
//! use ring3::{Errno, terminal};
//!
//! let pipe = Pipe::new(O_CLOEXEC)?;
//! assert!(!terminal::is_terminal(pipe.read.as_fd()));
//! assert_eq!(terminal::size(pipe.read.as_fd()).err(), Some(Errno::ENOTTY));
//! # Ok::<(), ring3::Errno>(())
//! ```
//!
//! A program that reads keys (on a terminal, this example waits for a key, so no test runs the example):
//!
//! ```no_run
//! use ring3::fd::STDIN;
//! use ring3::terminal::{self, RawMode};
//!
//! if terminal::is_terminal(STDIN) {
//!     let size = terminal::size(STDIN)?;
//!     println!("{} columns, {} rows", size.columns, size.rows);
//!     let raw = RawMode::new(STDIN)?; // each key is read at once, and not shown
//!     let mut key = [0];
//!     ring3::io::read(STDIN, &mut key)?;
//!     raw.restore()?;
//! }
//! # Ok::<(), ring3::Errno>(())
//! ```

use core::mem::ManuallyDrop;

use crate::abi::fs::{AT_FDCWD, O_CLOEXEC, O_NOCTTY, O_RDWR};
pub use crate::abi::terminal::*;
use crate::abi::{Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io::retry;

/// Whether the descriptor is a terminal (ioctl_tty(2), `TCGETS`).
#[doc(alias = "isatty")]
#[must_use]
pub fn is_terminal(fd: BorrowedFd<'_>) -> bool {
    attributes(fd).is_ok()
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// The characters of a line; 0 if unknown.
    pub columns: u16,
    /// The lines; 0 if unknown.
    pub rows: u16,
}

/// The size of a terminal (ioctl_tty(2), `TIOCGWINSZ`). The kernel sends SIGWINCH when the size changes.
///
/// # Errors
/// `ENOTTY`: not a terminal. `EBADF`: the descriptor is closed.
#[doc(alias = "TIOCGWINSZ")]
#[doc(alias = "tcgetwinsize")]
pub fn size(fd: BorrowedFd<'_>) -> Result<Size> {
    let mut size = Winsize::ZERO;
    // SAFETY: the kernel writes a `struct winsize` to `size`, a local.
    unsafe { syscall!(ioctl(fd, TIOCGWINSZ, &raw mut size)) }?;
    Ok(Size {
        columns: size.ws_col,
        rows: size.ws_row,
    })
}

/// Sets the size of a terminal, and sends SIGWINCH to its foreground process group (ioctl_tty(2), `TIOCSWINSZ`).
///
/// # Errors
/// `ENOTTY`: not a terminal. `EBADF`: the descriptor is closed.
#[doc(alias = "TIOCSWINSZ")]
#[doc(alias = "tcsetwinsize")]
pub fn set_size(fd: BorrowedFd<'_>, size: Size) -> Result<()> {
    let size = Winsize {
        ws_col: size.columns,
        ws_row: size.rows,
        ..Winsize::ZERO
    };
    // SAFETY: the kernel reads a `struct winsize` from `size`, a local.
    unsafe { syscall!(ioctl(fd, TIOCSWINSZ, &raw const size)) }.map(drop)
}

/// The attributes of a terminal: its modes and control characters (ioctl_tty(2), `TCGETS`).
///
/// # Errors
/// `ENOTTY`: not a terminal. `EBADF`: the descriptor is closed.
#[doc(alias = "TCGETS")]
#[doc(alias = "tcgetattr")]
pub fn attributes(fd: BorrowedFd<'_>) -> Result<Termios> {
    let mut attributes = Termios::ZERO;
    // SAFETY: the kernel writes a `struct termios` to `attributes`, a local.
    unsafe { syscall!(ioctl(fd, TCGETS, &raw mut attributes)) }?;
    Ok(attributes)
}

/// The moment of a change of the attributes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum When {
    /// At once (`TCSANOW`).
    Now = TCSETS,
    /// After the terminal has all written bytes (`TCSADRAIN`).
    Drained = TCSETSW,
    /// The same, and input that was not read is discarded (`TCSAFLUSH`).
    Flushed = TCSETSF,
}

/// Sets the attributes of a terminal (ioctl_tty(2), `TCSETS`, `TCSETSW`, `TCSETSF`). A process in the background gets
/// SIGTTOU first, which stops it.
///
/// # Errors
/// `ENOTTY`: not a terminal. `EIO`: in the background, and nobody could continue the process. `EBADF`: the descriptor
/// is closed.
#[doc(alias = "TCSETS")]
#[doc(alias = "tcsetattr")]
pub fn set_attributes(fd: BorrowedFd<'_>, when: When, attributes: &Termios) -> Result<()> {
    // SAFETY: the kernel reads a `struct termios` from `attributes`.
    retry(|| unsafe { syscall!(ioctl(fd, when as u32, core::ptr::from_ref(attributes))) }).map(drop)
}

impl Termios {
    /// Sets the raw mode, as cfmakeraw(3): a read returns each byte at once, without echo; no key sends a signal;
    /// output is not changed, so that a line must end with `\r\n`.
    #[doc(alias = "cfmakeraw")]
    pub fn make_raw(&mut self) {
        self.c_iflag &= !(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
        self.c_oflag &= !OPOST;
        self.c_lflag &= !(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
        self.c_cflag &= !(CSIZE | PARENB);
        self.c_cflag |= CS8;
        // A read waits for one byte, without a timeout.
        self.c_cc[VMIN] = 1;
        self.c_cc[VTIME] = 0;
    }
}

/// A terminal in raw mode. Dropping the value restores the earlier attributes.
///
/// A signal that ends the process, and a panic, leave the terminal in raw mode: `stty sane` in the shell restores it.
#[derive(Debug)]
#[must_use = "the terminal leaves the raw mode when the value is dropped"]
pub struct RawMode<'fd> {
    fd: BorrowedFd<'fd>,
    before: Termios,
}

impl<'fd> RawMode<'fd> {
    /// Puts the terminal into raw mode, at once. See [`Termios::make_raw`].
    ///
    /// # Errors
    /// As for [`attributes`] and [`set_attributes`].
    pub fn new(fd: BorrowedFd<'fd>) -> Result<Self> {
        let before = attributes(fd)?;
        let mut raw = before;
        raw.make_raw();
        set_attributes(fd, When::Now, &raw)?;
        Ok(Self { fd, before })
    }

    /// The attributes before the raw mode.
    #[inline]
    #[must_use]
    pub const fn before(&self) -> &Termios {
        &self.before
    }

    /// Restores the earlier attributes, as dropping does, and returns the result.
    ///
    /// # Errors
    /// As for [`set_attributes`].
    pub fn restore(self) -> Result<()> {
        let raw = ManuallyDrop::new(self);
        set_attributes(raw.fd, When::Now, &raw.before)
    }
}

impl Drop for RawMode<'_> {
    fn drop(&mut self) {
        // `drop` cannot return the error. A caller that needs the error calls `restore`.
        let _ = set_attributes(self.fd, When::Now, &self.before);
    }
}

/// A pseudoterminal (pty(7)): what is written to one end is input of the other.
#[derive(Debug)]
pub struct Pty {
    /// The end of the program that shows the terminal. After the last descriptor of the other end was closed, a read
    /// returns `EIO`.
    pub controller: OwnedFd,
    /// The terminal, for the programs in it.
    pub terminal: OwnedFd,
}

impl Pty {
    /// Creates a pseudoterminal. It is nobody's controlling terminal, and execve closes both descriptors.
    ///
    /// # Errors
    /// `ENOENT`, `ENODEV`: no file system of the type `devpts` is mounted on `/dev/pts`. `EIO`, `ENOSPC`: too many
    /// pseudoterminals. `ENOTTY`, `EINVAL`: a kernel before Linux 4.13. `EMFILE`, `ENFILE`, `ENOMEM`, and the errors of
    /// opening `/dev/ptmx`.
    #[doc(alias = "openpty")]
    #[doc(alias = "posix_openpt")]
    pub fn new() -> Result<Self> {
        let (flags, no_mode) = (O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
        // SAFETY: the kernel only reads the path, which ends with a zero. The returned descriptor is new, so no other
        // value owns it.
        let controller = unsafe {
            let raw = syscall!(openat(AT_FDCWD, c"/dev/ptmx", flags, no_mode))?;
            OwnedFd::from_raw(raw)
        };
        let unlock = 0_i32;
        // SAFETY: TIOCSPTLCK reads an int from `unlock`, a local.
        unsafe { syscall!(ioctl(controller.as_fd(), TIOCSPTLCK, &raw const unlock)) }?;
        // SAFETY: TIOCGPTPEER takes the flags as a number. The returned descriptor is new, so no other value owns it.
        let terminal = unsafe {
            let raw = syscall!(ioctl(controller.as_fd(), TIOCGPTPEER, flags))?;
            OwnedFd::from_raw(raw)
        };
        Ok(Self {
            controller,
            terminal,
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::Errno;
    use crate::io::{read, write};
    use crate::pipe::{O_CLOEXEC, Pipe};
    use std::vec::Vec;

    /// A pseudoterminal, unless this container has none.
    fn pty() -> Option<Pty> {
        match Pty::new() {
            Ok(pty) => Some(pty),
            Err(Errno::ENOENT | Errno::ENODEV | Errno::EIO | Errno::ENOSPC | Errno::ENOTTY) => None,
            Err(errno) => panic!("{:?}", errno.number()),
        }
    }

    #[test]
    fn a_pipe_is_no_terminal() {
        let pipe = Pipe::new(O_CLOEXEC).unwrap();
        let fd = pipe.read.as_fd();
        assert!(!is_terminal(fd));
        assert_eq!(size(fd), Err(Errno::ENOTTY));
        assert_eq!(RawMode::new(fd).err(), Some(Errno::ENOTTY));
    }

    #[test]
    fn a_size_is_that_of_both_ends() {
        let Some(Pty {
            controller,
            terminal,
        }) = pty()
        else {
            return;
        };
        for fd in [&controller, &terminal] {
            assert!(is_terminal(fd.as_fd()) && crate::fd::tests::closes_at_exec(fd.as_fd()));
        }
        let nothing = Size {
            columns: 0,
            rows: 0,
        };
        assert_eq!(size(terminal.as_fd()), Ok(nothing));
        let some = Size {
            columns: 132,
            rows: 25,
        };
        set_size(controller.as_fd(), some).unwrap();
        assert_eq!(size(terminal.as_fd()), Ok(some));
    }

    /// What a program in the terminal reads, and what the screen shows up to a dot that the program writes, after
    /// `keys`.
    fn typed(pty: &Pty, keys: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut input, mut screen, mut buffer) = (Vec::new(), Vec::new(), [0; 16]);
        write(pty.controller.as_fd(), keys).unwrap();
        let count = read(pty.terminal.as_fd(), &mut buffer).unwrap();
        input.extend(&buffer[..count]);
        write(pty.terminal.as_fd(), b"\n.").unwrap();
        while screen.last() != Some(&b'.') {
            let count = read(pty.controller.as_fd(), &mut buffer).unwrap();
            screen.extend(&buffer[..count]);
        }
        (input, screen)
    }

    #[test]
    fn raw_mode_ends_with_its_guard() {
        let Some(pty) = pty() else { return };
        let before = attributes(pty.terminal.as_fd()).unwrap();
        let is = |wanted: Termios| {
            let all = |it: Termios| (it.c_iflag, it.c_oflag, it.c_cflag, it.c_lflag, it.c_cc);
            all(attributes(pty.terminal.as_fd()).unwrap()) == all(wanted)
        };
        let cooked = (Vec::from(b"\n"), Vec::from(b"\r\n\r\n."));
        assert_eq!(typed(&pty, b"\r"), cooked);
        let raw = RawMode::new(pty.terminal.as_fd()).unwrap();
        assert!(!is(before));
        let typed_raw = (Vec::from(b"\r\x03"), Vec::from(b"\n."));
        assert_eq!(typed(&pty, b"\r\x03"), typed_raw);
        drop(raw);
        assert!(is(before));
        assert_eq!(typed(&pty, b"\r"), cooked);
        RawMode::new(pty.terminal.as_fd())
            .unwrap()
            .restore()
            .unwrap();
        assert!(is(before));
        for when in [When::Now, When::Drained, When::Flushed] {
            let mut changed = before;
            changed.c_lflag &= !ECHO;
            set_attributes(pty.terminal.as_fd(), when, &changed).unwrap();
            assert!(is(changed));
            set_attributes(pty.terminal.as_fd(), when, &before).unwrap();
        }
    }
}

//! Constants and structures of terminals.

super::abi! {
    consts ["asm/ioctls.h" u32] {
        /// Reads a terminal's attributes.
        TCGETS = 0x5401,
        /// Sets a terminal's attributes at once.
        TCSETS = 0x5402,
        /// Sets a terminal's attributes after all written bytes were transmitted.
        TCSETSW = 0x5403,
        /// Sets a terminal's attributes after all written bytes were transmitted, and discards unread input.
        TCSETSF = 0x5404,
        /// Reads a terminal's size.
        TIOCGWINSZ = 0x5413,
        /// Sets a terminal's size.
        TIOCSWINSZ = 0x5414,
        /// Locks or unlocks the other end of a pseudoterminal.
        TIOCSPTLCK = 0x40045431,
        /// Opens the other end of a pseudoterminal.
        TIOCGPTPEER = 0x5441,
    }

    /// The size of a terminal.
    record ["asm/termios.h" "struct winsize" Winsize] {
        /// Lines.
        ws_row: u16,
        /// Characters of a line.
        ws_col: u16,
        /// Width in pixels; unused.
        ws_xpixel: u16,
        /// Height in pixels; unused.
        ws_ypixel: u16,
    }

    /// The attributes of a terminal (termios(3)).
    record ["asm/termbits.h" "struct termios" Termios] {
        /// Input modes.
        c_iflag: u32,
        /// Output modes.
        c_oflag: u32,
        /// Control modes.
        c_cflag: u32,
        /// Local modes.
        c_lflag: u32,
        /// The line discipline.
        c_line: u8,
        /// The control characters, by the constants `V*`.
        c_cc: [u8; 19],
    }

    consts ["asm/termbits.h" usize] {
        /// Index into `c_cc`: the timeout of a read in tenths of a second, without `ICANON`.
        VTIME = 5,
        /// Index into `c_cc`: how many bytes a read waits for, without `ICANON`.
        VMIN = 6,
    }

    consts ["asm/termbits.h" u32] {
        /// Input mode: ignores a break condition.
        IGNBRK = 0x1,
        /// Input mode: a break condition sends SIGINT.
        BRKINT = 0x2,
        /// Input mode: marks bytes with a parity error by the bytes 0xff 0.
        PARMRK = 0x8,
        /// Input mode: clears the eighth bit.
        ISTRIP = 0x20,
        /// Input mode: translates NL to CR.
        INLCR = 0x40,
        /// Input mode: ignores CR.
        IGNCR = 0x80,
        /// Input mode: translates CR to NL.
        ICRNL = 0x100,
        /// Input mode: the stop and start characters stop and resume output.
        IXON = 0x400,
        /// Output mode: the output is changed as the other output modes say.
        OPOST = 0x1,
        /// Control mode: the mask of the character size.
        CSIZE = 0x30,
        /// Control mode: characters have eight bits.
        CS8 = 0x30,
        /// Control mode: parity bits.
        PARENB = 0x100,
        /// Local mode: the interrupt, quit and suspend characters send signals.
        ISIG = 0x1,
        /// Local mode: input is edited, and read line by line.
        ICANON = 0x2,
        /// Local mode: shows input.
        ECHO = 0x8,
        /// Local mode: shows NL, also without `ECHO`.
        ECHONL = 0x40,
        /// Local mode: the extended control characters have their effect.
        IEXTEN = 0x8000,
    }
}

//! Constants and structures of terminals (ioctl_tty(2), termios(3)).

super::abi! {
    consts ["asm/ioctls.h" u32] {
        /// Reads a terminal's attributes (`Termios`).
        TCGETS = 0x5401,
        /// Sets a terminal's attributes at once (`Termios`).
        TCSETS = 0x5402,
        /// Sets a terminal's attributes after all written bytes were transmitted.
        TCSETSW = 0x5403,
        /// Sets a terminal's attributes after all written bytes were transmitted, and discards unread input.
        TCSETSF = 0x5404,
        /// Waits until all written bytes were transmitted, or sends a break.
        TCSBRK = 0x5409,
        /// Stops or resumes output or input: `TCOOFF`, `TCOON`, `TCIOFF`, `TCION`.
        TCXONC = 0x540a,
        /// Discards unread input, unsent output or both: `TCIFLUSH`, `TCOFLUSH`, `TCIOFLUSH`.
        TCFLSH = 0x540b,
        /// The terminal can't be opened any more.
        TIOCEXCL = 0x540c,
        /// The terminal can be opened again.
        TIOCNXCL = 0x540d,
        /// Makes the terminal the controlling terminal of the session.
        TIOCSCTTY = 0x540e,
        /// The number of bytes of unsent output.
        TIOCOUTQ = 0x5411,
        /// Inserts a byte into the input.
        TIOCSTI = 0x5412,
        /// Reads a terminal's size (`Winsize`).
        TIOCGWINSZ = 0x5413,
        /// Sets a terminal's size (`Winsize`).
        TIOCSWINSZ = 0x5414,
        /// Reads the modem's lines.
        TIOCMGET = 0x5415,
        /// Sets some of the modem's lines.
        TIOCMBIS = 0x5416,
        /// Clears some of the modem's lines.
        TIOCMBIC = 0x5417,
        /// Sets the modem's lines.
        TIOCMSET = 0x5418,
        /// Reads the flag `CLOCAL`.
        TIOCGSOFTCAR = 0x5419,
        /// Sets the flag `CLOCAL`.
        TIOCSSOFTCAR = 0x541a,
        /// The number of bytes of unread input.
        FIONREAD = 0x541b,
        /// The output of the console goes to this terminal.
        TIOCCONS = 0x541d,
        /// Packet mode of a pseudoterminal: each read begins with a byte of `TIOCPKT_*`.
        TIOCPKT = 0x5420,
        /// Sets or clears `O_NONBLOCK`.
        FIONBIO = 0x5421,
        /// The session gives up its controlling terminal.
        TIOCNOTTY = 0x5422,
        /// Sets the line discipline.
        TIOCSETD = 0x5423,
        /// Reads the line discipline.
        TIOCGETD = 0x5424,
        /// Sends a break of the given tenths of a second.
        TCSBRKP = 0x5425,
        /// Begins a break.
        TIOCSBRK = 0x5427,
        /// Ends a break.
        TIOCCBRK = 0x5428,
        /// The id of the terminal's session.
        TIOCGSID = 0x5429,
        /// The number of a pseudoterminal, `/dev/pts/N`.
        TIOCGPTN = 0x80045430,
        /// Locks or unlocks the other end of a pseudoterminal.
        TIOCSPTLCK = 0x40045431,
        /// The device number of a terminal.
        TIOCGDEV = 0x80045432,
        /// Sends a signal to the foreground process group of a pseudoterminal.
        TIOCSIG = 0x40045436,
        /// Hangs the terminal up.
        TIOCVHANGUP = 0x5437,
        /// Whether a pseudoterminal is in packet mode.
        TIOCGPKT = 0x80045438,
        /// Whether a pseudoterminal is locked.
        TIOCGPTLCK = 0x80045439,
        /// Whether the terminal can't be opened.
        TIOCGEXCL = 0x80045440,
        /// Opens the other end of a pseudoterminal. Since Linux 4.13.
        TIOCGPTPEER = 0x5441,
    }

    consts ["asm/ioctls.h" u8] {
        /// Packet mode: data follows.
        TIOCPKT_DATA = 0,
        /// Packet mode: unread input was discarded.
        TIOCPKT_FLUSHREAD = 1,
        /// Packet mode: unsent output was discarded.
        TIOCPKT_FLUSHWRITE = 2,
        /// Packet mode: output was stopped.
        TIOCPKT_STOP = 4,
        /// Packet mode: output was resumed.
        TIOCPKT_START = 8,
        /// Packet mode: the stop and start characters are others now.
        TIOCPKT_NOSTOP = 0x10,
        /// Packet mode: the stop and start characters are ^S and ^Q now.
        TIOCPKT_DOSTOP = 0x20,
        /// Packet mode: the flag `EXTPROC` changed.
        TIOCPKT_IOCTL = 0x40,
    }

    consts ["asm/termbits.h" i32] {
        /// `TCXONC`: stops output.
        TCOOFF = 0,
        /// `TCXONC`: resumes output.
        TCOON = 1,
        /// `TCXONC`: sends the stop character.
        TCIOFF = 2,
        /// `TCXONC`: sends the start character.
        TCION = 3,
        /// `TCFLSH`: discards unread input.
        TCIFLUSH = 0,
        /// `TCFLSH`: discards unsent output.
        TCOFLUSH = 1,
        /// `TCFLSH`: discards both.
        TCIOFLUSH = 2,
        /// tcsetattr(3): at once.
        TCSANOW = 0,
        /// tcsetattr(3): after all written bytes were transmitted.
        TCSADRAIN = 1,
        /// tcsetattr(3): the same, and discards unread input.
        TCSAFLUSH = 2,
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

    /// The attributes of a terminal.
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
        c_cc: [u8; NCCS],
    }

    consts ["asm/termbits.h" usize] {
        /// The number of control characters.
        NCCS = 19,
        /// Index into `c_cc`: sends SIGINT.
        VINTR = 0,
        /// Index into `c_cc`: sends SIGQUIT.
        VQUIT = 1,
        /// Index into `c_cc`: erases a character.
        VERASE = 2,
        /// Index into `c_cc`: erases the line.
        VKILL = 3,
        /// Index into `c_cc`: ends the input.
        VEOF = 4,
        /// Index into `c_cc`: the timeout of a read in tenths of a second, without `ICANON`.
        VTIME = 5,
        /// Index into `c_cc`: how many bytes a read waits for, without `ICANON`.
        VMIN = 6,
        /// Index into `c_cc`: not used.
        VSWTC = 7,
        /// Index into `c_cc`: resumes output.
        VSTART = 8,
        /// Index into `c_cc`: stops output.
        VSTOP = 9,
        /// Index into `c_cc`: sends SIGTSTP.
        VSUSP = 0xa,
        /// Index into `c_cc`: another end of a line.
        VEOL = 0xb,
        /// Index into `c_cc`: shows the line again.
        VREPRINT = 0xc,
        /// Index into `c_cc`: not used.
        VDISCARD = 0xd,
        /// Index into `c_cc`: erases a word.
        VWERASE = 0xe,
        /// Index into `c_cc`: the next character has no special meaning.
        VLNEXT = 0xf,
        /// Index into `c_cc`: another end of a line.
        VEOL2 = 0x10,
    }

    consts ["asm/termbits.h" u32] {
        /// Input mode: ignores a break condition.
        IGNBRK = 1,
        /// Input mode: a break condition sends SIGINT.
        BRKINT = 2,
        /// Input mode: ignores bytes with an error of parity or framing.
        IGNPAR = 4,
        /// Input mode: marks bytes with an error of parity or framing by the bytes 0xff 0.
        PARMRK = 8,
        /// Input mode: checks the parity.
        INPCK = 0x10,
        /// Input mode: clears the eighth bit.
        ISTRIP = 0x20,
        /// Input mode: translates NL to CR.
        INLCR = 0x40,
        /// Input mode: ignores CR.
        IGNCR = 0x80,
        /// Input mode: translates CR to NL.
        ICRNL = 0x100,
        /// Input mode: translates capital letters to small letters.
        IUCLC = 0x200,
        /// Input mode: the stop and start characters stop and resume output.
        IXON = 0x400,
        /// Input mode: any character resumes output.
        IXANY = 0x800,
        /// Input mode: sends the stop and start characters by itself.
        IXOFF = 0x1000,
        /// Input mode: rings the bell when the input is full.
        IMAXBEL = 0x2000,
        /// Input mode: the input is UTF-8, so that a character may have several bytes.
        IUTF8 = 0x4000,
    }

    consts ["asm/termbits.h" u32] {
        /// Output mode: the output is changed as the other output modes say.
        OPOST = 1,
        /// Output mode: translates small letters to capital letters.
        OLCUC = 2,
        /// Output mode: translates NL to CR NL.
        ONLCR = 4,
        /// Output mode: translates CR to NL.
        OCRNL = 8,
        /// Output mode: no CR at the beginning of a line.
        ONOCR = 0x10,
        /// Output mode: no CR.
        ONLRET = 0x20,
        /// Output mode: delays by fill characters.
        OFILL = 0x40,
        /// Output mode: the fill character is DEL, not NUL.
        OFDEL = 0x80,
        /// Output mode: the mask of the delay of NL.
        NLDLY = 0x100,
        /// Output mode: no delay of NL.
        NL0 = 0,
        /// Output mode: a delay of NL.
        NL1 = 0x100,
        /// Output mode: the mask of the delay of CR.
        CRDLY = 0x600,
        /// Output mode: no delay of CR.
        CR0 = 0,
        /// Output mode: a delay of CR.
        CR1 = 0x200,
        /// Output mode: a delay of CR.
        CR2 = 0x400,
        /// Output mode: a delay of CR.
        CR3 = 0x600,
        /// Output mode: the mask of the delay of tabs.
        TABDLY = 0x1800,
        /// Output mode: no delay of tabs.
        TAB0 = 0,
        /// Output mode: a delay of tabs.
        TAB1 = 0x800,
        /// Output mode: a delay of tabs.
        TAB2 = 0x1000,
        /// Output mode: expands tabs to spaces.
        TAB3 = 0x1800,
        /// Output mode: as `TAB3`.
        XTABS = 0x1800,
        /// Output mode: the mask of the delay of BS.
        BSDLY = 0x2000,
        /// Output mode: no delay of BS.
        BS0 = 0,
        /// Output mode: a delay of BS.
        BS1 = 0x2000,
        /// Output mode: the mask of the delay of VT.
        VTDLY = 0x4000,
        /// Output mode: no delay of VT.
        VT0 = 0,
        /// Output mode: a delay of VT.
        VT1 = 0x4000,
        /// Output mode: the mask of the delay of FF.
        FFDLY = 0x8000,
        /// Output mode: no delay of FF.
        FF0 = 0,
        /// Output mode: a delay of FF.
        FF1 = 0x8000,
    }

    consts ["asm/termbits.h" u32] {
        /// Control mode: the mask of the output speed.
        CBAUD = 0x100f,
        /// Control mode: the bit of the higher speeds.
        CBAUDEX = 0x1000,
        /// Control mode: the mask of the input speed; 0 is the output speed.
        CIBAUD = 0x100f0000,
        /// Control mode: the mask of the character size.
        CSIZE = 0x30,
        /// Control mode: characters have five bits.
        CS5 = 0,
        /// Control mode: characters have six bits.
        CS6 = 0x10,
        /// Control mode: characters have seven bits.
        CS7 = 0x20,
        /// Control mode: characters have eight bits.
        CS8 = 0x30,
        /// Control mode: two stop bits.
        CSTOPB = 0x40,
        /// Control mode: receives.
        CREAD = 0x80,
        /// Control mode: parity bits.
        PARENB = 0x100,
        /// Control mode: the parity is odd.
        PARODD = 0x200,
        /// Control mode: the last close hangs the modem up.
        HUPCL = 0x400,
        /// Control mode: ignores the modem's lines.
        CLOCAL = 0x800,
        /// Control mode: the parity bit is always 1 (with `PARODD`) or 0.
        CMSPAR = 0x40000000,
        /// Control mode: flow control by the lines RTS and CTS.
        CRTSCTS = 0x80000000,
        /// Control mode: hangs up.
        B0 = 0,
        /// Control mode: 50 baud.
        B50 = 1,
        /// Control mode: 75 baud.
        B75 = 2,
        /// Control mode: 110 baud.
        B110 = 3,
        /// Control mode: 134.5 baud.
        B134 = 4,
        /// Control mode: 150 baud.
        B150 = 5,
        /// Control mode: 200 baud.
        B200 = 6,
        /// Control mode: 300 baud.
        B300 = 7,
        /// Control mode: 600 baud.
        B600 = 8,
        /// Control mode: 1200 baud.
        B1200 = 9,
        /// Control mode: 1800 baud.
        B1800 = 0xa,
        /// Control mode: 2400 baud.
        B2400 = 0xb,
        /// Control mode: 4800 baud.
        B4800 = 0xc,
        /// Control mode: 9600 baud.
        B9600 = 0xd,
        /// Control mode: 19200 baud.
        B19200 = 0xe,
        /// Control mode: 38400 baud.
        B38400 = 0xf,
        /// Control mode: 57600 baud.
        B57600 = 0x1001,
        /// Control mode: 115200 baud.
        B115200 = 0x1002,
        /// Control mode: 230400 baud.
        B230400 = 0x1003,
        /// Control mode: 460800 baud.
        B460800 = 0x1004,
        /// Control mode: 500000 baud.
        B500000 = 0x1005,
        /// Control mode: 576000 baud.
        B576000 = 0x1006,
        /// Control mode: 921600 baud.
        B921600 = 0x1007,
        /// Control mode: 1000000 baud.
        B1000000 = 0x1008,
        /// Control mode: 1152000 baud.
        B1152000 = 0x1009,
        /// Control mode: 1500000 baud.
        B1500000 = 0x100a,
        /// Control mode: 2000000 baud.
        B2000000 = 0x100b,
        /// Control mode: 2500000 baud.
        B2500000 = 0x100c,
        /// Control mode: 3000000 baud.
        B3000000 = 0x100d,
        /// Control mode: 3500000 baud.
        B3500000 = 0x100e,
        /// Control mode: 4000000 baud.
        B4000000 = 0x100f,
        /// Control mode: another speed, in a field of `struct termios2`.
        BOTHER = 0x1000,
    }

    consts ["asm/termbits.h" u32] {
        /// Local mode: the interrupt, quit and suspend characters send signals.
        ISIG = 1,
        /// Local mode: input is edited, and read line by line.
        ICANON = 2,
        /// Local mode: capital letters have a backslash.
        XCASE = 4,
        /// Local mode: shows input.
        ECHO = 8,
        /// Local mode: the erase characters erase on the screen.
        ECHOE = 0x10,
        /// Local mode: the character that erases the line shows NL.
        ECHOK = 0x20,
        /// Local mode: shows NL, also without `ECHO`.
        ECHONL = 0x40,
        /// Local mode: a signal does not discard input and output.
        NOFLSH = 0x80,
        /// Local mode: output from the background sends SIGTTOU.
        TOSTOP = 0x100,
        /// Local mode: shows control characters as ^X.
        ECHOCTL = 0x200,
        /// Local mode: shows erased characters.
        ECHOPRT = 0x400,
        /// Local mode: the character that erases the line erases it on the screen.
        ECHOKE = 0x800,
        /// Local mode: output is discarded.
        FLUSHO = 0x1000,
        /// Local mode: shows unread input again at the next input.
        PENDIN = 0x4000,
        /// Local mode: the extended control characters have their effect.
        IEXTEN = 0x8000,
        /// Local mode: the other end of the pseudoterminal edits the input.
        EXTPROC = 0x10000,
    }

    consts ["asm/ioctls.h" u32] {
        /// Reads the number of unread bytes. The same as `FIONREAD`.
        TIOCINQ = 0x541b,
        /// Waits for a change of a modem's lines.
        TIOCMIWAIT = 0x545c,
        /// Reads how often a modem's lines changed.
        TIOCGICOUNT = 0x545d,
        /// Operations of a virtual console.
        TIOCLINUX = 0x541c,
        /// ioctl(2): sets `O_ASYNC`.
        FIOASYNC = 0x5452,
        /// ioctl(2): sets `FD_CLOEXEC`.
        FIOCLEX = 0x5451,
        /// ioctl(2): clears `FD_CLOEXEC`.
        FIONCLEX = 0x5450,
        /// ioctl(2): reads the length of a file or directory.
        FIOQSIZE = { 0x5460, arm 0x545e },
    }

    consts ["asm/termios.h" u32] {
        /// As `TCGETS`, with any speed (`Termios2`).
        TCGETS2 = 0x802c542a,
        /// As `TCSETS`, with any speed.
        TCSETS2 = 0x402c542b,
        /// As `TCSETSW`, with any speed.
        TCSETSW2 = 0x402c542c,
        /// As `TCSETSF`, with any speed.
        TCSETSF2 = 0x402c542d,
        /// A modem's line: line enable.
        TIOCM_LE = 0x1,
        /// A modem's line: data terminal ready.
        TIOCM_DTR = 0x2,
        /// A modem's line: request to send.
        TIOCM_RTS = 0x4,
        /// A modem's line: secondary transmit.
        TIOCM_ST = 0x8,
        /// A modem's line: secondary receive.
        TIOCM_SR = 0x10,
        /// A modem's line: clear to send.
        TIOCM_CTS = 0x20,
        /// A modem's line: carrier detect.
        TIOCM_CAR = 0x40,
        /// Another name of `TIOCM_CAR`.
        TIOCM_CD = 0x40,
        /// A modem's line: ring.
        TIOCM_RNG = 0x80,
        /// Another name of `TIOCM_RNG`.
        TIOCM_RI = 0x80,
        /// A modem's line: data set ready.
        TIOCM_DSR = 0x100,
    }

    consts ["asm/termbits.h" u32] {
        /// Control mode: the last bit is an address mark. For drivers.
        ADDRB = 0x20000000,
    }

    consts ["asm/termbits.h" u32] {
        /// Another name of `B19200`.
        EXTA = 0o16,
        /// Another name of `B38400`.
        EXTB = 0o17,
        /// How far the speed of the input is shifted (`CIBAUD`).
        IBSHIFT = 16,
    }

    /// The attributes of a terminal, with its speeds (`TCGETS2`).
    record ["asm/termbits.h" "struct termios2" Termios2] {
        /// Input modes.
        c_iflag: u32,
        /// Output modes.
        c_oflag: u32,
        /// Control modes. With `BOTHER` the speeds are those below.
        c_cflag: u32,
        /// Local modes.
        c_lflag: u32,
        /// The line discipline.
        c_line: u8,
        /// The control characters, by the constants `V*`.
        c_cc: [u8; 19],
        /// Speed of the input, in bits per second.
        c_ispeed: u32,
        /// Speed of the output, in bits per second.
        c_ospeed: u32,
    }
}

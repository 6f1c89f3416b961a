//! Error numbers of system calls, with their names and texts.

use core::cmp::Ordering;
use core::fmt::{self, Write as _};
use core::num::NonZeroUsize;

/// An error number of the kernel (errno(3); `include/uapi/asm-generic/errno.h`, the same on both
/// architectures).
///
/// The representation is the result register as the kernel leaves it: the negated number. Results pass
/// through most functions, and a conversion would cost instructions in each function.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Errno(NonZeroUsize);

macro_rules! errnos {
    ({ $( $name:ident = $number:literal, $words:literal; )* } { $( $other:ident: $same:ident; )* }) => {
        impl Errno {
            $(
                #[doc = $words]
                pub const $name: Self = Self::of($number).unwrap();
            )*
            $(
                #[doc = concat!("Another name of `", stringify!($same), "`.")]
                pub const $other: Self = Self::$same;
            )*
        }

        /// The rows, by increasing number: number, name and words.
        const ROWS: &[(u16, &str, &str)] = &[$( ($number, stringify!($name), $words) ),*];

        /// The facts about the kernel's headers that this file claims.
        pub const FACTS: &[&[super::Fact]] = &[
            &[$( fact("asm/errno.h", stringify!($name), Errno::$name) ),*],
            &[$( fact("errno.h", stringify!($other), Errno::$other) ),*],
        ];
    };
}

errnos! {{
    EPERM = 1, "Operation not permitted";
    ENOENT = 2, "No such file or directory";
    ESRCH = 3, "No such process";
    EINTR = 4, "Interrupted system call";
    EIO = 5, "Input/output error";
    ENXIO = 6, "No such device or address";
    E2BIG = 7, "Argument list too long";
    ENOEXEC = 8, "Exec format error";
    EBADF = 9, "Bad file descriptor";
    ECHILD = 10, "No child processes";
    EAGAIN = 11, "Resource temporarily unavailable";
    ENOMEM = 12, "Cannot allocate memory";
    EACCES = 13, "Permission denied";
    EFAULT = 14, "Bad address";
    ENOTBLK = 15, "Block device required";
    EBUSY = 16, "Device or resource busy";
    EEXIST = 17, "File exists";
    EXDEV = 18, "Invalid cross-device link";
    ENODEV = 19, "No such device";
    ENOTDIR = 20, "Not a directory";
    EISDIR = 21, "Is a directory";
    EINVAL = 22, "Invalid argument";
    ENFILE = 23, "Too many open files in system";
    EMFILE = 24, "Too many open files";
    ENOTTY = 25, "Inappropriate ioctl for device";
    ETXTBSY = 26, "Text file busy";
    EFBIG = 27, "File too large";
    ENOSPC = 28, "No space left on device";
    ESPIPE = 29, "Illegal seek";
    EROFS = 30, "Read-only file system";
    EMLINK = 31, "Too many links";
    EPIPE = 32, "Broken pipe";
    EDOM = 33, "Numerical argument out of domain";
    ERANGE = 34, "Numerical result out of range";
    EDEADLK = 35, "Resource deadlock avoided";
    ENAMETOOLONG = 36, "File name too long";
    ENOLCK = 37, "No locks available";
    ENOSYS = 38, "Function not implemented";
    ENOTEMPTY = 39, "Directory not empty";
    ELOOP = 40, "Too many levels of symbolic links";
    ENOMSG = 42, "No message of desired type";
    EIDRM = 43, "Identifier removed";
    ECHRNG = 44, "Channel number out of range";
    EL2NSYNC = 45, "Level 2 not synchronized";
    EL3HLT = 46, "Level 3 halted";
    EL3RST = 47, "Level 3 reset";
    ELNRNG = 48, "Link number out of range";
    EUNATCH = 49, "Protocol driver not attached";
    ENOCSI = 50, "No CSI structure available";
    EL2HLT = 51, "Level 2 halted";
    EBADE = 52, "Invalid exchange";
    EBADR = 53, "Invalid request descriptor";
    EXFULL = 54, "Exchange full";
    ENOANO = 55, "No anode";
    EBADRQC = 56, "Invalid request code";
    EBADSLT = 57, "Invalid slot";
    EBFONT = 59, "Bad font file format";
    ENOSTR = 60, "Device not a stream";
    ENODATA = 61, "No data available";
    ETIME = 62, "Timer expired";
    ENOSR = 63, "Out of streams resources";
    ENONET = 64, "Machine is not on the network";
    ENOPKG = 65, "Package not installed";
    EREMOTE = 66, "Object is remote";
    ENOLINK = 67, "Link has been severed";
    EADV = 68, "Advertise error";
    ESRMNT = 69, "Srmount error";
    ECOMM = 70, "Communication error on send";
    EPROTO = 71, "Protocol error";
    EMULTIHOP = 72, "Multihop attempted";
    EDOTDOT = 73, "RFS specific error";
    EBADMSG = 74, "Bad message";
    EOVERFLOW = 75, "Value too large for defined data type";
    ENOTUNIQ = 76, "Name not unique on network";
    EBADFD = 77, "File descriptor in bad state";
    EREMCHG = 78, "Remote address changed";
    ELIBACC = 79, "Can not access a needed shared library";
    ELIBBAD = 80, "Accessing a corrupted shared library";
    ELIBSCN = 81, ".lib section in a.out corrupted";
    ELIBMAX = 82, "Attempting to link in too many shared libraries";
    ELIBEXEC = 83, "Cannot exec a shared library directly";
    EILSEQ = 84, "Invalid or incomplete multibyte or wide character";
    ERESTART = 85, "Interrupted system call should be restarted";
    ESTRPIPE = 86, "Streams pipe error";
    EUSERS = 87, "Too many users";
    ENOTSOCK = 88, "Socket operation on non-socket";
    EDESTADDRREQ = 89, "Destination address required";
    EMSGSIZE = 90, "Message too long";
    EPROTOTYPE = 91, "Protocol wrong type for socket";
    ENOPROTOOPT = 92, "Protocol not available";
    EPROTONOSUPPORT = 93, "Protocol not supported";
    ESOCKTNOSUPPORT = 94, "Socket type not supported";
    EOPNOTSUPP = 95, "Operation not supported";
    EPFNOSUPPORT = 96, "Protocol family not supported";
    EAFNOSUPPORT = 97, "Address family not supported by protocol";
    EADDRINUSE = 98, "Address already in use";
    EADDRNOTAVAIL = 99, "Cannot assign requested address";
    ENETDOWN = 100, "Network is down";
    ENETUNREACH = 101, "Network is unreachable";
    ENETRESET = 102, "Network dropped connection on reset";
    ECONNABORTED = 103, "Software caused connection abort";
    ECONNRESET = 104, "Connection reset by peer";
    ENOBUFS = 105, "No buffer space available";
    EISCONN = 106, "Transport endpoint is already connected";
    ENOTCONN = 107, "Transport endpoint is not connected";
    ESHUTDOWN = 108, "Cannot send after transport endpoint shutdown";
    ETOOMANYREFS = 109, "Too many references: cannot splice";
    ETIMEDOUT = 110, "Connection timed out";
    ECONNREFUSED = 111, "Connection refused";
    EHOSTDOWN = 112, "Host is down";
    EHOSTUNREACH = 113, "No route to host";
    EALREADY = 114, "Operation already in progress";
    EINPROGRESS = 115, "Operation now in progress";
    ESTALE = 116, "Stale file handle";
    EUCLEAN = 117, "Structure needs cleaning";
    ENOTNAM = 118, "Not a XENIX named type file";
    ENAVAIL = 119, "No XENIX semaphores available";
    EISNAM = 120, "Is a named type file";
    EREMOTEIO = 121, "Remote I/O error";
    EDQUOT = 122, "Disk quota exceeded";
    ENOMEDIUM = 123, "No medium found";
    EMEDIUMTYPE = 124, "Wrong medium type";
    ECANCELED = 125, "Operation canceled";
    ENOKEY = 126, "Required key not available";
    EKEYEXPIRED = 127, "Key has expired";
    EKEYREVOKED = 128, "Key has been revoked";
    EKEYREJECTED = 129, "Key was rejected by service";
    EOWNERDEAD = 130, "Owner died";
    ENOTRECOVERABLE = 131, "State not recoverable";
    ERFKILL = 132, "Operation not possible due to RF-kill";
    EHWPOISON = 133, "Memory page has hardware error";
} {
    EWOULDBLOCK: EAGAIN;
    EDEADLOCK: EDEADLK;
    ENOTSUP: EOPNOTSUPP;
}
}

const fn fact(header: &'static str, expression: &'static str, errno: Errno) -> super::Fact {
    super::Fact::of(header, expression, errno.0.get().wrapping_neg() as i64)
}

impl Errno {
    /// Returns the error if a system call's result register holds an error: -4095 to -1 (`IS_ERR_VALUE`,
    /// linux/err.h).
    ///
    /// On 64 bits only the sign is tested, which is a shorter instruction: no call that this library makes has a result
    /// of 2^63 or more. On 32 bits, mmap returns addresses above 2^31.
    ///
    /// # Safety
    /// `result` is the result register of a system call. If it is negative on 64 bits, it is an error.
    #[inline(always)]
    pub(crate) unsafe fn from_result(result: usize) -> Option<Self> {
        const LEAST: isize = if cfg!(target_pointer_width = "64") {
            isize::MIN
        } else {
            -4095
        };
        if (LEAST..0).contains(&(result as isize)) {
            // SAFETY: `result` is negative as an `isize`, so it is not 0.
            Some(Self(unsafe { NonZeroUsize::new_unchecked(result) }))
        } else {
            None
        }
    }

    /// The error with this number, for a number that the kernel reports in a structure or as an option's
    /// value (`SO_ERROR`). `None` for 0 and for any other number outside 1 to 4095.
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            1..=4095 => Self::of(number as usize),
            _ => None,
        }
    }

    /// The error with this number; `None` for 0. Callers pass at most 4095.
    const fn of(number: usize) -> Option<Self> {
        match NonZeroUsize::new(number.wrapping_neg()) {
            Some(register) => Some(Self(register)),
            None => None,
        }
    }

    /// The number, 1 to 4095.
    #[inline]
    pub fn number(self) -> u16 {
        self.0.get().wrapping_neg() as u16
    }

    /// The usual text, `No space left on device`. `None` for a number that the kernel's headers do not name.
    pub fn words(self) -> Option<Letters> {
        // Skips the two texts of each smaller number, from 0 on.
        let mut before = 2 * self.number();
        let mut letters = Letters(0);
        while before > 0 && letters.0 < CODES {
            before -= u16::from(letters.code() == END);
        }
        let words = Letters(letters.0);
        letters.next().map(|_| words)
    }

    /// The kernel's name, `ENOSPC`. `None` for a number without a name.
    pub fn name(self) -> Option<impl Iterator<Item = u8>> {
        let mut letters = self.words()?;
        letters.by_ref().for_each(drop);
        Some(letters.map(|letter| letter.to_ascii_uppercase()))
    }
}

/// Iterates over the letters of an error's words or name, in ASCII. The value is the index of the next code
/// in `PACKED`.
///
/// The plain texts of all errors would be a fifth of a small program. So they are packed: five bits per
/// letter.
#[derive(Clone, Debug)]
pub struct Letters(usize);

impl Letters {
    /// Returns the next code; `END` after the last.
    fn code(&mut self) -> u8 {
        let bit = CODE_BITS * self.0;
        self.0 += 1;
        let two = PACKED.get(bit / 8..).and_then(|bytes| bytes.first_chunk());
        let two = u16::from_le_bytes(*two.unwrap_or(&[END; 2]));
        (two >> (bit % 8)) as u8 & SHIFT
    }
}

impl Iterator for Letters {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        match self.code() {
            END => None,
            SHIFT => Some(SHIFTED[usize::from(self.code() & SHIFT)]),
            code => Some(PLAIN[usize::from(code & SHIFT)]),
        }
    }
}

/// The bits of a code.
const CODE_BITS: usize = 5;
/// The code at the end of each text.
const END: u8 = 0;
/// The code before a letter of the second alphabet (`SHIFTED`).
const SHIFT: u8 = 31;
/// The first alphabet: the letter of each code from 1 to 30.
const PLAIN: &[u8; 32] = b"\0abcdefghijklmnopqrstuvwxyz 23-\0";
/// The second alphabet: the letter of each code after a `SHIFT`.
const SHIFTED: &[u8; 32] = b"\0ABCDEFGHIJKLMNOPQRSTUVWXYZ/.:\0\0";

/// All texts, by increasing number from 0: words, then name. The texts of a number without a row are empty.
const PACKED: [u8; (CODE_BITS * CODES).div_ceil(8) + 1] = {
    let mut packed = [0; _];
    pack(&mut packed);
    packed
};
/// The number of codes in `PACKED`.
const CODES: usize = pack(&mut [0; 1 << 12]);

/// Packs all texts into `into`. Returns the number of codes.
const fn pack(into: &mut [u8]) -> usize {
    let mut codes = 0;
    let mut row = 0;
    let mut number = 0;
    while row < ROWS.len() {
        if ROWS[row].0 == number {
            let (_, name, words) = ROWS[row];
            codes = pack_text(into, codes, words.as_bytes(), true);
            codes = pack_text(into, codes, name.as_bytes(), false);
            row += 1;
        } else {
            codes += 2; // two empty texts: END is 0
        }
        number += 1;
    }
    codes
}

/// Packs one text from code `codes` on, and returns the index after the text. Converts letters to lower case
/// unless `case`.
const fn pack_text(into: &mut [u8], mut codes: usize, text: &[u8], case: bool) -> usize {
    let mut at = 0;
    while at < text.len() {
        let letter = match case {
            true => text[at],
            false => text[at].to_ascii_lowercase(),
        };
        let mut code = 1;
        while PLAIN[code] != letter && SHIFTED[code] != letter {
            code += 1; // a letter of neither alphabet: runs past the arrays, a compile error
        }
        if SHIFTED[code] == letter {
            codes = pack_code(into, codes, SHIFT);
        }
        codes = pack_code(into, codes, code as u8);
        at += 1;
    }
    codes + 1
}

/// Packs one code at index `codes`, and returns the next index.
const fn pack_code(into: &mut [u8], codes: usize, code: u8) -> usize {
    let bit = CODE_BITS * codes;
    let bits = (code as u16) << (bit % 8);
    into[bit / 8] |= bits as u8;
    into[bit / 8 + 1] |= (bits >> 8) as u8;
    codes + 1
}

/// By the number: `EPERM` (1) is the first.
impl Ord for Errno {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for Errno {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl core::error::Error for Errno {}

/// `No space left on device (ENOSPC)`, as [`Print`](crate::text::Print) prints the error.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((mut words, mut name)) = self.words().zip(self.name()) else {
            return write!(f, "Unknown error {}", self.number());
        };
        words.try_for_each(|letter| f.write_char(letter.into()))?;
        f.write_str(" (")?;
        name.try_for_each(|letter| f.write_char(letter.into()))?;
        f.write_char(')')
    }
}

/// `ENOSPC`
impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(mut name) => name.try_for_each(|letter| f.write_char(letter.into())),
            None => write!(f, "error {}", self.number()),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::{String, ToString};

    fn text(letters: Option<impl Iterator<Item = u8>>) -> Option<String> {
        letters.map(|letters| String::from_utf8(letters.collect()).unwrap())
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri's strerror knows few texts")]
    fn words_are_those_of_strerror() {
        for number in 1..=4095 {
            let Some(words) = text(Errno::from_number(number).unwrap().words()) else {
                continue;
            };
            // std's Display prints strerror's text and " (os error N)".
            let os = std::io::Error::from_raw_os_error(number).to_string();
            assert_eq!(std::format!("{words} (os error {number})"), os);
        }
    }

    #[test]
    fn every_row_has_its_texts_and_no_other_number_has() {
        for number in 1..=if crate::SLOW { 150 } else { 4095 } {
            let errno = Errno::from_number(number).unwrap();
            let row = ROWS.iter().find(|row| i32::from(row.0) == number);
            let (name, words) = (text(errno.name()), text(errno.words()));
            assert_eq!(name.as_deref(), row.map(|row| row.1));
            assert_eq!(words.as_deref(), row.map(|row| row.2));
        }
        assert_eq!(
            std::format!("{:?} {:?}", Errno::ENOSPC, Errno::from_number(41)),
            "ENOSPC Some(error 41)"
        );
        assert_eq!(
            std::format!("{}, {}", Errno::ENOSPC, Errno::from_number(41).unwrap()),
            "No space left on device (ENOSPC), Unknown error 41"
        );
    }

    #[test]
    fn errors_are_in_the_order_of_their_numbers() {
        assert!(Errno::EPERM < Errno::ENOENT && Errno::ENOENT < Errno::EHWPOISON);
        assert_eq!(Errno::EIO.cmp(&Errno::EIO), Ordering::Equal);
        let error: &dyn core::error::Error = &Errno::EIO;
        assert_eq!(error.to_string(), "Input/output error (EIO)");
    }

    #[test]
    fn a_result_is_a_value_or_an_error() {
        // SAFETY: the test passes values that a system call can return.
        let from_result = |result| unsafe { Errno::from_result(result) };
        assert_eq!(from_result(0), None);
        // The highest address that mmap returns.
        let highest = if cfg!(target_pointer_width = "64") {
            0x7fff_ffff_f000_u64
        } else {
            0xffff_d000
        };
        assert_eq!(from_result(highest as usize), None);
        assert_eq!(from_result(usize::MAX), Some(Errno::EPERM));
        assert_eq!(
            from_result(usize::MAX - 4094).map(Errno::number),
            Some(4095)
        );
        assert_eq!(Errno::from_number(0), None);
        assert_eq!(Errno::from_number(-1), None);
        assert_eq!(Errno::from_number(4096), None);
    }
}

//! What a case is: one line of a room's table.

use ring3::Errno;
use ring3::io::read;
use ring3::pipe::{O_CLOEXEC, O_NONBLOCK, Pipe};
use ring3::print::{Print, Writer};

/// A case: what is done, and what must come back.
pub struct Case {
    /// What is asked, in a few words: unique within its room.
    pub name: &'static str,
    /// The public functions of the room that it is about, `Type::function` or `function`.
    pub covers: &'static [&'static str],
    /// Does it.
    pub run: fn() -> Got,
    /// What must come back.
    pub want: Got,
    /// Errors by which a kernel says that it cannot do this at all, beside `ENOSYS`.
    pub cannot: &'static [Errno],
}

/// What came back: a value or an error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Got {
    Value(i64),
    Error(Errno),
}

/// How a case ended.
pub enum Verdict {
    Passed,
    /// This kernel cannot do it, and this is how it said so.
    Skipped(Errno),
    /// Something else came back.
    Failed(Got),
}

impl Case {
    /// Does it, and judges what came back.
    pub fn verdict(&self) -> Verdict {
        match (self.run)() {
            got if got == self.want => Verdict::Passed,
            Got::Error(errno) if errno == Errno::ENOSYS || self.cannot.contains(&errno) => {
                Verdict::Skipped(errno)
            }
            got => Verdict::Failed(got),
        }
    }
}

impl Print for Got {
    fn print(&self, out: &mut Writer<'_>) {
        match self {
            Got::Value(value) => out.print(value),
            Got::Error(errno) => out.print(errno),
        }
    }
}

/// Whether that is what the value prints, through a pipe.
pub fn prints(value: impl Print, text: &str) -> bool {
    let Ok(pipe) = Pipe::new(O_NONBLOCK | O_CLOEXEC) else {
        return false;
    };
    let mut room = [0; 16];
    let mut out = Writer::new(pipe.write.as_fd(), &mut room);
    out.print(value);
    let mut came = [0; 4096];
    let written = out
        .flush()
        .and_then(|()| read(pipe.read.as_fd(), &mut came));
    written.is_ok_and(|count| &came[..count] == text.as_bytes())
}

/// What a case may come back with.
pub trait Outcome {
    fn got(self) -> Got;
}

macro_rules! values {
    ($($type:ty),*) => { $(
        impl Outcome for $type {
            fn got(self) -> Got {
                Got::Value(self as i64)
            }
        }
    )* };
}
values!(i64, i32, u64, u32, u16, u8, usize, bool);

impl Outcome for () {
    fn got(self) -> Got {
        Got::Value(0)
    }
}

impl<T: Outcome> Outcome for Result<T, Errno> {
    fn got(self) -> Got {
        match self {
            Ok(value) => value.got(),
            Err(errno) => Got::Error(errno),
        }
    }
}

/// A table of cases, one a line: name, what it covers, what is done, and what must come back; then the errors
/// by which a kernel says that it cannot.
#[macro_export]
macro_rules! cases {
    ($(
        $name:literal, [$($covers:path),* $(,)?], $run:expr => $want:expr $(, cannot $($cannot:ident)|+)?;
    )*) => {
        pub const CASES: &[$crate::case::Case] = &[$(
            $crate::case::Case {
                name: $name,
                covers: &[$(stringify!($covers)),*],
                run: || $crate::case::Outcome::got($run),
                want: $want,
                cannot: &[$($(ring3::Errno::$cannot),+)?],
            },
        )*];
    };
}

/// What is wanted, as the tables say it.
pub const fn value(value: i64) -> Got {
    Got::Value(value)
}
pub const fn error(errno: Errno) -> Got {
    Got::Error(errno)
}
/// Of what gives nothing.
pub const DONE: Got = Got::Value(0);
/// Of what is true or not.
pub const YES: Got = Got::Value(1);
pub const NO: Got = Got::Value(0);

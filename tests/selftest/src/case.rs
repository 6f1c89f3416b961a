//! The type of a self-test case, and the macro for a room's table of cases.

use ring3::Errno;
use ring3::text::{Print, Writer};

/// A case: an operation and its expected result.
pub struct Case {
    /// What is checked, in a few words: unique within its room.
    pub name: &'static str,
    /// The public functions that the case covers, as `Type::function` or `function`.
    pub covers: &'static [&'static str],
    /// Performs the operation.
    pub run: fn() -> Got,
    /// The expected result.
    pub want: Got,
    /// The errors, beside `ENOSYS`, with which a kernel reports that it lacks the operation.
    pub cannot: &'static [Errno],
}

/// A result: a value or an error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Got {
    Value(i64),
    Error(Errno),
}

/// The verdict on a case.
pub enum Verdict {
    Passed,
    /// This kernel lacks the operation, and reported this error.
    Skipped(Errno),
    /// The result differs from the expected result.
    Failed(Got),
}

impl Case {
    /// Performs the operation and compares its result with the expected result.
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
            Got::Value(value) => out.print(*value),
            Got::Error(errno) => out.print(*errno),
        }
    }
}

/// A type that the operation of a case may return.
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

/// A table of cases, one a line: name, covered functions, operation, expected result; then the errors with which a
/// kernel reports that it lacks the operation.
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

/// Expected results, as the tables write them.
pub const fn value(value: i64) -> Got {
    Got::Value(value)
}
pub const fn error(errno: Errno) -> Got {
    Got::Error(errno)
}
/// For an operation that returns nothing.
pub const DONE: Got = Got::Value(0);
/// For an operation that returns a `bool`.
pub const YES: Got = Got::Value(1);
pub const NO: Got = Got::Value(0);

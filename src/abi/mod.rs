//! Linux's system call interface as data: numbers, structures, flags and errors. Also the `syscall!` macro,
//! which makes the calls.
//!
//! Each file holds one `abi!` table. A row of a table defines a Rust item and also the [`Fact`] that the item
//! claims about the kernel's headers. A test (the oracle in `tests/`) compiles C code against the headers and
//! checks all facts. A row gives two values where x86_64 and aarch64 differ.

pub mod auxv;
pub mod elf;
mod errno;
pub mod fs;
pub mod futex;
#[cfg(target_arch = "aarch64")]
pub mod generic;
pub mod mem;
pub mod net;
pub mod nr;
pub mod poll;
pub mod process;
pub mod signal;
pub mod system;
pub mod time;
#[cfg(target_arch = "x86_64")]
pub mod x86;

pub use errno::Errno;

/// The result of a system call: a value, or the error number.
pub type Result<T> = core::result::Result<T, Errno>;

/// A claim about the kernel's headers: in `header`, the C expression `expression` has the value `value` on
/// this architecture.
pub struct Fact {
    /// The header that a C program includes.
    pub header: &'static str,
    /// A constant expression in C.
    pub expression: &'static str,
    /// The expression's value, sign-extended if its C type is signed.
    pub value: i64,
}

/// The facts of all tables.
pub const FACTS: &[&[&[Fact]]] = &[
    auxv::FACTS,
    elf::FACTS,
    errno::FACTS,
    fs::FACTS,
    futex::FACTS,
    #[cfg(target_arch = "aarch64")]
    generic::FACTS,
    mem::FACTS,
    net::FACTS,
    nr::FACTS,
    poll::FACTS,
    process::FACTS,
    signal::FACTS,
    system::FACTS,
    time::FACTS,
    #[cfg(target_arch = "x86_64")]
    x86::FACTS,
];

/// Chooses the value for this architecture: a row has one value for both, or `{ x86_64 A, aarch64 B }`.
macro_rules! per_arch {
    ({ x86_64 $x86_64:expr, aarch64 $aarch64:expr }) => {
        if cfg!(target_arch = "x86_64") {
            $x86_64
        } else {
            $aarch64
        }
    };
    ($both:expr) => {
        $both
    };
}

/// Defines a table: groups of rows, each `KIND [HEAD] { ROWS }`, and `FACTS` with the facts of all groups.
///
/// - `numbers ["header"]`: system call numbers. The name in C has the prefix `__NR_`.
/// - `consts ["header" type]`: constants of an integer type.
/// - `numbered ["header" type: NAMES]`: constants with the values 1, 2, 3 and so on. `NAMES` is a string of
///   their names.
/// - `flags ["header" Type: repr]`: constants of a type of their own, combined with `|`.
/// - `places ["header" "struct name"]`: offsets of a structure's members. Each row has the member's C name on
///   x86_64 and on aarch64.
/// - `record ["header" "struct name" Type]`: a structure with its fields in the kernel's order. `Type + N`:
///   the last N bytes of the structure have no fields here.
macro_rules! abi {
    ($( $(#[$meta:meta])* $kind:ident $head:tt $rows:tt )*) => {
        $( $crate::abi::items! { $(#[$meta])* $kind $head $rows } )*

        /// The facts about the kernel's headers that this file claims.
        pub const FACTS: &[&[$crate::abi::Fact]] = &[ $( $crate::abi::facts!($kind $head $rows) ),* ];
    };
}

/// Defines the Rust items of one group of a table.
macro_rules! items {
    ($(#[$meta:meta])* numbers [$header:literal] { $( $name:ident = $value:tt, )* }) => { $(
        #[doc = concat!("`__NR_", stringify!($name), "`")]
        #[allow(non_upper_case_globals, reason = "the kernel's own name, so that it can be searched for")]
        pub const $name: usize = $crate::abi::per_arch!($value);
    )* };
    ($(#[$meta:meta])* consts [$header:literal $type:ty] { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }) => { $(
        $(#[$doc])*
        #[doc = concat!("(`", stringify!($name), "` of `", $header, "`)")]
        #[allow(unused_parens, reason = "they make one token of a negative number")]
        pub const $name: $type = $crate::abi::per_arch!($value);
    )* };
    ($(#[$meta:meta])* places [$header:literal $c:literal] { $( $(#[$doc:meta])* $name:ident [$x86_64:literal $aarch64:literal] = $value:tt, )* }) => { $(
        $(#[$doc])*
        #[doc = concat!("(in `", $c, "` of `", $header, "`)")]
        pub const $name: usize = $crate::abi::per_arch!($value);
    )* };
    ($(#[$meta:meta])* numbered [$header:literal $type:ty: $names:ident] { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }) => {
        $crate::abi::items! { consts [$header $type] { $( $(#[$doc])* $name = $value, )* } }

        $(#[$meta])*
        pub const $names: &str = {
            let values = [$( $name ),*];
            let mut place = 0;
            while place < values.len() {
                place += 1;
                assert!(values[place - 1] == place as $type);
            }
            concat!($( stringify!($name), " " ),*)
        };
    };
    ($(#[$meta:meta])* flags [$header:literal $type:ident: $repr:ty] { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[repr(transparent)]
        pub struct $type($repr);

        impl $type {
            /// No flag set.
            pub const NONE: Self = Self(0);

            /// The bits as the kernel takes them.
            #[inline]
            pub const fn bits(self) -> $repr {
                self.0
            }

            /// The flags that the kernel reported as `bits`.
            #[inline]
            pub const fn from_bits(bits: $repr) -> Self {
                Self(bits)
            }

            /// Whether every flag of `other` is set.
            #[inline]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any flag of `other` is set.
            #[inline]
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }
        }

        impl core::ops::BitOr for $type {
            type Output = Self;
            #[inline]
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl $crate::abi::Arg for $type {
            #[inline(always)]
            fn arg(self) -> usize {
                self.0.arg()
            }
        }

        $(
            $(#[$doc])*
            #[doc = concat!("(`", stringify!($name), "` of `", $header, "`)")]
            pub const $name: $type = $type($crate::abi::per_arch!($value));
        )*
    };
    ($(#[$meta:meta])* record [$header:literal $c:literal $type:ident $(+ $rest:literal)?] { $( $(#[$doc:meta])* $field:ident: $ty:ty, )* }) => {
        $(#[$meta])*
        #[doc = concat!("(`", $c, "` of `", $header, "`)")]
        #[derive(Clone, Copy)]
        #[repr(C)]
        pub struct $type { $(
            $(#[$doc])*
            #[doc = concat!("`", stringify!($field), "`")]
            pub $field: $ty,
        )* $( rest: [u8; $rest], )? }

        impl $type {
            /// Every byte zero: the initial value of a structure that the kernel fills in, or in which zeros
            /// ask for nothing.
            pub const ZERO: Self = {
                // SAFETY: the fields are integers, pointers, arrays or records of these types, for all of
                // which zero bytes are a valid value.
                unsafe { core::mem::zeroed() }
            };
        }
    };
}

/// The [`Fact`]s of one group of a table.
macro_rules! facts {
    (numbers [$header:literal] { $( $name:ident = $value:tt, )* }) => {
        &[ $( $crate::abi::Fact {
            header: $header, expression: concat!("__NR_", stringify!($name)), value: $name as i64,
        } ),* ]
    };
    (consts [$header:literal $type:ty] { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }) => {
        &[ $( $crate::abi::Fact {
            header: $header, expression: stringify!($name), value: $name as i64,
        } ),* ]
    };
    (places [$header:literal $c:literal] { $( $(#[$doc:meta])* $name:ident [$x86_64:literal $aarch64:literal] = $value:tt, )* }) => {
        &[ $( $crate::abi::Fact {
            header: $header,
            expression: if cfg!(target_arch = "x86_64") {
                concat!("__builtin_offsetof(", $c, ", ", $x86_64, ")")
            } else {
                concat!("__builtin_offsetof(", $c, ", ", $aarch64, ")")
            },
            value: $name as i64,
        } ),* ]
    };
    (numbered [$header:literal $type:ty: $names:ident] $rows:tt) => {
        $crate::abi::facts!(consts [$header $type] $rows)
    };
    (flags [$header:literal $type:ident: $repr:ty] { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }) => {
        &[ $( $crate::abi::Fact {
            header: $header, expression: stringify!($name), value: $name.bits() as i64,
        } ),* ]
    };
    (record [$header:literal $c:literal $type:ident $(+ $rest:literal)?] { $( $(#[$doc:meta])* $field:ident: $ty:ty, )* }) => {
        &[
            $crate::abi::Fact {
                header: $header, expression: concat!("sizeof(", $c, ")"), value: size_of::<$type>() as i64,
            },
            $(
                $crate::abi::Fact {
                    header: $header,
                    expression: concat!("__builtin_offsetof(", $c, ", ", stringify!($field), ")"),
                    value: core::mem::offset_of!($type, $field) as i64,
                },
                $crate::abi::Fact {
                    header: $header,
                    expression: concat!("sizeof(((", $c, " *)0)->", stringify!($field), ")"),
                    value: size_of::<$ty>() as i64,
                },
            )*
        ]
    };
}

/// `syscall!(name(arguments))`: makes the system call `name` and checks its result.
///
/// Each argument fills a 64-bit register, as [`Arg`] defines for its type.
macro_rules! syscall {
    ($name:ident()) => {
        $crate::abi::check($crate::arch::syscall0($crate::abi::nr::$name))
    };
    ($name:ident($a:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall1(
            $crate::abi::nr::$name,
            $crate::abi::Arg::arg($a),
        ))
    };
    ($name:ident($a:expr, $b:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall2(
            $crate::abi::nr::$name,
            $crate::abi::Arg::arg($a),
            $crate::abi::Arg::arg($b),
        ))
    };
    ($name:ident($a:expr, $b:expr, $c:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall3(
            $crate::abi::nr::$name,
            $crate::abi::Arg::arg($a),
            $crate::abi::Arg::arg($b),
            $crate::abi::Arg::arg($c),
        ))
    };
    ($name:ident($a:expr, $b:expr, $c:expr, $d:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall4(
            $crate::abi::nr::$name,
            $crate::abi::Arg::arg($a),
            $crate::abi::Arg::arg($b),
            $crate::abi::Arg::arg($c),
            $crate::abi::Arg::arg($d),
        ))
    };
    ($name:ident($a:expr, $b:expr, $c:expr, $d:expr, $e:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall5(
            $crate::abi::nr::$name,
            $crate::abi::Arg::arg($a),
            $crate::abi::Arg::arg($b),
            $crate::abi::Arg::arg($c),
            $crate::abi::Arg::arg($d),
            $crate::abi::Arg::arg($e),
        ))
    };
    ($name:ident($a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr $(,)?)) => {
        $crate::abi::check($crate::arch::syscall6(
            $crate::abi::nr::$name,
            $crate::abi::Arg::arg($a),
            $crate::abi::Arg::arg($b),
            $crate::abi::Arg::arg($c),
            $crate::abi::Arg::arg($d),
            $crate::abi::Arg::arg($e),
            $crate::abi::Arg::arg($f),
        ))
    };
}

pub(crate) use {abi, facts, items, per_arch, syscall};

/// Converts the result register of a system call: a value, or a negated error number.
///
/// # Safety
/// As for [`Errno::from_result`].
#[inline(always)]
pub(crate) unsafe fn check(result: usize) -> Result<usize> {
    #[cfg(test)]
    tests::after_call();
    // SAFETY: `result` meets the requirement of `from_result`: the caller guarantees this.
    match unsafe { Errno::from_result(result) } {
        None => Ok(result),
        Some(errno) => Err(errno),
    }
}

/// A type that can be an argument of a system call: defines how a value fills a 64-bit register.
pub(crate) trait Arg {
    fn arg(self) -> usize;
}

macro_rules! integer_arg {
    ($($type:ty)*) => { $(
        impl Arg for $type {
            // `as` sign-extends a signed type and zero-extends an unsigned type, as C does.
            #[inline(always)]
            fn arg(self) -> usize {
                self as usize
            }
        }
    )* };
}
integer_arg!(usize u64 u32 isize i64 i32);

impl<T> Arg for *const T {
    #[inline(always)]
    fn arg(self) -> usize {
        self.expose_provenance()
    }
}

impl<T> Arg for *mut T {
    #[inline(always)]
    fn arg(self) -> usize {
        self.expose_provenance()
    }
}

impl Arg for &core::ffi::CStr {
    #[inline(always)]
    fn arg(self) -> usize {
        self.as_ptr().arg()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;

    use super::Arg;
    use super::mem::{MAP_ANONYMOUS, MAP_PRIVATE, Map, PROT_READ, PROT_WRITE, Prot};
    use std::cell::Cell;

    std::thread_local! {
        /// A hook that the calling thread runs after each of its system calls. A test checks with it which locks are
        /// held during the call.
        pub static AFTER_CALL: Cell<Option<fn()>> = const { Cell::new(None) };
    }

    #[test]
    fn an_argument_fills_a_register_as_c_does() {
        assert_eq!(
            [(-1_i32).arg(), i32::MIN.arg()],
            [usize::MAX, 0xffff_ffff_8000_0000]
        );
        assert_eq!((u32::MAX.arg(), u64::MAX.arg()), (0xffff_ffff, usize::MAX));
        assert_eq!(
            ((-2_i64).arg(), (-2_isize).arg()),
            (usize::MAX - 1, usize::MAX - 1)
        );
        let mut word = 7_u16;
        let place = (&raw mut word).addr();
        assert_eq!(
            ((&raw mut word).arg(), (&raw const word).arg()),
            (place, place)
        );
        assert_eq!(c"text".arg(), c"text".as_ptr().addr());
        assert_eq!((MAP_PRIVATE | MAP_ANONYMOUS).arg(), 0x22);
    }

    #[test]
    fn flags_are_the_bits_that_they_are_of() {
        let both = PROT_READ | PROT_WRITE;
        assert_eq!((both.bits(), Prot::from_bits(3) == both), (3, true));
        assert!(both.contains(PROT_READ) && both.contains(both) && both.contains(Prot::NONE));
        assert!(!PROT_READ.contains(both) && PROT_READ.intersects(both));
        assert!(!PROT_READ.intersects(PROT_WRITE) && !both.intersects(Prot::NONE));
        assert_eq!(Map::NONE.bits(), 0);
    }

    #[test]
    fn a_result_is_checked() {
        // SAFETY: the test passes values that a system call can return.
        let check = |result| unsafe { super::check(result) };
        assert_eq!((check(0), check(5)), (Ok(0), Ok(5)));
        assert_eq!(check(usize::MAX - 1), Err(super::Errno::ENOENT));
        assert_eq!(
            check(usize::MAX - 4094).map_err(super::Errno::number),
            Err(4095)
        );
    }

    /// Runs the calling thread's hook, if a test set one.
    pub fn after_call() {
        if let Some(look) = AFTER_CALL.get() {
            look();
        }
    }
}

//! The macro `abi!` defines a table: each row becomes a Rust item and a [`Fact`] about the kernel's headers.

/// A claim about the kernel's headers on this architecture: in `header`, the C expression `expression` has the value
/// `value`.
#[derive(Clone, Copy, Debug)]
pub struct Fact {
    /// The header that a C program includes.
    pub header: &'static str,
    /// A constant expression in C.
    pub expression: &'static str,
    /// The expression's value, sign-extended if its C type is signed. `None`: the expression is a macro that `header`
    /// does not define.
    pub value: Option<i64>,
    /// Whether the headers of Linux 6.1, the oldest that the tests use, may lack the expression, a macro's name.
    pub newer: bool,
}

impl Fact {
    /// The fact that `expression` has the value `value`.
    pub(crate) const fn of(header: &'static str, expression: &'static str, value: i64) -> Self {
        Self {
            header,
            expression,
            value: Some(value),
            newer: false,
        }
    }

    /// The fact that `header` does not define the macro `expression`.
    pub(crate) const fn undefined(header: &'static str, expression: &'static str) -> Self {
        Self {
            header,
            expression,
            value: None,
            newer: false,
        }
    }

    /// The facts of a group that is marked `newer`.
    pub(crate) const fn newer<const N: usize>(facts: &[Self; N]) -> [Self; N] {
        let mut facts = *facts;
        let mut place = 0;
        while place < N {
            facts[place].newer = true;
            place += 1;
        }
        facts
    }
}

/// Defines the macros `is` and `only` for the words by which a table calls an architecture, or several. `$d` is a
/// dollar sign for these macros.
macro_rules! words {
    ($d:tt $( $word:ident: $cfg:meta; )*) => {
        /// Whether the program is compiled for this architecture.
        macro_rules! is {
            $( ($word) => { cfg!($cfg) }; )*
        }

        /// Defines an item, with the attributes in the brackets, if [`is`] is true.
        macro_rules! only {
            $( ($word [$d($d attribute:tt)*] $d($d item:tt)*) => {
                #[cfg($cfg)]
                $d($d attribute)*
                $d($d item)*
            }; )*
        }
    };
}

words! { $
    x86_64: target_arch = "x86_64";
    aarch64: target_arch = "aarch64";
    riscv64: target_arch = "riscv64";
    x86: target_arch = "x86";
    arm: target_arch = "arm";
    generic: any(target_arch = "aarch64", target_arch = "riscv64");
    arms: any(target_arch = "aarch64", target_arch = "arm");
    bits32: target_pointer_width = "32";
    bits64: target_pointer_width = "64";
}

/// Chooses the value for this architecture: a row has one value for all architectures, or `{ A, x86_64 B, bits32 NAME C
/// }` with the architectures that differ, and the constant's name in C where it is not the row's.
macro_rules! per_arch {
    ({ $others:literal, $( $arch:ident $($c:ident)? $value:literal ),* }) => {
        $( if $crate::abi::is!($arch) { $value } else )* { $others }
    };
    ($all:expr) => {
        $all
    };
}

/// Chooses the name in C for this architecture, as [`per_arch`] does the value.
macro_rules! name_per_arch {
    ($name:ident { $others:literal, $( $arch:ident $($c:ident)? $value:literal ),* }) => {
        $( if $crate::abi::is!($arch) { $crate::abi::c_name!("" $name $($c)?) } else )* { stringify!($name) }
    };
    ($name:ident $all:tt) => {
        stringify!($name)
    };
}

/// The name in C of a row: that of the cell if it has one.
macro_rules! c_name {
    ($prefix:literal $row:ident $name:ident) => {
        concat!($prefix, stringify!($name))
    };
    ($prefix:literal $row:ident) => {
        concat!($prefix, stringify!($row))
    };
}

/// Defines a table: groups of rows, each `KIND [HEAD] { ROWS }`, and `FACTS` with the facts of all groups.
///
/// - `numbers ["header" "prefix"]`: system call numbers, and the prefix of their names in C. A row has one number for
///   all architectures, or `{ x86_64 A, generic B, x86 NAME C }`: the architectures that have the call, and its name in
///   C where it is not the row's.
/// - `consts ["header" type]`: constants of an integer type.
/// - `numbers ["header" "prefix" newer]`, `consts ["header" newer type]`, `more ["header" newer Type]`: macros that the
///   headers of Linux 6.1 lack.
/// - `numbered ["header" type: NAMES]`: constants with the values 1, 2, 3 and so on. `NAMES` is a string of
///   their names.
/// - `flags ["header" Type: repr]`: constants of a type of their own, combined with `|`.
/// - `more ["header" Type]`: constants of a type that a group `flags` defines, from another header.
/// - `offsets ["header" "struct name"]`: offsets of a structure's members. A row has a cell for each architecture: the
///   member's name in C and its offset.
/// - `record ["header" "struct name" Type]`: a structure with its fields in the kernel's order. `Type + N`:
///   the last N bytes of the structure have no fields here. `Type, bits64`: only there the header has the structure.
///
/// A constant or a field that some architectures lack has an attribute `cfg`.
macro_rules! abi {
    ($( $(#[$meta:meta])* $kind:ident $head:tt $rows:tt )*) => {
        $( $crate::abi::items! { $(#[$meta])* $kind $head $rows } )*

        /// The facts about the kernel's headers that this file claims.
        #[allow(unused_doc_comments, reason = "a row's attribute `cfg` holds for its fact, and comes with a comment")]
        pub const FACTS: &[&[$crate::abi::Fact]] = &[ $( $crate::abi::facts!($kind $head $rows) ),* ];
    };
}

/// Defines the constant of a system call's number, on the architectures that have the call.
macro_rules! number {
    (
        $attributes:tt $header:literal $prefix:literal
        $name:ident = { $( $arch:ident $($c:ident)? $value:literal ),* }
    ) => { $(
        $crate::abi::only! { $arch $attributes
            #[doc = concat!("(`", $crate::abi::c_name!($prefix $name $($c)?), "` of `", $header, "`)")]
            #[allow(non_upper_case_globals, reason = "the kernel's own name, so that it can be searched for")]
            pub const $name: usize = $value;
        }
    )* };
    ([$(#[$doc:meta])*] $header:literal $prefix:literal $name:ident = $value:literal) => {
        $(#[$doc])*
        #[doc = concat!("(`", $crate::abi::c_name!($prefix $name), "` of `", $header, "`)")]
        #[allow(non_upper_case_globals, reason = "the kernel's own name, so that it can be searched for")]
        pub const $name: usize = $value;
    };
}

/// The [`Fact`] of a system call's number.
macro_rules! number_fact {
    ($header:literal $prefix:literal $name:ident = { $( $arch:ident $($c:ident)? $value:literal ),* }) => {
        $( if $crate::abi::is!($arch) {
            $crate::abi::Fact::of($header, $crate::abi::c_name!($prefix $name $($c)?), $value)
        } else )* {
            $crate::abi::Fact::undefined($header, $crate::abi::c_name!($prefix $name))
        }
    };
    ($header:literal $prefix:literal $name:ident = $value:literal) => {
        $crate::abi::Fact::of($header, $crate::abi::c_name!($prefix $name), $value)
    };
}

/// Defines the constant of a member's offset.
macro_rules! offset {
    (
        $attributes:tt $header:literal $c:literal
        $name:ident = { $( $arch:ident $member:literal $value:literal ),* }
    ) => { $(
        $crate::abi::only! { $arch $attributes
            #[doc = concat!("(`", $member, "` in `", $c, "` of `", $header, "`)")]
            pub const $name: usize = $value;
        }
    )* };
}

/// Defines the Rust items of one group of a table.
macro_rules! items {
    (
        $(#[$meta:meta])* numbers [$header:literal $prefix:literal $(newer)?]
        { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }
    ) => { $(
        $crate::abi::number! { [$(#[$doc])*] $header $prefix $name = $value }
    )* };
    ($(#[$meta:meta])* consts [$header:literal newer $type:ty] $rows:tt) => {
        $crate::abi::items! { $(#[$meta])* consts [$header $type] $rows }
    };
    ($(#[$meta:meta])* more [$header:literal newer $type:ident] $rows:tt) => {
        $crate::abi::items! { $(#[$meta])* more [$header $type] $rows }
    };
    ($(#[$meta:meta])* consts [$header:literal $type:ty] { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }) => { $(
        $(#[$doc])*
        #[doc = concat!("(`", stringify!($name), "` of `", $header, "`)")]
        #[allow(unused_parens, reason = "they make one token of a negative number")]
        #[allow(non_upper_case_globals, reason = "a name of the kernel's own, as AF_DECnet")]
        pub const $name: $type = $crate::abi::per_arch!($value);
    )* };
    ($(#[$meta:meta])* offsets [$header:literal $c:literal] { $( $(#[$doc:meta])* $name:ident = $cells:tt, )* }) => { $(
        $crate::abi::offset! { [$(#[$doc])*] $header $c $name = $cells }
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
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
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

            /// The flags that are set in `self` or in `other`: `|` for a constant.
            #[inline]
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl core::ops::BitOr for $type {
            type Output = Self;
            #[inline]
            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }

        impl core::ops::BitOrAssign for $type {
            #[inline]
            fn bitor_assign(&mut self, other: Self) {
                *self = self.union(other);
            }
        }

        impl core::ops::BitAnd for $type {
            type Output = Self;
            #[inline]
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl core::ops::BitAndAssign for $type {
            #[inline]
            fn bitand_assign(&mut self, other: Self) {
                self.0 &= other.0;
            }
        }

        /// The complement: every other bit, also the bits that have no name here. It is meant for `&`, which
        /// clears flags: `flags & !other`.
        impl core::ops::Not for $type {
            type Output = Self;
            #[inline]
            fn not(self) -> Self {
                Self(!self.0)
            }
        }

        /// The type's name and the bits, for example `Open(0x241)`.
        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($type), "({:#x})"), self.0)
            }
        }

        impl $crate::abi::Arg for $type {
            type Content = <$repr as $crate::abi::Arg>::Content;

            #[inline(always)]
            fn arg(self) -> Self::Content {
                self.0.arg()
            }
        }

        $crate::abi::items! { more [$header $type] { $( $(#[$doc])* $name = $value, )* } }
    };
    ($(#[$meta:meta])* more [$header:literal $type:ident] { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }) => { $(
        $(#[$doc])*
        #[doc = concat!("(`", stringify!($name), "` of `", $header, "`)")]
        pub const $name: $type = $type($crate::abi::per_arch!($value));
    )* };
    ($(#[$meta:meta])* record [$header:literal $c:literal $type:ident $(+ $rest:tt)? $(, $arch:ident)?] { $( $(#[$doc:meta])* $field:ident: $ty:ty, )* }) => {
        $(#[$meta])*
        #[doc = concat!("(`", $c, "` of `", $header, "`)")]
        #[derive(Clone, Copy)]
        #[repr(C)]
        pub struct $type { $(
            $(#[$doc])*
            #[doc = concat!("`", stringify!($field), "`")]
            pub $field: $ty,
        )* $( pub(crate) rest: [u8; $crate::abi::per_arch!($rest)], )? }

        impl $type {
            /// Every byte zero: the initial value of a structure that the kernel fills in, or in which zeros
            /// ask for nothing.
            pub const ZERO: Self = {
                // SAFETY: the fields are integers, pointers, arrays or records of these types, for all of
                // which zero bytes are a valid value.
                unsafe { core::mem::zeroed() }
            };
        }

        impl core::fmt::Debug for $type {
            #[allow(unused_doc_comments, reason = "a field's attribute `cfg` comes with its comment")]
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                const REST: usize = 0 $(+ $crate::abi::per_arch!($rest))?;
                let mut record = f.debug_struct(stringify!($type));
                $( $(#[$doc])* record.field(stringify!($field), &{ self.$field }); )*
                if REST > 0 { record.finish_non_exhaustive() } else { record.finish() }
            }
        }
    };
}

/// The [`Fact`]s of one group of a table.
macro_rules! facts {
    (numbers [$header:literal $prefix:literal] { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }) => {
        &[ $( $crate::abi::number_fact!($header $prefix $name = $value) ),* ]
    };
    (numbers [$header:literal $prefix:literal newer] $rows:tt) => {
        &$crate::abi::Fact::newer($crate::abi::facts!(numbers [$header $prefix] $rows))
    };
    (consts [$header:literal newer $type:ty] $rows:tt) => {
        &$crate::abi::Fact::newer($crate::abi::facts!(consts [$header $type] $rows))
    };
    (more [$header:literal newer $type:ident] $rows:tt) => {
        &$crate::abi::Fact::newer($crate::abi::facts!(more [$header $type] $rows))
    };
    (consts [$header:literal $type:ty] { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }) => {
        &[ $( $(#[$doc])* $crate::abi::Fact::of($header, $crate::abi::name_per_arch!($name $value), $name as i64) ),* ]
    };
    (
        offsets [$header:literal $c:literal]
        { $( $(#[$doc:meta])* $name:ident = { $( $arch:ident $member:literal $value:literal ),* }, )* }
    ) => {
        &[ $( $( if $crate::abi::is!($arch) {
            $crate::abi::Fact::of($header, concat!("__builtin_offsetof(", $c, ", ", $member, ")"), $value)
        } else )* { panic!("an architecture without a cell") } ),* ]
    };
    (numbered [$header:literal $type:ty: $names:ident] $rows:tt) => {
        $crate::abi::facts!(consts [$header $type] $rows)
    };
    (flags [$header:literal $type:ident: $repr:ty] $rows:tt) => {
        $crate::abi::facts!(more [$header $type] $rows)
    };
    (more [$header:literal $type:ident] { $( $(#[$doc:meta])* $name:ident = $value:tt, )* }) => {
        &[ $( $(#[$doc])* $crate::abi::Fact::of($header, $crate::abi::name_per_arch!($name $value), $name.bits() as i64) ),* ]
    };
    (record [$header:literal $c:literal $type:ident $(+ $rest:tt)? $(, $arch:ident)?] { $( $(#[$doc:meta])* $field:ident: $ty:ty, )* }) => {
        {
            const FACTS: &[$crate::abi::Fact] = &[
                $crate::abi::Fact::of($header, concat!("sizeof(", $c, ")"), size_of::<$type>() as i64),
                $(
                    $(#[$doc])*
                    $crate::abi::Fact::of(
                        $header,
                        concat!("__builtin_offsetof(", $c, ", ", stringify!($field), ")"),
                        core::mem::offset_of!($type, $field) as i64,
                    ),
                    $(#[$doc])*
                    $crate::abi::Fact::of(
                        $header,
                        concat!("sizeof(((", $c, " *)0)->", stringify!($field), ")"),
                        size_of::<$ty>() as i64,
                    ),
                )*
            ];
            if true $(&& $crate::abi::is!($arch))? { FACTS } else { &[] }
        }
    };
}

pub(crate) use {
    abi, c_name, facts, is, items, name_per_arch, number, number_fact, offset, only, per_arch,
};

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;

    use crate::abi::mem::{Map, PROT_READ, PROT_WRITE, Prot};

    const BOTH: Prot = PROT_READ.union(PROT_WRITE);

    #[test]
    fn flags_combine_and_compare_as_bits() {
        let both = PROT_READ | PROT_WRITE;
        assert_eq!((both.bits(), Prot::from_bits(3) == both), (3, true));
        assert!(both.contains(PROT_READ) && both.contains(both) && both.contains(Prot::NONE));
        assert!(!PROT_READ.contains(both) && PROT_READ.intersects(both));
        assert!(!PROT_READ.intersects(PROT_WRITE) && !both.intersects(Prot::NONE));
        assert_eq!(Map::NONE.bits(), 0);

        let mut flags = Prot::NONE;
        flags |= both;
        assert!(flags == BOTH && flags & !PROT_READ == PROT_WRITE);
        flags &= PROT_READ;
        assert_eq!(flags, PROT_READ);
        assert!((!PROT_READ).contains(Prot::from_bits(!1)));
    }

    #[test]
    fn values_are_shown_for_debugging() {
        use super::super::poll::EpollEvent;
        use super::super::process::{Rlimit, Rusage};
        let limit = Rlimit {
            rlim_cur: 1,
            rlim_max: 2,
        };
        assert_eq!(format!("{BOTH:?}"), "Prot(0x3)");
        assert_eq!(format!("{limit:?}"), "Rlimit { rlim_cur: 1, rlim_max: 2 }");
        let event = EpollEvent { events: 1, data: 2 }; // packed on x86_64
        assert_eq!(format!("{event:?}"), "EpollEvent { events: 1, data: 2 }");
        assert!(format!("{:?}", Rusage::ZERO).ends_with("ru_maxrss: 0, .. }"));
    }
}

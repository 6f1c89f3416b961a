//! Units: a region is divided into units of 64 KiB. A number of units and the index of a unit have types of their own,
//! so code that takes one for the other, or for bytes, does not compile. Bytes are `usize`. Only this file converts.

use core::ops::{Add, AddAssign, Sub, SubAssign};

/// The bytes of a unit.
const UNIT: usize = 64 * 1024;

/// A number of units. Records store it as `Units<u16>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Units<N = usize>(N);

/// A unit of a region, by its index. Records store it as `Unit<u16>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Unit<N = usize>(N);

impl Units {
    pub const ZERO: Self = Self(0);
    pub const ONE: Self = Self(1);

    /// Returns the number of units that `bytes` bytes need.
    pub const fn of(bytes: usize) -> Self {
        Self(bytes.div_ceil(UNIT))
    }

    /// Returns the bytes of these units.
    pub const fn bytes(self) -> usize {
        self.0 * UNIT
    }

    /// Returns a number of units as a bare number.
    pub const fn count(self) -> usize {
        self.0
    }

    /// Converts a bare number to a number of units.
    pub const fn new(count: usize) -> Self {
        Self(count)
    }

    /// Returns the number for a record. The run of a record has at most 1024 units, those of the largest region.
    pub const fn small(self) -> Units<u16> {
        Units(self.0 as u16)
    }

    /// Returns how many units more these are than the others; zero if they are fewer.
    pub fn saturating_sub(self, others: Self) -> Self {
        Self(self.0.saturating_sub(others.0))
    }
}

impl Unit {
    /// The first unit of a region.
    pub const START: Self = Self(0);

    /// Returns the unit that contains the byte at this offset in the region.
    pub const fn at(offset: usize) -> Self {
        Self(offset / UNIT)
    }

    /// Returns the offset in bytes of the unit in its region.
    pub const fn offset(self) -> usize {
        self.0 * UNIT
    }

    /// Returns the index of the unit as a bare number.
    pub const fn index(self) -> usize {
        self.0
    }

    /// Returns the unit with this index.
    pub const fn new(index: usize) -> Self {
        Self(index)
    }

    /// Returns the unit for a record. A region has at most 1024 units.
    pub const fn small(self) -> Unit<u16> {
        Unit(self.0 as u16)
    }

    /// Returns the first unit, from this one on, whose index is a multiple of `align`.
    pub fn next_multiple_of(self, align: Units) -> Self {
        Self(self.0.next_multiple_of(align.0))
    }

    /// Returns the last unit, up to this one, whose index is a multiple of `align`.
    pub fn previous_multiple_of(self, align: Units) -> Self {
        Self(self.0 / align.0 * align.0)
    }

    /// Returns the unit that lies `units` before this one; the first unit of the region if there is none.
    pub fn saturating_sub(self, units: Units) -> Self {
        Self(self.0.saturating_sub(units.0))
    }

    /// Returns the number of units from `first` up to this one; zero if this one lies before.
    pub fn since(self, first: Self) -> Units {
        Units(self.0.saturating_sub(first.0))
    }
}

impl From<Units<u16>> for Units {
    fn from(small: Units<u16>) -> Self {
        Self(small.0.into())
    }
}

impl From<Unit<u16>> for Unit {
    fn from(small: Unit<u16>) -> Self {
        Self(small.0.into())
    }
}

/// Implements `LEFT OPERATOR RIGHT = RESULT`.
macro_rules! operators {
    ($($trait:ident $function:ident: $left:ident $operator:tt $right:ident = $result:ident;)*) => {$(
        impl $trait<$right> for $left {
            type Output = $result;

            fn $function(self, right: $right) -> $result {
                $result(self.0 $operator right.0)
            }
        }
    )*};
}

operators! {
    Add add: Units + Units = Units;
    Sub sub: Units - Units = Units;
    Add add: Unit + Units = Unit;
    Sub sub: Unit - Units = Unit;
    Sub sub: Unit - Unit = Units;
}

impl AddAssign for Units {
    fn add_assign(&mut self, more: Self) {
        self.0 += more.0;
    }
}

impl SubAssign for Units {
    fn sub_assign(&mut self, fewer: Self) {
        self.0 -= fewer.0;
    }
}

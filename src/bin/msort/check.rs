//! Checks that an input is sorted. Reads line by line, and keeps one line.

use alloc::vec::Vec;
use core::cmp::Ordering;

use ring3::cli::OrFail;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::Shown;

use crate::memory::copy;
use crate::merge::BUFFER;
use crate::order::Order;
use crate::stream::Stream;
use crate::{Input, PROGRAM};

/// How an input is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// `-c`: the first line out of order is printed.
    Printed,
    /// `-C`: the line is not printed.
    Quiet,
}

impl Check {
    /// The option's name.
    pub fn option(self) -> &'static str {
        match self {
            Self::Printed => "-c",
            Self::Quiet => "-C",
        }
    }
}

/// Checks that the lines of an input are sorted, and that no two lines are equal if only one of them would be printed.
///
/// # Errors
/// Exit 1: a line is out of order, and was printed if `check` says so. Exit 2: an error, whose message was printed.
pub fn check(input: Input, end: u8, order: Order, check: Check) -> Result<(), Exit> {
    // As in sort, exit status 1 has one meaning.
    let Some((number, line)) = disorder(input, end, order).map_err(|Exit(_)| Exit(2))? else {
        return Ok(());
    };
    if check == Check::Printed {
        let name = Shown(input.0.to_bytes());
        PROGRAM.say(parts!(name, ":", number, ": disorder: ", Shown(&line)));
    }
    Err(Exit(1))
}

/// Finds the first line that is out of order. Returns its number and its bytes, without the terminator.
fn disorder(input: Input, end: u8, order: Order) -> Result<Option<(u64, Vec<u8>)>, Exit> {
    let mut stream = Stream::open(input, end, BUFFER)?;
    let mut before = Vec::new();
    for number in 1.. {
        stream.advance().or_fail(PROGRAM, "read", input)?;
        let [line @ .., _] = stream.line() else {
            break;
        };
        let sorted = match order.compare(&before, line) {
            Ordering::Less => true,
            Ordering::Equal => !order.unique,
            Ordering::Greater => false,
        };
        let is_in_order = number == 1 || sorted;
        copy(line, &mut before).or_fail(PROGRAM, "read", input)?;
        if !is_in_order {
            return Ok(Some((number, before)));
        }
    }
    Ok(None)
}

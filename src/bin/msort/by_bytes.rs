//! Sorts lines by their bytes.
//!
//! Lines are sorted by their [`Key`]s. So most comparisons compare two integers, and do not access the text. Lines with
//! equal keys and more bytes than a key holds are then sorted again among themselves. Their new keys begin after their
//! longest common prefix.

use core::mem;

use crate::line::Line;
use crate::text::{Key, Text};

/// Sorts lines that are equal before `depth`, and whose keys begin at `depth`.
pub fn sort_from(text: Text<'_>, mut lines: &mut [Line], mut depth: usize) {
    loop {
        sort_by_key(lines);
        // The longest part is left for the loop, and the others are sorted by recursion. So each call has at most half
        // the lines of its caller, and the depth of the stack is at most log2 of the number of lines.
        let mut longest: (&mut [Line], usize) = (&mut [], 0);
        for part in lines.chunk_by_mut(|a, b| a.key == b.key) {
            if part.len() == 1 || !part[0].key.goes_on() {
                continue;
            }
            let depth = go_on(text, part, depth);
            let (part, depth) = if part.len() <= longest.0.len() {
                (part, depth)
            } else {
                mem::replace(&mut longest, (part, depth))
            };
            sort_from(text, part, depth);
        }
        if longest.0.is_empty() {
            return;
        }
        (lines, depth) = longest;
    }
}

/// Sorts lines by their keys. Lines with equal keys are in any order.
pub fn sort_by_key(lines: &mut [Line]) {
    lines.sort_unstable_by_key(|line| line.key);
}

/// For lines with the same key at `depth` and more bytes than that key holds: finds their longest common prefix,
/// replaces their keys by the keys after it, and returns its length.
pub fn go_on(text: Text<'_>, lines: &mut [Line], depth: usize) -> usize {
    let [first, others @ ..] = &*lines else {
        return depth;
    };
    let depth = depth + Key::LENGTH;
    let begin = first.place() + depth;
    let rest = text.end_from(begin) - begin;
    let common = others.iter().fold(rest, |most, line| {
        text.common(begin, line.place() + depth, most)
    });
    let depth = depth + common;
    for line in lines {
        line.key = text.key(line.place() + depth);
    }
    depth
}

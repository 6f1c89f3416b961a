//! Sorts lines.
//!
//! Lines are sorted by their [`Key`]s. So most comparisons compare two integers, and do not access the text. Lines with
//! equal keys and more bytes than a key holds are then sorted again among themselves. Their new keys begin after their
//! longest common prefix.
//!
//! With `-n` the first keys are those of the numbers, and [`numeric`] sorts the lines with equal keys.

use core::mem;
use core::num::NonZero;

use crate::line::Line;
use crate::numeric;
use crate::order::Order;
use crate::text::{Key, Text};
use crate::workers::{MOST, share};

/// Sorts lines by their bytes or, as the order says, by their numbers. A line that is a prefix of another line comes
/// first.
pub fn sort(text: Text<'_>, lines: &mut [Line], threads: usize, order: Order) {
    // If all lines begin with the same key, the keys are replaced by those after the common prefix. Otherwise all lines
    // would be in one part, for one thread.
    let depth = match lines {
        [first, others @ ..]
            if !order.numeric
                && first.key.goes_on()
                && others.iter().all(|line| line.key == first.key) =>
        {
            go_on(text, lines, 0)
        }
        _ => 0,
    };
    let mut parts: [&mut [Line]; MOST] = Default::default();
    if lines.is_sorted_by_key(|line| line.key) {
        parts[0] = lines; // `partition` would destroy the order
    } else {
        split(lines, &mut parts[..threads]);
    }
    share(threads, parts.into_iter(), |part| match order.numeric {
        false => sort_from(text, part, depth),
        true => numeric::sort(text, part, order),
    });
}

/// Divides the lines into parts of about equal length. All keys of a part are smaller than those of the next part.
fn split<'l>(lines: &'l mut [Line], parts: &mut [&'l mut [Line]]) {
    if let [part] = parts {
        *part = lines;
        return;
    }
    let half = parts.len() / 2;
    let middle = partition(lines, half, parts.len());
    let (before, after) = lines.split_at_mut(middle);
    let (left, right) = parts.split_at_mut(half);
    split(before, left);
    split(after, right);
}

/// Moves the lines with the smaller keys, about `share` / `whole` of all, before the others, and returns how many there
/// are. Lines with the same key are all on one side.
fn partition(lines: &mut [Line], share: usize, whole: usize) -> usize {
    /// The size of the sample for the pivot. With this size, a part is seldom more than a tenth too long.
    const SAMPLE: usize = 255;
    let Some(step) = NonZero::new(lines.len() / SAMPLE) else {
        return 0;
    };
    let mut sample = [Line::NONE; SAMPLE];
    for (line, from) in sample.iter_mut().zip(lines.iter().step_by(step.get())) {
        *line = *from;
    }
    sort_by_key(&mut sample);
    let pivot = sample[SAMPLE * share / whole].key;
    let mut less = 0;
    for place in 0..lines.len() {
        lines.swap(place, less);
        less += usize::from(lines[less].key < pivot); // no branch: it would often be mispredicted
    }
    less
}

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
fn go_on(text: Text<'_>, lines: &mut [Line], depth: usize) -> usize {
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

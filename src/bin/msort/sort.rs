//! The order of lines.
//!
//! Lines are sorted by their [`Key`]s. So most comparisons are of two numbers, and no text is fetched
//! for them. Only lines whose keys are equal and that go on are sorted again, among themselves, by the
//! key of what follows all that they have in common.

use core::mem;
use core::num::NonZero;

use crate::line::Line;
use crate::text::{Key, Text};
use crate::workers::{MOST, share};

/// Sorts lines by their bytes, a line before those that it is the beginning of.
pub fn sort(text: Text<'_>, lines: &mut [Line], threads: usize) {
    // What all begin with would keep them in one part.
    let depth = match lines {
        [first, others @ ..]
            if first.key.goes_on() && others.iter().all(|line| line.key == first.key) =>
        {
            go_on(text, lines, 0)
        }
        _ => 0,
    };
    let mut parts: [&mut [Line]; MOST] = Default::default();
    if lines.is_sorted_by_key(|line| line.key) {
        parts[0] = lines; // splitting would mix them
    } else {
        split(lines, &mut parts[..threads]);
    }
    share(threads, parts.into_iter(), |part| {
        sort_from(text, part, depth)
    });
}

/// Makes parts of the lines, about equally long, each before the next in order.
fn split<'l>(lines: &'l mut [Line], parts: &mut [&'l mut [Line]]) {
    if let [part] = parts {
        *part = lines;
        return;
    }
    let half = parts.len() / 2;
    let middle = partition(lines, half, parts.len());
    let (before, behind) = lines.split_at_mut(middle);
    let (left, right) = parts.split_at_mut(half);
    split(before, left);
    split(behind, right);
}

/// Moves the lines with the smaller keys, `share` of `whole` of them or so, before the others, and says
/// how many they are. Lines of the same key stay together.
fn partition(lines: &mut [Line], share: usize, whole: usize) -> usize {
    /// So many that a part is seldom a tenth too long.
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
        less += usize::from(lines[less].key < pivot); // no branch, which would be guessed wrongly
    }
    less
}

/// Sorts lines that are equal before `depth`, and have the key from there.
fn sort_from(text: Text<'_>, mut lines: &mut [Line], mut depth: usize) {
    loop {
        sort_by_key(lines);
        // The longest part is left for the loop: so each call has at most half the lines of its
        // caller, and the stack stays small whatever the lines are.
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

fn sort_by_key(lines: &mut [Line]) {
    lines.sort_unstable_by_key(|line| line.key);
}

/// Gives lines that have the same key from `depth`, and go on, the key from behind all that they have in
/// common, and says how deep that is.
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

//! Sorts lines: divides them among the threads, each of which sorts a part by bytes (`by_bytes.rs`) or by numbers
//! (`by_number.rs`).

use core::num::NonZero;

use crate::by_bytes::{go_on, sort_by_key, sort_from};
use crate::by_number;
use crate::line::Line;
use crate::order::Order;
use crate::text::Text;
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
        true => by_number::sort(text, part, order),
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

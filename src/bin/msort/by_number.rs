//! Sorts lines by their numbers (`-n`), as `by_bytes` sorts lines by their bytes: by keys. Numbers with more digits than a
//! key holds get new keys of the next digits; only numbers that are still equal are compared digit by digit.

use core::cmp::Ordering;

use crate::by_bytes::{sort_by_key, sort_from};
use crate::line::Line;
use crate::number::{DIGITS, Number, is_cut, key};
use crate::order::Order;
use crate::text::{Key, Text};

/// Compares the numbers of two lines by all their digits.
fn compare(text: Text<'_>, a: &Line, b: &Line) -> Ordering {
    let number = |line: &Line| Number::of(text.line(line.place()));
    number(a).compare(&number(b))
}

/// Sorts lines by their numbers.
pub fn sort(text: Text<'_>, lines: &mut [Line], order: Order) {
    sort_by_key(lines);
    for run in lines.chunk_by_mut(|a, b| a.key == b.key) {
        if run.len() == 1 {
            continue;
        }
        if is_cut(run[0].key.0) {
            sort_cut(text, run);
        }
        for equal in run.chunk_by_mut(|a, b| are_equal(text, a, b)) {
            sort_equal(text, equal, order);
        }
    }
}

/// Sorts lines with the same cut key.
fn sort_cut(text: Text<'_>, lines: &mut [Line]) {
    let [Line { key: first, .. }, ..] = *lines else {
        return;
    };
    for line in &mut *lines {
        line.key = Key(key(text.line(line.place()), DIGITS));
    }
    sort_by_key(lines);
    for run in lines.chunk_by_mut(|a, b| a.key == b.key) {
        if is_cut(run[0].key.0) {
            sort_by_digits(text, run);
        }
    }
    for line in lines {
        line.key = first;
    }
}

/// Sorts lines by all digits of their numbers. This is a heapsort: it is short, and few numbers need it.
fn sort_by_digits(text: Text<'_>, lines: &mut [Line]) {
    let is_less = |a: &Line, b: &Line| compare(text, a, b).is_lt();
    // In the first half of the steps the lines become a heap; then the greatest line goes to the end of the heap.
    let count = lines.len();
    for step in (0..count + count / 2).rev() {
        let (mut root, end) = match step.checked_sub(count) {
            Some(root) => (root, count),
            None => {
                lines.swap(0, step);
                (0, step)
            }
        };
        let heap = &mut lines[..end];
        while let Some(children) = heap.get(2 * root + 1..) {
            let child = match children {
                [] => break,
                [left, right, ..] if is_less(left, right) => 2 * root + 2,
                _ => 2 * root + 1,
            };
            if !is_less(&heap[root], &heap[child]) {
                break;
            }
            heap.swap(root, child);
            root = child;
        }
    }
}

/// Sorts lines with equal numbers: by their bytes, or by their places in the input.
fn sort_equal(text: Text<'_>, lines: &mut [Line], order: Order) {
    let [Line { key, .. }, ..] = *lines else {
        return;
    };
    if !order.by_number_alone() {
        for line in &mut *lines {
            line.key = text.key(line.place());
        }
        return sort_from(text, lines, 0);
    }
    // The key of the number is needed again for `are_equal`.
    for line in &mut *lines {
        line.key = Key(line.place() as u64);
    }
    sort_by_key(lines);
    for line in &mut *lines {
        line.key = key;
    }
    // All lines are written in reverse, but lines with equal numbers stay in the order of the input.
    if order.reverse {
        lines.reverse();
    }
}

/// Whether two lines have equal numbers. Their keys must be those of their numbers.
pub fn are_equal(text: Text<'_>, a: &Line, b: &Line) -> bool {
    a.key == b.key && (!is_cut(a.key.0) || compare(text, a, b).is_eq())
}

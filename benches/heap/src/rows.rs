//! The rows of the table, and the limits for ring3's heap.

/// A row of the table.
pub struct Row {
    /// The name of the work, the worker's argument.
    pub work: &'static str,
    /// The name of a figure that the worker prints.
    pub figure: &'static str,
    pub title: &'static str,
    pub kind: Kind,
    /// The limit that ring3's heap must not exceed, in the unit of the row.
    pub bar: &'static str,
}

/// How a figure is shown.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// Nanoseconds for an operation, as the ratio to those of [`BASE`](crate::BASE) in the same round.
    Time,
    /// As it is.
    Plain,
}

/// All rows.
pub const ROWS: [Row; 18] = [
    time("pair", "alloc+free pair, 32 B", "0.80"),
    time("lifo", "LIFO, 48 B", "0.47"),
    time("random-1k", "random 16-1024 B, 10k live", "0.55"),
    time("random-64k", "random 16 B-64 KiB, 2k live", "0.60"),
    time("grow-small", "Vec growth 32 B to 4 KiB", "0.40"),
    time("grow-large", "Vec growth 4 KiB to 16 MiB", "0.45"),
    time("grow-steps", "growth by 64 KiB steps to 32 MiB", "0.06"),
    time("pages", "1-8 MiB blocks, every page touched", "0.95"),
    time("private", "2 threads, private", "0.62"),
    time("larson", "2 threads, larson", "0.80"),
    time("remote", "2 threads, remote free", "0.85"),
    plain(
        "small",
        "small-rss",
        "RSS / live, after 16-1024 B became 1-2 KiB",
        "1.35",
    ),
    plain(
        "small",
        "small-left",
        "RSS left after freeing all of it, MiB",
        "2",
    ),
    plain(
        "medium",
        "medium-rss",
        "RSS / live, after 4-32 KiB became 32-128 KiB",
        "1.35",
    ),
    plain(
        "medium",
        "medium-left",
        "RSS left after freeing all of it, MiB",
        "2",
    ),
    plain(
        "ended",
        "ended-left",
        "RSS left by 2 threads that freed all and ended, MiB",
        "2",
    ),
    plain(
        "first",
        "first-faults",
        "first allocation, page faults",
        "3",
    ),
    plain("first", "first-time", "first allocation, us", ""),
];

const fn time(work: &'static str, title: &'static str, bar: &'static str) -> Row {
    Row {
        work,
        figure: work,
        title,
        kind: Kind::Time,
        bar,
    }
}

const fn plain(
    work: &'static str,
    figure: &'static str,
    title: &'static str,
    bar: &'static str,
) -> Row {
    Row {
        work,
        figure,
        title,
        kind: Kind::Plain,
        bar,
    }
}

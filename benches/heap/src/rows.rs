//! What the table shows, line by line, and what we ask of ourselves.

/// A line of the table.
pub struct Row {
    /// What the worker is told.
    pub work: &'static str,
    /// The figure of it, by the name that the worker gives it.
    pub figure: &'static str,
    pub title: &'static str,
    /// What ring3's heap may take at most: of mimalloc v3's time, where there is no unit.
    pub bar: f64,
    pub unit: &'static str,
}

/// All of them.
pub const ROWS: [Row; 15] = [
    time("pair", "alloc+free pair, 32 B", 0.80),
    time("lifo", "LIFO, 48 B", 0.47),
    time("random-1k", "random 16-1024 B, 10k live", 0.55),
    time("random-64k", "random 16 B-64 KiB, 2k live", 0.60),
    time("grow-small", "Vec growth 32 B to 4 KiB", 0.40),
    time("grow-large", "Vec growth 4 KiB to 16 MiB", 0.45),
    time("grow-steps", "growth by 64 KiB steps to 32 MiB", 0.06),
    time("pages", "1-8 MiB blocks, every page touched", 0.95),
    time("private", "2 threads, private", 0.62),
    time("larson", "2 threads, larson", 0.80),
    time("remote", "2 threads, remote free", 0.85),
    plain(
        "memory",
        "phase",
        "RSS after phase change / live",
        1.35,
        "x",
    ),
    plain("memory", "left", "RSS left after freeing all", 2.0, " MiB"),
    plain(
        "first",
        "first-faults",
        "first allocation: page faults",
        3.0,
        " faults",
    ),
    plain("first", "first-us", "first allocation: time", 15.0, " us"),
];

const fn time(work: &'static str, title: &'static str, bar: f64) -> Row {
    Row {
        work,
        figure: work,
        title,
        bar,
        unit: "",
    }
}

const fn plain(
    work: &'static str,
    figure: &'static str,
    title: &'static str,
    bar: f64,
    unit: &'static str,
) -> Row {
    Row {
        work,
        figure,
        title,
        bar,
        unit,
    }
}

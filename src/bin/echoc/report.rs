//! The result of a run, and how it is printed.

use ring3::parts;
use ring3::text::{Digits, Print, Writer};

use super::histogram::Histogram;

/// The result of a run.
pub struct Outcome {
    /// From the first message to the last reply, in nanoseconds.
    pub elapsed: u64,
    /// The number of bytes received.
    pub bytes: u64,
    pub latencies: Histogram,
}

impl Print for Outcome {
    fn print(&self, out: &mut Writer<'_>) {
        let latencies = &self.latencies;
        let micros = (self.elapsed / 1000).max(1);
        let requests = latencies.count();
        out.print(parts!(requests, " requests in "));
        thousandths(out, per(micros, 1000));
        out.print(parts!(
            " s: ",
            per(requests * 1_000_000, micros),
            " req/s, "
        ));
        thousandths(out, per(self.bytes, micros)); // bytes a microsecond are MB/s
        out.print(" GB/s\nlatency");
        for (name, nanoseconds) in [
            (" p50", latencies.per_mille(500)),
            (", p99", latencies.per_mille(990)),
            (", p99.9", latencies.per_mille(999)),
            (", max", latencies.max()),
        ] {
            let tenths = per(nanoseconds, 100);
            out.print(parts!(name, " ", tenths / 10, ".", tenths % 10, " us"));
        }
        out.print("\n");
    }
}

/// Divides, and rounds to the nearest integer.
fn per(count: u64, unit: u64) -> u64 {
    (count + unit / 2) / unit
}

/// Prints a number of thousandths as a decimal fraction. (The code for formatting floating point numbers is large.)
fn thousandths(out: &mut Writer<'_>, number: u64) {
    out.print(parts!(number / 1000, ".", Digits(number % 1000, 3)));
}

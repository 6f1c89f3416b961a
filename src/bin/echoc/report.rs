//! What came of it, and how that is printed.

use ring3::parts;
use ring3::print::{Digits, Print, Writer};

use super::histogram::Histogram;

/// What came of it.
pub struct Outcome {
    /// From the first message to the last reply, in nanoseconds.
    pub elapsed: u64,
    /// Bytes that came back.
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

/// A rounded quotient.
fn per(count: u64, unit: u64) -> u64 {
    (count + unit / 2) / unit
}

/// Puts a number of thousandths as one with a point. (The formatting of floating point is large.)
fn thousandths(out: &mut Writer<'_>, number: u64) {
    out.print(parts!(number / 1000, ".", Digits(number % 1000, 3)));
}

#!/bin/sh
# bench.sh: measures, beside what others ship.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

fetch benches
cargo bench --manifest-path benches/Cargo.toml --locked --offline --bench mem
scripts/bench-heap.sh
scripts/bench-msort.sh
scripts/bench-echo.sh
scripts/bench-pipe.sh

#!/bin/sh
# bench.sh: runs all benches. Each measures ring3 and other implementations in the same run.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

fetch benches
cargo bench --manifest-path benches/Cargo.toml --locked --offline --bench mem
scripts/bench-heap.sh
scripts/bench-msort.sh
scripts/bench-echo.sh
scripts/bench-pipe.sh
scripts/bench-probe.sh
scripts/bench-examples.sh

#!/bin/sh
# bench-msort.sh: measures the shipped msort, and sort. It needs 2.5 GB for files, in TMPDIR or /tmp.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

scripts/build.sh "$host"
fetch benches
RING3_MSORT=$PWD/target/dist/$host/msort \
	cargo bench --manifest-path benches/Cargo.toml --locked --offline --bench msort

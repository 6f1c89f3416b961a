#!/bin/sh
# bench-probe.sh: measures a check by probe from exec to exit, and the same by a C program and by curl. ROUNDS is the
# number of rounds (21).
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

scripts/build.sh "$host"
fetch benches
programs=target/probe-bench
mkdir -p $programs
"$MUSL_CC" -O2 -static -s -o $programs/connect benches/benches/probe/connect.c
cp -- "target/dist/$host/probe" $programs/
ln -sf -- "$CURL" $programs/curl

RING3_PROBE_BENCH=$PWD/$programs \
	cargo bench --quiet --manifest-path benches/Cargo.toml --locked --offline --bench probe

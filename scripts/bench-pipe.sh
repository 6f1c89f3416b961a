#!/bin/sh
# bench-pipe.sh: measures pipe and the library's spawn, and posix_spawn of a C program and a shell. ROUNDS is the number
# of rounds (21).
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

scripts/build.sh "$host" probes
fetch benches
programs=target/pipe-bench
mkdir -p $programs
"$MUSL_CC" -O2 -static -s -o $programs/posix_spawn benches/benches/pipe/posix_spawn.c
cp -- "target/dist/$host/pipe" "target/dist/$host/hello" "target/dist/$host/probes/spawn" $programs/
cp -- "$DASH" $programs/dash

RING3_PIPE_BENCH=$PWD/$programs \
	cargo bench --quiet --manifest-path benches/Cargo.toml --locked --offline --bench pipe

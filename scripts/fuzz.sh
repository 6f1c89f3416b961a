#!/bin/sh
# fuzz.sh SECONDS: the heap against its model, over inputs that libFuzzer makes up, each from one that
# reached what no other had. A fault ends it, and the input is target/fuzz/crash-*. What reached more
# than tests/fuzz/corpus does is put there: `make test` runs that.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

# What `cargo fuzz` tells rustc too. Code is counted in the crates that are built here: ours.
# (With a target, because build scripts are not to be counted.)
fetch tests/fuzz
RUSTFLAGS="--cfg=fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
	cargo build --quiet --release --manifest-path tests/fuzz/Cargo.toml --locked --offline \
	--target "$(triple "$host")"
fuzzer=$CARGO_TARGET_DIR/$(triple "$host")/release/heap

found=target/fuzz/found
mkdir -p "$found"
"$fuzzer" -max_total_time="$1" -artifact_prefix=target/fuzz/ -print_final_stats=1 \
	"$found" tests/fuzz/corpus

# Where code was reached counts there, not how often: so the corpus stays small.
"$fuzzer" -merge=1 -use_counters=0 tests/fuzz/corpus "$found" 2>&1 | grep '^MERGE-OUTER: .* added'

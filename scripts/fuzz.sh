#!/bin/sh
# fuzz.sh SECONDS: tests the heap against its model, with inputs that libFuzzer generates. libFuzzer mutates inputs that
# have reached new code. After a failure, the input is in target/fuzz/crash-*. Inputs that reach code which the corpus
# does not are added to tests/fuzz/corpus, which `make test` runs.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

# The same flags as `cargo fuzz` uses. All crates that are built here are instrumented. With --target, build scripts are
# not: cargo applies RUSTFLAGS to the target's code only.
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

# Without counters, an input is added only if it reaches new code, and not if it runs known code more often. So the
# corpus stays small.
"$fuzzer" -merge=1 -use_counters=0 tests/fuzz/corpus "$found" 2>&1 | grep '^MERGE-OUTER: .* added'

#!/bin/sh
# bench-heap.sh [OPTION...]: measures the heap, and other allocators, each built into an executable of its own. The
# options are those of heap-bench: --only WORKS, --with ALLOCATORS, --rounds N, --cpu.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

fetch benches/heap
build() { cargo build --quiet --release --manifest-path benches/heap/Cargo.toml --locked --offline "$@"; }

workers=target/heap-bench
mkdir -p $workers
for allocator in ring3 mimalloc3 mimalloc2 jemalloc snmalloc rpmalloc glibc dlmalloc talc; do
	build --bin worker --features $allocator
	cp -- "$CARGO_TARGET_DIR/release/worker" "$workers/$allocator"
done
build --bin heap-bench
exec "$CARGO_TARGET_DIR/release/heap-bench" "$@" "$workers"

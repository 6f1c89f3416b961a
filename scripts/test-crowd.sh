#!/bin/sh
# test-crowd.sh ARCH: a hundred thousand clients of `echod`, on a real kernel.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

fetch tests
export RING3_DIST="$PWD/target/dist" RING3_QEMU="$QEMU" RING3_CROWD=1
exec cargo test --quiet --manifest-path tests/Cargo.toml --locked --offline -- "crowd::all_are_served [$1 kernel]"

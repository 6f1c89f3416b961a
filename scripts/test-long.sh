#!/bin/sh
# test-long.sh TEST: one of the tests that take long, which `make test` leaves out. What asks for it is in the
# environment: RING3_CUTS, RING3_CROWD.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

fetch tests
export RING3_DIST="$PWD/target/dist" RING3_QEMU="$QEMU" RING3_MKFS="${MKFS-}"
exec cargo test --quiet --manifest-path tests/Cargo.toml --locked --offline -- "$1"

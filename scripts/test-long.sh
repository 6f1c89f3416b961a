#!/bin/sh
# test-long.sh ARCH TEST: runs one of the tests that take long, which `make test` skips. An environment variable enables
# it: RING3_CUTS or RING3_CROWD.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

fetch tests
export_tests "$1"
export RING3_MKFS="${MKFS-}"
exec cargo test --quiet --manifest-path tests/Cargo.toml --locked --offline -- "$2"

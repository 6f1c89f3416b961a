#!/bin/sh
# test-powercut.sh ARCH CUTS: so many losses of power while `save` replaces a file on a disk with ext4.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

fetch tests
export RING3_DIST="$PWD/target/dist" RING3_QEMU="$QEMU" RING3_CUTS="$2" RING3_MKFS="$MKFS"
exec cargo test --quiet --manifest-path tests/Cargo.toml --locked --offline -- "powercut::old_or_new_and_whole [$1 kernel]"

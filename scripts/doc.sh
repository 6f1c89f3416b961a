#!/bin/sh
# doc.sh: makes the documentation of the library, and prints where its front page is.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

cargo doc --quiet --no-deps --lib
echo "$CARGO_TARGET_DIR/doc/ring3/index.html"

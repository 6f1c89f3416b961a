#!/bin/sh
# manual.sh: writes the man pages (target/man), the completions (target/completions) and the tables of options in docs/.
# The date of the pages is that of the last commit; without git, today.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

date=$(git log -1 --format=%cs 2>/dev/null) || date=
fetch manual
cargo run --quiet --manifest-path manual/Cargo.toml --locked --offline -- "${date:-$(date +%F)}"

#!/bin/sh
# test-units.sh SECONDS OPTION...: builds the libtest program of `cargo test OPTION...`, and runs its tests by the
# runner of tests/: each test has a process of its own, and a time limit of SECONDS (tests/units.rs). RUNNER is a command that
# runs the program, one word on each line. With FILTER set, only tests run whose name contains it.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools
seconds=$1
shift

program=$(cargo test --no-run --message-format=json-render-diagnostics "$@" |
	sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
[ -n "$program" ] || die "cargo test $*: not built"
RING3_UNITS=$(printf '%s\n' "$seconds" ${RUNNER:+"$RUNNER"} "$program")
export RING3_UNITS
exec cargo test --manifest-path tests/Cargo.toml --locked --offline -- "${FILTER-}"

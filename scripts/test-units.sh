#!/bin/sh
# test-units.sh SECONDS OPTION...: builds the libtest program of `cargo test OPTION...` and runs its tests by the runner of
# tests/, each in a process of its own with this limit (tests/units.rs). With RUNNER set, words one a line, that command
# runs the program. With FILTER set, the tests are those whose name contains it.
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

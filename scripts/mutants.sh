#!/bin/sh
# mutants.sh: mutation testing. Makes small changes, one at a time, to a copy of the sources, and checks that a test
# finds each (tests/mutants). The environment chooses the changes: N=50 SEED=7 FILES=src/net.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools
[ "$host" = x86_64 ] || die "mutants.sh: the changes and their tests are for x86_64, and this is $host"

# The list leaves out the assembly of the other architectures, which no test here runs, and implementations of `Debug`,
# whose output only failing tests print.
list=target/mutants/list.json
mkdir -p target/mutants
"$CARGO_MUTANTS" mutants --list --json --package ring3 --file 'src/**' --exclude 'src/arch/{aarch64,riscv64,x86,arm}/**' \
	--exclude-re 'impl fmt::Debug' >$list

# The tests are built from the unchanged sources. They run the programs that are built from the copy.
fetch tests
fetch tests/mutants
runner=$(cargo test --quiet --manifest-path tests/Cargo.toml --locked --offline --no-run --message-format json |
	sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
cargo build --quiet --manifest-path tests/mutants/Cargo.toml --locked --offline
exec nice -n 10 "$CARGO_TARGET_DIR/debug/ring3-mutants" run $list "$runner"

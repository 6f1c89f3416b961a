#!/bin/sh
# bench-examples.sh: compares the programs in examples/ with the same programs on std, in C with musl, and on origin with
# rustix (benches/examples): how many lines of code each has, how many bytes its smallest file has, and how many of the
# example's tests it passes. The output of the tests is in target/bench-examples/KIND-NAME.log.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

peers=benches/examples
out=target/bench-examples
names=$(programs examples)
rm -rf -- "$out"
for kind in ring3 std c origin; do mkdir -p "$out/$kind/$host/examples"; done

# build FLAGS KIND ARGUMENT...: builds programs of a crate in benches/examples.
build() {
	flags=$1 package=$2
	shift 2
	RUSTFLAGS=$flags CARGO_TARGET_DIR=$CARGO_TARGET_DIR/examples-$package cargo build --quiet --release \
		--manifest-path "$peers/$package/Cargo.toml" --locked --target "$(triple "$host")" "$@"
}

# keep KIND NAME...: copies built programs to where the tests expect an example.
keep() {
	package=$1
	shift
	for name; do cp -- "$CARGO_TARGET_DIR/examples-$package/$(triple "$host")/release/$name" "$out/$package/$host/examples/"; done
}

scripts/build.sh "$host" probes
for name in $names; do cp -- "target/dist/$host/examples/$name" "$out/ring3/$host/examples/"; done
# The test runner asks the self-test for the names of its tests.
for kind in ring3 std c origin; do ln -s "$PWD/target/dist/$host/probes" "$out/$kind/$host/probes"; done

build '-Ctarget-feature=+crt-static' std --bins
# shellcheck disable=SC2086 # words
keep std $names

# The flags that origin's README recommends.
fixed='-Ctarget-feature=+crt-static -Crelocation-model=static'
build "$fixed" origin --bins
keep origin tee date timeout find dns
build "$fixed" origin --features thread --bin grep --bin httpd
keep origin grep httpd

for name in $names; do
	"$MUSL_CC" -std=gnu17 -Wall -Wextra -Werror -Os -static -ffunction-sections -fdata-sections -Wl,--gc-sections -s \
		-o "$out/c/$host/examples/$name" "$peers/c/$name.c"
done

# lines FILE...: counts the lines with code in these files, without their unit tests.
lines() {
	rm -rf -- "$out/text" && mkdir "$out/text"
	for file; do sed '/^#\[cfg(test)\]/,$d' "$file" >"$out/text/$(printf '%s' "$file" | tr / -)"; done
	"$CLOC" --csv --quiet "$out/text" | awk -F, '$2 == "SUM" { print $5 }'
}

# sources KIND NAME: prints the files of a program, or with `shared` the files that the programs of a kind share.
sources() {
	case $1 in
	ring3) sources=examples ;;
	c) sources=$peers/c ;;
	*) sources=$peers/$1/src/bin ;;
	esac
	case $1-$2 in
	ring3-shared) ;;
	c-shared) find "$sources" -name '*.h' ;;
	*-shared) find "$sources/.." -maxdepth 1 -name '*.rs' ;;
	*) find "$sources" -path "$sources/$2.*" -o -path "$sources/$2/*.rs" ;;
	esac
}

# row NAME COMMAND: prints a row of a table: the output of `COMMAND KIND NAME` for each kind.
row() {
	printf '%-10s' "$1"
	for kind in ring3 std c origin; do printf '%10s' "$("$2" $kind "$1")"; done
	echo
}

lines_of() {
	# shellcheck disable=SC2046 # words
	set -- $(sources "$1" "$2")
	if [ $# = 0 ]; then echo 0; else lines "$@"; fi
}

bytes_of() { wc -c <"$out/$1/$host/examples/$2"; }

# passed KIND NAME: prints how many of the tests of an example the program passes. Only `ring3` is held to a size.
passed() {
	RING3_DIST=$PWD/$out/$1 RING3_ARCHES=$host cargo test --quiet --manifest-path tests/Cargo.toml --locked --offline -- \
		--skip is_small "examples::$2::" >"$out/$1-$2.log" 2>&1 || true
	awk '/^test result: / { print $4 " of " $4 + $6 }' "$out/$1-$2.log"
}

fetch tests
for table in lines_of bytes_of passed; do
	case $table in
	lines_of) echo 'lines of code, without unit tests; and those of the files that the programs share' ;;
	bytes_of) echo 'bytes of the program' ;;
	passed) echo 'tests passed (a test that compares an error message expects the name of the errno)' ;;
	esac
	printf '%-10s%10s%10s%10s%10s\n' '' ring3 std 'C, musl' origin
	for name in $names; do row "$name" $table; done
	[ $table != lines_of ] || row shared lines_of
	echo
done

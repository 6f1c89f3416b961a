#!/bin/sh
# test.sh ARCH...: runs all tests, on these architectures. The last line has the numbers of tests. With SAMPLE set, it
# runs one test of each kind: of the programs' tests, those of hello only.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

arches=$*
# tests ARCH: succeeds if this run tests ARCH.
tests() { case " $arches " in *" $1 "*) ;; *) return 1 ;; esac; }

logs=target/test
rm -rf -- "$logs"
mkdir -p "$logs"
passed=0 failed=0 skipped=0
programs='' kernels=' kernel]'
[ -z "${SAMPLE-}" ] || programs=hello:: kernels=hello_speaks

# run TITLE COMMAND...: runs a test runner, and adds the numbers of its `test result:` lines. A runner that dies or runs
# no test is a failure, too. (Each runner has a time limit for each test; there is none for the whole run.)
run() {
	title=$1
	shift
	printf '\n== %s\n' "$title"
	{
		status=0
		"$@" </dev/null || status=$?
		echo $status >"$logs/status"
	} | tee "$logs/out"
	read -r status <"$logs/status"
	# test result: ok. 5 passed; 0 failed; 1 ignored; ...
	# shellcheck disable=SC2046
	set -- $(awk '/^test result: / { p += $4; f += $6; s += $8 } END { print p + 0, f + 0, s + 0 }' "$logs/out")
	if [ "$status" != 0 ] && [ "$2" = 0 ]; then
		echo "$title: ended with status $status"
		set -- "$1" 1 "$3"
	elif [ $(($1 + $2 + $3)) = 0 ]; then
		echo "$title: no test ran"
		set -- 0 1 "$3"
	fi
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# skip TEST REASON: prints the lines of a skipped test, as a runner prints them.
skip() {
	printf 'test %s ... ignored (%s)\n' "$1" "$2"
	echo 'test result: ok. 0 passed; 0 failed; 1 ignored'
}

fetch tests
# Time limits of a test, in seconds: native tests; tests under qemu-user and loom's tests, which try every order of
# threads.
native=10 slow=30
run "the library, $host" scripts/test-units.sh $native --lib

run 'the examples of the documentation' cargo test --quiet --doc
run 'the unit tests of examples/ and of probe' cargo test --quiet --examples --bin probe

# units ARCH: runs the library's tests of another architecture, with the C library of the cross compiler. With
# RING3_EMULATED, exhaustive tests take samples.
units() {
	triple=$(triple "$1")
	libraries=/usr/$(gnu_prefix "$1")
	if native "$1"; then
		RUNNER=$(printf '%s\n' "$libraries"/lib/ld-linux*.so.* --library-path "$libraries/lib")
	else
		export RING3_EMULATED=yes
		RUNNER=$(printf '%s\n' "$(value "QEMU_$1")" -L "$libraries")
	fi
	export RUNNER
	scripts/test-units.sh $slow --lib --target "$triple" --config "$setup/$1.toml" \
		--config "target.$triple.linker = '$(value "CROSS_CC_$1")'"
}
for arch in $arches; do
	[ "$arch" = "$host" ] || run "the library, $arch" units "$arch"
done
# memset has another path for CPUs on which `dc zva` clears at most 64 bytes. qemu-user's default CPU is not one of
# them.
cortex_a57() { QEMU_CPU=cortex-a57 FILTER=arch units aarch64; }
if tests aarch64 && ! native aarch64; then run 'the library, a Cortex-A57' cortex_a57; fi

if [ -z "${SAMPLE-}" ]; then
	fetch tests/loom
	run 'every order of threads' scripts/test-units.sh $slow --manifest-path tests/loom/Cargo.toml --locked --offline
fi

# shellcheck disable=SC2086 # words
export_tests $arches
set -- cargo test --manifest-path tests/Cargo.toml --locked --offline
run 'the programs' "$@" -- --skip ' kernel]' "$programs"
# aarch64 kernels also use pages of these sizes. qemu-user before version 10 can emulate them.
if tests aarch64 && ! native aarch64 && [ -z "${SAMPLE-}" ]; then
	qemu=$(value QEMU_aarch64)
	for size in 16384 65536; do
		title="the programs, aarch64 with pages of $size"
		if QEMU_PAGESIZE=$size "$qemu" target/dist/aarch64/probes/start 2>&1 | grep -qx "page $size"; then
			run "$title" env QEMU_PAGESIZE=$size "$@" -- '[aarch64]'
		else
			run "$title" skip "$title" 'qemu-user has the pages of this machine, since its version 10'
		fi
	done
fi

# Each guest has two processors. Three guests run in parallel, and nothing else runs at the same time.
run 'real kernels' "$@" -- --test-threads 3 "$kernels"

run 'set-up' scripts/test-setup.sh
# shellcheck disable=SC2086 # words
run 'make' scripts/test-make.sh $arches

printf '\n%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ]

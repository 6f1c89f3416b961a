#!/bin/sh
# miri.sh: the library's unit tests under what finds undefined behaviour that goes well by luck. Miri runs the tests that
# make no system call and no assembly, where cargo has Miri; AddressSanitizer runs all of them, where rustc has that.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

# What computes: text, numbers, errors, addresses, signals, the search along PATH, the heap's sizes and spans, and what
# of `sync` nobody waits for.
computes='abi:: cli:: heap::tests::classes heap::tests::a_block net::text:: net::unix:: number:: print::
process::search:: process::spawn::tests::a_failure shown:: signal::
sync::tests::a_held sync::tests::a_once_lock'

ran=0
# Of this toolchain, or of a nightly that rustup has already.
for cargo in cargo 'rustup run nightly cargo'; do
	if $cargo miri --version >/dev/null 2>&1; then
		ran=$((ran + 1))
		say "Miri: $($cargo miri --version)"
		# shellcheck disable=SC2086 # words
		CARGO_TARGET_DIR=target/miri $cargo miri test --lib -- $computes
		break
	fi
done
[ $ran != 0 ] || say 'no Miri: cargo has none here (rustup component add miri, of a nightly)'

# The runtime of the sanitizer is part of rustup's toolchains. The flag is not stable, so rustc has to be told.
if ls "$(rustc --print target-libdir)"/*_rt.asan.a >/dev/null 2>&1; then
	ran=$((ran + 1))
	say 'AddressSanitizer:'
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=target/asan \
		cargo test --lib --target "$(triple "$host")"
else
	say 'no AddressSanitizer: rustc has no runtime for it here'
fi
[ $ran != 0 ] || say 'so nothing ran'

#!/bin/sh
# miri.sh: runs the library's unit tests under two tools that find undefined behaviour. Miri, if cargo has it, runs the
# tests that use neither system calls nor assembly. AddressSanitizer, if rustc has its runtime, runs all tests.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

# The tests without system calls: text, numbers, errors, addresses, signals, the search along PATH, the heap's sizes and
# spans, `sync` without contention, the calendar, and inotify's events in bytes.
computes='abi:: bytes:: cli:: heap::tests::classes heap::tests::a_block net::text:: net::unix:: text::
process::search:: process::spawn::tests::a_failure signal::
sync::tests::a_held sync::tests::a_once_lock time::calendar::tests::each time::calendar::tests::every
time::calendar::tests::the_ time::calendar::tests::a_printed time::calendar::tests::dates inotify::tests::events
inotify::tests::broken'

ran=0
# Miri of this toolchain, or of a nightly toolchain that rustup has already installed.
for cargo in cargo 'rustup run nightly cargo'; do
	if $cargo miri --version >/dev/null 2>&1; then
		ran=$((ran + 1))
		say "Miri: $($cargo miri --version)"
		# shellcheck disable=SC2086 # words
		CARGO_TARGET_DIR=target/miri $cargo miri test --lib -- $computes
		break
	fi
done
[ $ran != 0 ] || say 'no Miri: cargo has none here (rustup component add miri, for a nightly toolchain)'

# The sanitizer's runtime is part of rustup's toolchains. Its flag is unstable: RUSTC_BOOTSTRAP makes rustc accept it.
if ls "$(rustc --print target-libdir)"/*_rt.asan.a >/dev/null 2>&1; then
	ran=$((ran + 1))
	say 'AddressSanitizer:'
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=target/asan CARGO_PROFILE_TEST_DEBUG=line-tables-only \
		cargo test --lib --target "$(triple "$host")"
else
	say 'no AddressSanitizer: rustc has no runtime for it here'
fi
[ $ran != 0 ] || say 'no test ran'

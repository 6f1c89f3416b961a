# Functions and variables for all scripts. Sourced with the repository as the working directory.
set -eu

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# Programs for `host` run natively, those for `foreign` under qemu-user. On an aarch64 machine, x86_64 is foreign.
host=$(uname -m)
# shellcheck disable=SC2034 # not every script runs programs
case $host in
x86_64) foreign=aarch64 ;;
aarch64) foreign=x86_64 ;;
*) die "ring3 runs on x86_64 and aarch64, and this is $host" ;;
esac

triple() { printf '%s-unknown-linux-gnu\n' "$1"; }

# The directory that set-up writes: env.sh (the paths of the tools), ARCH.toml (cargo's configuration), and set-up's own
# records.
setup=target/setup

# use_tools: sets the variables of env.sh, and puts that toolchain's cargo and rustc first in PATH.
use_tools() {
	# shellcheck source=/dev/null
	. "./$setup/env.sh"
	PATH=$RUST_BIN:$PATH
}

# These variables take precedence over cargo's configuration. If they were set, they would replace the flags of
# .cargo/programs.toml, or change the directory of the output.
unset RUSTC RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTC CARGO_BUILD_RUSTFLAGS \
	CARGO_BUILD_TARGET
# `make -j` puts its jobserver into these variables, but closes the jobserver's descriptors for scripts. Cargo would
# warn.
unset MAKEFLAGS MFLAGS
# Cargo's directory is not target itself: cargo would put the profile `dist` into target/dist, which has the shipped
# files.
export CARGO_TARGET_DIR="$PWD/target/cargo"

# value NAME: prints the value of the variable NAME, for a computed name: `value RUSTC_$arch`.
value() { eval "printf '%s\n' \"\${$1-}\""; }

# programs DIRECTORY: prints the names of the programs in DIRECTORY. As in cargo, a program is NAME.rs or NAME/main.rs.
programs() {
	for source in "$1"/*.rs "$1"/*/main.rs; do
		[ -e "$source" ] || continue
		source=${source%/main.rs}
		basename -- "$source" .rs
	done | sort
}

# fetch PACKAGE: fetches the crates of its Cargo.lock. Uses the network only if some of them are missing.
fetch() {
	cargo fetch --quiet --manifest-path "$1/Cargo.toml" --locked --offline 2>/dev/null ||
		cargo fetch --manifest-path "$1/Cargo.toml" --locked
}

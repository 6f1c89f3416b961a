# What every script here shares. Sourced from the repository's directory.
set -eu

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# `host` runs here, `foreign` under qemu-user; on an aarch64 machine they have swapped.
host=$(uname -m)
# shellcheck disable=SC2034 # not every script runs programs
case $host in
x86_64) foreign=aarch64 ;;
aarch64) foreign=x86_64 ;;
*) die "ring3 runs on x86_64 and aarch64, and this is $host" ;;
esac

triple() { printf '%s-unknown-linux-gnu\n' "$1"; }

# What set-up writes: env.sh (where the tools are), ARCH.toml (what cargo is told), and its notes.
setup=target/setup

# The paths in env.sh, and that toolchain's cargo and rustc before any other.
use_tools() {
	# shellcheck source=/dev/null
	. "./$setup/env.sh"
	PATH=$RUST_BIN:$PATH
}

# Cargo answers to these before it reads its configuration: left set, they would replace the flags
# of .cargo/programs.toml or put what is built elsewhere.
unset RUSTC RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTC CARGO_BUILD_RUSTFLAGS \
	CARGO_BUILD_TARGET
# `make -j` names a jobserver here, and then keeps that from the scripts: cargo would complain.
unset MAKEFLAGS MFLAGS
# (Apart from target/dist, where what ships is put: cargo would use that name for a profile.)
export CARGO_TARGET_DIR="$PWD/target/cargo"

# The value of the variable NAME: `value RUSTC_$arch`.
value() { eval "printf '%s\n' \"\${$1-}\""; }

# The names of the programs in DIRECTORY: cargo's own rule, NAME.rs or NAME/main.rs.
programs() {
	for source in "$1"/*.rs "$1"/*/main.rs; do
		[ -e "$source" ] || continue
		source=${source%/main.rs}
		basename -- "$source" .rs
	done | sort
}

# fetch PACKAGE: the crates of its Cargo.lock, from the network only where they are not here yet.
fetch() {
	cargo fetch --quiet --manifest-path "$1/Cargo.toml" --locked --offline 2>/dev/null ||
		cargo fetch --manifest-path "$1/Cargo.toml" --locked
}

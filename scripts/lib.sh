# Functions and variables for all scripts. Sourced with the repository as the working directory.
set -eu

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# All architectures, by Rust's names (`target_arch`), and the architecture of this machine.
architectures='x86_64 aarch64 riscv64 x86 arm'
host=$(uname -m)
case $host in
x86_64 | aarch64) ;;
*) die "ring3 is built on x86_64 and aarch64, and this is $host" ;;
esac

# fact COLUMN ARCH: prints a fact of the table: Rust's target, the prefix of GNU's tools, Debian's name of the
# architecture, and qemu's.
fact() {
	case $2 in
	x86_64) set -- "$1" x86_64-unknown-linux-gnu x86_64-linux-gnu amd64 x86_64 ;;
	aarch64) set -- "$1" aarch64-unknown-linux-gnu aarch64-linux-gnu arm64 aarch64 ;;
	riscv64) set -- "$1" riscv64gc-unknown-linux-gnu riscv64-linux-gnu riscv64 riscv64 ;;
	x86) set -- "$1" i686-unknown-linux-gnu i686-linux-gnu i386 i386 ;;
	arm) set -- "$1" armv7-unknown-linux-gnueabihf arm-linux-gnueabihf armhf arm ;;
	*) die "ARCH is one of $architectures, not $2" ;;
	esac
	shift "$1"
	printf '%s\n' "$1"
}
triple() { fact 1 "$1"; }
gnu_prefix() { fact 2 "$1"; }
deb_arch() { fact 3 "$1"; }
qemu_arch() { fact 4 "$1"; }

# native ARCH: succeeds if this machine runs programs for ARCH itself. Programs for the others run under qemu-user.
native() {
	case $host-$1 in
	"$1-$1" | x86_64-x86) ;;
	*) return 1 ;;
	esac
}

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

# export_tests ARCH...: exports the variables that tests/support.rs reads, for tests of these architectures.
export_tests() {
	export RING3_DIST="$PWD/target/dist" RING3_ARCHES="$*" RING3_DNSMASQ="${DNSMASQ-}" RING3_SERVERS="${SERVERS-}"
	for tested; do
		native "$tested" || export "RING3_QEMU_$tested=$(value "QEMU_$tested")"
	done
}

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

#!/bin/sh
# lint.sh: runs rustfmt, clippy for each architecture, rustdoc, shellcheck and codespell. Every warning is an error.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools
export RUSTFMT

"$CARGO_FMT" fmt --all --check
for package in manual tests tests/loom tests/fuzz tests/mutants benches benches/heap benches/echo benches/examples/std benches/examples/origin; do "$CARGO_FMT" fmt --check --manifest-path $package/Cargo.toml; done

# The library, the programs, the examples and the probes, with the rustc that clippy belongs to. Nothing is linked.
# CARGO_ENCODED_RUSTFLAGS replaces the flags of .cargo/programs.toml: rustc warns about one of those (-outline-atomics)
# in every crate.
for arch in $architectures; do
	clippy=$(value "CLIPPY_$arch")
	CARGO_ENCODED_RUSTFLAGS=$(value "CORE_FLAG_$arch") "$clippy" clippy --quiet --workspace --lib --bins --examples --target "$(triple "$arch")" \
		--config "build.rustc = '$(dirname -- "$clippy")/rustc'" -- -D warnings
done

# The packages that use std: tests and benches.
clippy=$(value "CLIPPY_$host")
RUSTC=$(dirname -- "$clippy")/rustc
export RUSTC
"$clippy" clippy --quiet --all-targets -- -D warnings
RUSTDOCFLAGS='-D warnings' cargo doc --quiet --no-deps --lib
lint_std() { # PACKAGE [OPTION...]
	package=$1
	shift
	fetch "$package"
	"$clippy" clippy --quiet --manifest-path "$package/Cargo.toml" "$@" --all-targets --locked --offline -- -D warnings
}
lint_std manual
lint_std tests
lint_std tests/loom
lint_std tests/fuzz
lint_std tests/mutants
lint_std benches
lint_std benches/heap --features ring3
lint_std benches/heap --features glibc
lint_std benches/echo
lint_std benches/examples/std
lint_std benches/examples/origin --all-features

# Each hand-written mutant (tests/mutants/changes) must still apply to the sources.
cargo run --quiet --manifest-path tests/mutants/Cargo.toml --locked --offline -- check

"$CC" -O2 -Wall -Wextra -Werror -fsyntax-only benches/echo/peers/*.c benches/benches/*/*.c benches/examples/c/*.c

# Every executable script, and with -a the files that it sources.
find scripts .ci -type f -perm -u+x -exec "$SHELLCHECK" -x -a {} +

# The spelling of all text files: .codespellrc says which files and words are left out.
"$CODESPELL"

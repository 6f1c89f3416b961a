#!/bin/sh
# profiles.sh ARCH: builds the programs for ARCH in each profile that a user's cargo may use, without the flags of
# .cargo/small.toml. tests/profiles.rs runs them from cargo's folders; they are not shipped.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

arch=$1
set --
for name in $(programs src/bin) start large; do set -- "$@" --bin "$name"; done
for profile in dev release s thin; do
	cargo build --quiet --config .cargo/programs.toml --config "$setup/$arch.toml" --config tests/profiles.toml \
		--target "$(triple "$arch")" --workspace --profile "$profile" "$@"
done
# The shipped programs are built with fat LTO already; so here only the program that does not ship.
cargo build --quiet --config .cargo/programs.toml --config "$setup/$arch.toml" --config tests/profiles.toml \
	--target "$(triple "$arch")" --workspace --profile fat --bin large
# The library with the flags of the shipped programs, but without LTO, which would leave no objects.
cargo build --quiet --config .cargo/programs.toml --config .cargo/small.toml --config "$setup/$arch.toml" \
	--config tests/profiles.toml --target "$(triple "$arch")" --profile s --lib

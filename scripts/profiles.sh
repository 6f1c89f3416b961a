#!/bin/sh
# profiles.sh ARCH: the programs for ARCH as nobody ships them, but a user's cargo may build them: in each of these
# profiles, without the flags of .cargo/small.toml. They stay where cargo puts them, for tests/profiles.rs.
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
# What is built with fat LTO is what ships: here only what does not.
cargo build --quiet --config .cargo/programs.toml --config "$setup/$arch.toml" --config tests/profiles.toml \
	--target "$(triple "$arch")" --workspace --profile fat --bin large
# The library as it ships, but with its objects, which LTO would leave out.
cargo build --quiet --config .cargo/programs.toml --config .cargo/small.toml --config "$setup/$arch.toml" \
	--config tests/profiles.toml --target "$(triple "$arch")" --profile s --lib

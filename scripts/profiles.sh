#!/bin/sh
# profiles.sh ARCH: builds the programs for ARCH in several profiles that a user of the library may choose, without the
# flags of .cargo/programs.toml, and the library with these flags. tests/profiles.rs runs the programs from cargo's
# directories; these programs are not shipped.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

arch=$1
set --
for name in $(programs src/bin) start large; do set -- "$@" --bin "$name"; done
# Two architectures have all profiles: see tests/profiles.rs.
case $arch in
x86_64 | aarch64) profiles='dev release s thin' fat=yes ;;
*) profiles='dev s' fat= ;;
esac
for profile in $profiles; do
	cargo build --quiet --config "$setup/$arch.toml" --config tests/profiles.toml \
		--target "$(triple "$arch")" --workspace --profile "$profile" "$@"
done
# The shipped programs are built with fat LTO already, so only the probe `large` is built here.
[ -z "$fat" ] || cargo build --quiet --config "$setup/$arch.toml" --config tests/profiles.toml \
	--target "$(triple "$arch")" --workspace --profile fat --bin large
# The library with the flags of the shipped programs, but without LTO: with LTO there would be no object code to test.
cargo build --quiet --config .cargo/programs.toml --config "$setup/$arch.toml" \
	--config tests/profiles.toml --target "$(triple "$arch")" --profile s --lib

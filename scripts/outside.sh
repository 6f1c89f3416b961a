#!/bin/sh
# outside.sh ARCH: makes crates from templates/ in empty directories, as users of the library do, and builds the crates
# in several profiles. tests/outside.rs runs the programs, which are in target/dist/ARCH/outside: NAME-PROFILE.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

arch=$1
here=$PWD
outside=$here/target/outside/$arch
dist=$here/target/dist/$arch/outside
rm -rf -- "$outside/crates" "$outside/package" "$outside/cargo-home"
mkdir -p "$outside/crates" "$dist"
export CARGO_TARGET_DIR="$outside/target"

# Without flags, cargo calls a C compiler, and the C compiler calls rustc's own lld. For the other architecture, and with
# a rustc that brings no lld, set-up's configuration names an lld, as docs/guide.md describes.
configured="--config $here/$setup/$arch.toml --target $(triple "$arch")"
flags=$configured
built=$CARGO_TARGET_DIR/$(triple "$arch")
if [ "$arch" = "$host" ] && [ -e "$("$RUST_BIN/rustc" --print sysroot)/lib/rustlib/$(triple "$arch")/bin/gcc-ld/ld.lld" ]; then
	flags=
	built=$CARGO_TARGET_DIR
fi

# new TEMPLATE NAME ADD...: makes the crate NAME, with a dependency on ring3 that `cargo add ADD...` adds.
new() {
	template=$1 crate=$outside/crates/$2
	shift 2
	cp -R "templates/$template" "$crate" && (cd "$crate" && cargo add --quiet "$@" ring3)
}

# build CRATE PROFILE [WORD...]: builds a crate, and copies its program to NAME-PROFILE.
build() {
	name=$1 profile=$2
	shift 2
	# shellcheck disable=SC2086 # words
	(cd "$outside/crates/$name" && cargo build --quiet --config "$here/tests/profiles.toml" --profile "$profile" $flags "$@") ||
		return
	[ "$profile" != dev ] || profile=debug
	cp -- "$built/$profile/${name%%-*}" "$dist/$name-$profile"
}

# Two architectures have all profiles: see tests/outside.rs.
case $arch in
x86_64 | aarch64) profiles='dev release fat s' ;;
*) profiles='dev release' ;;
esac
for name in tool server bare; do
	new "$name" "$name" --offline --path "$here"
	for profile in $profiles; do
		# The flags of `bare` need LTO on aarch64: without LTO, the compiler's own library has variables.
		[ "$profile" != s ] || rm -rf -- "$outside/crates/$name/.cargo"
		build "$name" "$profile" --offline
	done
done

[ "$arch" = "$host" ] || exit 0
(cd "$outside/crates/tool" && cargo test --quiet --offline --no-run)

# From a git repository that holds what `cargo package` packs. Cargo's directory is another, because it keeps a copy of
# the repository.
CARGO_TARGET_DIR=$outside/package cargo package --quiet --offline --no-verify --allow-dirty
mkdir "$outside/package/repository"
tar -C "$outside/package/repository" --strip-components 1 -xzf "$outside"/package/package/ring3-*.crate
(
	cd "$outside/package/repository"
	git init --quiet
	git add --all
	git -c user.name=test -c user.email=test@example.invalid commit --quiet --message 'packed'
)
rm -f -- "$dist"/tool-git-*
if (
	export CARGO_HOME="$outside/cargo-home"
	new tool tool-git --git "file://$outside/package/repository" && build tool-git dev
) 2>"$outside/git.log"; then
	:
elif grep -q 'invalid version 0 on git_proxy_options' "$outside/git.log"; then
	# Debian 12's cargo of rustc 1.96, which was built for another version of libgit2.
	cp -- "$outside/git.log" "$dist/tool-git-refused"
else
	cat "$outside/git.log" >&2
	exit 1
fi

# Without a C compiler: set-up's configuration names an lld, and says in place of build.rs where linker/ is.
mkdir -p "$outside/none"
ln -sf "$RUST_BIN/cargo" "$outside/none/cargo"
cp -R "$outside/crates/tool" "$outside/crates/tool-nocc"
(
	cd "$outside/crates/tool-nocc"
	# shellcheck disable=SC2086 # words
	CARGO_TARGET_DIR=$outside/nocc RUSTC=$RUST_BIN/rustc PATH=$outside/none cargo build --quiet --offline $configured
)
cp -- "$outside/nocc/$(triple "$arch")/debug/tool" "$dist/tool-nocc-debug"

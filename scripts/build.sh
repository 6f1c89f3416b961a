#!/bin/sh
# build.sh ARCH [probes]: the programs for ARCH, in target/dist/ARCH: NAME as it ships, NAME.debug
# with sections and symbols. With `probes`, the programs that only the tests run, beside them.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

arch=$1
dist=target/dist/$arch
built=$CARGO_TARGET_DIR/$(triple "$arch")

# Cargo does not know that the linker reads these.
if ! cat linker/* | cmp -s - "$built/linker"; then
	rm -rf -- "$built"
	mkdir -p "$built"
	cat linker/* >"$built/linker"
fi

# What computes is built for speed too; what mostly waits for the kernel, for size alone.
profile() { case $1 in msort | echod) echo dist ;; *) echo tiny ;; esac; }
tiny='' rest=''
for name in $(programs src/bin); do
	case $(profile "$name") in
	tiny) tiny="$tiny --bin $name" ;;
	dist) rest="$rest --bin $name" ;;
	esac
done
probes=${2:+$(programs tests/probes/src/bin) selftest}
for name in $probes; do rest="$rest --bin $name"; done

# The first build shows what cargo does; after that it speaks only when something is wrong.
set -- --config "$setup/$arch.toml" --target "$(triple "$arch")"
[ ! -e "$dist" ] || set -- "$@" --quiet
# shellcheck disable=SC2086 # words
cargo programs "$@" --workspace $rest
# shellcheck disable=SC2086
cargo tiny "$@" $tiny

# ship FROM TO: only when it changed, and in one step, because the old one may be running.
ship() {
	cmp -s -- "$1" "$2.debug" && [ -e "$2" ] && return
	mkdir -p "$(dirname -- "$2")"
	LD_LIBRARY_PATH=$OBJCOPY_LIBS "$OBJCOPY" --strip-sections "$1" "$2.new"
	cp -- "$1" "$2.debug.new"
	mv -- "$2.new" "$2"
	mv -- "$2.debug.new" "$2.debug"
}

for name in $(programs src/bin); do ship "$built/$(profile "$name")/$name" "$dist/$name"; done
for name in $probes; do ship "$built/dist/$name" "$dist/probes/$name"; done

#!/bin/sh
# build.sh ARCH [probes]: builds the programs for ARCH into target/dist/ARCH: NAME is the shipped file, NAME.debug has
# sections and symbols. With `probes`, also builds the programs that only the tests run, into target/dist/ARCH/probes, and
# the examples, into target/dist/ARCH/examples.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

arch=$1
dist=target/dist/$arch
built=$CARGO_TARGET_DIR/$(triple "$arch")

# Cargo does not know that the linker reads the files in linker/. After a change of such a file, everything is built
# again.
if ! cat linker/* | cmp -s - "$built/linker"; then
	rm -rf -- "$built"
	mkdir -p "$built"
	cat linker/* >"$built/linker"
fi

# Programs that mostly compute are built for speed and size. The others mostly wait for the kernel, and are built for
# size only.
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
examples=${2:+$(programs examples)}
for name in $examples; do tiny="$tiny --example $name"; done

# The first build shows cargo's progress; later builds print only errors and warnings.
set -- --config "$setup/$arch.toml" --target "$(triple "$arch")"
[ ! -e "$dist" ] || set -- "$@" --quiet
# shellcheck disable=SC2086 # words
cargo programs "$@" --workspace $rest
# shellcheck disable=SC2086
cargo tiny "$@" $tiny

# ship FROM TO: strips FROM to TO, and copies FROM to TO.debug; does nothing if FROM has not changed. TO is
# replaced by a rename, because the old file may be running.
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
for name in $examples; do ship "$built/tiny/examples/$name" "$dist/examples/$name"; done

#!/bin/sh
# install.sh PREFIX: the programs for this machine, as they ship, into PREFIX/bin; but `init` into PREFIX/libexec/ring3,
# because on root's PATH it would stand before the machine's own.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh

for name in $(programs src/bin); do
	case $name in
	init) to=$1/libexec/ring3 ;;
	*) to=$1/bin ;;
	esac
	install -D -m 755 -- "target/dist/$host/$name" "$to/$name"
done

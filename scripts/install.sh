#!/bin/sh
# install.sh PREFIX: installs the shipped programs for this machine into PREFIX/bin. `init` is installed into
# PREFIX/libexec/ring3: in root's PATH, it would come before the system's own init.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh

for name in $(programs src/bin); do
	case $name in
	init) to=$1/libexec/ring3 ;;
	*) to=$1/bin ;;
	esac
	install -D -m 755 -- "target/dist/$host/$name" "$to/$name"
done

#!/bin/sh
# install.sh DIRECTORY: the programs for this machine, as they ship.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh

mkdir -p -- "$1"
for name in $(programs src/bin); do install -m 755 -- "target/dist/$host/$name" "$1/$name"; done

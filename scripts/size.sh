#!/bin/sh
# size.sh ARCH...: prints the size of each shipped program, in bytes.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh

printf '%-8s' ''
printf ' %8s' "$@"
echo
for name in $(programs src/bin); do
	printf '%-8s' "$name"
	for arch; do printf ' %8d' "$(wc -c <"target/dist/$arch/$name")"; done
	echo
done

#!/bin/sh
# size.sh: prints the size of each shipped program, in bytes.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh

printf '%-8s %8s %8s\n' '' x86_64 aarch64
for name in $(programs src/bin); do
	printf '%-8s %8d %8d\n' "$name" "$(wc -c <"target/dist/x86_64/$name")" "$(wc -c <"target/dist/aarch64/$name")"
done

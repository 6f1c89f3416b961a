#!/bin/sh
# inspect.sh ARCH PROGRAM: what the processor runs, between the lines of the source it came from.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

file=target/dist/$1/$2.debug
[ -e "$file" ] || die "no program is called $2; there are: $(programs src/bin | paste -s -d ' ' -)"

# Intel's syntax, as in src/arch/x86_64/mod.rs.
listing=target/inspect
if ! "$OBJDUMP" --disassemble --demangle --source --line-numbers --no-show-raw-insn \
	--x86-asm-syntax=intel "$file" >"$listing" 2>"$listing.log"; then
	cat "$listing.log" >&2
	exit 1
fi
# Its warnings are that the source of `core` is not here. A reader may leave early (SIGPIPE).
sed "s,; $PWD/,; ,; s,; /.*/library/core/,; core/," "$listing" || [ $? = 141 ]

#!/bin/sh
# inspect.sh ARCH PROGRAM: prints the disassembly of a program, with the source line of each instruction.
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
# objdump's warnings are not shown: it does not find the source of `core`. A reader may close the pipe early (SIGPIPE).
sed "s,; $PWD/,; ,; s,; /.*/library/core/,; core/," "$listing" || [ $? = 141 ]

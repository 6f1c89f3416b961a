#!/bin/sh
# inspect.sh ARCH PROGRAM: what the processor runs, with the names and lines of the source.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

file=target/dist/$1/$2.debug
[ -e "$file" ] || die "no program is called $2: $(programs src/bin | tr '\n' ' ')"
"$OBJDUMP" --disassemble --demangle --line-numbers --no-show-raw-insn "$file"

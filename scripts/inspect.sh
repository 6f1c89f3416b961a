#!/bin/sh
# inspect.sh ARCH PROGRAM: the system calls of a program, then its instructions between the lines of their source. With
# CALLS set, the system calls alone.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

file=target/dist/$1/$2.debug
[ -e "$file" ] || die "no program is called $2; there are: $(programs src/bin | paste -s -d ' ' -)"
work=target/inspection
mkdir -p "$work"

# quietly COMMAND...: runs it, and prints its warnings only if it fails. (llvm-objdump warns that the source of `core`
# is not here.)
quietly() { "$@" 2>"$work/warnings" || { cat "$work/warnings" >&2; exit 1; }; }

# A copy without the symbols $x and $d of riscv64, which mark code and data: older tools of LLVM read them as functions.
copy=$work/$2.debug
case $1 in
riscv64) options='--wildcard --strip-symbol=$[dx]*' ;;
*) options= ;;
esac
# Each call site in decimal: address, number, how many arguments. The macro `call_site` in src/arch/mod.rs defines the
# record. The address is 0 in a record of a function that the linker dropped.
# shellcheck disable=SC2086 # words
LD_LIBRARY_PATH=$OBJCOPY_LIBS quietly "$OBJCOPY" --dump-section ".debug_calls=$work/records" $options "$file" "$copy"
od -A n -v -t u4 "$work/records" | awk '$1 { print $1, $3, $4 }' | sort -n >"$work/sites"

# For each site: the functions that were inlined there, innermost first, and the line of each; then an empty line.
awk '{ printf "0x%x\n", $1 }' "$work/sites" | quietly "$SYMBOLIZER" --obj="$copy" >"$work/frames"

# Intel's syntax, as in src/arch/x86_64/mod.rs. The file of riscv64 does not have the section that names its
# instructions: see the linker script.
case $1 in
riscv64) options=--mattr=+m,+a,+f,+d,+c ;;
*) options=--x86-asm-syntax=intel ;;
esac
listing=
if [ -z "${CALLS-}" ]; then
	listing=$work/listing
	quietly "$OBJDUMP" --disassemble --demangle --source --line-numbers --no-show-raw-insn \
		"$options" "$copy" >"$listing"
fi

start=__start
if grep -qs '^ring3::bare_program!' "src/bin/$2.rs" "src/bin/$2/main.rs"; then start=__start_bare; fi
awk -v arch="$1" -v root="$PWD/" -v start="$start" -f scripts/inspect.awk \
	part=names src/abi/nr.rs part=assembly "src/arch/$1/mod.rs" part=sites "$work/sites" \
	part=frames "$work/frames" part=listing ${listing:+"$listing"} >"$work/output"

# shellcheck disable=SC2086 # a command with its options
set -- ${PAGER:-less}
if [ -t 1 ] && command -v "$1" >/dev/null; then exec "$@" <"$work/output"; fi
cat "$work/output" || [ $? = 141 ] # SIGPIPE: the reader left early

#!/bin/sh
# test-make.sh ARCH...: tests the make targets that a newcomer uses, and their output. The programs for these
# architectures must be built already.
set -eu
cd "$(dirname -- "$0")/.."
. scripts/check.sh
. scripts/lib.sh
unset MAKELEVEL # this may itself be run by a make
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
arches=$*

# machine ARCH: prints the name of the architecture in the targets run-MACHINE and run-MACHINE-kernel.
machine() {
	case $1 in
	x86_64) echo x86 ;;
	aarch64) echo arm ;;
	x86) echo x86-32 ;;
	arm) echo arm32 ;;
	*) echo "$1" ;;
	esac
}

# try COMMAND...: runs COMMAND. Its exit status is in $status, its output in $folder/out and $folder/err.
try() {
	within 300 "$@" >"$folder/out" 2>"$folder/err"
}
# prints LINE: prints how many times LINE is in the output of the last `try`.
prints() { grep -cxF -e "$1" "$folder/out" || true; }

for arch in $arches; do
	machine=$(machine "$arch")
	try make "run-$machine"
	same status $status 0
	same 'on stderr' "$(cat "$folder/err")" ''
	same hello "$(prints 'Hello, world!') $(prints 'Hello, Ada Grace!')" '2 1' # by hello, and from the saved file
	same msort "$(prints 'same as sort')" 1
	same pipe "$(grep -cx -e ' *[0-9]\{1,\} [A-Za-z]\{1,\}' "$folder/out")" 3
	same init "$(prints 'Hello, init!')" 1
	same probe "$(prints 'Hello, probe!')" 1
	same echoc "$(grep -c -e ' requests in .* req/s, ' -e '^latency p50 ' "$folder/out")" 2
	same 'its end' "$(tail -n 1 "$folder/out")" 0
	verdict "make run-$machine shows the eight programs at work"
done

for arch in $arches; do
	machine=$(machine "$arch")
	[ "$arch" != x86 ] || continue # no guest has such a kernel
	try make "run-$machine-kernel"
	case $(cat "$folder/err") in
	'set-up: '*' is not available '*)
		echo "test make run-$machine-kernel boots into the programs ... ignored ($(cat "$folder/err"))"
		skipped=$((skipped + 1))
		continue
		;;
	esac
	same status $status 0
	same 'on stderr' "$(cat "$folder/err")" ''
	same version "$(grep -c '^Linux version [0-9]' "$folder/out")" 1
	same hello "$(prints 'Hello, world!') $(prints 'Hello, Ada Grace!')" '2 1'
	same mounts "$(grep -c -e '^proc /proc proc ' -e '^devtmpfs /dev devtmpfs ' "$folder/out")" 2
	same probe "$(prints 'Hello, probe!')" 1
	same echoc "$(grep -c -e ' requests in .* req/s, ' -e '^latency p50 ' "$folder/out")" 2
	same 'its end' "$(prints 'init: exit status 0')" 1
	verdict "make run-$machine-kernel boots into the programs"
done

ls -lic target/dist/* >"$folder/before"
try make -j2 size
same status $status 0
same 'on stderr' "$(cat "$folder/err")" ''
same weighed "$(sed -n 's/^\([a-z]\{1,\}\) .*/\1/p' "$folder/out")" "$(programs src/bin)"
ls -lic target/dist/* >"$folder/after"
same 'in target/dist' "$(cat "$folder/after")" "$(cat "$folder/before")"
verdict 'make builds nothing twice, and is silent the second time'

for arch in $arches; do
	try make inspect PROGRAM=hello "ARCH=$arch"
	same status $status 0
	same entry "$(grep -c '<ring3_start>:$' "$folder/out")" 1
	grep -q "^; src/arch/$arch/mod.rs:" "$folder/out" || wrong="$wrong
no line of src/arch/$arch/mod.rs"
	verdict "make inspect shows the instructions and their source [$arch]"
done

# annotated: prints `ADDRESS NAME(REGISTERS)` for each instruction in $folder/out that makes a system call; without a
# comment, the line as it is. On x86 most calls are calls of the function ring3_syscall.
annotated() {
	awk '
		/^[0-9a-f]+ <.*>:$/ { is_callee = $2 ~ /^<ring3_(syscall|int80)>:$/ }
		$2 ~ /^(syscall|sysenter|int|svc|ecall)$/ && !is_callee || / <ring3_syscall>/ && $2 == "call" {
			sub(/^ */, "0x")
			sub(/:.*  # /, " ")
			print
		}' "$folder/out"
}
# mnemonics: normalises the mnemonics at the begin of the lines. The source has pseudo-instructions; in place of an adrp
# the linker writes a nop if the following adr reaches, and in place of a bl to Thumb code a blx; x86 has the syntax of
# AT&T.
mnemonics() {
	case $arch in
	aarch64) sed 's/^nop /adrp /; s/^movz /mov /' ;;
	riscv64) sed 's/^\(lla\|call\) /auipc /; s/^mv /li /' ;;
	x86) sed 's/^lodsd /lods /; s/^\([a-z]*[^l]\)l /\1 /' ;;
	arm) sed 's/^adr /add /; s/^blx /bl /' ;;
	*) cat ;;
	esac
}

# An executable that prints its options and the number of lines that it reads.
pager=$folder/pager
# shellcheck disable=SC2016 # the words of the pager
printf '%s\n' '#!/bin/sh' 'echo "paged $*: $(wc -l)"' >"$pager"
chmod +x "$pager"

for arch in $arches; do
	case $arch in
	x86_64) registers='rdi, rsi, rdx, r10, r8, r9' ;;
	aarch64) registers='x0, x1, x2, x3, x4, x5' ;;
	riscv64) registers='a0, a1, a2, a3, a4, a5' ;;
	x86) registers='ebx, ecx, edx, esi, edi, ebp' ;;
	arm) registers='r0, r1, r2, r3, r4, r5' ;;
	esac
	set -- make inspect PROGRAM=echod "ARCH=$arch"
	try "$@" CALLS=1
	same status $status 0
	same 'on stderr' "$(cat "$folder/err")" ''
	row='0x[0-9a-f]{1,5} +[0-9]+  [a-z0-9_]+ +src/[a-z0-9_/]+\.rs:[0-9]+ +[^ ].*'
	same 'no row' "$(grep -vxE -e "$row" "$folder/out" || true)" ''
	cp -- "$folder/out" "$folder/table"
	rows=$(wc -l <"$folder/table")
	try "$@"
	same status $status 0
	same 'on stderr' "$(cat "$folder/err")" ''
	same table "$(head -n "$rows" "$folder/out")" "$(cat "$folder/table")"
	rest=$(tail -n +$((rows + 1)) "$folder/out" | grep . | head -n 1)
	same 'after the table' "${rest%%:*}" target/inspection/echod.debug
	# The instructions are the table's sites, with its names.
	same sites "$(annotated | sed 's/(.*//')" "$(awk '{ print $1, $3 }' "$folder/table")"
	same 'not the first registers' "$(annotated | sed "s/.*(/(/" | sort -u | awk -v all="($registers" \
		'{ sub(/\)$/, "") } index(all, $0) != 1')" ''
	same arguments "$(annotated | grep -oE '(close|write|epoll_ctl|epoll_pwait)\(.*' | sort -u)" \
		"$(printf '%s\n' close 1 epoll_ctl 4 epoll_pwait 6 write 3 | paste -d ' ' - - | while read -r name count; do
			echo "$name($(echo "$registers" | cut -d , -f 1-"$count"))"
		done)"
	verdict "make inspect prints the table of call sites, and annotates each of them [$arch]"

	# Mnemonic and comment of each instruction of `ring3_start` that has a comment. The comments of objdump are addresses.
	same 'comments of ring3_start' \
		"$(sed -n '/ <ring3_start>:$/,/^$/{/# 0x[^#]*$/d;s/^ *[0-9a-f]*:[[:space:]]*\([a-z.]*\).*  # /\1 /p;}' \
			"$folder/out" | mnemonics)" \
		"$(sed -n '/^macro_rules! __start {$/,/^}$/s,^ *"\([0-9]: \)\{0\,1\}\([a-z][a-z.]*\).*" *\,* *// *,\2 ,p' \
			"src/arch/$arch/mod.rs" | mnemonics)"
	verdict "make inspect shows the comments of ring3_start's own assembly [$arch]"

	try env PAGER="$pager -S" script -qec "$* CALLS=1" /dev/null
	same 'on a terminal' "$(tr -d '\r' <"$folder/out")" "paged -S: $rows"
	try env PAGER="$pager -S" "$@" CALLS=1
	same 'not on a terminal' "$(cat "$folder/out")" "$(cat "$folder/table")"
	try env PAGER="$folder/nosuch" script -qec "$* CALLS=1" /dev/null
	same 'without the pager' "$(tr -d '\r' <"$folder/out")" "$(cat "$folder/table")"
	verdict "make inspect uses a pager on a terminal, and only there [$arch]"
done

try make inspect PROGRAM=nosuch
same failed $((status != 0)) 1
same said "$(head -n 1 "$folder/err")" "no program is called nosuch; there are: $(programs src/bin | paste -s -d ' ' -)"
verdict 'make inspect with an unknown program prints the known ones'

try make inspect ARCH=mips
same failed $((status != 0)) 1
same said "$(head -n 1 "$folder/err")" 'ARCH is one of x86_64 aarch64 riscv64 x86 arm, not mips'
verdict 'make inspect with an unknown architecture prints the known ones'

# files: prints the files under DESTDIR.
files() { (cd "$folder/image" && find . -type f | sort); }
# Files of others, one of them where ring3 has a directory of its own.
mkdir -p "$folder/image/usr/bin" "$folder/image/usr/libexec/ring3" "$folder/image/usr/share/man/man8"
for other in bin/other libexec/ring3/other share/man/man8/init.8; do echo >"$folder/image/usr/$other"; done
before=$(files)
# expected: prints the files that are installed.
expected() {
	programs src/bin | sed -n 's,^init$,libexec/ring3/init\nshare/man/man1/ring3-init.1,p; t
		s,.*,bin/&\nshare/man/man1/&.1\nshare/bash-completion/completions/&\nshare/zsh/site-functions/_&\nshare/fish/vendor_completions.d/&.fish,p'
	echo share/man/man7/ring3.7
}
for again in no yes; do
	try make install DESTDIR="$folder/image" PREFIX=/usr
	same "status (again: $again)" $status 0
	same printed "$(sort "$folder/out")" "$(expected | sed "s,^,$folder/image/usr/," | sort)"
	same installed "$(files)" "$({ expected | sed 's,^,./usr/,'; echo "$before"; } | sort)"
done
same 'Hello' "$("$folder/image/usr/bin/hello")" 'Hello, world!'
# modes DIRECTORY: prints the modes of the installed files in DIRECTORY.
modes() { find "$folder/image/usr/$1" -type f -size +1c -printf '%m\n' | sort -u; }
same 'modes' "$(modes bin) $(modes share)" '755 644'
verdict 'make install puts the programs, man pages and completions under DESTDIR, and prints where'

git status --porcelain docs >"$folder/docs" 2>/dev/null || true
try make manual
same status $status 0
same 'changes in docs' "$(git status --porcelain docs 2>/dev/null)" "$(cat "$folder/docs")"
verdict 'make manual changes no page of docs that is up to date'

try make uninstall DESTDIR="$folder/image" PREFIX=/usr
same status $status 0
same printed "$(sort "$folder/out")" "$(expected | sed "s,^,$folder/image/usr/," | sort)"
same 'files' "$(files)" "$before"
rm "$folder/image/usr/libexec/ring3/other"
try make uninstall DESTDIR="$folder/image" PREFIX=/usr
same 'printed the second time' "$status$(cat "$folder/out" "$folder/err")" 0
same 'its own directory' "$([ ! -e "$folder/image/usr/libexec/ring3" ] || echo there)" ''
verdict 'make uninstall removes these files, and no others'

try make
same status $status 0
same listed "$(cut -d ' ' -f 1 "$folder/out")" "$(sed -n 's/^\.PHONY: //p' Makefile | tr ' ' '\n')"
same 'wider than a terminal' "$(grep -e '.\{81\}' "$folder/out" || true)" ''
same 'columns' "$(cut -c 1-20 "$folder/out" | grep -v -e '^[a-z0-9-]\{1,\} \{1,\}$' || true)" ''
verdict 'make without a target lists all targets, in two columns'

result

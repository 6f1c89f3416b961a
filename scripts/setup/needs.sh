# The NEEDs, and the tools for each: a program or a file to look for, and the Debian package that contains it. This is
# the complete list of the tools that the project uses.

# find_need NEED: looks for the tools of a NEED.
find_need() {
	once "$1" || return 0
	case $1 in
	build-*) # compile, link and strip the programs
		triple "${1#build-}" >/dev/null || exit 1
		find_toolchain
		find_linker
		find_core "${1#build-}"
		;;
	run-kernel-*) # boot a real kernel; fail if none is available
		find_need "build-${1#run-kernel-}"
		find_guest "${1#run-kernel-}"
		[ -z "$why" ] || die "set-up: $why"
		;;
	run-*)
		find_need "build-${1#run-}"
		native "${1#run-}" || find_qemu "${1#run-}"
		;;
	inspect-*)
		find_need "build-${1#inspect-}"
		find_objdump
		;;
	guest-x86_64 | guest-aarch64 | guest-aarch64_16k | guest-riscv64 | guest-arm) # boot a real kernel, if one is available
		find_guest "${1#guest-}"
		;;
	servers) # real servers, if they are available
		find_servers
		;;
	fresh) # make clean roots
		tool DEBOOTSTRAP debootstrap 'makes clean roots' debootstrap /usr/sbin/debootstrap
		;;
	powercut) # make a disk for a guest that loses its power
		tool MKFS e2fsprogs 'makes a disk with ext4' mkfs.ext4 /usr/sbin/mkfs.ext4
		;;
	test-*) # tests with std and the C oracle, for one architecture
		find_need "run-${1#test-}"
		case " $without_std " in
		*" ${1#test-} "*) die "set-up: the tests need std for ${1#test-}, and only core could be compiled here" ;;
		esac
		find_need test
		[ "$1" = "test-$host" ] || find_cross "${1#test-}"
		;;
	test) # tests with std and the C oracle, for this machine; strace, to see the programs' system calls
		find_need "run-$host"
		find_c
		tool STRACE strace 'shows which system calls a program makes' strace
		tool DASH dash 'the shell that pipe is compared with' dash
		tool TINI tini 'a peer of init' tini
		tool DUMB_INIT dumb-init 'a peer of init' dumb-init
		tool CATATONIT catatonit 'a peer of init' catatonit
		tool GDB gdb-multiarch 'prints backtraces of all architectures' gdb-multiarch
		tool MANDOC mandoc 'checks the man pages' mandoc
		tool BASH_SHELL bash 'tries the completions for bash' bash
		tool ZSH_SHELL zsh 'tries the completions for zsh' zsh
		tool DNSMASQ dnsmasq-base 'the name server that tests ask' dnsmasq /usr/sbin/dnsmasq
		tool FISH_SHELL fish 'tries the completions for fish' fish
		;;
	manual) # make man pages and completions, by a program with std
		find_toolchain
		find_c
		;;
	lint)
		for lint_arch in $architectures; do
			find_need "build-$lint_arch"
			find_component "CLIPPY_$lint_arch" "$lint_arch" cargo-clippy clippy
		done
		find_component CARGO_FMT "$host" cargo-fmt rustfmt
		find_component RUSTFMT "$host" rustfmt rustfmt
		find_c # the linker for build scripts of the tests' crates
		find_cxx
		tool SHELLCHECK shellcheck 'checks the scripts' shellcheck
		tool CODESPELL codespell 'checks the spelling' codespell
		;;
	bench) # measure glibc, and allocators that are compiled from C and C++
		find_toolchain
		find_c
		find_cxx
		;;
	bench-echo) # measure servers in C, Rust and Go, and count their system calls
		find_toolchain
		find_c
		tool GO golang-go "compiles one of echod's peers" go
		tool STRACE strace 'shows which system calls a program makes' strace
		;;
	bench-pipe) # measure a C program with musl, and a shell
		find_toolchain
		find_c
		tool MUSL_CC musl-tools "compiles pipe's peer" musl-gcc
		tool DASH dash 'the shell that pipe is measured against' dash
		;;
	bench-probe) # measure a C program with musl, and curl
		find_toolchain
		find_c
		tool MUSL_CC musl-tools "compiles probe's peer" musl-gcc
		tool CURL curl 'is measured beside probe' curl
		;;
	bench-examples) # compile the examples' peers, and count lines
		find_toolchain
		find_c
		tool MUSL_CC musl-tools "compiles the examples' peers in C" musl-gcc
		tool CLOC cloc 'counts lines of code' cloc
		;;
	fuzz)
		find_toolchain
		find_c
		find_cxx
		;;
	mutants) # list possible changes of the sources
		find_toolchain
		find_c
		find_mutants
		;;
	*)
		die "set-up: no need is called $1"
		;;
	esac
}

find_linker() {
	once find_linker && [ -z "$toolchain_planned" ] || return 0
	tool LLD lld 'links the programs' "$rust_tools/rust-lld" "$(llvm ld.lld)"
	tool OBJCOPY llvm 'strips the programs' "$rust_tools/rust-objcopy" "$(llvm llvm-objcopy)"
}

find_c() {
	once find_c || return 0
	tool CC gcc 'links tests and benches' gcc cc
	file "$usr/include/stdio.h" libc6-dev 'C library of tests and benches'
	file "$usr/include/linux/version.h" linux-libc-dev "the kernel's headers"
}

# find_qemu ARCH: finds the qemu-user that runs programs for ARCH.
find_qemu() {
	emulator=qemu-$(qemu_arch "$1")
	tool "QEMU_$1" qemu-user "runs $1 programs" "$emulator" "$emulator-static"
}

# find_cross ARCH: finds the C compiler and the headers for another architecture.
find_cross() {
	gnu=$(gnu_prefix "$1")
	deb=$(deb_arch "$1")-cross
	tool "CROSS_CC_$1" "gcc-$(printf '%s' "$gnu" | tr _ -)" "links the $1 tests" "$gnu-gcc"
	file "$usr/$gnu/include/stdio.h" "libc6-dev-$deb" "C library of the $1 tests"
	file "$usr/$gnu/include/linux/version.h" "linux-libc-dev-$deb" "the kernel's headers for $1"
}

find_cxx() {
	once find_cxx || return 0
	tool CXX g++ 'compiles libFuzzer, and one of the allocators that benches compare' g++ c++
}

# find_objdump: rust-objdump is part of cargo-binutils, and works only if the toolchain has llvm-tools. (`cargo objdump`
# is not used: it builds first, without our flags.)
find_objdump() {
	once find_objdump || return 0
	objdump=$(llvm llvm-objdump)
	if rust-objdump --version >/dev/null 2>&1; then objdump=rust-objdump; fi
	tool OBJDUMP llvm 'disassembles' "$objdump" "$rust_tools/llvm-objdump"
	tool SYMBOLIZER llvm 'finds the source line of an instruction' "$(llvm llvm-symbolizer)" # rustup has none
}

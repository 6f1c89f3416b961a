# The needs, and what each one takes: a program or a file that shows it is there, and the Debian
# package it comes from where it is not. This is the one list of what the project uses.

find_need() {
	once "$1" || return 0
	case $1 in
	build-x86_64 | build-aarch64) # link the programs, and strip them to what ships
		find_toolchain
		find_linker
		find_core "${1#build-}"
		;;
	build-*)
		die "ARCH is x86_64 or aarch64, not ${1#build-}"
		;;
	run-"$host")
		find_need "build-$host"
		;;
	run-"$foreign")
		find_need "build-$foreign"
		tool QEMU qemu-user "runs $foreign programs" "qemu-$foreign" "qemu-$foreign-static"
		;;
	inspect-*)
		find_need "build-${1#inspect-}"
		find_objdump
		;;
	guest-x86_64 | guest-aarch64 | guest-aarch64_16k) # boot a real kernel, if it can be had
		find_guest "${1#guest-}"
		;;
	fresh) # clean roots
		tool DEBOOTSTRAP debootstrap 'makes clean roots' debootstrap /usr/sbin/debootstrap
		;;
	powercut) # a kernel that loses its power: a disk to make
		tool MKFS e2fsprogs 'makes a disk with ext4' mkfs.ext4 /usr/sbin/mkfs.ext4
		;;
	run-kernel-*) # and say so where it can't
		find_need "build-${1#run-kernel-}"
		find_guest "${1#run-kernel-}"
		[ -z "$why" ] || die "set-up: $why"
		;;
	test) # std tests and the C oracle, here and across; `save` and echod watched from outside
		find_need "run-$host"
		find_need "run-$foreign"
		find_c
		cross=$foreign-linux-gnu
		cross_deb=$(deb_arch "$foreign")-cross
		tool CROSS_CC "gcc-$(printf '%s' "$cross" | tr _ -)" "links the $foreign tests" "$cross-gcc"
		file "$usr/$cross/include/stdio.h" "libc6-dev-$cross_deb" "C library of the $foreign tests"
		file "$usr/$cross/include/linux/version.h" "linux-libc-dev-$cross_deb" "the kernel's headers for $foreign"
		tool STRACE strace 'shows which system calls a program makes' strace
		tool DASH dash 'the shell that pipe is compared with' dash
		;;
	lint)
		for lint_arch in "$host" "$foreign"; do
			find_need "build-$lint_arch"
			find_component "CLIPPY_$lint_arch" "$lint_arch" cargo-clippy clippy
		done
		find_component CARGO_FMT "$host" cargo-fmt rustfmt
		find_component RUSTFMT "$host" rustfmt rustfmt
		find_c # build scripts of the tests' crates are linked with it
		find_cxx
		tool SHELLCHECK shellcheck 'checks the scripts' shellcheck
		;;
	bench) # beside glibc, and allocators that are compiled from C and C++
		find_toolchain
		find_c
		find_cxx
		;;
	bench-echo) # beside servers in C, Rust and Go, whose system calls are counted
		find_toolchain
		find_c
		tool GO golang-go "compiles one of echod's peers" go
		tool STRACE strace 'shows which system calls a program makes' strace
		;;
	bench-pipe) # beside a C program of musl's, and a shell
		find_toolchain
		find_c
		tool MUSL_CC musl-tools "compiles pipe's peer" musl-gcc
		tool DASH dash 'the shell that pipe is measured beside' dash
		;;
	fuzz)
		find_toolchain
		find_c
		find_cxx
		;;
	mutants) # a program that lists changes of the sources
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

find_cxx() {
	once find_cxx || return 0
	tool CXX g++ 'compiles libFuzzer, and one of the allocators that benches compare' g++ c++
}

# cargo-binutils brings rust-objdump (`cargo objdump` calls it too, but builds first, without our
# flags); it works only where the toolchain has llvm-tools.
find_objdump() {
	once find_objdump || return 0
	objdump=$(llvm llvm-objdump)
	if rust-objdump --version >/dev/null 2>&1; then objdump=rust-objdump; fi
	tool OBJDUMP llvm 'disassembles' "$objdump" "$rust_tools/llvm-objdump"
}

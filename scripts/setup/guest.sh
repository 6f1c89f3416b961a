# The guests: Debian's kernels, and qemu-system to boot them. Both are unpacked in the cache, and not installed. If one
# of them is not available, the reason is recorded: tests then skip, and other scripts exit with the reason.

# A guest's architecture, Debian's package of its kernel, and the release of that package. The release is fixed, because
# tests/selftest/matrix has the results of this release's kernel.
guest_arch() { echo "${1%%_16k}"; }
guest_kernel() {
	case $1 in
	x86_64) echo linux-image-cloud-amd64 ;;
	aarch64) echo linux-image-cloud-arm64 ;;
	aarch64_16k) echo linux-image-arm64-16k ;;
	riscv64) echo linux-image-riscv64 ;;
	arm) echo linux-image-armmp ;;
	esac
}
guest_release() {
	case $1 in
	*_16k | riscv64) echo trixie ;; # the first release with such a kernel
	*) echo bookworm ;;
	esac
}

# guest_cost ENTRY: prints the cost of a cache entry. The package lists of this machine do not have kernels of another
# release or architecture. So their cost, which includes the package lists to fetch, was measured once and stands here.
guest_cost() { # ENTRY
	# shellcheck disable=SC2046,SC2086 # words
	case $1 in
	servers-*) apt_cost $servers ;;
	qemu-system-riscv64-*) apt_cost $(qemu_packages riscv64) ;;
	qemu-system-*) apt_cost $(qemu_packages x86_64) ;;
	kernel-x86_64) echo 'about 36 MB to fetch, 15 MB on disk' ;;
	kernel-aarch64) echo 'about 31 MB to fetch, 27 MB on disk' ;;
	kernel-aarch64_16k) echo 'about 103 MB to fetch, 37 MB on disk' ;;
	kernel-riscv64) echo 'about 122 MB to fetch, 30 MB on disk' ;;
	kernel-arm) echo 'about 52 MB to fetch, 6 MB on disk' ;;
	esac
}

# qemu_packages ARCH: prints the packages with the qemu-system for ARCH and its firmware. (Debian 12 has the emulator of
# riscv64 in a package with many others.)
qemu_packages() {
	case $1 in
	riscv64)
		emulator=qemu-system-riscv
		[ -n "$(candidate $emulator)" ] || emulator=qemu-system-misc
		echo $emulator opensbi
		;;
	*) echo qemu-system-x86 qemu-system-arm ;;
	esac
}

# find_guest GUEST: sets QEMU_SYSTEM_ARCH (and QEMU_SYSTEM_LIBS_ARCH, QEMU_SYSTEM_SHARE_ARCH: its libraries and data),
# KERNEL_GUEST (a folder with vmlinuz and modules) and NO_GUEST_GUEST, which is empty, or the reason why the guest can't
# be booted.
find_guest() {
	guest=$1 why=
	# In the first pass, which fetches nothing, both are added to the plans.
	if ! { find_qemu_system "$(guest_arch "$guest")" || [ -z "$allowed" ]; } || ! find_kernel "$guest"; then lack "guest-$guest"; fi
	note "NO_GUEST_$guest" "$why"
}

find_qemu_system() { # ARCH
	once "qemu-system-$1" || return "$(value "no_qemu_system_$1")"
	eval "no_qemu_system_$1=1"
	libs='' share=''
	if ! found=$(command -v "qemu-system-$1"); then
		system=qemu-system
		[ "$1" != riscv64 ] || system=qemu-system-riscv64
		at=$cache/$system-$host
		found=$at/usr/bin/qemu-system-$1
		# shellcheck disable=SC2046 # words
		guest_fetch 'boots other kernels' $system "$system-$host" unpack_all $(qemu_packages "$1") || return 1
		libs=$(printf ':%s' "$at"/lib/*-linux-gnu "$at"/usr/lib/*-linux-gnu)
		share=$at/usr/share
	fi
	relied_on "$found"
	note "QEMU_SYSTEM_$1" "$found"
	note "QEMU_SYSTEM_LIBS_$1" "${libs#:}"
	note "QEMU_SYSTEM_SHARE_$1" "$share"
	eval "no_qemu_system_$1=0"
}

find_kernel() { # GUEST
	at=$cache/kernel-$1
	guest_fetch "a real kernel for $(guest_arch "$1")" "$(guest_kernel "$1")" "kernel-$1" unpack_kernel "$1" || return 1
	relied_on "$at/vmlinuz"
	note "KERNEL_$1" "$at"
}

# guest_fetch WHAT PACKAGE ENTRY COMMAND...: if the cache does not have ENTRY, prints a line and runs COMMAND to make
# it. After a failure, `why` has the reason.
guest_fetch() {
	what=$1 package=$2 entry=$3
	shift 3
	if is_cached "$entry"; then return; fi
	if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
		why="there is no apt-get here to fetch $package with"
		return 1
	fi
	may_fetch "$package: $what" "$(guest_cost "$entry")" || return 1
	say "set-up: unpacking $package in $cache: $what, $(guest_cost "$entry")"
	keep "$entry" "$@" && return
	why="$package is not available ($(apt_why))"
	say "set-up: $why"
	return 1
}

# unpack_all PACKAGE... FOLDER: unpacks the packages, and those of their dependencies that are not installed on this
# machine. Packages that conflict with installed ones do not matter, because nothing is installed.
unpack_all() (
	packages=
	while [ $# -gt 1 ]; do
		packages="$packages $1"
		shift
	done
	private_apt "$(deb_arch "$host")"
	cat >>"$state/apt.conf" <<-END
		Dir::State::status "/var/lib/dpkg/status";
		Debug::NoLocking "true";
	END
	apt update || exit 1
	# shellcheck disable=SC2086 # words
	apt install -y --download-only --no-install-recommends $packages || exit 1
	for deb in "$state"/archives/*.deb; do dpkg-deb -x "$deb" "$1" || exit 1; done
	rm -rf -- "$state"
)

# unpack_kernel GUEST FOLDER: unpacks the kernel, and its modules for virtual disks.
unpack_kernel() (
	private_apt "$(deb_arch "$(guest_arch "$1")")"
	only_release "$(guest_release "$1")" && apt update || exit 1
	# That package is empty, and depends on the package of the newest kernel.
	newest=$(apt-cache depends "$(guest_kernel "$1")" 2>>"$setup/apt.log" |
		sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
	[ -n "$newest" ] && download "$newest" || exit 1
	mkdir "$2/modules"
	dpkg-deb -x "$state"/*.deb "$state/unpacked" || exit 1
	mv -- "$state"/unpacked/boot/vmlinu[xz]-* "$2/vmlinuz" || exit 1
	find "$state/unpacked" -name 'virtio*.ko' -exec mv -- {} "$2/modules/" \;
	rm -rf -- "$state"
)

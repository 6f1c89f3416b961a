#!/bin/sh
# The stand-in (mock) for rustup, rustc, apt-get and other commands in the tests of set-up: one script, linked under all
# these names. $WORLD is the folder of the simulated machine: asked (each call, a line), usr/ and toolchains/.
set -eu
name=$(basename -- "$0")

# A toolchain is a directory with bin/ and lib/ with the targets. The stand-in for rustc finds the release and the
# sysroot by its own path.
toolchain() { # DIRECTORY TARGET...
	mkdir -p "$1/bin" "$1/lib/rustlib/$MACHINE-unknown-linux-gnu/bin"
	for program in cargo rustc; do ln -sf "$STAND_IN" "$1/bin/$program"; done
	for program in rust-lld rust-objcopy; do ln -sf "$STAND_IN" "$1/lib/rustlib/$MACHINE-unknown-linux-gnu/bin/$program"; done
	directory=$1
	shift
	for target; do core "$directory" "$target"; done
}
core() { # DIRECTORY TARGET
	mkdir -p "$1/lib/rustlib/$2/lib"
	: >"$1/lib/rustlib/$2/lib/libcore-0.rlib"
}
asked() { printf '%s\n' "$name $*" >>"$WORLD/asked"; }

case $name in
uname) echo "$MACHINE" ;;
id) case $1 in -u) echo "$WORLD_UID" ;; *) echo somebody ;; esac ;;
rustc)
	here=$(dirname -- "$(dirname -- "$0")")
	case $1 in
	-vV) printf 'release: %s\n' "$(cat "$here/release" 2>/dev/null || echo 1.95.0)" ;;
	--print) echo "$here" ;;
	--crate-name)
		asked "$1 $2"
		[ ! -e "$WORLD/rustc-fails" ] || exit 1
		file=lib$2-0.rlib
		while [ "$1" != --out-dir ]; do shift; done
		: >"$2/$file"
		;;
	esac
	;;
rustup)
	asked "$@"
	case "$1 $2" in
	'which --toolchain')
		[ -e "$WORLD/toolchains/$3/bin/rustc" ] && echo "$WORLD/toolchains/$3/bin/rustc"
		;;
	'toolchain list') ls "$WORLD/toolchains" ;;
	*)
		[ ! -e "$WORLD/rustup-fails" ] || {
			echo 'error: could not download file' >&2
			exit 1
		}
		case "$1 $2" in
		'toolchain install') toolchain "$WORLD/toolchains/$3" x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu ;;
		'target add') core "$WORLD/toolchains/$4" "$5" ;;
		esac
		;;
	esac
	;;
apt-cache)
	case $1 in
	show) [ ! -e "$WORLD/costs" ] || printf 'Size: 34200000\nInstalled-Size: 152000\nSize: 1\nInstalled-Size: 1\n' ;;
	depends) printf '  Depends: linux-image-of-%s\n' "$(sed -n 's/^APT::Architecture "\(.*\)";/\1/p' "$APT_CONFIG")" ;;
	*) printf '  Candidate: %s\n' "$(cat "$WORLD/candidate-$2" 2>/dev/null || echo '(none)')" ;;
	esac
	;;
apt-get)
	asked "$@"
	case " $* " in
	*' --assume-no '*) # a query of the cost
		[ ! -e "$WORLD/costs" ] || printf '%s\n' 'Need to get 209 MB of archives.' \
			'After this operation, 906 MB of additional disk space will be used.' 'Abort.'
		exit 1
		;;
	esac
	state=$(dirname -- "${APT_CONFIG-}")
	[ ! -e "$WORLD/apt-fails" ] || {
		cat "$WORLD/apt-fails" >&2
		exit 100
	}
	case " $* " in
	*' --download-only '*) echo qemu-system >"$state/archives/a.deb" ;;
	*' install '*)
		for package; do
			case $package in
			rustc | rustc-web)
				echo "$package" >"$WORLD/rust-owner"
				toolchain "$WORLD/usr" "$MACHINE-unknown-linux-gnu"
				echo 1.96.0 >"$WORLD/usr/release"
				;;
			qemu-user) for cpu in x86_64 aarch64 riscv64 arm; do ln -s "$STAND_IN" "$WORLD/usr/bin/qemu-$cpu"; done ;;
			lld) ln -s "$STAND_IN" "$WORLD/usr/bin/ld.lld" ;;
			llvm) ln -s "$STAND_IN" "$WORLD/usr/bin/llvm-objcopy" ;;
			rust-web-clippy) ln -s "$STAND_IN" "$WORLD/usr/bin/cargo-clippy" ;;
			esac
		done
		;;
	*' download linux-image-'*)
		cp "$state/sources.list" "$WORLD/sources"
		for package; do :; done
		echo "${package##*-}" >a.deb
		;;
	*' download rust-web-src:'*) echo rust-web-src >a.deb ;;
	*' download '*)
		# Some releases have a package for few architectures: `lacks` has the name of an architecture that this
		# machine's release lacks. If there is a file `all-lack`, so do all other releases.
		[ ! -e "$WORLD/all-lack" ] || {
			echo 'E: Unable to locate package' >&2
			exit 100
		}
		[ -e "$state/sources.list" ] || ! grep -qs ":$(cat "$WORLD/lacks" 2>/dev/null || echo none)=" "$WORLD/asked" || {
			echo 'E: Unable to locate package' >&2
			exit 100
		}
		[ ! -e "$state/sources.list" ] || cp "$state/sources.list" "$WORLD/sources"
		: >a.deb
		;;
	*' indextargets '*) printf '%s\n' security:/debian-security/ mirror:/debian/ ;;
	esac
	;;
dpkg-query)
	[ -e "$WORLD/rust-owner" ] || exit 1
	case $1 in
	-S) echo "$(cat "$WORLD/rust-owner"): $2" ;;
	-W) printf 1.96.0+dfsg1-1+b2 ;;
	esac
	;;
dpkg-deb)
	case $(cat "$2") in
	'') for cpu in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf; do core "$3/usr" $cpu; done ;;
	rust-web-src) mkdir -p "$3/usr/src/rustc-0/library" ;;
	qemu-system)
		mkdir -p "$3/usr/bin"
		for cpu in x86_64 aarch64 riscv64 arm; do ln -s "$STAND_IN" "$3/usr/bin/qemu-system-$cpu"; done
		;;
	*)
		mkdir -p "$3/boot"
		cp "$2" "$3/boot/vmlinuz-0"
		;;
	esac
	;;
world-toolchain) toolchain "$@" ;; # called by the tests
*) ;; # a tool that only has to exist
esac

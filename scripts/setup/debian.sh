# Debian's packages. What is missing is installed in one go; `core` for the foreign architecture
# is only unpacked under target/, so that the system never hears of a second architecture.

deb_arch() {
	case $1 in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	esac
}

candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([0-9].*\)/\1/p'; }

# Debian has Rust twice: as the release froze it, and newer for the browsers ("rustc-web").
rust_family() {
	for family in rustc rustc-web; do
		version=$(candidate $family)
		if at_least "${version%%[+~-]*}"; then
			printf '%s\n' "$family"
			return
		fi
	done
	return 1
}

# Turns the parts of Rust in new.wants into the names of packages.
name_packages() {
	grep -q '^rust:' "$setup/new.wants" || return 0
	case $(rust_family) in
	rustc) sed 's/^rust:clippy/rust-clippy/; s/^rust://' ;;
	rustc-web) sed 's/^rust:clippy/rust-web-clippy/; s/^rust:\([a-z]*\)/\1-web/' ;;
	*) return 1 ;;
	esac <"$setup/new.wants" >"$setup/new.packages"
	mv -- "$setup/new.packages" "$setup/new.wants"
}

install_wants() {
	command -v apt-get >/dev/null ||
		die "set-up: there is no apt-get here; install these, then try again: $(
			sed 's/^rust://' "$setup/new.wants" | awk -F '\t' '{ printf "%s%s (%s)", comma, $1, $2; comma = ", " }'
		)"
	if [ "$(id -u)" != 0 ]; then
		name_packages ||
			die "set-up: apt-get knows no Rust $pinned or newer: run sudo apt-get update, or install it with rustup, then try again"
		die "set-up: run this, then try again: sudo apt-get update && sudo apt-get install -y --no-install-recommends $(wanted)"
	fi
	apt update || say "set-up: apt-get update failed; going on with the lists it has"
	name_packages || die "set-up: neither rustup nor Debian has Rust $pinned or newer"
	sed 's/^/set-up: apt-get install /; s/\t/: /' "$setup/new.wants" >&2
	# shellcheck disable=SC2046 # a list of words
	apt install -y --no-install-recommends --no-remove $(wanted) || apt_failed
}

# apt-get, quietly: what it says is in apt.log.
apt() { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@" >"$setup/apt.log" 2>&1 </dev/null; }
apt_failed() {
	tail -n 15 "$setup/apt.log" >&2
	die "set-up: apt-get failed; all it said is in $setup/apt.log"
}

# debian_core ARCH: sets `libs` to the core that Debian's rustc compiles ARCH with, or wants that rustc.
debian_core() {
	owner=$(dpkg-query -S "$usr/bin/rustc" 2>/dev/null | sed 's/:.*//')
	case $owner in
	rustc | rustc-web) new_enough "$usr/bin/rustc" || owner= ;;
	*) owner= ;;
	esac
	if [ -z "$owner" ]; then
		want rust:rustc "compiles for $1, with a core for it"
		return 1
	fi
	libs=$usr/lib/rustlib/$(triple "$1")/lib
	has_core "$libs" && return

	# shellcheck disable=SC2016 # dpkg-query's variable
	version=$(dpkg-query -W -f '${Version}' "$owner")
	package=libstd-rust${owner#rustc}-dev
	unpacked=$setup/$package-$version-$(deb_arch "$1")
	libs=$PWD/$unpacked/usr/lib/rustlib/$(triple "$1")/lib
	has_core "$libs" && return
	say "set-up: unpacking $package $version of $(deb_arch "$1") in $setup: core for $1"
	unpack "$package" "$version" "$(deb_arch "$1")"
	has_core "$libs" || die "set-up: $package has no core for $1"
}

# private_apt ARCH: from here on this shell's apt has a state of its own, under target/setup/apt, and
# thinks that the machine is of ARCH.
private_apt() {
	state=$PWD/$setup/apt
	rm -rf -- "$state"
	mkdir -p "$state/lists/partial" "$state/archives/partial"
	: >"$state/status"
	cat >"$state/apt.conf" <<-END
		APT::Architecture "$1";
		APT::Architectures { "$1"; };
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Dir::State "$state";
		Dir::State::status "$state/status";
		Dir::Cache "$state";
	END
	export APT_CONFIG="$state/apt.conf"
}

# unpack PACKAGE VERSION ARCH. (A rebuild of the same source, +bN, is numbered by architecture.)
unpack() (
	rm -rf -- "$unpacked.new"
	mkdir -p "$unpacked.new"
	private_apt "$3"
	deb="$1:$3=${2%+b[0-9]*}*"
	apt update || apt_failed
	log=$PWD/$setup/apt.log
	(cd "$setup/apt" && apt-get download "$deb") >"$log" 2>&1 || apt_failed
	dpkg-deb -x "$setup/apt"/*.deb "$unpacked.new"
	mv -- "$unpacked.new" "$unpacked"
	rm -rf -- "$setup/apt"
)

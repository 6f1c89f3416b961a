# Debian's packages. All missing packages are installed by one command. `core` for another architecture is only
# unpacked in the cache, so that no second architecture need be added to the system.

# candidate PACKAGE: prints the version that apt-get would install.
candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([0-9].*\)/\1/p'; }

# rust_family: prints which of Debian's Rust compilers is new enough: `rustc`, of the version that the release was
# frozen with, or `rustc-web`, a newer one for building browsers.
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

# name_packages: replaces the `rust:` lines in new.wants by names of packages.
name_packages() {
	grep -q '^rust:' "$setup/new.wants" || return 0
	case $(rust_family) in
	rustc) sed 's/^rust:clippy/rust-clippy/; s/^rust://' ;;
	rustc-web) sed 's/^rust:clippy/rust-web-clippy/; s/^rust:\([a-z]*\)/\1-web/' ;;
	*) return 1 ;;
	esac <"$setup/new.wants" >"$setup/new.packages"
	mv -- "$setup/new.packages" "$setup/new.wants"
}

# install_wants: as root, installs the packages in new.wants. Otherwise prints them with the command to install them,
# and exits.
install_wants() {
	command -v apt-get >/dev/null ||
		die "set-up: there is no apt-get here; install these, then try again: $(
			sed 's/^rust://' "$setup/new.wants" | awk -F '\t' '{ printf "%s%s (%s)", comma, $1, $2; comma = ", " }'
		)"
	if [ "$(id -u)" = 0 ]; then
		# Without this option, apt-get succeeds even if it can't fetch an index.
		apt update -o APT::Update::Error-Mode=any || say "set-up: apt-get update failed ($(apt_why)); going on with the lists it has"
		name_packages || die "set-up: neither rustup nor Debian has Rust $pinned or newer"
		print_missing
		# shellcheck disable=SC2046 # a list of words
		apt install -y --no-install-recommends --no-remove $(wanted) || apt_failed
	elif name_packages; then
		print_missing
		die "set-up: run this, then try again: sudo apt-get update && sudo apt-get install -y --no-install-recommends $(wanted)"
	else
		print_missing
		die "set-up: apt-get knows no Rust $pinned or newer: run sudo apt-get update, or install it with rustup, then try again"
	fi
}

# print_missing: prints the missing packages and files, and their cost.
print_missing() {
	sed 's/^rust://; s/^/set-up: missing: /; s/\t/: /' "$setup/new.wants" >&2
	# shellcheck disable=SC2046 # a list of words
	say "set-up: these and their dependencies: $(apt_cost $(wanted))"
	sed 's/^/set-up: missing: /; s/\t/: /' "$setup/new.plans" >&2
}

# apt_cost PACKAGE...: prints the cost of the packages and their dependencies, as apt-get computes it.
apt_cost() {
	LC_ALL=C apt-get -o Debug::NoLocking=1 --assume-no install --no-install-recommends "$@" 2>/dev/null </dev/null | awk '
		/^Need to get / { sub(/^Need to get /, ""); sub(/ of archives\.$/, ""); fetch = $0 }
		/^After this operation, / { disk = $4 " " $5 }
		END { if (fetch disk) print fetch " to fetch, " disk " on disk"; else print unknown }' unknown="$cost_unknown"
}
cost_unknown='the cost is not known before apt-get update'

# apt WORD...: runs apt-get without output. Its output since the last update is in apt.log, in English.
apt() {
	[ "$1" != update ] || : >"$setup/apt.log"
	LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@" >>"$setup/apt.log" 2>&1 </dev/null
}

# apt_why: prints the meaning of the errors in apt.log if they are known, otherwise the first error.
apt_why() {
	case $(cat "$setup/apt.log") in
	*'No space left on device'* | *"don't have enough free space"*) echo 'the disk is full' ;;
	*'Could not get lock'* | *'Unable to acquire the dpkg frontend lock'*)
		echo 'another apt-get or dpkg has been running for two minutes: try again after it'
		;;
	*'dpkg was interrupted'*) echo 'an earlier installation was cut short: run dpkg --configure -a as root, then try again' ;;
	*'Temporary failure resolving'* | *'Could not resolve'* | *'Could not connect'* | *'Cannot initiate the connection'* | *'Unable to connect'* | *'Connection failed'* | *'Connection timed out'* | *'connection timed out'*)
		echo "the mirror can't be reached: is there a network, or a proxy that apt is not configured for?"
		;;
	*' 404 '*) echo 'the mirror has other versions than the lists of apt-get: run apt-get update as root, then try again' ;;
	*'Unable to locate package'* | *'has no installation candidate'*)
		echo "the sources of apt don't have these: they are in Debian's main"
		;;
	*'unmet dependencies'* | *'held broken packages'* | *'Packages need to be removed'*)
		echo "these conflict with installed packages; apt-get install with their names prints more"
		;;
	*) grep -m 1 '^E: ' "$setup/apt.log" || echo 'no error message' ;;
	esac
}
# apt_failed: prints the end of apt.log and the reason, and exits.
apt_failed() {
	tail -n 15 "$setup/apt.log" >&2
	die "set-up: apt-get failed: $(apt_why). Its output is in $setup/apt.log"
}

# debian_core ARCH: sets `libs` to the directory of the core library with which Debian's rustc compiles for ARCH. If
# that rustc is not installed, adds it to the wanted packages, and fails.
debian_core() {
	owner=$(dpkg-query -S "$usr/bin/rustc" 2>/dev/null | sed 's/:.*//')
	case $owner in
	rustc | rustc-web) new_enough "$usr/bin/rustc" || owner= ;;
	*) owner= ;;
	esac
	if [ -z "$owner" ]; then
		want rust:rustc "compiles for $1, with a core for it"
		[ "$1" = "$host" ] || plan_core "$1"
		return 1
	fi
	libs=$usr/lib/rustlib/$(triple "$1")/lib
	has_core "$libs" && return

	# shellcheck disable=SC2016 # dpkg-query's variable
	version=$(dpkg-query -W -f '${Version}' "$owner")
	package=libstd-rust${owner#rustc}-dev
	entry=$package-$version-$(deb_arch "$1")
	libs=$cache/$entry/usr/lib/rustlib/$(triple "$1")/lib
	if ! is_cached "$entry"; then
		may_fetch "core for $1" "$(core_cost "$package")" || return 1
		say "set-up: unpacking $package $version of $(deb_arch "$1") in $cache: core for $1"
		source=rust${owner#rustc}-src
		keep "$entry" unpack "$package" "$version" "$(deb_arch "$1")" || compiled_core "$1"
		# A core of another version belongs to a rustc that is no longer installed.
		for older in "$cache/$package"-*-"$(deb_arch "$1")" "$cache/$source"-*-"$(deb_arch "$1")"; do
			[ "$older" = "$cache/$entry" ] || rm -rf -- "$older" "$older.sha256"
		done
	fi
	has_core "$libs" || die "set-up: $package has no core for $1"
}

# compiled_core ARCH: the last way of debian_core, if no release has the package for ARCH: compiles core here, from the
# package `source`, which has std's sources, of the same version as rustc and for all architectures. There is no std.
compiled_core() {
	say "set-up: no $package for $1 ($(apt_why)); compiling core from $source: $(core_cost "$source"), and half a minute"
	entry=$source-$version-$(deb_arch "$1")
	libs=$cache/$entry/usr/lib/rustlib/$(triple "$1")/lib
	rm -f -- "$setup/rustc.log"
	keep "$entry" compile_core "$source" "$version" "$(triple "$1")" || {
		[ ! -e "$setup/rustc.log" ] || die "set-up: rustc cannot compile core for $1: its output is in $setup/rustc.log"
		apt_failed
	}
	without_std="$without_std $1"
}

# compile_core PACKAGE VERSION TARGET FOLDER: compiles core and the compiler's own library with Debian's rustc. Without
# RUSTC_BOOTSTRAP a stable rustc refuses the language features that only they use. The build script of the compiler's
# own library does not run, because it would need a C compiler: the conditions (--cfg) are those that cargo and the build
# script would set.
compile_core() (
	unpack "$1" "$2" "$(deb_arch "$host")" "$4" || exit 1
	sources=$(echo "$4"/usr/src/rustc-*/library)
	libs=$4/usr/lib/rustlib/$3/lib
	rm -rf -- "$4/usr/lib"
	mkdir -p "$libs"
	for crate in core compiler_builtins; do
		main=$sources/core/src/lib.rs
		[ $crate = core ] || main=$sources/compiler-builtins/compiler-builtins/src/lib.rs
		RUSTC_BOOTSTRAP=1 "$usr/bin/rustc" --crate-name $crate --edition 2024 --crate-type rlib --target "$3" \
			-C opt-level=3 -C embed-bitcode=yes -Z force-unstable-if-unmarked --cap-lints allow \
			--remap-path-prefix "$sources=library" -L "$libs" -C extra-filename=-0 --out-dir "$libs" "$main" \
			--cfg 'feature="compiler-builtins"' --cfg 'feature="unstable-intrinsics"' \
			--cfg intrinsics_enabled --cfg arch_enabled --cfg optimizations_enabled \
			>>"$setup/rustc.log" 2>&1 || exit 1
	done
	rm -rf -- "${4:?}/usr/src" "${4:?}/usr/share"
)

# plan_core ARCH: plans the core for a rustc that is not installed yet.
plan_core() {
	family=$(rust_family) || family=rustc
	may_fetch "core for $1" "$(core_cost "libstd-rust${family#rustc}-dev")" || true
}

# core_cost PACKAGE: prints the cost of the package for another architecture: about that for this architecture.
core_cost() {
	LC_ALL=C apt-cache show "$1" 2>/dev/null | awk '
		/^Installed-Size:/ && !disk { disk = $2 / 1000 }
		/^Size:/ && !size { size = $2 / 1000000 }
		END { if (size) printf "about %.0f MB to fetch, %.0f MB on disk\n", size, disk; else print unknown }' unknown="$cost_unknown"
}

# private_apt ARCH: gives apt in this shell a state of its own in target/setup/apt, configured for a machine of ARCH.
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

# only_release RELEASE: restricts the private apt to that release of Debian, from the mirror in this machine's sources.
only_release() {
	# shellcheck disable=SC2016 # apt-get's variable
	mirror=$(unset APT_CONFIG && apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 '/debian/*$') || {
		echo 'E: no mirror of Debian among the sources of apt' >"$setup/apt.log"
		return 1
	}
	keyring=$usr/share/keyrings/debian-archive-keyring.gpg
	signed=
	[ ! -e "$keyring" ] || signed="[signed-by=$keyring] "
	echo "deb $signed$mirror $1 main" >"$state/sources.list"
	cat >>"$state/apt.conf" <<-END
		Dir::Etc::sourcelist "$state/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
	END
}

# download PACKAGE: downloads the package with the private apt into its folder.
download() (
	log=$PWD/$setup/apt.log
	cd "$state" && LC_ALL=C apt-get download "$1" >>"$log" 2>&1
)

# unpack PACKAGE VERSION ARCH FOLDER: downloads the package and unpacks it. Ignores +bN at the end of VERSION: rebuilds
# of the same source are numbered separately for each architecture. Some releases have the package for few
# architectures; then it comes from Debian 13, built from the same version of Rust's sources.
unpack() (
	private_apt "$3"
	if ! { apt update && download "$1:$3=${2%+b[0-9]*}*"; }; then
		only_release trixie && apt update && download "$1:$3=${2%-*}-*" || exit 1
	fi
	dpkg-deb -x "$state"/*.deb "$4" || exit 1
	rm -rf -- "$state"
)

# The Rust toolchain, `core` for each architecture, and cargo-mutants.

pinned=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
rustup_failed=

# Finds rustup even if the login shell has not read ~/.cargo/env.
PATH=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin

# may_rustup: succeeds if rustup exists, its user has not disabled automatic installation, and it has not failed in this
# run.
may_rustup() {
	[ -z "$rustup_failed" ] && command -v rustup >/dev/null &&
		[ "${RUSTUP_AUTO_INSTALL:-1}" != 0 ] &&
		! grep -qs '^auto_install = "disable"' "${RUSTUP_HOME:-${HOME:-}/.rustup}/settings.toml"
}

# rustup_do WORD...: prints the rustup command and runs it. Fails if rustup fails. Returns 2 if nothing may be fetched
# in this pass.
rustup_do() {
	may_fetch "rustup $*" 'by rustup' || return 2
	say "set-up: rustup $*"
	rustup "$@" >"$setup/rustup.log" 2>&1 && return
	rustup_failed=yes
	say "set-up: rustup failed ($(grep -m 1 error "$setup/rustup.log" || echo 'no error message')); looking elsewhere"
	return 1
}

# at_least RELEASE: succeeds if the release is not older than the pinned one.
at_least() { [ "$(printf '%s\n' "$pinned" "$1" | sort -V | head -n 1)" = "$pinned" ]; }

# new_enough RUSTC: succeeds if this rustc is stable, and not older than the pinned release.
new_enough() {
	release=$("$1" -vV 2>/dev/null | sed -n 's/^release: //p')
	case $release in
	'' | *-*) return 1 ;; # none, or a nightly
	esac
	at_least "$release"
}

# has_core LIBDIR: succeeds if the directory has a core library.
has_core() {
	for rlib in "$1"/libcore-*.rlib; do [ -e "$rlib" ] && return; done
}

# rustup_bin TOOLCHAIN: prints the bin directory of an installed rustup toolchain. Its programs are used directly, and
# not by rustup's proxies, which may start a download.
rustup_bin() {
	rustup_rustc=$(RUSTUP_AUTO_INSTALL=0 rustup which --toolchain "$1" rustc 2>/dev/null) &&
		dirname -- "$rustup_rustc"
}

# other_bin: prints the bin directory of another toolchain that is new enough: one of rustup's, or one in PATH.
other_bin() {
	for name in $(rustup toolchain list 2>/dev/null | sed 's/ .*//'); do
		bin=$(rustup_bin "$name") && new_enough "$bin/rustc" && printf '%s\n' "$bin" && return
	done
	IFS=:
	for bin in $PATH; do
		# In a directory with rustup, rustc and cargo are rustup's proxies.
		[ -x "$bin/rustc" ] && [ -x "$bin/cargo" ] && [ ! -x "$bin/rustup" ] &&
			new_enough "$bin/rustc" && printf '%s\n' "$bin" && return
	done
	return 1
}

install_pinned() {
	may_rustup && rustup_do toolchain install "$pinned" --profile minimal \
		--component rustfmt --component clippy \
		--target "$(triple x86_64)" --target "$(triple aarch64)"
}

# find_toolchain: sets RUST_BIN, and rust_tools, the directory in which rustup's toolchains have lld and LLVM's tools.
find_toolchain() {
	once find_toolchain || return 0
	rust_tools=none
	if ! RUST_BIN=$(rustup_bin "$pinned"); then
		status=0
		install_pinned || status=$?
		if [ $status = 2 ]; then
			toolchain_planned=yes
			return 0
		fi
		RUST_BIN=$(rustup_bin "$pinned") || RUST_BIN=$(other_bin) || {
			want rust:cargo 'builds the programs'
			want rust:rustc 'compiles the programs'
			return 0
		}
	fi
	note RUST_BIN "$RUST_BIN"
	relied_on "$RUST_BIN/rustc"
	sysroot=$("$RUST_BIN/rustc" --print sysroot)
	relied_on "$sysroot/lib/rustlib" # changes if a target is added or removed
	rust_tools=$sysroot/lib/rustlib/$(triple "$host")/bin
	# rust-objcopy does not find the libLLVM of its own toolchain.
	note OBJCOPY_LIBS "$sysroot/lib"
}

# may_add: succeeds if rustup may add a component or a target to the toolchain in use.
may_add() { may_rustup && [ "$RUST_BIN" = "$(rustup_bin "$pinned")" ]; }

# find_core ARCH: finds a rustc, and the core library with which it compiles for ARCH. Writes ARCH.toml.
find_core() {
	[ -z "$toolchain_planned" ] || return 0
	if [ -z "$RUST_BIN" ]; then # rustc is among the wanted packages already
		[ "$1" = "$host" ] || plan_core "$1"
		return 0
	fi
	rustc=$RUST_BIN/rustc
	libs=$sysroot/lib/rustlib/$(triple "$1")/lib
	if ! has_core "$libs" && may_add; then
		rustup_do target add --toolchain "$pinned" "$(triple "$1")" || [ $? != 2 ] || return 0
	fi
	if ! has_core "$libs"; then
		rustc=$usr/bin/rustc
		debian_core "$1" || return 0
	fi
	note "RUSTC_$1" "$rustc"
	relied_on "$rustc"
	relied_on "$libs"
	case $libs in
	"$cache"/*) core_flag=-L$libs ;; # in the cache, where rustc does not look by itself
	*) core_flag= ;;
	esac
	note "CORE_FLAG_$1" "$core_flag"
	cargo_config "$1" >"$setup/new.toml"
	mv -- "$setup/new.toml" "$setup/$1.toml"
}

# cargo_config ARCH: prints the contents of ARCH.toml.
cargo_config() {
	echo "# Written by scripts/setup.sh: how this machine compiles and links for $1."
	[ "$rustc" = "$RUST_BIN/rustc" ] || printf '[build]\nrustc = "%s"\n' "$rustc"
	# lld is called directly and not by a C compiler, and nothing builds build.rs, which would need a C compiler.
	printf '[target.%s]\nlinker = "%s"\n' "$(triple "$1")" "$LLD"
	[ -z "$core_flag" ] || printf 'rustflags = ["%s"]\n' "$core_flag"
	printf '[target.%s.ring3]\nrustc-link-search = ["native=%s/linker"]\n' "$(triple "$1")" "$PWD"
}

# find_component KEY ARCH PROGRAM COMPONENT: finds rustfmt or clippy, of the version of rustc that compiles for ARCH.
find_component() {
	[ -z "$toolchain_planned" ] || return 0
	bin=$(dirname -- "$(value "RUSTC_$2")")
	if [ ! -x "$bin/$3" ] && [ "$bin" = "$RUST_BIN" ] && may_add; then
		rustup_do component add --toolchain "$pinned" "$4" || [ $? != 2 ] || return 0
	fi
	tool "$1" "rust:$4" 'checks the code' "$bin/$3" "$usr/bin/$3"
}

# find_mutants: cargo-mutants, compiled by cargo into the cache.
find_mutants() {
	[ -z "$toolchain_planned" ] && [ -n "$RUST_BIN" ] && [ ! -s "$setup/new.wants" ] || return 0
	version=27.1.0
	entry=cargo-mutants-$version-$host
	if ! is_cached "$entry"; then
		cost='about 20 MB to fetch, 50 MB on disk, and minutes to compile'
		may_fetch 'cargo-mutants: lists the changes that make mutants tries' "$cost" || return 0
		say "set-up: compiling cargo-mutants $version in $cache: $cost"
		keep "$entry" install_mutants "$version" ||
			die "set-up: cargo could not install cargo-mutants: $(grep -m 1 '^error' "$setup/cargo.log" || echo 'no error message')"
	fi
	note CARGO_MUTANTS "$cache/$entry/bin/cargo-mutants"
	relied_on "$CARGO_MUTANTS"
}

# install_mutants VERSION FOLDER: compiles cargo-mutants. Without optimisation and debugging information, because it is
# only used to list changes.
install_mutants() (
	export PATH="$RUST_BIN:$PATH" CARGO_TARGET_DIR="$2/target"
	cargo install --locked --debug --config profile.dev.debug=0 --version "$1" --root "$2" cargo-mutants >"$setup/cargo.log" 2>&1 || exit 1
	rm -rf -- "$2/target"
)

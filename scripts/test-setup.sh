#!/bin/sh
# shellcheck disable=SC2086 # $debian is a list of words
# test-setup.sh: tests set-up with mocks ("stand-ins") of rustup, apt-get and other commands, which record how they are
# called. Each test has a simulated machine in a folder of its own, with a copy of the scripts.
set -eu
cd "$(dirname -- "$0")/.."
. scripts/check.sh
repository=$PWD own_path=$PATH
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
number=0
unset CARGO_HOME RUSTUP_HOME RUSTUP_TOOLCHAIN RUSTUP_AUTO_INSTALL XDG_CACHE_HOME

pinned=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
x86_64='x86_64-unknown-linux-gnu'
aarch64='aarch64-unknown-linux-gnu'
export STAND_IN="$repository/scripts/test-setup/stand-in.sh"

# machine STAND-IN...: makes an x86_64 machine with root as the user. It has the commands that every system has, and
# these stand-ins.
machine() { # STAND-IN...
	number=$((number + 1))
	export WORLD="$scratch/$number" MACHINE=x86_64 WORLD_UID=0 HOME="$scratch/$number"
	mkdir -p "$WORLD/usr/bin" "$WORLD/bin" "$WORLD/toolchains"
	for command in awk basename cat cut dirname cp find flock grep head ln ls mkdir mv paste rm sed sha256sum sort tail tar timeout tr; do
		ln -s "$(command -v $command)" "$WORLD/bin/$command"
	done
	for command in uname id world-toolchain "$@"; do ln -s "$STAND_IN" "$WORLD/bin/$command"; done
	clone ring3
}
# clone NAME: makes a clone of ring3 on the machine; set_up then runs in this clone.
clone() {
	clone=$WORLD/$1
	mkdir -p "$clone"
	cp -R -- "$repository/scripts" "$repository/rust-toolchain.toml" "$clone/"
	sed "s,^usr=/usr,usr=$WORLD/usr," "$repository/scripts/setup/find.sh" >"$clone/scripts/setup/find.sh"
}
debian='apt-get apt-cache dpkg-query dpkg-deb'
unknown='the cost is not known before apt-get update'

# release RUSTC RUSTC-WEB: sets the versions that the machine's Debian offers.
release() {
	echo "$1+dfsg1-1" >"$WORLD/candidate-rustc"
	echo "$2+dfsg1-1~deb12u2" >"$WORLD/candidate-rustc-web"
}

# toolchain NAME RELEASE TARGET...: makes a toolchain that rustup has installed.
toolchain() {
	directory=$WORLD/toolchains/$1 version=$2
	shift 2
	"$WORLD/bin/world-toolchain" "$directory" "$@"
	echo "$version" >"$directory/release"
}

# set_up NEED...: runs set-up on the machine. Sets $status and $said (its output); $WORLD/asked has the commands that
# the stand-ins were called with.
set_up() {
	: >"$WORLD/asked"
	run_set_up "$@" >"$WORLD/said" 2>&1
	said=$(cat "$WORLD/said")
}
run_set_up() {
	PATH=$WORLD/bin:$WORLD/usr/bin
	cd /
	within 60 /bin/sh "$clone/scripts/setup.sh" "$@"
	cd "$repository"
	PATH=$own_path
}

# asked: prints the commands in $WORLD/asked, without queries that change nothing.
asked() { grep -v -e '^rustup which ' -e '^rustup toolchain list' -e ' --assume-no ' "$WORLD/asked" | sed 's/ -o [^ ]*//g'; }

machine rustup $debian
set_up build-aarch64
same asked "$(asked)" "rustup toolchain install $pinned --profile minimal --component rustfmt --component clippy --target $x86_64 --target $aarch64"
same status $status 0
verdict 'rustup is asked for the pinned toolchain, whole'

machine rustup $debian
toolchain "$pinned" "$pinned" $x86_64
set_up "run-$MACHINE"
same asked "$(asked)" ''
same said "$said" ''
same status $status 0
verdict 'with a toolchain, the native programs need nothing else'

set_up build-aarch64
same asked "$(asked)" "rustup target add --toolchain $pinned $aarch64"
same said "$said" "set-up: rustup target add --toolchain $pinned $aarch64"
verdict 'rustup is asked for a missing target, when it is needed'

set_up "run-$MACHINE" build-aarch64
same 'asked anything' "$(cat "$WORLD/asked")" ''
same said "$said" ''
same status $status 0
verdict 'the second time is silent and runs no tool'

rm -r -- "$WORLD/toolchains/$pinned/lib/rustlib/$aarch64"
set_up "run-$MACHINE"
same asked "$(asked)" ''
set_up build-aarch64
same asked "$(asked)" "rustup target add --toolchain $pinned $aarch64"
verdict 'a removed target is noticed, and installed again when it is needed'

machine rustup $debian
toolchain "$pinned" "$pinned" $x86_64
: >"$WORLD/rustup-fails"
release 1.85.0 1.96.0
set_up build-aarch64
same asked "$(asked)" "rustup target add --toolchain $pinned $aarch64
apt-get update
apt-get install -y --no-install-recommends --no-remove rustc-web
apt-get update
apt-get download libstd-rust-web-dev:arm64=1.96.0+dfsg1-1*"
same compiler "$(grep '^rustc = ' "$WORLD/ring3/target/setup/aarch64.toml")" "rustc = \"$WORLD/usr/bin/rustc\""
same status $status 0
verdict 'if rustup fails, core comes from Debian'

machine rustup $debian
toolchain "$pinned" "$pinned" $x86_64
release 1.97.1 1.96.0
export RUSTUP_AUTO_INSTALL=0
set_up run-aarch64
same asked "$(asked)" "apt-get update
apt-get install -y --no-install-recommends --no-remove rustc qemu-user
apt-get update
apt-get download libstd-rust-dev:arm64=1.96.0+dfsg1-1*"
same status $status 0
verdict 'RUSTUP_AUTO_INSTALL=0: rustup is asked to install nothing'
unset RUSTUP_AUTO_INSTALL

machine rustup $debian
toolchain nightly 1.97.0-nightly $x86_64
toolchain old 1.9.2 $x86_64
release 1.85.0 1.96.0
mkdir "$WORLD/.rustup"
echo 'auto_install = "disable"' >"$WORLD/.rustup/settings.toml"
set_up build-x86_64
same asked "$(asked)" "apt-get update
apt-get install -y --no-install-recommends --no-remove cargo-web rustc-web lld llvm"
verdict "rustup's own setting is obeyed; an older toolchain or a nightly is not used"

machine rustup $debian
toolchain old 1.9.2 $x86_64
toolchain newer 1.100.0 $x86_64
: >"$WORLD/rustup-fails"
set_up build-x86_64
same compiler "$(grep RUST_BIN "$WORLD/ring3/target/setup/env.sh")" "RUST_BIN='$WORLD/toolchains/newer/bin'"
same status $status 0
verdict 'a newer toolchain is used if rustup cannot install the pinned one'

machine $debian
release 1.85.0 1.96.0
set_up run-aarch64
same asked "$(asked)" "apt-get update
apt-get install -y --no-install-recommends --no-remove cargo-web rustc-web lld llvm qemu-user
apt-get update
apt-get download libstd-rust-web-dev:arm64=1.96.0+dfsg1-1*"
same status $status 0
same core "$(ls -d "$WORLD"/.cache/ring3/*64)" "$WORLD/.cache/ring3/libstd-rust-web-dev-1.96.0+dfsg1-1+b2-arm64"
mv -- "$WORLD/.cache/ring3/libstd-rust-web-dev-1.96.0+dfsg1-1+b2-arm64" "$WORLD/.cache/ring3/libstd-rust-web-dev-1.95.0-arm64"
clone two
set_up run-aarch64
same asked "$(asked)" "apt-get update
apt-get download libstd-rust-web-dev:arm64=1.96.0+dfsg1-1*"
same core "$(ls -d "$WORLD"/.cache/ring3/*64)" "$WORLD/.cache/ring3/libstd-rust-web-dev-1.96.0+dfsg1-1+b2-arm64"
clone three
set_up run-aarch64
same 'asked for core' "$(asked)" ''
verdict 'without rustup, all of Rust comes from Debian; its core is kept for all clones, in one version'

machine $debian
release 1.85.0 1.96.0
echo armhf >"$WORLD/lacks"
set_up build-arm
same asked "$(asked | tail -n 5)" "apt-get update
apt-get download libstd-rust-web-dev:armhf=1.96.0+dfsg1-1*
apt-get indextargets --format \$(REPO_URI) Created-By: Packages
apt-get update
apt-get download libstd-rust-web-dev:armhf=1.96.0+dfsg1-*"
same sources "$(cat "$WORLD/sources")" 'deb mirror:/debian/ trixie main'
same core "$(ls -d "$WORLD"/.cache/ring3/*hf)" "$WORLD/.cache/ring3/libstd-rust-web-dev-1.96.0+dfsg1-1+b2-armhf"
same status $status 0
verdict "a core that this machine's release lacks comes from Debian 13"

machine $debian
release 1.85.0 1.96.0
: >"$WORLD/all-lack"
: >"$WORLD/rustc-fails"
set_up build-arm
same said "$(printf '%s\n' "$said" | tail -n 1)" \
	'set-up: rustc cannot compile core for arm: its output is in target/setup/rustc.log'
same failed $((status != 0)) 1
same 'left over' "$(find "$WORLD/.cache/ring3" -name '*.new')" ''
rm -- "$WORLD/rustc-fails"
set_up build-arm
entry=$WORLD/.cache/ring3/rust-web-src-1.96.0+dfsg1-1+b2-armhf
same asked "$(asked | tail -n 4)" "apt-get update
apt-get download rust-web-src:amd64=1.96.0+dfsg1-1*
rustc --crate-name core
rustc --crate-name compiler_builtins"
same said "$(printf '%s\n' "$said" | tail -n 1)" \
	"set-up: no libstd-rust-web-dev for arm (the sources of apt don't have these: they are in Debian's main); compiling core from rust-web-src: $unknown, and half a minute"
same core "$(cd "$entry" && find . -type f | sort)" './usr/lib/rustlib/armv7-unknown-linux-gnueabihf/lib/libcompiler_builtins-0.rlib
./usr/lib/rustlib/armv7-unknown-linux-gnueabihf/lib/libcore-0.rlib'
same flags "$(grep '^rustflags' "$clone/target/setup/arm.toml")" \
	"rustflags = [\"-L$entry/usr/lib/rustlib/armv7-unknown-linux-gnueabihf/lib\"]"
same status $status 0
set_up build-arm
same 'asked again' "$(asked)" ''
set_up test-arm
same said "$(printf '%s\n' "$said" | tail -n 1)" 'set-up: the tests need std for arm, and only core could be compiled here'
same failed $((status != 0)) 1
verdict 'a core that no release has is compiled from the sources; the tests of that architecture need std'

machine rustup $debian
toolchain "$pinned" "$pinned" $x86_64 i686-unknown-linux-gnu riscv64gc-unknown-linux-gnu
set_up run-x86
same asked "$(asked)" ''
same status $status 0
set_up run-riscv64
same asked "$(asked | tail -n 1)" 'apt-get install -y --no-install-recommends --no-remove qemu-user'
same status $status 0
verdict 'x86_64 runs the programs of x86 itself, and those of riscv64 under qemu-user'

set_up test-x86 test-riscv64
same packages "$(asked | tail -n 1 | tr ' ' '\n' | grep -e '-cross$' -e '^gcc-' | sort | paste -s -d ' ' -)" \
	'gcc-i686-linux-gnu gcc-riscv64-linux-gnu libc6-dev-i386-cross libc6-dev-riscv64-cross linux-libc-dev-i386-cross linux-libc-dev-riscv64-cross'
verdict 'the tests of an architecture want its C compiler and headers'

machine $debian
release 1.85.0 1.96.0
set_up lint
same asked "$(asked | grep -m 1 ' install ')" "apt-get install -y --no-install-recommends --no-remove cargo-web rustc-web lld llvm rust-web-clippy rustfmt-web gcc libc6-dev linux-libc-dev g++ shellcheck codespell"
verdict 'lint also wants the C++ compiler that its crates are built with'

machine rustup $debian
MACHINE=aarch64
toolchain "$pinned" "$pinned" $aarch64
release 1.85.0 1.96.0
export RUSTUP_AUTO_INSTALL=0
set_up run-aarch64
same asked "$(asked)" ''
set_up run-x86_64
same asked "$(asked)" "apt-get update
apt-get install -y --no-install-recommends --no-remove rustc-web qemu-user
apt-get update
apt-get download libstd-rust-web-dev:amd64=1.96.0+dfsg1-1*"
same status $status 0
verdict 'on aarch64, x86_64 is the foreign architecture'
unset RUSTUP_AUTO_INSTALL

machine rustup $debian
toolchain "$pinned" "$pinned" $x86_64 $aarch64
WORLD_UID=1000
set_up run-aarch64
same asked "$(asked)" ''
same said "$said" "set-up: missing: qemu-user: runs aarch64 programs
set-up: these and their dependencies: $unknown
set-up: run this, then try again: sudo apt-get update && sudo apt-get install -y --no-install-recommends qemu-user"
same failed $((status != 0)) 1
verdict 'not root: prints what is missing, and the command to run'

machine $debian
release 1.85.0 1.96.0
: >"$WORLD/costs"
WORLD_UID=1000
set_up run-aarch64 guest-x86_64 guest-aarch64_16k
same asked "$(asked)" ''
same said "$said" "set-up: missing: cargo-web: builds the programs
set-up: missing: rustc-web: compiles the programs
set-up: missing: lld: links the programs
set-up: missing: llvm: strips the programs
set-up: missing: qemu-user: runs aarch64 programs
set-up: these and their dependencies: 209 MB to fetch, 906 MB on disk
set-up: missing: core for aarch64: about 34 MB to fetch, 152 MB on disk
set-up: missing: qemu-system: boots other kernels: 209 MB to fetch, 906 MB on disk
set-up: missing: linux-image-cloud-amd64: a real kernel for x86_64: about 36 MB to fetch, 15 MB on disk
set-up: missing: linux-image-arm64-16k: a real kernel for aarch64: about 103 MB to fetch, 37 MB on disk
set-up: run this, then try again: sudo apt-get update && sudo apt-get install -y --no-install-recommends cargo-web rustc-web lld llvm qemu-user"
same failed $((status != 0)) 1
verdict 'not root: everything that is missing is printed at once, with its cost, before anything is fetched'

machine rustup $debian
release 1.85.0 1.96.0
: >"$WORLD/rustup-fails"
WORLD_UID=1000
set_up run-aarch64 guest-x86_64
same asked "$(asked)" ''
ln -s "$STAND_IN" "$WORLD/usr/bin/qemu-aarch64"
set_up run-aarch64 guest-x86_64
same asked "$(asked)" "rustup toolchain install $pinned --profile minimal --component rustfmt --component clippy --target $x86_64 --target $aarch64"
same 'the end' "$(printf '%s\n' "$said" | tail -n 1)" 'set-up: run this, then try again: sudo apt-get update && sudo apt-get install -y --no-install-recommends cargo-web rustc-web lld llvm'
verdict 'not root, and rustup fails: nothing else is fetched before the packages are there'

machine $debian
WORLD_UID=1000
set_up build-x86_64
same said "$said" "set-up: missing: cargo: builds the programs
set-up: missing: rustc: compiles the programs
set-up: missing: lld: links the programs
set-up: missing: llvm: strips the programs
set-up: these and their dependencies: $unknown
set-up: apt-get knows no Rust $pinned or newer: run sudo apt-get update, or install it with rustup, then try again"
same failed $((status != 0)) 1
verdict 'not root and no list of packages: prints what is missing nevertheless'

machine rustup
toolchain "$pinned" "$pinned" $x86_64 $aarch64
set_up run-aarch64
same said "$said" 'set-up: there is no apt-get here; install these, then try again: qemu-user (runs aarch64 programs)'
same failed $((status != 0)) 1
verdict 'no apt-get: prints one line with what is missing'

machine rustup $debian
toolchain "$pinned" "$pinned" $x86_64 $aarch64
echo 'E: Unable to fetch some archives' >"$WORLD/apt-fails"
set_up run-aarch64
same said "$said" "set-up: apt-get update failed (E: Unable to fetch some archives); going on with the lists it has
set-up: missing: qemu-user: runs aarch64 programs
set-up: these and their dependencies: $unknown
E: Unable to fetch some archives
E: Unable to fetch some archives
set-up: apt-get failed: E: Unable to fetch some archives. Its output is in target/setup/apt.log"
same failed $((status != 0)) 1
set_up run-aarch64
same 'failed again' $((status != 0)) 1
explained() { # WHAT APT-GET SAYS, A PART OF THE EXPLANATION
	echo "$1" >"$WORLD/apt-fails"
	set_up run-aarch64
	same "$1" "$(printf '%s\n' "$said" | tail -n 1 | grep -c -e "$2")" 1
}
explained "Err:1 mirror:/debian bookworm InRelease Temporary failure resolving 'mirror'" "can't be reached"
explained 'E: Could not get lock /var/lib/dpkg/lock-frontend' 'another apt-get'
explained "E: You don't have enough free space in /var/cache/apt/archives/." 'disk is full'
explained 'E: Failed to fetch mirror:/a.deb  404  Not Found' 'run apt-get update'
explained 'E: Unable to locate package qemu-user' 'sources of apt'
verdict 'a failure of apt-get is shown and explained, and the need is not recorded as met'

machine rustup $debian
toolchain "$pinned" "$pinned" $x86_64 $aarch64
set_up guest-aarch64_16k
same asked "$(asked)" "apt-get update
apt-get install -y --download-only --no-install-recommends qemu-system-x86 qemu-system-arm
apt-get indextargets --format \$(REPO_URI) Created-By: Packages
apt-get update
apt-get download linux-image-of-arm64"
same sources "$(cat "$WORLD/sources")" 'deb mirror:/debian/ trixie main'
same 'why not' "$(grep NO_GUEST "$WORLD/ring3/target/setup/env.sh")" "NO_GUEST_aarch64_16k=''"
same kernel "$(cat "$WORLD/.cache/ring3/kernel-aarch64_16k/vmlinuz")" arm64
same status $status 0
set_up guest-aarch64_16k
same 'asked again' "$(asked)" ''
set_up guest-aarch64
same asked "$(asked)" "apt-get indextargets --format \$(REPO_URI) Created-By: Packages
apt-get update
apt-get download linux-image-of-arm64"
same sources "$(cat "$WORLD/sources")" 'deb mirror:/debian/ bookworm main'
verdict 'a kernel and qemu-system are unpacked once, the kernel from its release'

set_up guest-riscv64
same asked "$(asked)" "apt-get update
apt-get install -y --download-only --no-install-recommends qemu-system-misc opensbi
apt-get indextargets --format \$(REPO_URI) Created-By: Packages
apt-get update
apt-get download linux-image-of-riscv64"
same sources "$(cat "$WORLD/sources")" 'deb mirror:/debian/ trixie main'
same status $status 0
verdict "riscv64's kernel comes with its own qemu-system and firmware"

fetched="apt-get indextargets --format \$(REPO_URI) Created-By: Packages
apt-get update
apt-get download linux-image-of-arm64"
echo worse >>"$WORLD/.cache/ring3/kernel-aarch64/vmlinuz"
set_up guest-aarch64
same asked "$(asked)" "$fetched"
same said "$said" "set-up: unpacking linux-image-cloud-arm64 in $WORLD/.cache/ring3: a real kernel for aarch64, about 31 MB to fetch, 27 MB on disk
set-up: $WORLD/.cache/ring3/kernel-aarch64 is damaged; fetching it again"
same kernel "$(cat "$WORLD/.cache/ring3/kernel-aarch64/vmlinuz")" arm64
verdict 'a damaged entry of the cache is fetched again'

clone two
set_up guest-aarch64 guest-aarch64_16k
same asked "$(asked)" ''
same said "$said" ''
same kernel "$(grep KERNEL_aarch64= "$clone/target/setup/env.sh")" "KERNEL_aarch64='$WORLD/.cache/ring3/kernel-aarch64'"
rm -- "$WORLD/.cache/ring3/kernel-aarch64/vmlinuz"
clone three
set_up guest-aarch64
same asked "$(asked)" "$fetched"
verdict 'another clone fetches nothing, unless an entry of the cache is incomplete'

machine rustup $debian
toolchain "$pinned" "$pinned" $x86_64 $aarch64
: >"$WORLD/asked"
for name in two three four; do
	clone $name
	(run_set_up guest-aarch64 >"$clone/said" 2>&1 && [ "$status" = 0 ] && echo whole >"$clone/whole") &
done
wait
same asked "$(asked | grep -c download)" '2' # qemu-system and the kernel, once each
same whole "$(cat "$WORLD"/*/whole)" "$(printf 'whole\nwhole\nwhole')"
same kernel "$(cat "$WORLD/.cache/ring3/kernel-aarch64/vmlinuz")" arm64
same 'left over' "$(find "$WORLD/.cache/ring3" -name '*.new')" ''
verdict 'if several clones run set-up at once, one fetches, and the others wait'

machine rustup $debian
toolchain "$pinned" "$pinned" $x86_64 $aarch64
XDG_CACHE_HOME=$WORLD/cache
export XDG_CACHE_HOME
set_up guest-aarch64
same kernel "$(cat "$WORLD/cache/ring3/kernel-aarch64/vmlinuz")" arm64
unset XDG_CACHE_HOME HOME
clone two
set_up guest-aarch64
same kernel "$(cat "$clone/target/setup/cache/kernel-aarch64/vmlinuz")" arm64
same status $status 0
export HOME="$WORLD/not/there"
: >"$WORLD/not"
clone three
set_up guest-aarch64
same kernel "$(cat "$clone/target/setup/cache/kernel-aarch64/vmlinuz")" arm64
same status $status 0
verdict 'the cache is in XDG_CACHE_HOME; without a writable home, it is in the clone'

machine rustup $debian
toolchain "$pinned" "$pinned" $x86_64 $aarch64
echo 'E: Unable to fetch some archives' >"$WORLD/apt-fails"
set_up guest-x86_64 build-x86_64
said_why='qemu-system is not available (E: Unable to fetch some archives)'
same said "$said" "set-up: unpacking qemu-system in $WORLD/.cache/ring3: boots other kernels, $unknown
set-up: $said_why"
same 'why not' "$(grep NO_GUEST "$WORLD/ring3/target/setup/env.sh")" "NO_GUEST_x86_64='$said_why'"
same status $status 0
set_up build-x86_64
same 'asked for what is met' "$(asked)" ''
set_up guest-x86_64
same 'asked again' "$(asked)" "apt-get update"
set_up run-kernel-x86_64
same failed $((status != 0)) 1
rm -- "$WORLD/apt-fails"
set_up guest-x86_64
same 'why not' "$(grep NO_GUEST "$WORLD/ring3/target/setup/env.sh")" "NO_GUEST_x86_64=''"
verdict 'if there is no kernel, a reason is recorded, and the next run tries again'

result

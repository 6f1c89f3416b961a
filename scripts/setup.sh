#!/bin/sh
# setup.sh [NEED...]: finds the tools for each NEED, prints what is missing and its cost, and installs it. Tools that
# the machine has are used first, then rustup, then the distribution's packages. scripts/setup/needs.sh has the list of
# NEEDs; without arguments, all NEEDs except `mutants` are set up.
#
# Writes to target/setup: env.sh, ARCH.toml, done (the NEEDs that are met), paths (the files that were found) and seen
# (the fingerprint of these files). The next run compares the fingerprint, and exits if nothing has changed.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh

if [ $# = 0 ]; then
	for arch in $architectures; do set -- "$@" "test-$arch" "inspect-$arch"; done
	set -- "$@" manual lint bench bench-echo bench-pipe bench-probe bench-examples fuzz powercut fresh \
		servers guest-x86_64 guest-aarch64 guest-aarch64_16k guest-riscv64 guest-arm
fi

# fingerprint: prints inode, size and time of change of every file that set-up relied on. So a removed package, an
# updated toolchain or an edited script is noticed.
fingerprint() (
	IFS='
'
	set -f # the paths are lines, not words or patterns
	# shellcheck disable=SC2046
	LC_ALL=C ls -Ldilc -- $(cat "$setup/paths") 2>&1
)
unchanged() { [ -e "$setup/seen" ] && [ "$(fingerprint)" = "$(cat "$setup/seen")" ]; }
met() { for need; do grep -qxF -e "$need" "$setup/done" || return 1; done; }

if unchanged && met "$@"; then exit 0; fi

mkdir -p "$setup"
exec 9>"$setup/lock"
flock 9 # `make -j` may start several set-ups at once
if unchanged; then
	if met "$@"; then exit 0; fi
	# The NEEDs that were met stay in the list. After a change, only the NEEDs of this run are looked for, so that
	# nothing is installed that is not needed now.
	# shellcheck disable=SC2046
	set -- "$@" $(cat "$setup/done")
fi

. scripts/setup/find.sh
. scripts/setup/cache.sh
. scripts/setup/rust.sh
. scripts/setup/debian.sh
. scripts/setup/guest.sh
. scripts/setup/servers.sh
. scripts/setup/needs.sh

# The first pass fetches nothing: it collects the list of everything that is missing. Set-up prints this list, with the
# cost, before it fetches anything.
allowed='' installed=''
find_all "$@"
while [ -s "$setup/new.wants" ] || [ -s "$setup/new.plans" ]; do
	if [ -s "$setup/new.wants" ]; then
		[ "$(wanted)" != "$installed" ] || die "set-up: installed, and still not found: $installed"
		installed=$(wanted)
		install_wants
	fi
	allowed=yes
	find_all "$@"
done

rm -f -- "$setup/seen" "$setup/new.wants" "$setup/new.plans"
for kept in env.sh paths; do mv -- "$setup/new.$kept" "$setup/$kept"; done
printf '%s\n' "$@" | sort -u | grep -vxF -f "$setup/new.lacks" >"$setup/done" || true
rm -f -- "$setup/new.lacks"
fingerprint >"$setup/seen"

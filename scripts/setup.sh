#!/bin/sh
# setup.sh [NEED...]: finds what each NEED takes, says what is missing and what it costs, and installs it.
# First what the machine has, then rustup, then the distribution's packages.
# A NEED is one of those in scripts/setup/needs.sh; without any, all of them.
#
# Leaves in target/setup: env.sh, ARCH.toml, done (the needs met), paths (what was found) and
# seen (how each of those files looked). The next run compares and, where nothing changed, ends.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh

[ $# -gt 0 ] || set -- "run-$host" "run-$foreign" "inspect-$host" "inspect-$foreign" test lint bench bench-echo bench-pipe fuzz powercut fresh \
	guest-x86_64 guest-aarch64 guest-aarch64_16k

# Inode, size and time of change of every file set-up relied on: a package removed, a toolchain
# updated or a script edited all show.
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
flock 9 # `make -j` may start several
if unchanged; then
	if met "$@"; then exit 0; fi
	# Needs met before stay met. (After a change only what is asked for now is looked for, and
	# nothing is installed that nobody asks for.)
	# shellcheck disable=SC2046
	set -- "$@" $(cat "$setup/done")
fi

. scripts/setup/find.sh
. scripts/setup/cache.sh
. scripts/setup/rust.sh
. scripts/setup/debian.sh
. scripts/setup/guest.sh
. scripts/setup/needs.sh

# The first pass fetches nothing: it collects everything that is missing, to print that and the cost first.
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

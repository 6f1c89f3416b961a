#!/bin/sh
# setup.sh [NEED...]: finds what each NEED takes, installs what is missing, and says so.
# First what the machine has, then rustup, then the distribution's packages.
# A NEED is one of those in scripts/setup/needs.sh; without any, all of them.
#
# Leaves in target/setup: env.sh, ARCH.toml, done (the needs met), paths (what was found) and
# seen (how each of those files looked). The next run compares and, where nothing changed, ends.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh

[ $# -gt 0 ] || set -- "run-$host" "run-$foreign" "inspect-$host" "inspect-$foreign" test lint bench bench-echo bench-pipe fuzz

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
. scripts/setup/rust.sh
. scripts/setup/debian.sh
. scripts/setup/needs.sh

find_all "$@"
if [ -s "$setup/new.wants" ]; then
	install_wants
	find_all "$@"
	[ ! -s "$setup/new.wants" ] || die "set-up: installed, and still not found: $(wanted)"
fi

rm -f -- "$setup/seen" "$setup/new.wants"
for kept in env.sh paths; do mv -- "$setup/new.$kept" "$setup/$kept"; done
printf '%s\n' "$@" | sort -u >"$setup/done"
fingerprint >"$setup/seen"

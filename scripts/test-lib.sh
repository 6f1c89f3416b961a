#!/bin/sh
# test-lib.sh [OPTION...] [-- FILTER]: the library's own tests (`cargo test --lib`), with a limit of one minute a test.
# libtest prints the name of a test that has run for a minute, but does not end it. This script kills the run, counts that
# test as failed, and runs the others again without it.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

case " $* " in *' -- '*) ;; *) set -- "$@" -- ;; esac
failed=0
out=$(mktemp)
trap 'rm -f -- "$out" "$out.pid" "$out.status" "$out.hung"' EXIT

# tree PID: prints the process and all its descendants, children before parents.
tree() {
	# shellcheck disable=SC2013 # words
	for child in $(cat "/proc/$1/task"/*/children 2>/dev/null); do tree "$child"; done
	echo "$1"
}

while :; do
	rm -f -- "$out.hung"
	{
		cargo test --lib "$@" </dev/null &
		echo $! >"$out.pid"
		status=0
		wait $! || status=$?
		echo $status >"$out.status"
	} | while IFS= read -r line; do
		printf '%s\n' "$line"
		case $line in
		'test '*' has been running for over 60 seconds')
			line=${line#test }
			echo "${line%% *}" >>"$out.hung"
			# shellcheck disable=SC2046 # numbers
			kill -KILL $(tree "$(cat "$out.pid")") 2>/dev/null || true
			;;
		esac
	done
	[ -e "$out.hung" ] || break
	while read -r test; do
		printf '\ntest %s ... FAILED\nnot done after 60 s, its limit\n' "$test"
		failed=$((failed + 1))
		set -- "$@" --skip "$test"
	done <"$out.hung"
done
[ $failed = 0 ] || echo "test result: FAILED. 0 passed; $failed failed; 0 ignored; at their limit"
read -r status <"$out.status"
exit $((status ? status : failed != 0))

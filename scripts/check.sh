# Functions for the tests of the scripts themselves: compare, count and print the results. Sourced by scripts/test-*.sh.
passed=0 failed=0 skipped=0 wrong=

# same WHAT IS SHOULD: checks that two strings are equal. A test can have several checks.
same() {
	[ "$2" = "$3" ] || wrong="$wrong
$1: $2
should be: $3"
}

# within SECONDS COMMAND...: runs COMMAND and sets $status. After SECONDS, the command and its children are killed, and
# the test has failed.
timeout=$(command -v timeout) # found now: a test may change PATH
within() {
	status=0
	"$timeout" -k 5 "$@" </dev/null || status=$?
	case $status in
	124 | 137)
		seconds=$1
		shift
		wrong="$wrong
not done after $seconds s, its limit: $*"
		;;
	esac
}

# verdict NAME: ends a test, and prints its result.
verdict() {
	if [ -z "$wrong" ]; then
		passed=$((passed + 1))
		echo "test $1 ... ok"
	else
		failed=$((failed + 1))
		echo "test $1 ... FAILED$wrong"
	fi
	wrong=
}

# result: prints the line with the counts, which scripts/test.sh adds up. Fails if a test has failed.
result() {
	word=ok
	[ "$failed" = 0 ] || word=FAILED
	printf '\ntest result: %s. %s passed; %s failed; %s ignored\n' $word "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
}

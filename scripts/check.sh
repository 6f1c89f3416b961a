# How the scripts' own tests are told: sourced by scripts/test-*.sh.
passed=0 failed=0 skipped=0 wrong=

# same WHAT IS SHOULD: a part of a test.
same() {
	[ "$2" = "$3" ] || wrong="$wrong
$1: $2
should be: $3"
}

# within SECONDS COMMAND...: runs COMMAND and sets $status. After SECONDS the command and its children are killed, and the
# test has failed.
timeout=$(command -v timeout) # whatever PATH a test sets
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

# verdict NAME: the end of a test.
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

# The line that scripts/test.sh adds up, and the exit status.
result() {
	word=ok
	[ "$failed" = 0 ] || word=FAILED
	printf '\ntest result: %s. %s passed; %s failed; %s ignored\n' $word "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
}

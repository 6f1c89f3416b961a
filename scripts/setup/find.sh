# Looks for tools, and notes what was found (new.env.sh, new.paths) and what was not: new.wants lists packages to
# install, new.plans lists what else has to be fetched.

usr=/usr # where the distribution's packages put what is not on the PATH

find_all() {
	: >"$setup/new.env.sh"
	: >"$setup/new.wants"
	: >"$setup/new.plans"
	: >"$setup/new.lacks"
	# What this very answer depends on.
	printf '%s\n' rust-toolchain.toml scripts/lib.sh scripts/setup.sh scripts/setup/*.sh >"$setup/new.paths"
	looked='' toolchain_planned=''
	for need; do find_need "$need"; done
}

# once NAME: true the first time it is asked in a look round.
once() {
	case " $looked " in *" $1 "*) return 1 ;; esac
	looked="$looked $1"
}

# relied_on PATH: when it changes, set-up looks again.
relied_on() { printf '%s\n' "$1" >>"$setup/new.paths"; }

# note KEY VALUE: $KEY from here on, and in every script that calls use_tools.
note() {
	eval "$1=\$2"
	printf "%s='%s'\n" "$1" "$2" >>"$setup/new.env.sh"
}

# want PACKAGE WHY: to be installed. `rust:NAME` is a part of Rust, which has two names in Debian.
want() { cut -f 1 "$setup/new.wants" | grep -qxF -e "$1" || printf '%s\t%s\n' "$1" "$2" >>"$setup/new.wants"; }

# may_fetch WHAT COST: whether WHAT may be fetched in this pass; if not, it is added to the plans. Packages come first:
# nothing is fetched for a user who can't install them.
may_fetch() {
	if [ -n "$allowed" ] && [ ! -s "$setup/new.wants" ]; then return; fi
	grep -qsxF -e "$1	$2" "$setup/new.plans" || printf '%s\t%s\n' "$1" "$2" >>"$setup/new.plans"
	return 1
}

# lack NEED: it is not met this time, nor has it to be; the next run of set-up tries again.
lack() { printf '%s\n' "$1" >>"$setup/new.lacks"; }

wanted() { cut -f 1 "$setup/new.wants" | paste -s -d ' ' -; }

# tool KEY PACKAGE WHY CANDIDATE...: the first candidate that is a program here, by path or by name.
tool() {
	tool_key=$1 tool_package=$2 tool_why=$3
	shift 3
	for candidate; do
		if found=$(command -v "$candidate"); then
			note "$tool_key" "$found"
			relied_on "$found"
			return
		fi
	done
	note "$tool_key" ''
	want "$tool_package" "$tool_why"
}

# file PATH PACKAGE WHY
file() {
	if [ -e "$1" ]; then relied_on "$1"; else want "$2" "$3"; fi
}

# The name of an LLVM tool: bare, or (Debian names them by version) the newest there is.
llvm() {
	if command -v "$1" >/dev/null; then
		printf '%s\n' "$1"
	else
		printf '%s\n' "$usr"/lib/llvm-*/bin/"$1" | sort -V | tail -n 1
	fi
}

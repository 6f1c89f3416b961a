# Looks for tools. The tools that are found are recorded in new.env.sh and new.paths. For missing tools, new.wants lists
# packages to install, and new.plans lists other things to fetch.

usr=/usr # the prefix of the distribution's packages, for files that are not in PATH

find_all() {
	: >"$setup/new.env.sh"
	: >"$setup/new.wants"
	: >"$setup/new.plans"
	: >"$setup/new.lacks"
	# The result also depends on set-up itself.
	printf '%s\n' rust-toolchain.toml scripts/lib.sh scripts/setup.sh scripts/setup/*.sh >"$setup/new.paths"
	looked='' toolchain_planned='' without_std=''
	for need; do find_need "$need"; done
}

# once NAME: succeeds only the first time that it is called with NAME in a pass.
once() {
	case " $looked " in *" $1 "*) return 1 ;; esac
	looked="$looked $1"
}

# relied_on PATH: records a file. If the file changes, the next run of set-up looks for everything again.
relied_on() { printf '%s\n' "$1" >>"$setup/new.paths"; }

# note KEY VALUE: sets the variable KEY, here and in every script that calls use_tools.
note() {
	eval "$1=\$2"
	printf "%s='%s'\n" "$1" "$2" >>"$setup/new.env.sh"
}

# want PACKAGE WHY: adds a package to install. `rust:NAME` is a part of Rust, for which Debian has two package names.
want() { cut -f 1 "$setup/new.wants" | grep -qxF -e "$1" || printf '%s\t%s\n' "$1" "$2" >>"$setup/new.wants"; }

# may_fetch WHAT COST: succeeds if WHAT may be fetched in this pass; otherwise adds it to the plans. Packages are
# installed first, so that nothing is fetched for a user who can't install them.
may_fetch() {
	if [ -n "$allowed" ] && [ ! -s "$setup/new.wants" ]; then return; fi
	grep -qsxF -e "$1	$2" "$setup/new.plans" || printf '%s\t%s\n' "$1" "$2" >>"$setup/new.plans"
	return 1
}

# lack NEED: records that an optional NEED could not be met; the next run of set-up tries again.
lack() { printf '%s\n' "$1" >>"$setup/new.lacks"; }

# wanted: prints the packages in new.wants, in one line.
wanted() { cut -f 1 "$setup/new.wants" | paste -s -d ' ' -; }

# tool KEY PACKAGE WHY CANDIDATE...: sets KEY to the path of the first candidate, a path or a name, that is a program on
# this machine. If there is none, wants PACKAGE.
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

# file PATH PACKAGE WHY: if the file does not exist, wants PACKAGE.
file() {
	if [ -e "$1" ]; then relied_on "$1"; else want "$2" "$3"; fi
}

# llvm TOOL: prints the name of an LLVM tool: TOOL itself, or the path of Debian's newest version of it.
llvm() {
	if command -v "$1" >/dev/null; then
		printf '%s\n' "$1"
	else
		printf '%s\n' "$usr"/lib/llvm-*/bin/"$1" | sort -V | tail -n 1
	fi
}

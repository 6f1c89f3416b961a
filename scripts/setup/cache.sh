# The cache, which all clones of this user share: folders ("entries") in $XDG_CACHE_HOME/ring3, each with a checksum in
# a file beside it. Without a writable home, this clone has a cache of its own in target/setup.

cache=$PWD/$setup/cache
for shared in "${XDG_CACHE_HOME:-}" "${HOME:+$HOME/.cache}"; do
	case $shared in
	/*) # the specification ignores a relative path
		if mkdir -p -- "$shared/ring3" 2>/dev/null && [ -w "$shared/ring3" ]; then cache=$shared/ring3; fi
		break
		;;
	esac
done
checked=

# checksum FOLDER: prints a checksum of all names, links, modes and bytes in FOLDER.
checksum() { tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - . | sha256sum | cut -d ' ' -f 1; }

# is_cached ENTRY: the entry exists, and its checksum is right. A run verifies each entry once. (The maker of an entry
# holds its lock.)
is_cached() {
	case " $checked " in *" $1 "*) return 0 ;; esac
	[ -d "$cache/$1" ] && [ "$(checksum "$cache/$1")" = "$(cat "$cache/$1.sha256" 2>/dev/null)" ] || return 1
	checked="$checked $1"
}

# keep ENTRY COMMAND...: unless the entry is cached, runs COMMAND... FOLDER and renames FOLDER to the entry, in one
# step. A lock lets one clone do this at a time; the others wait.
keep() {
	entry=$1
	shift
	mkdir -p -- "$cache"
	(
		flock 8
		if is_cached "$entry"; then exit; fi
		[ ! -e "$cache/$entry" ] || say "set-up: $cache/$entry is damaged; fetching it again"
		rm -rf -- "${cache:?}/$entry" "$cache/$entry.sha256" "$cache/$entry.new"
		mkdir -- "$cache/$entry.new"
		"$@" "$cache/$entry.new" || {
			rm -rf -- "$cache/$entry.new"
			exit 1
		}
		checksum "$cache/$entry.new" >"$cache/$entry.sha256" && mv -- "$cache/$entry.new" "$cache/$entry"
	) 8>"$cache/$entry.lock" && checked="$checked $entry"
}

#!/bin/sh
# install.sh install|uninstall PREFIX: installs the programs for this machine, the man pages and the completions under
# PREFIX, or removes these files again. Prints each path. Directories stay, except PREFIX/libexec/ring3.
#
# In PREFIX/bin, `init` could precede the system's own init on root's PATH. So `init` is installed in
# PREFIX/libexec/ring3, its man page is ring3-init(1), and it has no completions: they would replace those of the
# system's init.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
action=$1 prefix=$2

# file MODE FILE PATH: installs FILE as PREFIX/PATH, or removes PREFIX/PATH.
file() {
	case $action in
	install)
		install -D -m "$1" -- "$2" "$prefix/$3"
		printf '%s\n' "$prefix/$3"
		;;
	uninstall)
		[ -e "$prefix/$3" ] || return 0
		rm -- "$prefix/$3"
		printf '%s\n' "$prefix/$3"
		;;
	*) die "install.sh: the action is install or uninstall, not $action" ;;
	esac
}

file 644 target/man/man7/ring3.7 share/man/man7/ring3.7
for name in $(programs src/bin); do
	page=$name
	case $name in
	init)
		page=ring3-init
		file 755 "target/dist/$host/$name" "libexec/ring3/$name"
		;;
	*)
		file 755 "target/dist/$host/$name" "bin/$name"
		file 644 "target/completions/bash/$name" "share/bash-completion/completions/$name"
		file 644 "target/completions/zsh/_$name" "share/zsh/site-functions/_$name"
		file 644 "target/completions/fish/$name.fish" "share/fish/vendor_completions.d/$name.fish"
		;;
	esac
	file 644 "target/man/man1/$page.1" "share/man/man1/$page.1"
done
if [ "$action" = uninstall ] && [ -d "$prefix/libexec/ring3" ]; then
	rmdir --ignore-fail-on-non-empty -- "$prefix/libexec/ring3"
fi

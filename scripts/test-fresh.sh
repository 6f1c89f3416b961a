#!/bin/sh
# test-fresh.sh [short | RELEASE-WHO-ORDER...]: runs the README's commands in clean roots, which debootstrap makes with
# git, make and ca-certificates, without rustup. RELEASE is a release of Debian, WHO is root or user, ORDER is readme or
# reverse. Without arguments it runs four roots: each release and each user with both orders. `short` is the first of
# these roots, with one test of each kind.
# Prints the cost of each command: time, bytes received by the whole machine meanwhile, and growth of the root on disk.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
. scripts/setup/cache.sh
. scripts/check.sh

[ "$(id -u)" = 0 ] || die 'test-fresh: debootstrap, mount and chroot are for root: run sudo make test-fresh'
# shellcheck source=/dev/null
. "./$setup/env.sh" # DEBOOTSTRAP; there may be no Rust here yet
short=
case $* in
short) short=yes && set -- bookworm-root-readme ;;
'') set -- bookworm-root-readme bookworm-user-reverse trixie-root-reverse trixie-user-readme ;;
esac

fresh=$PWD/target/fresh
exec 9>"$fresh.lock"
flock -n 9 || die 'test-fresh: another test-fresh is running here'
root=$fresh/root # its mounts are in a mount namespace, which ends with the last process of a step
trap 'rm -rf --one-file-system -- "$root" "$fresh/step"' EXIT
child=
trap '[ -z "$child" ] || { kill "$child" && wait "$child"; }; exit 1' HUP INT TERM
rm -rf --one-file-system -- "$fresh"
mkdir -p "$fresh"

# source_of WORD: prints the first address in apt's sources that ends with /WORD/.
source_of() {
	# shellcheck disable=SC2016 # apt-get's variable
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 "/$1/*\$"
}
mirror=$(source_of debian) || die 'test-fresh: no clean root can be made: there is no mirror of Debian among the sources of apt'
security=$(source_of debian-security) || security=

debootstrap() { # RELEASE FOLDER
	"$DEBOOTSTRAP" --variant=minbase --include=git,make,ca-certificates "$1" "$root" "$mirror" >"$fresh/debootstrap.log" 2>&1 || {
		tail -n 5 "$fresh/debootstrap.log" >&2
		say "test-fresh: no clean root of $1 can be made: debootstrap failed; its output is in $fresh/debootstrap.log"
		return 1
	}
	rm -f -- "$root"/var/cache/apt/archives/*.deb
	tar -C "$root" -cf "$2/root.tar" .
	rm -rf --one-file-system -- "$root"
}

# new_root: makes a root of $release, with this machine's configuration of apt, cargo and the network, and with a copy
# of this tree.
new_root() {
	rm -rf --one-file-system -- "$root"
	keep "root-$release-$host" debootstrap "$release" || return 1
	mkdir "$root"
	tar -C "$root" -xf "$cache/root-$release-$host/root.tar"
	{
		echo "deb $mirror $release main"
		echo "deb $mirror $release-updates main"
		[ -z "$security" ] || echo "deb $security $release-security main"
	} >"$root/etc/apt/sources.list"
	apt-config dump | grep -E '^Acquire::(https?|ftp|Check|Retries|ForceIPv)' >"$root/etc/apt/apt.conf.d/90machine" || true
	cp -L -- /etc/resolv.conf /etc/hosts "$root/etc/"
	find /usr/local/share/ca-certificates -name '*.crt' -exec cp -L -- {} "$root/usr/local/share/ca-certificates/" \; 2>/dev/null || true
	chroot "$root" update-ca-certificates >"$fresh/certificates.log" 2>&1
	chroot "$root" useradd --create-home user
	mkdir -p "$root$home/ring3" "$root$home/.cargo"
	for config in "${CARGO_HOME:-$HOME/.cargo}/config.toml" "${CARGO_HOME:-$HOME/.cargo}/config"; do
		[ ! -e "$config" ] || cp -L -- "$config" "$root$home/.cargo/"
	done
	tar --exclude=target --exclude=./.git -cf - . | tar -C "$root$home/ring3" --no-same-owner -xf -
	chroot "$root" chown -R "$who:$who" "$home"
}

# enter WHO COMMAND: runs COMMAND in the root, in PID and mount namespaces of its own. Of the environment it passes on
# only the variables that configure the network. (Call it in a subshell: it execs timeout.)
enter() {
	set -- "$1" "cd $home/ring3 && $2"
	env | grep -E '^(CARGO_(HTTP|NET|SOURCE)_[A-Z0-9_]*|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY)=' >"$fresh/environment" || true
	# shellcheck disable=SC2016 # variables of the inner shell
	exec timeout --foreground --kill-after 10 5400 unshare --mount --pid --fork --kill-child sh -ec '
		root=$1 who=$2 command=$3 environment=$4
		mount -t proc proc "$root/proc"
		mount -t sysfs sysfs "$root/sys"
		mount --bind "$root/dev" "$root/dev" # a mount of its own, as on every machine
		mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
		home=$(sed -n "s/^$who:\([^:]*:\)\{4\}\([^:]*\):.*/\2/p" "$root/etc/passwd")
		set -- HOME="$home" USER="$who" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
		while IFS= read -r line; do set -- "$@" "$line"; done <"$environment"
		exec chroot --userspec="$who:$who" --groups= "$root" /usr/bin/env -i "$@" sh -c "$command"
	' - "$root" "$1" "$2" "$fresh/environment" </dev/null
}

received() { awk 'NR > 2 { sub(/:/, " "); if ($1 != "lo") bytes += $2 } END { printf "%.0f\n", bytes }' /proc/net/dev; }
used() { du -skx "$root" | cut -f 1; }

# step WHO COMMAND: runs COMMAND and prints a line with its cost. Its output is in $log.
step() {
	number=$((number + 1)) status=0
	log=$fresh/$machine/$number.log
	was_received=$(received) was_used=$(used) began=$(date +%s)
	enter "$1" "$2" >"$log" 2>&1 &
	child=$!
	wait "$child" || status=$?
	child=
	seconds=$(($(date +%s) - began))
	awk -v seconds="$seconds" -v received="$(($(received) - was_received))" -v used="$(($(used) - was_used))" -v what="$2" -v status="$status" 'BEGIN {
		if (length(what) > 40) what = substr(what, 1, 37) "..."
		printf "%-40s %6d s %8.1f MB %8.1f MB%s\n", what, seconds, received / 1e6, used / 1e3, status ? "  status " status : ""
	}'
}

# command_for_root: prints the command that set-up asked the user to run as root.
command_for_root() {
	sed -n 's/^set-up: .*run this, then try again: sudo //p; s/^set-up: .*: run sudo \(apt-get update\), .*/\1/p' "$log" | sed 's/ sudo / /g'
}

# try COMMAND: runs COMMAND as $who. If set-up asks a user for packages, root installs them, and the user runs it again.
try() {
	step "$who" "$1"
	for again in lists packages; do
		for_root=$(command_for_root)
		if [ "$who" = root ] || [ "$status" = 0 ] || [ -z "$for_root" ]; then break; fi
		step root "$for_root"
		same "$for_root: status ($again)" "$status" 0
		step "$who" "$1"
	done
	if [ "$status" != 0 ]; then tail -n 25 "$log"; fi
	same status "$status" 0
	verdict "$machine: $1"
}

if [ -n "$short" ]; then
	commands='make run-x86
make run-arm
make run-riscv64
make install DESTDIR=target/installed
make lint
make test SAMPLE=yes ARCHES="x86_64 aarch64"'
else
	# shellcheck disable=SC2016 # the README's backquotes
	commands="$(sed -n '/^```sh$/,/^```$/s/^\(make [a-z0-9-]*\).*/\1/p' README.md)
make install DESTDIR=target/installed
make lint
make inspect
make size"
fi

for machine; do
	release=${machine%%-*} order=${machine##*-} who=${machine#*-}
	who=${who%-*} number=0
	case $who in root) home=/root ;; *) home=/home/$who ;; esac
	mkdir -p "$fresh/$machine"
	if ! new_root; then
		wrong="$wrong
there is no root"
		verdict "$machine"
		continue
	fi
	printf '\n== %s\n%-40s %8s %11s %11s\n' "$machine" '' time received 'on disk'
	case $order in
	readme) printf '%s\n' "$commands" ;;
	reverse) printf '%s\n' "$commands" | tac ;;
	*) die "test-fresh: ORDER is readme or reverse, not $order" ;;
	esac >"$fresh/commands"
	while IFS= read -r command <&7; do try "$command" 7<&-; done 7<"$fresh/commands"
done

result

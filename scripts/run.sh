#!/bin/sh
# run.sh ARCH: demonstrates the eight programs. Prints each command as one would type it, and its output.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

arch=$1
if native "$arch"; then
	under=
	echo "ring3 on $arch, natively"
else
	under="$(basename -- "$(value "QEMU_$arch")") "
	echo "ring3 on $arch, under ${under% }"
fi

# Copies of the shipped programs, in a folder to which they can write.
folder=target/run/$arch
rm -rf -- "$folder"
mkdir -p "$folder"
for name in $(programs src/bin); do cp -- "target/dist/$arch/$name" "$folder/"; done
show() { printf '\n$ %s\n' "$1"; }
demo() {
	show "$1"
	eval "$1"
}

demo "cd $folder"

demo "$under./hello"
demo "$under./hello Ada Grace"

demo "$under./hello | $under./save -m 640 greeting"
demo 'ls -l greeting'
demo 'cat greeting'

demo "cat ../../../LICENSE-* | tr -cs A-Za-z '\n' >words; wc -l <words"
demo "$under./msort -u -o sorted words; wc -l <sorted"
demo "LC_ALL=C sort -u words | cmp - sorted && echo same as sort"

demo "$under./pipe cat words '|' $under./msort '|' uniq -c '|' sort -rn '|' sed -n 1,3p"
demo "$under./init -w -- $under./hello init"
show "$under./echod -l 127.0.0.1:0 &"
: >address
# shellcheck disable=SC2086 # $under is empty, or one word
$under./echod -l 127.0.0.1:0 >address 2>&1 &
pid=$!
trap 'kill $pid' EXIT
tries=0
until port=$(grep -o '[0-9]*$' address); do
	tries=$((tries + 1))
	[ $tries -le 100 ] || die 'echod prints no address'
	sleep 0.1
done
cat address
demo "$under./probe 127.0.0.1:$port -- $under./hello probe"
demo "$under./echoc -c 8 -t 1 --verify 127.0.0.1:$port"
trap - EXIT
demo "kill $pid; wait $pid; echo \$?"

#!/bin/sh
# run-kernel.sh ARCH: demonstrates the programs on a real kernel in a guest without any other program. `init` is the
# first process, and switches the machine off at the end. There is no shell, so the probe `script` runs the commands
# below.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh

arch=$1
folder=target/run/kernel-$arch
rm -rf -- "$folder"
mkdir -p "$folder"
cat >"$folder/lines" <<-'END'
	save /proc/self/fd/1 < /proc/version
	hello
	hello Ada Grace
	pipe hello | save -m 640 greeting
	save /proc/self/fd/1 < greeting
	msort -r -o mounts /proc/mounts
	save /proc/self/fd/1 < mounts
	echod -l 127.0.0.1:7007 > address &
	wait address
	probe 127.0.0.1:7007 -- hello probe
	echoc -c 8 -t 1 --verify 127.0.0.1:7007
	kill
END
set -- bin/ "lines=$folder/lines" "init=target/dist/$arch/init" "bin/script=target/dist/$arch/probes/script"
for name in $(programs src/bin); do set -- "$@" "bin/$name=target/dist/$arch/$name"; done
scripts/initramfs.sh "$folder/image" "$@"

echo "ring3 on $arch, on Debian's kernel under qemu-system, with this in its memory at first:"
printf ' %s' "$@"
printf '\n\n'
# sed: lines from a terminal end with a carriage return and a newline.
scripts/guest.sh "$arch" "$folder/image" '--boot script /lines' </dev/null | sed -u 's/\r$//' | tee "$folder/said"
grep -qx 'init: exit status 0' "$folder/said"

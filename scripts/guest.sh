#!/bin/sh
# guest.sh GUEST INITRAMFS COMMAND [QEMU-OPTION...]: boots a real kernel under qemu-system, with two CPUs;
# its first process is the /init of the INITRAMFS, with the words of COMMAND behind its name, its terminal
# our standard input and output. GUEST is x86_64, aarch64 or aarch64_16k. Where it can't be booted here: a
# line that says why, and exit status 77.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

guest=$1 initramfs=$2 command=$3
shift 3
why=$(value "NO_GUEST_$guest")
kernel=$(value "KERNEL_$guest")
if [ -n "$why" ] || [ -z "$kernel" ]; then
	echo "${why:-set-up has not looked for a kernel}"
	exit 77
fi
# A kernel writes over code of its own, on x86 while other CPUs are in it. Where qemu has a thread for each CPU, one
# of them may then run in a circle for ever: 1 boot of 171 on a busy machine, before the first program.
case $guest in
x86_64) set -- -M q35 "$@" && console=ttyS0 threads=single ;;
aarch64) set -- -M virt -cpu cortex-a57 "$@" && console=ttyAMA0 threads=multi ;;
aarch64_16k) set -- -M virt -cpu cortex-a76 "$@" && console=ttyAMA0 threads=multi ;; # the first of Arm's that qemu gives such pages
*) die "guest.sh: no guest is called $guest" ;;
esac
for folder in qemu seabios; do
	[ -z "$QEMU_SYSTEM_SHARE" ] || set -- -L "$QEMU_SYSTEM_SHARE/$folder" "$@"
done
# A kernel that panics reboots at once, and qemu ends instead. (KVM is left alone: the machine is the same
# wherever this runs.)
export LD_LIBRARY_PATH="$QEMU_SYSTEM_LIBS"
exec "$(value "QEMU_SYSTEM_${guest%_16k}")" -accel tcg,thread="$threads" -smp 2 -m 512 "$@" \
	-kernel "$kernel/vmlinuz" -initrd "$initramfs" \
	-append "console=$console quiet loglevel=1 panic=-1 -- $command" \
	-nodefaults -display none -no-reboot -serial stdio

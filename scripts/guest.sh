#!/bin/sh
# guest.sh GUEST INITRAMFS COMMAND [QEMU-OPTION...]: boots a real kernel under qemu-system, with two CPUs. GUEST is
# x86_64, aarch64, aarch64_16k, riscv64 or arm. The first process is /init from the INITRAMFS; its arguments are the words of COMMAND,
# and its terminal is our standard input and output. If the guest cannot be booted here, prints the reason, and exits
# with 77.
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
# A kernel patches its own code, on x86 while other CPUs run that code. If qemu has a thread for each CPU, such a CPU
# may loop forever: 1 boot of 171 on a busy machine did not end, before the first program. So qemu has one thread for
# all CPUs of x86. The x86 kernel panics if the timer does not interrupt within 10 ticks ("IO-APIC + timer"): on a busy
# machine qemu may be too late, so the check is left out.
options=
case $guest in
x86_64) set -- -M q35 "$@" && console=ttyS0 threads=single options=no_timer_check ;;
aarch64) set -- -M virt -cpu cortex-a57 "$@" && console=ttyAMA0 threads=multi ;;
aarch64_16k) set -- -M virt -cpu cortex-a76 "$@" && console=ttyAMA0 threads=multi ;; # qemu's first with 16K pages
riscv64) set -- -M virt "$@" && console=ttyS0 threads=multi ;;
arm) set -- -M virt -cpu cortex-a15 "$@" && console=ttyAMA0 threads=multi ;;
*) die "guest.sh: no guest is called $guest" ;;
esac
arch=${guest%_16k}
share=$(value "QEMU_SYSTEM_SHARE_$arch")
for folder in qemu seabios; do
	[ -z "$share" ] || set -- -L "$share/$folder" "$@"
done
# A kernel that panics reboots at once, and with -no-reboot qemu then exits. KVM is not used, so that the guest's
# machine is the same on every host.
LD_LIBRARY_PATH=$(value "QEMU_SYSTEM_LIBS_$arch")
export LD_LIBRARY_PATH
exec "$(value "QEMU_SYSTEM_$arch")" -accel tcg,thread="$threads" -smp 2 -m 512 "$@" \
	-kernel "$kernel/vmlinuz" -initrd "$initramfs" \
	-append "console=$console $options quiet loglevel=1 panic=-1 -- $command" \
	-nodefaults -display none -no-reboot -serial stdio

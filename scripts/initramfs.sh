#!/bin/sh
# initramfs.sh OUT ENTRY...: makes an initramfs, the archive that a guest's kernel unpacks into its root directory. An
# ENTRY is FOLDER/ or NAME=FILE: a directory, or the file NAME with the content of FILE. The format is cpio's newc (the kernel's
# Documentation/driver-api/early-userspace/buffer-format.rst): a header of hexadecimal fields, the name, the content,
# each padded to four bytes.
set -eu
out=$1
shift

number=0 # the inode number
fill() { head -c $(((4 - $1 % 4) % 4)) /dev/zero; }
header() { # NAME MODE SIZE
	number=$((number + 1))
	printf '070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\0' \
		$number "$2" 0 0 1 0 "$3" 0 0 0 0 $((${#1} + 1)) 0 "$1"
	fill $((110 + ${#1} + 1))
}

for entry; do
	case $entry in
	*/) header "${entry%/}" 0040755 0 ;;
	*)
		file=${entry#*=}
		size=$(wc -c <"$file")
		header "${entry%%=*}" 0100755 "$size"
		cat -- "$file"
		fill "$size"
		;;
	esac
done >"$out.new"
header 'TRAILER!!!' 0 0 >>"$out.new"
mv -- "$out.new" "$out"

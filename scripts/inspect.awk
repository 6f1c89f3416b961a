# inspect.awk: the second half of inspect.sh. Reads in this order, each after `part=`: the numbers of system calls, the
# assembly of `arch`, the call sites, their frames, and (unless only the table is wanted) the disassembly.

BEGIN {
	registers["x86_64"] = "rdi rsi rdx r10 r8 r9"
	registers["aarch64"] = "x0 x1 x2 x3 x4 x5"
	registers["riscv64"] = "a0 a1 a2 a3 a4 a5"
	registers["x86"] = "ebx ecx edx esi edi ebp"
	registers["arm"] = "r0 r1 r2 r3 r4 r5"
	# The columns of several architectures in the table of numbers.
	shared["aarch64"] = shared["riscv64"] = "generic"
	shared["x86"] = shared["arm"] = "bits32"
}

# src/abi: `name = 158,` or `name = { x86_64 0, generic 63, bits32 NAME 3 },` in a group that begins with `numbers [`.
part == "names" && /^    [a-z]+ \[/ { numbers = $1 == "numbers" }
part == "names" && numbers && $2 == "=" && $3 != "{" { names[$3 + 0] = $1 }
part == "names" && numbers && $3 == "{" {
	for (i = 4; i < NF; i++) {
		if ($i == arch || $i == shared[arch]) names[($(i + 1) ~ /^[0-9]/ ? $(i + 1) : $(i + 2)) + 0] = $1
	}
}

# src/arch: the line of each label; the comments in the macro of `ring3_start`, by the instruction's position.
part == "assembly" && /^macro_rules! / { macro = $2 }
part == "assembly" && /^ *"[a-z0-9_]+:"/ {
	split($1, words, /[":]/)
	lines[words[2]] = FNR
	next
}
part == "assembly" && macro == start && /^ *"([0-9]+: )?[a-z]/ {
	instructions++
	if (split($0, halves, "// *") > 1) comments[instructions] = halves[2]
	if ($1 ~ /^"(lla|call)$/ && arch == "riscv64") instructions++ # a pseudo-instruction of two
}

part == "sites" {
	sites++
	address[sites] = sprintf("%x", $1)
	number_of[sites] = $2
	name = $2 in names ? names[$2] : "?"
	name_of[sites] = name
	split(registers[arch], register, " ")
	call = name "("
	for (i = 1; i <= $3; i++) call = call (i > 1 ? ", " : "") register[i]
	calls[address[sites]] = call ")"
}

# The caller is the innermost frame outside `arch` and `abi`. Code of `arch` that is not inlined has no such frame: it
# is the caller itself. Assembly outside functions has no lines but the one of its label. The caller may be inlined, in
# the end into the last frame that is not of `core`.
part == "frames" && NF && !is_place {
	is_place = 1
	name = $0
	sub(/::h[0-9a-f]*( \(\.[a-z0-9.]*\))?$/, "", name)
	gsub(/_?\$u7b\$\$u7b\$closure\$u7d\$\$u7d\$/, "{closure}", name) # older symbolizers do not know these
	next
}
part == "frames" && NF {
	is_place = 0
	place = index($0, root) == 1 ? substr($0, length(root) + 1) : $0
	sub(/:[0-9]+$/, "", place)
	if (name in lines) place = "src/arch/" arch "/mod.rs:" lines[name]
	if (place ~ /^(src|tests)\//) whole = name
	if (is_found) next
	caller = name
	line = place
	is_found = place ~ /^(src|tests)\// && place !~ /^src\/(arch|abi)\//
}
part == "frames" && !NF {
	row++
	if (whole && caller != whole) caller = caller ", in " whole
	printf "%-8s %3d  %-16s %-32s %s\n", "0x" address[row], number_of[row], name_of[row], line, caller
	is_found = whole = 0
}

# The path of the source is shortened; each system call and each instruction of `ring3_start` gets its comment.
part == "listing" && FNR == 1 { print "" }
part == "listing" && /^[0-9a-f]+ <.*>:$/ { in_start = $2 == "<ring3_start>:"; position = 0 }
part == "listing" {
	if (index($0, "; " root) == 1) $0 = "; " substr($0, length(root) + 3)
	sub(/; \/.*\/library\/core\//, "; core/")
	comment = ""
	if (/^ *[0-9a-f]+:/) {
		position++
		at = $1
		sub(/:/, "", at)
		if (at in calls) comment = "  # " calls[at]
		else if (in_start && position in comments) comment = "  # " comments[position]
	}
	print $0 comment
}

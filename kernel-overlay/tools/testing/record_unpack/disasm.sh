#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Check that generated functions contain only permitted instructions and end with a return.
#
# Usage: disasm.sh RULES FILE OBJDUMP [ARGUMENTS]
#
# dump writes FILE and FILE.len. RULES contains extended regular expressions:
#
# unpack RE	a permitted instruction of an unpack function
# select RE	a permitted instruction of a dispatcher
# end RE	the end of a function: one instruction, or two separated by "; "
set -e

rules=$1 file=$2
shift 2

"$@" -D -b binary -w --no-show-raw-insn "$file" | awk -v rules="$rules" -v lens="$file.len" '
function wrong(what) {
	printf "# wrong: %s at %#x: %.300s\n", what, start, join()
	bad = 1
	exit 1
}

function join(  i, all) {
	for (i = 1; i <= n; i++)
		all = all (i > 1 ? "; " : "") insn[i]
	return all
}

# Return the number of instructions that form the end of the function, 0 if none do.
function ending() {
	if (end == "")
		return 0
	if (n && insn[n] ~ end)
		return 1
	if (n > 1 && insn[n - 1] "; " insn[n] ~ end)
		return 2
	return 0
}

function check_function(  i, last) {
	last = n - ending()
	if (last == n)
		wrong("no return")
	for (i = 1; i <= last; i++)
		if (insn[i] !~ re[kind])
			wrong("instruction \"" insn[i] "\" of a function to " kind)
	functions++
	instructions += n
	n = 0
}

function next_function() {
	start = limit
	if ((getline line < lens) <= 0) {
		limit = -1
		return
	}
	split(line, field, " ")
	limit += field[1]
	kind = field[2]
}

# mawk has no strtonum().
function hex(s,  i, v) {
	for (i = 1; i <= length(s); i++)
		v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return v
}

BEGIN {
	FS = "\t"
	while ((getline line < rules) > 0) {
		if (line !~ /^(unpack|select|end) /)
			continue
		i = index(line, " ")
		k = substr(line, 1, i - 1)
		re[k] = re[k] (re[k] == "" ? "^(" : "|") substr(line, i + 1)
	}
	for (k in re)
		re[k] = re[k] ")$"
	end = re["end"]
	next_function()
}

/^ *[0-9a-f]+:\t/ {
	at = $1
	gsub(/[ :]/, "", at)
	at = hex(at)
	if (at >= limit) {
		if (at > limit)
			wrong("an instruction crosses the end")
		check_function()
		next_function()
	}
	text = $2
	for (i = 3; i <= NF; i++)
		text = text " " $i
	sub(/ *(<.*|# .*|\/\/.*)?$/, "", text)
	gsub(/  +/, " ", text)
	insn[++n] = text
}

END {
	if (bad)
		exit 1
	check_function()
	next_function()
	if (limit != -1)
		wrong("the code ends early")
	printf "# %d functions of %.1f instructions\n", functions, instructions / functions
}'

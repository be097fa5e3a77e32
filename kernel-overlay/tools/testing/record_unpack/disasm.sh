#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Whether generated functions have but the instructions that they should, and end where
# they should.
#
# Usage: disasm.sh RULES FILE OBJDUMP [ARGUMENTS]
#
# FILE and FILE.len are what dump has written. RULES has extended regular expressions:
#
# unpack RE	an instruction of a function that unpacks
# select RE	an instruction of a function that selects one
# end RE	how functions end: one or two instructions with "; " in between
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

# How many instructions at the end are what the end has to be.
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
		wrong("no end")
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
			wrong("an instruction that goes beyond the end")
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
		wrong("nothing")
	printf "# %d functions of %.1f instructions\n", functions, instructions / functions
}'

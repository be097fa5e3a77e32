#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run all tests for all architectures and print KTAP. "make run" calls this script and
# passes its variables in the environment.

SKIP=4
number=0
failed=0
seed=${SEED:-$(date +%s)}
log=$OUT/log

result() {
	number=$((number + 1))
	case $1 in
	0) echo "ok $number $2" ;;
	"$SKIP") echo "ok $number $2 # SKIP $3" ;;
	*) echo "not ok $number $2"; failed=1 ;;
	esac
}

# run NAME COMMAND...: the output of the command becomes diagnostic lines.
run() {
	name=$1
	shift
	status=0
	"$@" > "$log" 2>&1 || status=$?
	sed 's/^#* */# /' "$log"
	result $status "$name" "not on this architecture"
}

# $1: number of functions
dump() {
	$QEMU "$dir/dump" "$dir/code" "$1" "$seed"
}

disassembly() {
	dump "$FUNCTIONS" && ./disasm.sh "$rules" "$dir/code" $OBJDUMP
}

refused() {
	./disasm.sh "$@" $OBJDUMP > "$dir/why" 2>&1 || return 0
	echo "$2 passes with the rules $1"
	return 1
}

# Test disasm.sh: it must fail without any one of the rules, and for compiled code.
disassembly_refused() {
	dump 1000 || return
	grep -nE '^(unpack|select|end) ' "$rules" | cut -d: -f1 | while read -r line; do
		sed "${line}d" "$rules" > "$dir/rules"
		refused "$dir/rules" "$dir/code" || {
			echo "the rule in line $line is unnecessary"
			exit 1
		}
	done || return

	${PREFIX}objcopy -O binary -j .text "$dir/lib/record_unpack.o" "$dir/other" &&
		echo "$(wc -c < "$dir/other") unpack" > "$dir/other.len" &&
		refused "$rules" "$dir/other"
}

all_tests="shapes select disassembly disassembly_refused"

skip_all() {
	for t in $all_tests; do
		result $SKIP "$arch $t" "$1"
	done
}

test_arch() {
	arch=$1
	dir=$OUT/$arch
	rules=stubs/$arch/disasm.rules
	eval "PREFIX=\$PREFIX_$arch QEMU=\$QEMU_$arch OBJDUMP=\$OBJDUMP_$arch"
	[ "$arch" = "$NATIVE" ] && shapes="$SHAPES 4 $seed" || shapes="$CROSS_SHAPES 4 $seed 2"

	for tool in ${PREFIX}gcc $QEMU ${PREFIX}objdump; do
		command -v "$tool" > /dev/null || { skip_all "needs $tool"; return; }
	done
	if ! $MAKE "tests-$arch" > "$log" 2>&1; then
		sed 's/^/# /' "$log"
		for t in $all_tests; do
			result 1 "$arch $t"
		done
		return
	fi
	run "$arch shapes" $QEMU "$dir/unpack" $shapes
	run "$arch select" $QEMU "$dir/select" 20 "$seed"
	run "$arch disassembly" disassembly
	run "$arch disassembly_refused" disassembly_refused
}

mkdir -p "$OUT"
echo "KTAP version 1"
echo "1..$(($(echo $ARCHS | wc -w) * $(echo $all_tests | wc -w)))"
for a in $ARCHS; do
	test_arch "$a"
done
exit $failed

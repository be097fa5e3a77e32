#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Test and measure text patching on real hardware, where instruction caches can
# be incoherent and a nanosecond means something. An emulator shows neither.
#
# Usage: run_on_board.sh [ROUNDS]
#
# Runs the correctness tests ROUNDS times (default 10), each with another seed,
# then measures. Needs root, and a kernel with CONFIG_TEST_VMALLOC_TEXT=m.

rounds=${1:-10}
dir=$(dirname "$0")
test=$dir/vmalloc_text
skip=4

die()
{
	echo "run_on_board.sh: $1" >&2
	exit "$2"
}

case $rounds in
'' | *[!0-9]* | 0) die "ROUNDS must be a number above 0, not '$rounds'" 1 ;;
esac
[ "$(id -u)" = 0 ] || die "only root may load the test module: run it as root" $skip
[ -x "$test" ] ||
	die "$test is not built: make -C tools/testing/selftests TARGETS=execmem" $skip

echo "# kernel: $(uname -srm)"
echo "# processors: $(getconf _NPROCESSORS_ONLN)"
grep -m 4 -iE '^(model name|cpu part|cpu implementer|isa|uarch)' /proc/cpuinfo |
	sed 's/[[:space:]]\{1,\}/ /g; s/^/# /'
if grep -qE '^flags.* hypervisor' /proc/cpuinfo ||
   grep -qi qemu /sys/class/dmi/id/sys_vendor /proc/device-tree/model 2>/dev/null; then
	echo "# this is a virtual machine: its figures and its caches prove little"
fi

failed=0
round=1
while [ "$round" -le "$rounds" ]; do
	echo "# round $round of $rounds"
	"$test" "seed=$round"
	status=$?
	[ $status != $skip ] || exit $skip
	[ $status = 0 ] || failed=$((failed + 1))
	round=$((round + 1))
done

echo "# cost, in units of the processor's counter"
"$test" perf=1 || failed=$((failed + 1))

echo "# $failed of $rounds rounds and 1 measurement failed"
[ "$failed" = 0 ]

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run_on_board.sh [-m MODULE.ko] [-o DIR] [-r REPEATS]: run the tests on real hardware.
#
# Emulators have coherent instruction caches and cannot show missing cache maintenance.
# This script runs the tests REPEATS times (default 5) on this machine, and then
# measures. It prints the type of the machine, and the steps that it had to leave out.
# It needs root and a kernel with CONFIG_TEST_VMALLOC_TEXT=m. DIR (default
# ./vmalloc_text.HOST) receives a copy of the output. Exits with 0 if all steps
# succeeded.
set -u

here=$(cd "$(dirname "$0")" && pwd)
module=
out=./vmalloc_text.$(uname -n)
repeats=5
KSFT_SKIP=4

die()
{
	echo "run_on_board.sh: $1" >&2
	exit 1
}

usage()
{
	sed -n '4,/^set/{/^#/{s/^# \{0,1\}//;p}}' "$0"
}

# Report if the CPU is virtual.
virtualisation()
{
	if command -v systemd-detect-virt >/dev/null; then
		what=$(systemd-detect-virt --vm)
	elif grep -qw hypervisor /proc/cpuinfo; then
		what="a hypervisor"
	elif grep -qaE 'dummy-virt|riscv-virtio' /proc/device-tree/compatible 2>/dev/null; then
		what="QEMU's board"
	else
		what=none
	fi
	if [ "$what" = none ]; then
		echo "machine: no virtualisation found"
	else
		echo "machine: virtual ($what): results do not cover caches if it is emulated"
	fi
}

describe()
{
	model=$(sed -nE 's/^(model name|uarch|cpu model|Model)[[:space:]]*: //p' /proc/cpuinfo |
		head -n 1)
	if [ -z "$model" ] && [ -r /proc/device-tree/compatible ]; then
		model=$(tr '\0' ' ' </proc/device-tree/compatible)
	fi
	if [ -z "$model" ]; then
		model=$(grep -m 3 -E '^(CPU (implementer|part)|mvendorid|marchid)' /proc/cpuinfo |
			tr -s '\t\n' ' ')
	fi
	echo "CPU: ${model:-unknown}"
	echo "CPUs online: $(grep -c "^processor" /proc/cpuinfo)"
	echo "kernel: $(uname -srm)"
	virtualisation
}

# counters: print the command prefix that counts hardware events, if perf supports it.
counters()
{
	command -v perf >/dev/null || {
		echo "hardware counters: no perf tool, only the time is measured" >&2
		return
	}
	perf stat -a -e instructions -- true >/dev/null 2>&1 || {
		echo "hardware counters: none that perf can use, only the time is measured" >&2
		return
	}
	echo "perf stat -a -e cycles,instructions,L1-icache-load-misses,iTLB-load-misses --"
}

while getopts m:o:r:h-: opt; do
	case $opt in
	m) module=$(readlink -f "$OPTARG") ;;
	o) out=$OPTARG ;;
	r) repeats=$OPTARG ;;
	-)
		[ "$OPTARG" = help ] || die "unknown option '--$OPTARG' (see --help)"
		usage
		exit 0
		;;
	h) usage; exit 0 ;;
	*) exit 2 ;;
	esac
done
case $repeats in
*[!0-9]* | 0* | "") die "-r needs a number, not '$repeats'" ;;
esac
[ -x "$here/vmalloc_text" ] || die "no $here/vmalloc_text: run make there first"
if [ "$(id -u)" != 0 ]; then
	echo "run_on_board.sh: not root: nothing was tested" >&2
	exit $KSFT_SKIP
fi
mkdir -p "$out" || die "cannot write to $out"

# run PARAMETER: run the tests. Store the exit status in a file: a pipe returns only that
# of its last command.
run()
{
	if [ -n "$module" ]; then
		set -- -m "$module" "$@"
	fi
	$counting "$here/vmalloc_text" "$@" 2>&1
	echo $? >"$out/status"
}

describe | tee "$out/machine"

echo "tests, $repeats times each:"
counting=
run test_repeat_count="$repeats" | tee "$out/tests"
status=$(cat "$out/status")

# perf counts events of the whole machine, which should be idle otherwise.
counting=$(counters)
echo "measurements:"
run perf=1 | tee "$out/perf"
measured=$(cat "$out/status")
rm -f "$out/status"

echo "results are in $out"
[ "$status" != 0 ] || status=$measured
exit "$status"

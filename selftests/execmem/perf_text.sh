#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# perf_text.sh [-r REPEATS] [-c COUNT] [-d DIR]: measure the cost of generated code with
# the hardware counters of this machine.
#
# Runs "workloads" REPEATS times (default 5) under "perf stat", each with COUNT pieces of
# code (default 1000), one of them also with ten times as many. With DIR, it also loads
# the modules of DIR (small0.ko, ... and relocations.ko). perf counts all CPUs: the
# machine should be idle otherwise.
#
# If the kernel has CONFIG_TEST_VMALLOC_TEXT=m, it then measures text writes and calls of
# 16 to 8192 small functions in random order, with a page per function and packed. A page
# per function splits large pages of the direct map until the next boot, which also slows
# down later measurements.
#
# Needs root, perf, and a CPU that counts cycles and misses of the instruction cache and
# of the instruction TLB. Otherwise it exits with status 4.
set -u

EVENTS="cycles iTLB-load-misses L1-icache-load-misses"
MODULE=test_vmalloc_text
CALL=/sys/module/$MODULE/parameters/call
CALLS=2000000
KSFT_SKIP=4

here=$(cd "$(dirname "$0")" && pwd)
repeats=5
count=1000
modules=

die()
{
	echo "perf_text.sh: $1" >&2
	exit 1
}

skip()
{
	echo "perf_text.sh: SKIP: $1: nothing was measured" >&2
	exit $KSFT_SKIP
}

usage()
{
	sed -n '4,/^set/{/^#/{s/^# \{0,1\}//;p}}' "$0"
}

# is_number WORD
is_number()
{
	case $1 in
	*[!0-9]* | 0* | "") return 1 ;;
	esac
}

# missing_events: print the events that this machine cannot count.
missing_events()
{
	for event in $EVENTS; do
		perf stat -a -x , -e "$event" -- true 2>&1 |
			grep -qE "^[0-9]+(,|\.)" || echo "$event"
	done
}

# not_counted: print the first event without a count in the output of perf.
not_counted()
{
	for event in $EVENTS; do
		# A CPU with two kinds of cores has "cpu_core/cycles/" and "cpu_atom/cycles/".
		grep -qE "^ *[0-9][0-9.]* +([^ ]+/)?$event" "$log" || { echo "$event"; return; }
	done
}

# measure NAME COMMAND...: print the counters of a command and their spread. perf returns
# the exit status of the last run only, so that each run prints "done".
measure()
{
	name=$1
	shift
	echo "== $name"
	status=0
	# shellcheck disable=SC2086,SC2016
	LC_ALL=C perf stat -a -r "$repeats" $options -- sh -c '"$@" && echo "# done"' sh "$@" \
		2>"$log" >"$log.out" || status=$?
	if [ "$status" = "$KSFT_SKIP" ] && grep -q '# SKIP' "$log.out"; then
		grep -m 1 '# SKIP' "$log.out"
	elif [ "$status" != 0 ] || [ "$(grep -c '^# done$' "$log.out")" != "$repeats" ]; then
		cat "$log.out" "$log" >&2
		failed=1
	elif missing=$(not_counted) && [ -n "$missing" ]; then
		cat "$log" >&2
		echo "perf_text.sh: $missing was not counted" >&2
		failed=1
	else
		grep -E ' ([^ ]+/)?(cycles|[^ ]+-misses)|elapsed' "$log"
		measured=$((measured + 1))
	fi
}

# measure_calls NUMBER SCATTERED
measure_calls()
{
	# A loaded module would keep its functions.
	if ! unload_module || ! modprobe "$MODULE" functions="$1" scattered="$2"; then
		failed=1
		return
	fi
	layout=packed
	[ "$2" = 0 ] || layout="scattered, a page each"
	# shellcheck disable=SC2016
	measure "$CALLS calls of $1 functions, $layout" \
		sh -c 'echo "$1" >"$2"' sh "$CALLS" "$CALL"
	unload_module || failed=1
}

unload_module()
{
	[ ! -e "/sys/module/$MODULE" ] || rmmod "$MODULE"
}

while getopts r:c:d:h-: opt; do
	case $opt in
	r) repeats=$OPTARG ;;
	c) count=$OPTARG ;;
	d) modules=$OPTARG ;;
	-)
		[ "$OPTARG" = help ] || die "unknown option '--$OPTARG' (see --help)"
		usage
		exit 0
		;;
	h) usage; exit 0 ;;
	*) exit 2 ;;
	esac
done
is_number "$repeats" || die "-r needs a number, not '$repeats'"
is_number "$count" || die "-c needs a number, not '$count'"
# workloads accepts at most ten times this number.
[ "$count" -le 10000 ] || die "-c must be 10000 at most, not $count"
[ -z "$modules" ] || [ -f "$modules/relocations.ko" ] || die "no $modules/relocations.ko"
[ -x "$here/workloads" ] || die "no $here/workloads: run make there first"
[ "$(id -u)" = 0 ] || skip "not root"
command -v perf >/dev/null || skip "no perf tool"
missing=$(missing_events | tr '\n' ' ')
[ -z "$missing" ] || skip "this machine does not count: ${missing% }"

log=$(mktemp)
trap 'rm -f "$log" "$log.out"; unload_module' EXIT
trap 'exit 130' INT TERM
options=
for event in $EVENTS; do
	options="$options -e $event"
done
failed=0
measured=0

uname -srm
for workload in bpf bpf_cpus kprobes; do
	measure "$count $workload" "$here/workloads" quick "$workload" "$count"
done
measure "$((10 * count)) bpf" "$here/workloads" quick bpf $((10 * count))
measure "100 ftrace" "$here/workloads" quick ftrace 100
if [ -n "$modules" ]; then
	small=$(find "$modules" -name 'small*.ko' | wc -l)
	measure "$small modules" "$here/workloads" quick modules "$small" "$modules"
	measure "relocations" "$here/workloads" quick relocations 1 "$modules"
fi
if modprobe -n "$MODULE" functions=1 2>/dev/null; then
	measure "text writes" "$here/workloads" quick text_writes 1
	for functions in 16 64 256 512 1024 2048 4096 8192; do
		measure_calls "$functions" 1
		measure_calls "$functions" 0
	done
else
	echo "calls of generated functions: SKIP: no CONFIG_TEST_VMALLOC_TEXT=m"
fi
[ "$measured" != 0 ] || die "no workload was measured"
exit "$failed"

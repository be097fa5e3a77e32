#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-perf-text: selftests/execmem/perf_text.sh with a perf that is a shell script.  It
# measures with the available counters, and says so if there are none.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
SOURCE=$(dirname "$SCRIPTS")/selftests/execmem/perf_text.sh

# fake_machine EVENT...: with a perf that does not count these.
fake_machine()
{
	SCRIPTS=$TOY/bin
	mkdir -p "$SCRIPTS"
	# The file for calls is a plain one.
	sed "s,^CALL=.*,CALL=$TOY/call," "$SOURCE" >"$SCRIPTS/perf_text.sh"
	chmod +x "$SCRIPTS/perf_text.sh"
	fake id 'echo 0'
	fake modprobe 'case $* in -n*) exit '"${MODULE:-0}"' ;; esac; echo "$@" >>"$0.log"'
	fake rmmod 'exit 0'
	fake workloads 'echo "ok 1 $*"; echo "$*" >>"$0.log"'
	fake perf "missing='$*'" '
		x= repeats=1 events= status=0
		while [ $# -gt 0 ] && [ "$1" != -- ]; do
			case $1 in -x) x=1 ;; -e) event=$2 events="$events $2" ;; -r) repeats=$2 ;; esac
			shift
		done
		shift
		while [ "$repeats" != 0 ]; do
			"$@"; status=$? repeats=$((repeats - 1))
		done
		case " $missing " in
		*" $event "*) echo "<not supported>,,$event,0,100.00,," >&2; exit ;;
		esac
		[ -z "$x" ] || { echo "123,,$event,1,100.00,," >&2; exit; }
		for event in $events; do
			[ "$event" = "$UNCOUNTED" ] && number="<not counted>" || number=1000
			echo "     $number      $event       ( +-  1.0% )" >&2
		done
		exit $status'
}

# skips TEXT: nothing is measured, and the last line says why.
skips()
{
	local status=0
	"$SCRIPTS/perf_text.sh" >"$TOY/out" 2>"$TOY/err" || status=$?
	[ "$status" = 4 ] && grep -qF "SKIP: $1" "$TOY/err" && [ ! -s "$TOY/out" ] ||
		{ echo "# status $status"; sed 's/^/# /' "$TOY/out" "$TOY/err"; return 1; }
}

test_all_is_measured()
{
	fake_machine && quiet perf_text.sh -r 2 -c 50 && grep -q 'quick bpf 50' "$TOY/bin/workloads.log" &&
		grep -q 'calls of 8192 functions, packed' "$TOY/out" &&
		grep -q 'functions=16 scattered=1' "$TOY/bin/modprobe.log" &&
		grep -q 'quick bpf 500' "$TOY/bin/workloads.log" &&
		grep -q 'quick text_writes 1' "$TOY/bin/workloads.log" &&
		[ "$(grep -c cycles "$TOY/out")" = 22 ] && [ "$(grep -c misses "$TOY/out")" = 44 ]
}

test_without_the_module()
{
	MODULE=1 fake_machine && quiet perf_text.sh &&
		grep -q 'SKIP: no CONFIG_TEST_VMALLOC_TEXT' "$TOY/out"
}

test_missing_counters_are_named()
{
	fake_machine iTLB-load-misses && skips 'this machine does not count: iTLB-load-misses:'
}

test_without_perf()
{
	fake_machine && rm "$TOY/bin/perf" &&
		PATH=$TOY/bin:$(path_without_perf) skips 'no perf tool'
}

# path_without_perf: links to all that the script needs.
path_without_perf()
{
	local tool
	mkdir -p "$TOY/tools"
	for tool in sh bash dirname sed grep cat; do
		ln -sf "$(command -v $tool)" "$TOY/tools/$tool" 2>/dev/null
	done
	echo "$TOY/tools"
}

test_not_root()
{
	fake_machine && fake id 'echo 1000' && skips 'not root'
}

test_a_workload_that_fails()
{
	fake_machine && fake workloads 'echo "not ok 1"; exit 1' && fails_with 'not ok 1' perf_text.sh
}

test_a_workload_that_fails_once()
{
	fake_machine && fake workloads 'echo x >>"$0.log"; [ "$(wc -l <"$0.log")" != 1 ]' &&
		fails_with '== 1000 bpf' perf_text.sh && ! sed -n '/== 1000 bpf$/{n;p}' "$TOY/out" | grep cycles &&
		sed -n '/== 1000 bpf_cpus$/{n;p}' "$TOY/out" | grep -q cycles
}

test_an_event_without_a_count_fails()
{
	fake_machine && UNCOUNTED=iTLB-load-misses fails_with 'iTLB-load-misses was not counted' perf_text.sh &&
		! grep -q '^ .*cycles' "$TOY/out"
}

test_a_missing_workload()
{
	fake_machine && fake workloads \
		'[ "$2" = ftrace ] || exit 0; echo "1..0 # SKIP none of these"; exit 4' &&
		quiet perf_text.sh && grep -q '# SKIP none of these' "$TOY/out"
}

test_bad_arguments()
{
	fake_machine && fails_with "-r needs a number, not 'x'" perf_text.sh -r x &&
		fails_with '-c must be 10000 at most' perf_text.sh -c 10001 &&
		fails_with "no /nowhere/relocations.ko" perf_text.sh -d /nowhere &&
		fails_with "unknown option '--repeats'" perf_text.sh --repeats 5 &&
		quiet perf_text.sh --help && grep -q 'REPEATS times' "$TOY/out" &&
		rm "$TOY/bin/workloads" && fails_with "run make there first" perf_text.sh
}

run_tests

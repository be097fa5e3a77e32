#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-matrix: scripts/matrix with fake boots.  Each row has its CPU, parameters and proofs.
# A row that has passed is not repeated.  A row that has not passed fails.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
REAL=$SCRIPTS

# toy_matrix: the scripts, with a build and boots that take no time.  The rows named in
# $TOY/failing fail.
toy_matrix()
{
	local scripts=$TOY/scripts o
	unset CC FORCE LONG
	cp -r "$REAL" "$scripts"
	# FORCE would drop edits.
	printf '#!/bin/sh\n[ -z "${FORCE:-}" ]\n' >"$scripts/build"
	cat >"$scripts/boot" <<-EOF
		#!/bin/bash
		mkdir -p "\$OUT"
		echo "\${OUT##*/} CPUS=\$CPUS\${DEBUG:+ DEBUG=\$DEBUG}\${CC:+ CC=\$CC} \$*" >>"$TOY/booted"
	EOF
	cat >"$scripts/steps/verdict" <<-EOF
		#!/bin/bash
		row=\${2##*/}
		! grep -qx "\$row mute" "$TOY/failing" || exit 1
		! grep -qx "\$row" "$TOY/failing" || { echo "mode-1  FAILED  no such mode"; bad=1; }
		echo "4 passed, \${bad:-0} failed, 1 skipped"
		[ -z "\${bad:-}" ]
	EOF
	: >"$TOY/failing"
	for o in o.x86_64 o.x86_64.clang o.x86_64.dynamic o.arm64.64k; do
		mkdir -p "$TOY/top/build/tree/$o"/{arch/{x86,arm64}/boot,guest/stage}
		echo kernel | tee "$TOY/top/build/tree/$o"/arch/{x86/boot/bz,arm64/boot/}Image >/dev/null
		echo 'boot kunit 0' >"$TOY/top/build/tree/$o/guest/tests"
	done
	mkdir -p "$TOY/top/configs"
	cp "$REAL/../configs/boots.txt" "$TOY/top/configs"
	SCRIPTS=$scripts DIR=$TOY/top/results/matrix
}

# booted ROW...: these were booted since the last question, and no others.
booted()
{
	local names
	names=$(cut -d ' ' -f 1 "$TOY/booted" 2>/dev/null | xargs)
	rm -f "$TOY/booted"
	[ "$names" = "$*" ] || { echo "# booted: $names"; return 1; }
}

# total TEXT: the last line of the last run.
total()
{
	[ "$(tail -n 1 "$TOY/out")" = "$1" ] || { tail -n 1 "$TOY/out" | sed 's/^/# /'; return 1; }
}

test_a_row_has_its_cpu_and_parameters()
{
	toy_matrix && quiet matrix its 8-cpus && total "8 passed, 0 failed, 2 skipped" &&
		grep -q '^its CPUS=2 --cpu Icelake-Server --append indirect_target_selection=force --overlay .*/its/overlay x86_64$' "$TOY/booted" &&
		grep -q '^8-cpus CPUS=8 --overlay [^ ]* x86_64$' "$TOY/booted"
}

test_each_row_runs_all_tests_and_proves_its_mode()
{
	local row
	toy_matrix && quiet matrix || return 1
	[ "$(ls "$DIR" | wc -l)" -ge 8 ] || return 1
	for row in "$DIR"/*; do
		grep -qx 'boot kunit 0' "$row/overlay/tests" && grep -qE '^(file|boot) mode-1 [0-9]+ .' "$row/overlay/tests" ||
			{ echo "# $row"; return 1; }
	done
	grep -qx 'file mode-1 10 /sys/devices/system/cpu/vulnerabilities/retbleed Mitigation: Stuffing' "$DIR/stuffing/overlay/tests" &&
		grep -qx 'boot mode-2 0 active return thunk: srso_return_thunk' "$DIR/srso/overlay/tests"
}

test_passed_rows_are_not_repeated()
{
	toy_matrix && echo off >"$TOY/failing" &&
		fails_with 'off: mode-1  FAILED  no such mode' matrix its off && booted its off &&
		total "8 passed, 1 failed, 2 skipped" &&
		fails_with '8 passed, 1 failed, 2 skipped' matrix its off && booted off &&
		: >"$TOY/failing" && quiet matrix its off && booted off && quiet matrix its off && booted &&
		total "8 passed, 0 failed, 2 skipped"
}

test_changed_rows_are_repeated()
{
	local o=$TOY/top/build/tree/o.x86_64
	toy_matrix && quiet matrix its && booted its && FORCE=1 quiet matrix its && booted its &&
		echo other >"$o/arch/x86/boot/bzImage" && quiet matrix its && booted its &&
		echo file >"$o/guest/stage/init" && quiet matrix its && booted its &&
		sed -i 's/indirect_target_selection=force/&,x/' "$TOY/top/configs/boots.txt" && quiet matrix its && booted its &&
		quiet matrix its && booted
}

test_a_boot_without_a_result_fails()
{
	toy_matrix && echo 'its mute' >"$TOY/failing" && fails_with 'ended without a result' matrix its &&
		total "0 passed, 1 failed, 0 skipped" && fails_with 'ended' matrix its
}

test_a_kernel_that_is_built_meanwhile_is_noticed()
{
	toy_matrix && echo "echo other >'$TOY/top/build/tree/o.x86_64/arch/x86/boot/bzImage'" >>"$SCRIPTS/boot" &&
		fails_with 'its: another kernel was built meanwhile' matrix its
}

test_clang_has_rows_for_control_flow_integrity()
{
	toy_matrix && CC=clang quiet matrix && booted kcfi fineibt &&
		grep -qx 'boot mode-1 0 Using FineIBT CFI' "$DIR/fineibt/overlay/tests" &&
		CC=clang quiet run x86_64 && booted kcfi fineibt
}

test_a_row_has_its_kernel()
{
	toy_matrix && quiet matrix 64k preempt-none kcfi its &&
		grep -q '^64k CPUS=2 DEBUG=64k --overlay [^ ]* arm64$' "$TOY/booted" &&
		grep -q '^preempt-none CPUS=2 DEBUG=dynamic --append preempt=none ' "$TOY/booted" &&
		grep -q '^kcfi CPUS=2 CC=clang --append' "$TOY/booted" &&
		grep -q '^its CPUS=2 --cpu' "$TOY/booted" && booted 64k preempt-none kcfi its
}

test_a_long_run_has_all_rows()
{
	toy_matrix && quiet matrix --list && ! grep -q 'kcfi\|64k' "$TOY/out" &&
		LONG=1 quiet matrix --list && grep -q kcfi "$TOY/out" && grep -q 64k "$TOY/out"
}

test_wrong_uses_get_one_line()
{
	toy_matrix && one_line "no row 'it' (one of: stuffing" matrix it &&
		one_line "no row 'bad'" matrix its bad && one_line "no row '.*'" matrix '.*' &&
		DEBUG=rt one_line 'omit DEBUG=rt' matrix its
}

run_tests

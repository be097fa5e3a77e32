#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-compare: scripts/compare with fake boots.  It measures only missing figures.  Its
# report adds up correctly, and fails if a figure was not measured.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
unset ARCHES QUICK RUNS
REAL=$SCRIPTS

# fake_log LIST NUMBER: the log of a guest that has run LIST; NUMBER is in its figures.
fake_log()
{
	local kind name at=0

	echo '[    1.0] guest| KTAP version 1'
	while read -r kind name _; do
		at=$((at + 1))
		echo "[    1.0] guest| # begin $at $name"
		fake_figures "$name" "$2"
		echo "[    1.0] guest| ok $at $name"
	done <"$1"
	echo '[    2.0] guest| # end'
}

fake_figures()
{
	local say='[    1.0] guest|     # measure' what

	case $1 in
	text_writes-*)
		for what in copy copy_sync set; do
			printf '[    1.0] m: # perf %-12s %s\n' \
				$what "64 1 10 20 $2 40" $what "64 2 10 20 30 5"
		done
		printf '[    1.0] m: # perf %-12s %s\n' sync "0 1 10 20 $2 0" sync "0 2 10 20 $2 0"
		return
		;;
	lookups*) printf "$say %s\n" "seq_insert $2" "seq_lookup $2" "rand_lookup $2" \
		"rand_insert $2" "mount $2" "mount_ipis $2 5" ;;
	calls*)
		echo '[    1.0] guest|     # window calls'
		printf "$say %s\n" "calls 100" "time 1000"
		return
		;;
	*)
		printf '[    1.0] guest|     # window %s\n' making removing freeing
		printf "$say %s\n" "text 0 8192 0" "text_entries 0 2 0" "page_tables 1 2 1" "ipis $2 $2" \
		"slab 0 4000000 0" \
		"time $((1000 * $2)) $((1000 * $2))"
		;;
	esac
	printf "$say %s\n" "direct_4k 0 4096 0" "direct_2m 0 0 0" "direct_1g 0 0 0"
}

# toy_compare: the scripts, with a build and boots that take no time.  The commands in
# $TOY/spoil change each log.
toy_compare()
{
	local scripts=$TOY/scripts

	unset QUICK FORCE DEBUG
	cp -r "$REAL" "$scripts"
	: >"$TOY/spoil"
	printf '#!/bin/sh\n' >"$scripts/setup"
	# FORCE would drop edits.
	printf '#!/bin/sh\n[ -z "${FORCE:-}" ]\n' >"$scripts/build"
	cat >"$scripts/boot" <<-EOF
		#!/bin/bash
		. "$scripts/lib/lib.sh"
		while [ \$# -gt 0 ]; do
			[ "\$1" != --overlay ] || overlay=\$2
			[ "\$1" != --plugin ] || plugin=\$2
			shift
		done
		mkdir -p "\$OUT"
		cp "\$overlay/tests" "\$OUT"
		$(declare -f fake_log fake_figures)
		fake_log "\$overlay/tests" "\${OUT##*-}" >"\$OUT/serial.log"
		[[ \$OUT == *smp* ]] || grep '# window' "\$OUT/serial.log" |
			sed "s/.*/window 3000 100 20 30 40 50 7 4 \$(grep -o call=0x <<<"\$plugin" | wc -l)/" \
				>"\$OUT/plugin.log"
		echo '{"accel": "tcg"}' >"\$OUT/qemu.json"
		. "$TOY/spoil"
		echo "\${OUT##*/}" >>"$TOY/booted"
		echo "\$CPUS" >>"$TOY/cpus"
	EOF
	# shellcheck disable=SC2016
	printf '%s\n' 'guest_cc() { while [ "$1" != -o ]; do shift; done; echo "$2" >"$2"; }' \
		'kbuild() { "$(cross "$2")gcc" -c -o "${4#M=}/small0.ko" -x c /dev/null; }' >>"$scripts/lib/kbuild.sh"
	toy_kernel x86_64 arch/x86/boot/bzImage
	toy_kernel arm64 arch/arm64/boot/Image
	SCRIPTS=$scripts
}

# toy_kernel ARCH IMAGE [FUNCTIONS]: FUNCTIONS are in its vmlinux.
toy_kernel()
{
	local tree
	local functions='static set_memory_nx() {} set_memory_ro() {} set_memory_x() {} set_memory_rox_too() {}'
	[ $# -lt 3 ] || functions=$3
	for tree in tree stock-tree; do
		mkdir -p "$TOY/top/build/$tree/o.$1"/{"${2%/*}",guest}
		mkdir -p "$TOY/top/build/$tree"/{lib,fs/bcachefs}
		touch "$TOY/top/build/$tree"/{lib/test_vmalloc_text.c,fs/bcachefs/bkey_table.c}
		: >"$TOY/top/build/$tree/o.$1/guest/initramfs.cpio.gz"
		# In two tables of symbols, as riscv's.
		gcc -w -shared -nostdlib -o "$TOY/top/build/$tree/o.$1/vmlinux" -x c - \
			<<<"$functions"
		: >"$TOY/top/build/$tree/o.$1/.config"
		echo "$tree" >"$TOY/top/build/$tree/o.$1/$2"
	done
}

# booted NAME...: these were booted since the last question, and no others.
booted()
{
	local names
	names=$(sort "$TOY/booted" 2>/dev/null)
	rm -f "$TOY/booted"
	[ "$names" = "$(printf '%s\n' "$@" | sort)" ] || { echo "# booted: $names"; return 1; }
}

ONE_RUN="x86_64-stock-smp-1 x86_64-patched-smp-1 x86_64-stock-count-1
x86_64-patched-count-1 x86_64-patched-caches-1"

# shellcheck disable=SC2086
test_existing_figures_are_kept()
{
	toy_compare && export QUICK=1 && quiet compare && booted $ONE_RUN &&
		quiet compare && booted && grep -q 'measured before' "$TOY/err" &&
		FORCE=1 quiet compare && booted $ONE_RUN
}

# shellcheck disable=SC2086
# On all CPUs of a guest with 64; its kernel is another one, in which locks are counted.
test_many_cpus()
{
	local of=x86_64-patched-count-1
	toy_compare && export QUICK=1 DEBUG=cpus && toy_kernel x86_64.cpus arch/x86/boot/bzImage \
		'mutex_lock() {} _raw_spin_lock_irq() {} set_memory_ro() {} _raw_spin_unlock() {}' &&
		quiet compare && booted ${ONE_RUN%[[:space:]]*} && [ "$(sort -u "$TOY/cpus")" = 64 ] &&
		grep -qx 'run bpf_cpus_16-1024 .* bpf_cpus 1024 /modules 16' \
			"$TOY/top/results/compare-quick-cpus/$of/tests" &&
		grep -A 4 '"locks taken"' "$TOY/top/results/compare-quick-cpus/compare.json" |
			grep -q '"median": 6,'
}

# shellcheck disable=SC2086
test_a_topic_is_compared_with_the_topics_that_it_needs()
{
	SCRIPTS=$REAL
	toy_series && topics && toy_compare && sed -i 's/^# second/& (needs first)/' "$TOY/top/series" || return 1
	local -x QUICK=1 TOPIC=second
	local build=$TOY/top/build
	cp -r "$build/tree" "$build/tree-second" && cp -r "$build/stock-tree" "$build/stock-tree-second" &&
		rm "$build"/*-second/*/test_vmalloc_text.c "$build"/*-second/fs/bcachefs/bkey_table.c &&
		echo other >"$build/stock-tree-second/o.x86_64/arch/x86/boot/bzImage" &&
		quiet compare && booted ${ONE_RUN% *} && [ -s "$TOY/top/results/compare-quick-second/compare.md" ] &&
		! grep -qi 'text writes\|calls of small\|table /' "$TOY/top/results/compare-quick-second/compare.md" &&
		TOPIC='' quiet compare && booted $ONE_RUN
}

test_an_interrupted_comparison_continues()
{
	toy_compare && RUNS=2 ARCHES=x86_64 quiet compare && rm "$TOY/booted" &&
		rm -r "$TOY/top/results/compare/x86_64-stock-count-2" &&
		sed -i '/# end/d' "$TOY/top/results/compare/x86_64-patched-smp-1/serial.log" &&
		RUNS=2 ARCHES=x86_64 quiet compare &&
		booted x86_64-patched-smp-1 x86_64-stock-count-2
}

test_more_runs_add_to_existing_runs()
{
	toy_compare && RUNS=1 ARCHES=x86_64 quiet compare && rm "$TOY/booted" &&
		RUNS=2 ARCHES=x86_64 quiet compare &&
		booted x86_64-stock-smp-2 x86_64-patched-smp-2 x86_64-stock-count-2 \
			x86_64-patched-count-2
}

test_a_changed_kernel_is_measured_again()
{
	toy_compare && export QUICK=1 && quiet compare && rm "$TOY/booted" &&
		echo new >"$TOY/top/build/stock-tree/o.x86_64/arch/x86/boot/bzImage" &&
		quiet compare && booted x86_64-stock-smp-1 x86_64-stock-count-1
}

# shellcheck disable=SC2086
test_a_changed_firmware_is_measured_again()
{
	toy_compare && export QUICK=1 && quiet compare && rm "$TOY/booted" &&
		mkdir -p "$EXECMEM_CACHE" && echo new >"$EXECMEM_CACHE/firmware-x86_64" &&
		quiet compare && booted $ONE_RUN
}

test_a_kernel_that_is_built_meanwhile_fails()
{
	toy_compare && export QUICK=1 &&
		echo "echo new >>'$TOY/top/build/stock-tree/o.x86_64/arch/x86/boot/bzImage'" >"$TOY/spoil" &&
		fails_with 'another kernel was built meanwhile' compare && : >"$TOY/spoil" &&
		quiet compare && booted $ONE_RUN x86_64-stock-smp-1
}

test_a_failed_boot_is_repeated()
{
	# shellcheck disable=SC2016
	toy_compare && export QUICK=1 && echo 'sed -i "s/ok 1 modules/not &/" "$OUT/serial.log"' \
		>"$TOY/spoil" && fails_with 'modules-20 failed' compare &&
		: >"$TOY/spoil" && booted x86_64-stock-smp-1 x86_64-patched-smp-1 && quiet compare && booted $ONE_RUN
}

test_architectures_and_numbers()
{
	toy_compare && ARCHES=arm64 QUICK=1 quiet compare && ! grep -q x86_64 "$TOY/booted" &&
		grep -q '| *arm64 |$' "$TOY/out" &&
		ARCHES=mips fails_with "ARCHES must be some of x86_64 arm64 riscv64 ppc64le s390x i386, not 'mips'" compare &&
		ARCHES=' ' fails_with "ARCHES must be some of" compare &&
		fails_with "unknown ARCH 'mips'" compare mips &&
		RUNS=0 fails_with "RUNS must be 1 to 99, not '0'" compare &&
		QUICK=yes fails_with "QUICK must be 0 or 1, not 'yes'" compare &&
		fails_with "argument RUNS: invalid int value" steps/compare-report /nowhere x x86_64
}

# spoiled SED TEXT: the report of logs that were changed so fails and says TEXT.
spoiled()
{
	echo "sed -i '$1' \"\$OUT/serial.log\"" >"$TOY/spoil"
	FORCE=1 QUICK=1 fails_with "$2" compare
}

# handed_on WORD...: what "make WORD..." puts into ARCH and ARCHES.
handed_on()
{
	env -u MAKEFLAGS -u MAKELEVEL -u ARCH -u ARCHES make -s -f "$REAL/../Makefile" \
		--eval 'targets = show' --eval 'show: ; @echo "$(arch), $$ARCHES"' show "$@"
}

test_make_hands_on_architectures()
{
	[ "$(handed_on)" = ", " ] && [ "$(handed_on ARCH=arm64)" = "arm64, arm64" ] &&
		[ "$(handed_on ARCHES="arm64 riscv64")" = ", arm64 riscv64" ]
}

test_a_workload_without_figures_fails()
{
	toy_compare && spoiled '/# measure/d' 'x86_64-stock-smp-1: modules-20 measured nothing' &&
		spoiled '/begin 5 /d' 'kprobes-1000 failed: never began' &&
		spoiled 's/text 0 8192/text 8192 8192/' 'x86_64-stock-smp-1: no workload made text' &&
		spoiled '/# end/d' 'did not come to its end' &&
		spoiled '/perf/d' 'text_writes-1 measured nothing' &&
		! ls "$TOY"/top/results/compare-quick/compare.* 2>/dev/null
}

test_a_kernel_that_complains_fails()
{
	toy_compare && spoiled 's/.*begin 2 .*/&\n[    1.0] BUG: unable to handle page fault/' \
		'the kernel complained: BUG: unable to handle page fault'
}

test_windows_that_are_missing_fail()
{
	# shellcheck disable=SC2016
	toy_compare && export QUICK=1 FORCE=1 && echo 'sed -i 1d "$OUT"/plugin.lo[g]' >"$TOY/spoil" &&
		fails_with 'windows were counted, not' compare &&
		echo 'sed -i "s/3000/0/" "$OUT/plugin.log"' >"$TOY/spoil" &&
		fails_with 'nothing was executed in the window' compare &&
		echo 'sed -i "s/ 7 4/ 0 4/" "$OUT/plugin.log"' >"$TOY/spoil" &&
		fails_with 'no TLB flushes of all were counted' compare &&
		echo 'sed -i "s/ 2$/ 0/" "$OUT/plugin.log"' >"$TOY/spoil" &&
		fails_with 'no calls of set_memory_*() were counted' compare
}

test_a_workload_without_figures_fails()
{
	toy_compare && echo 'sed -i "/begin 4 ftrace/,/ok 4 ftrace/{/measure/d}" "$OUT/serial.log"' \
		>"$TOY/spoil" && RUNS=1 ARCHES=x86_64 fails_with 'ftrace-100 measured nothing' compare
}

test_boots_of_several_kinds_are_no_comparison()
{
	local dir=$TOY/top/results/compare
	toy_compare && RUNS=2 ARCHES=x86_64 quiet compare &&
		echo '{"accel": "kvm"}' >"$dir/x86_64-stock-smp-2/qemu.json" &&
		fails_with 'differ in their accelerator' steps/compare-report "$dir" 2 x86_64 &&
		echo '{"accel": "tcg"}' >"$dir/x86_64-stock-smp-2/qemu.json" &&
		quiet steps/compare-report "$dir" 2 x86_64 && echo >"$dir/x86_64-patched-count-1/inputs" &&
		fails_with 'differ in their kernel' steps/compare-report "$dir" 2 x86_64
}

test_one_at_a_time()
{
	toy_compare && mkdir -p "$TOY/top/build" && (
		exec 8>"$TOY/top/build/compare.lock" && flock 8 &&
			fails_with 'another compare is running' compare
	)
}

test_medians_and_spread()
{
	toy_compare && RUNS=3 ARCHES=x86_64 quiet compare &&
		"$REAL/tests/compare-figures" "$TOY/top/results/compare"
}

test_a_page_shows_its_figures()
{
	toy_compare && RUNS=2 ARCHES="x86_64 arm64" quiet compare && echo v1: >"$TOY/top/changelog.in" &&
		printf '%s\n' "<!-- figures: 'make readme' replaces these lines -->" \
			'<!-- end of figures -->' >"$TOY/top/README.md" && quiet readme &&
		grep -qx '| executable pages for 1,000 BPF programs | 2 → 2 | 2 → 2 |' "$TOY/top/README.md" &&
		grep -q "^Stock → patched; medians of 2 boots.* on $(date +%F), series v1 " "$TOY/top/README.md"
}

test_a_mail_has_figures_that_differ()
{
	# shellcheck disable=SC2016
	toy_compare && echo '[[ $OUT != *patched* ]] || sed -i "/begin 5 /,/ok 5 /s/text 0 8192/text 0 4096/" "$OUT/serial.log"' \
		>"$TOY/spoil" && QUICK=1 ARCHES="x86_64 arm64" quiet compare || return 1
	local table=$TOY/top/results/compare-quick/compare.md
	head -n 40 "$table" | sed 's/^/# /'
	[ "$(grep -c '^| text pages ' "$table")" = 1 ] &&
		grep -A 1 '^| \*\*1,000 kprobes\*\* ' "$table" |
			grep -qE '^\| text pages +\| +2 / 1 \| +2 / 1 \|$' &&
		! grep -q '^| TLB entries ' "$table" && [ "$(wc -L <"$table")" -le 100 ]
}

run_tests

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-others: scripts/others with fake boots.  A result that differs from stock's fails, whichever
# it is.  A collection that has run is not repeated.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
REAL=$SCRIPTS

# toy_others: the scripts, with a build, boots and verdicts that take no time.  $TOY/KERNEL has
# the results of each collection.
toy_others()
{
	local scripts=$TOY/scripts tree
	cp -r "$REAL" "$scripts"
	printf '#!/bin/sh\n[ -z "${FORCE:-}" ]\n' >"$scripts/build"
	cat >"$scripts/boot" <<-EOF
		#!/bin/bash
		echo "\${OUT#$TOY/top/results/others/}" >>"$TOY/booted"
		echo "guest| # end" >"\$OUT/serial.log"
	EOF
	cat >"$scripts/steps/verdict" <<-EOF
		#!/bin/bash
		kernel=\${2%/*}
		cp "$TOY/\${kernel##*/}" "\$2/results.json"
	EOF
	for tree in stock-tree tree; do
		mkdir -p "$TOY/top/build/$tree/tools/testing/selftests/ftrace"
		mkdir -p "$TOY/top/build/$tree/o.x86_64.others/arch/x86/boot"
		echo "$tree" >"$TOY/top/build/$tree/o.x86_64.others/arch/x86/boot/bzImage"
	done
	mkdir -p "$TOY/top/guest"
	printf '# collection\n%s\n' 'one run one 10 /one' 'two run two 10 /two' >"$TOY/top/guest/others.list"
	SCRIPTS=$scripts
	results stock passed passed passed failed skipped
	results patched passed passed passed failed skipped
}

# results KERNEL STATUS...: these are its results, of each collection.
results()
{
	local kernel=$1 status cases='' n=0
	shift
	for status; do
		cases+="${cases:+, }{\"name\": \"case $((++n))\", \"status\": \"$status\"}"
	done
	echo "{\"tests\": [{\"name\": \"test\", \"status\": \"\", \"problems\": [], \"cases\": [$cases]}]}" >"$TOY/$kernel"
}

# booted WORD...: these were booted since the last question, and no others.
booted()
{
	local names
	names=$([ ! -f "$TOY/booted" ] || xargs <"$TOY/booted")
	rm -f "$TOY/booted"
	[ "$names" = "$*" ] || { echo "# booted: $names"; return 1; }
}

# total TEXT: the last line of the last run.
total()
{
	[ "$(tail -n 1 "$TOY/out")" = "$1" ] || { tail -n 1 "$TOY/out" | sed 's/^/# /'; return 1; }
}

test_the_same_results_pass()
{
	toy_others && quiet others && total "8 passed, 0 failed, 2 skipped" &&
		booted stock/one stock/two patched/one patched/two &&
		quiet others two && total "4 passed, 0 failed, 1 skipped" && booted
}

test_force_repeats()
{
	toy_others && quiet others one && booted stock/one patched/one && FORCE=1 quiet others one && booted stock/one patched/one
}

test_each_difference_fails()
{
	local other
	toy_others
	for other in "failed passed passed failed skipped" "passed passed passed passed skipped" \
		"passed passed passed failed passed" "passed passed passed skipped skipped" \
		"passed passed passed failed" "passed passed passed failed skipped passed"; do
		# shellcheck disable=SC2086
		results patched $other
		FORCE=1 fails_with ' passed, 1 failed, ' others one ||
			{ echo "# $other"; return 1; }
	done
}

test_stock_without_a_pass_fails()
{
	toy_others && results stock failed failed && results patched failed failed &&
		fails_with 'one: no test passed on stock' others one
}

test_other_collections_are_refused()
{
	toy_others && fails_with "no collection 'three' (one of: one two)" others three &&
		DEBUG=rt fails_with 'omit DEBUG=rt' others one
}

run_tests

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-coccicheck: scripts/coccicheck reports the faults that the series adds, not those of
# the base, and fails if spatch did not read every file.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"

# patches_in_base: two semantic patches.  One finds the seeds.
patches_in_base()
{
	mkdir -p "$TOY/base/scripts/coccinelle/misc"
	cat >"$TOY/base/scripts/coccinelle/misc/semicolon.cocci" <<-'END'
		virtual report
		@r@
		position p;
		statement S;
		@@
		while (...) S
		;@p
		@script:python depends on report@
		p << r.p;
		@@
		coccilib.report.print_report(p[0], "Unneeded semicolon")
	END
	cat >"$TOY/base/scripts/coccinelle/misc/old.cocci" <<-'END'
		virtual report
		@r@
		position p;
		@@
		old_way@p(...)
		@script:python depends on report@
		p << r.p;
		@@
		coccilib.report.print_report(p[0], "WARNING: not since line 7")
	END
}

# series_with TEXT: two.patch makes mm/new.c of it.
series_with()
{
	toy_series && printf "$1" >"$TREE/mm/new.c" && quiet refresh --to two.patch mm/new.c
}

test_new_faults_are_reported()
{
	patches_in_base && series_with 'void f(void)\n{\n\told_way(1);\n}\n' &&
		fails_with 'mm/new.c:3: WARNING: not since line 7 (old.cocci)' coccicheck
}

test_faults_of_the_base_are_not_reported()
{
	patches_in_base && printf 'void f(void)\n{\n\told_way(1);\n}\n' >>"$TOY/base/mm/a.c" &&
		toy_series && quiet coccicheck &&
		grep -q '^2 semantic patches, 2 files; spatch' "$TOY/out"
}

test_spatch_that_reads_nothing_fails()
{
	patches_in_base && toy_series &&
		fake spatch '[ "$1" != --version ] || echo spatch version 1.1.1' 'echo "nb good = 1,  nb bad = 0"' &&
		fails_with 'it misses a known fault at the end of mm/a.c' coccicheck
}

test_names()
{
	patches_in_base && toy_series && quiet coccicheck old &&
		fails_with 'newest: no such semantic patch' coccicheck newest
}

run_tests

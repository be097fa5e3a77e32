#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-check: each check finds the faults that it looks for.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"

# edit PATCH SED: change a patch file of the toy.
edit()
{
	sed -i "$2" "$TOY/top/patches/$1"
}

test_good_series_passes()
{
	toy_series && quiet checks/series && quiet checks/apply && quiet checks/identity &&
		quiet checks/sources && quiet checks/words
}

test_good_topics_pass()
{
	toy_series && topics && quiet checks/series && quiet checks/apply && quiet checks/identity &&
		quiet checks/sources && quiet checks/words &&
		edit first/one.patch 's/^ int a19;/ int a19; /' &&
		fails_with "first/one.patch" checks/identity &&
		edit first/one.patch 's/^-int a20;/-int other;/' &&
		fails_with "first/one.patch does not apply: mm/a.c: hunk #1" checks/apply
}

test_topic_faults()
{
	toy_series && topics && cp "$TOY/top/series" "$TOY/good" || return 1
	local edit text
	while IFS=$'\t' read -r edit text; do
		sed "$edit" "$TOY/good" >"$TOY/top/series"
		fails_with "series: $text" checks/series || return 1
	done <<-END
		/^# second/d	second/two.patch: not below the line '# TOPIC: ...' of its folder
		/^#/d	first/one.patch: not below the line '# TOPIC: ...' of its folder
		s/^# second/# first/	the topic first begins twice
		s/^# second/# third: empty\n&/	the topic third has no patch
		s/^# first/# first (needs second)/	the topic first needs second, which is not before it
	END
	cp "$TOY/good" "$TOY/top/series" && mv "$TOY/top/patches/second/two.patch" "$TOY/top/patches" &&
		fails_with "series: second/two.patch: no such patch" checks/series &&
		fails_with "patches/two.patch: not in the series" checks/series &&
		sed -i s,second/two,two, "$TOY/top/series" &&
		fails_with "series: two.patch: not in patches/second/" checks/series
}

test_topics_are_independent()
{
	toy_series && topics && quiet checks/topics && grep -qx '2 topics' "$TOY/out" &&
		sed -i 's/int a21;/long a21;/' "$TREE/mm/a.c" &&
		quiet refresh --to second/two.patch mm/a.c &&
		fails_with "second: second/two.patch does not apply: mm/a.c: hunk #1" checks/topics &&
		sed -i 's/^# second/& (needs first)/' "$TOY/top/series" && quiet checks/topics
}

test_a_topic_has_the_headers_of_its_selftests()
{
	local dir=tools/testing/selftests/toy
	toy_series && topics && mkdir -p "$TREE/$dir" && echo 'int a;' >"$TREE/$dir/a.h" &&
		echo '#include "a.h"' >"$TREE/$dir/t.c" && quiet refresh --to first/more.patch "$dir/a.h" &&
		quiet refresh --to second/more.patch "$dir/t.c" &&
		fails_with "second: $dir/t.c includes a.h, which neither the topic nor the base has" checks/topics &&
		sed -i 's/^# second/& (needs first)/' "$TOY/top/series" && quiet checks/topics
}

test_rework_within_a_topic_is_found()
{
	toy_series && topics && seq -f 'long more%.0f;' 8 >>"$TREE/mm/b.c" &&
		quiet refresh --to first/more.patch mm/b.c && quiet checks/rework &&
		sed -i '/more[1-5];/d' "$TREE/mm/b.c" && quiet refresh --to first/less.patch mm/b.c &&
		quiet checks/rework && sed -i '/more6;/d' "$TREE/mm/b.c" && quiet refresh &&
		fails_with "first/less.patch: mm/b.c: deletes 6 lines that first/more.patch adds" checks/rework &&
		mv "$TOY/top/patches/first/less.patch" "$TOY/top/patches/second" &&
		sed -i '/less/d' "$TOY/top/series" && echo second/less.patch >>"$TOY/top/series" && quiet checks/rework
}

# As CONTRIBUTING.md says.  With Debian's settings "quilt refresh" leaves one.patch~, in
# which blanks are context.
test_a_patch_that_quilt_refreshed_passes()
{
	toy_series && export QUILT_PATCHES=patches && (
		cd "$TREE" && quilt --quiltrc - pop one.patch && sed -i 's/a20;/a21;/' mm/a.c &&
			quilt --quiltrc - refresh --backup && quilt --quiltrc - push -a --fuzz=0
	) >/dev/null && quiet refresh &&
		[ -e "$TOY/top/patches/one.patch~" ] && echo ' ' >>"$TOY/top/patches/one.patch~" &&
		grep -q '^+long a21;' "$TOY/top/patches/one.patch" &&
		quiet checks/series && quiet checks/words
}

# "make check series" is not "scripts/check series": nothing runs.
test_make_refuses_unknown_targets_first()
{
	! env -u MAKEFLAGS -u MAKELEVEL make -C "$SCRIPTS/.." help series >"$TOY/all" 2>&1 &&
		grep -q "no target 'series': 'make help' lists the targets" "$TOY/all" &&
		[ "$(grep -vc '^make' "$TOY/all")" = 1 ]
}

test_one_push_serves_all_checks()
{
	toy_series && mkdir "$TOY/run" && fake quilt "echo \$* >>$TOY/pushes" "exec $(command -v quilt) \"\$@\"" || return 1
	local -x EXECMEM_RUN=$TOY/run
	local check
	for check in apply identity sources; do
		quiet "checks/$check" || return 1
	done
	quiet tree && [ "$(grep -c ' push ' "$TOY/pushes")" = 1 ] &&
		edit two.patch 's/^+int n;/+int m;/' && fails_with "mm/new.c: differs" checks/sources &&
		[ "$(grep -c ' push ' "$TOY/pushes")" = 2 ]
}

test_an_override_has_the_message_and_new_files_of_its_patch()
{
	local patches=$TOY/top/patches differ='message, diffstat or new files differ from second/two.patch (make refresh)'
	toy_series && topics && mkdir "$patches/second/7.3" &&
		cp "$patches/second/two.patch" "$patches/second/7.3" && quiet refresh && quiet checks/series &&
		sed -i 's/^ [0-9]* files* changed/ 9 files changed/' "$patches/second/7.3/two.patch" &&
		fails_with "$differ" checks/series && quiet refresh && quiet checks/series &&
		sed -i 's/^Why it/Why that/' "$patches/second/two.patch" && fails_with "$differ" checks/series &&
		quiet refresh && quiet checks/series && echo 'int more;' >>"$TREE/mm/new.c" &&
		quiet refresh && quiet checks/series && grep -qx '+int more;' "$patches/second/7.3/two.patch" &&
		grep -q 'Why that' "$patches/second/7.3/two.patch" &&
		sed -i 's/^+int more;/+int less;/' "$patches/second/7.3/two.patch" && fails_with "$differ" checks/series &&
		mv "$patches/second/7.3/two.patch" "$patches/second/7.3/none.patch" &&
		fails_with 'second/7.3/none.patch: overrides no patch of the series' checks/series
}

test_an_override_changes_new_files_as_its_patch_does()
{
	local patches=$TOY/top/patches
	toy_series && topics && echo 'int more;' >>"$TREE/mm/new.c" &&
		quiet refresh --to second/three.patch mm/new.c && message second/three.patch &&
		mkdir "$patches/second/7.3" && cp "$patches/second/three.patch" "$patches/second/7.3" &&
		quiet refresh && quiet checks/series &&
		sed -i 's/^+int more;/+int less;/' "$patches/second/7.3/three.patch" &&
		fails_with 'second/7.3/three.patch: changes mm/new.c unlike second/three.patch' checks/series
}

test_series_names_a_missing_patch()
{
	toy_series && echo three.patch >>"$TOY/top/series" &&
		fails_with "three.patch: no such patch" checks/series
}

test_patch_that_is_not_in_the_series()
{
	toy_series && echo one.patch >"$TOY/top/series" &&
		fails_with "patches/two.patch: not in the series" checks/series
}

test_patch_listed_twice()
{
	toy_series && echo one.patch >>"$TOY/top/series" &&
		fails_with "one.patch is listed twice" checks/series
}

test_series_link_is_missing()
{
	toy_series && rm "$TOY/top/patches/series" &&
		fails_with "must be a link" checks/series
}

test_message_faults()
{
	toy_series && cp "$TOY/top/patches/one.patch" "$TOY/good" || return 1
	local edit text
	while IFS=$'\t' read -r edit text; do
		cp "$TOY/good" "$TOY/top/patches/one.patch"
		edit one.patch "$edit"
		fails_with "one.patch: $text" checks/series || return 1
	done <<-END
		s/^Subject: \[PATCH\]/Title:/	no 'Subject: [PATCH] ...'
		/^Why/d	no commit message
		/^Assisted-by/d	no Assisted-by:
		s/^Assisted-by: .*/&\nSigned-off-by: A B <a@invalid>/	names an author or signer
		1s/^/From: A B <a@invalid>\n/	names an author or signer
		/^---$/d	no '---' line
		/^diff/,\$d	changes nothing
	END
}

test_new_file_without_mode_line()
{
	toy_series && edit two.patch '/^new file mode/d' &&
		fails_with "no 'new file mode' line" checks/series
}

test_new_file_in_two_topics()
{
	toy_series && echo 'int x;' >>"$TREE/mm/new.c" &&
		quiet refresh --to other/three.patch mm/new.c && message other/three.patch &&
		fails_with "mm/new.c: is new in two.patch" checks/series
}

test_identity_finds_a_dropped_mode()
{
	# git applies the "old mode/new mode" lines of a patch.  quilt's patch cannot know
	# that they are missing.  Therefore drop the mode for one side.
	toy_series && quiet checks/identity &&
		fake patch "$(command -v patch) \"\$@\"; rc=\$?; chmod -x lib/run.sh 2>/dev/null; exit \$rc" &&
		fails_with "lib/run.sh: quilt: mode 100644" checks/identity
}

test_identity_finds_patches_that_git_refuses()
{
	toy_series && edit one.patch 's/^ int a19;/ int a19; /' &&
		fails_with "one.patch" checks/identity
}

test_apply_finds_a_bad_patch()
{
	toy_series && edit one.patch 's/^-int a20;/-int other;/' &&
		fails_with "one.patch does not apply: mm/a.c: hunk #1" checks/apply
}

test_sources_faults()
{
	toy_series && quiet checks/sources && chmod -x "$TOY/top/lib/run.sh" &&
		fails_with "lib/run.sh: mode 100644" checks/sources &&
		echo x >>"$TOY/top/lib/run.sh" &&
		fails_with "lib/run.sh: differs from the patch" checks/sources &&
		rm "$TOY/top/lib/run.sh" &&
		fails_with "lib/run.sh: missing" checks/sources &&
		echo x >"$TOY/top/lib/more.c" &&
		fails_with "lib/more.c: no patch brings it" checks/sources
}

test_maintainers_must_cover_new_files()
{
	toy_series && fails_with "two.patch: lib/run.sh: no F: line" checks/maintainers &&
		! grep -q new.c "$TOY/all" &&
		printf '\nTOY\nF:\tlib/run.*\n' >>"$TREE/MAINTAINERS" &&
		quiet refresh --to two.patch MAINTAINERS && quiet checks/maintainers
}

test_words_of_this_machine()
{
	toy_series && quiet checks/words && echo "see $TOY/top" >"$TOY/top/README.md" &&
		fails_with "README.md:1: a path of this machine" checks/words &&
		echo "$HOME/x" >"$TOY/top/README.md" &&
		fails_with "README.md:1: a path of this machine" checks/words &&
		printf 'no end' >"$TOY/top/README.md" &&
		fails_with "no newline at the end" checks/words &&
		printf 'blank \n' >"$TOY/top/note" &&
		fails_with "note:1: trailing blanks" checks/words
}

# script FIRST SECOND REST: make it the toy's shell script, or that of Python.
script()
{
	mkdir -p "$TOY/top/.ci" "$TOY/top/scripts"
	printf '#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0\n' >"$TOY/top/scripts/good"
	printf '# SPDX-License-Identifier: GPL-2.0\n' >"$TOY/top/scripts/good.py"
	printf '%s\n' "$@" >"$TOY/top/scripts/run"
	chmod +x "$TOY/top/scripts"/{good,run}
}

test_scripts_faults()
{
	local spdx="# SPDX-License-Identifier: GPL-2.0"

	script '#!/bin/bash' "$spdx" 'echo' && quiet checks/scripts && grep -qx '3 scripts' "$TOY/out" &&
		script '#!/bin/bash' 'echo' &&
		fails_with "scripts/run: no SPDX-License-Identifier" checks/scripts &&
		script '#!/usr/bin/env python3' "$spdx" &&
		fails_with "scripts/run: starts the first python" checks/scripts &&
		script '#!/usr/bin/python3' "$spdx" 'def' &&
		fails_with "SyntaxError" checks/scripts &&
		script '#!/bin/bash' "$spdx" 'if' &&
		fails_with "SC1073" checks/scripts &&
		script '#!/bin/bash' "$spdx" "python3 - x <"'<-END' 'print()' END &&
		fails_with "scripts/run:3: Python inside" checks/scripts &&
		script '#!/bin/bash' "$spdx" 'x=$(ls); cd $x' &&
		fails_with "SC2164" checks/scripts && mkdir "$TOY/top/scripts/lib" &&
		printf '%s\n' "$spdx" 'human()' '{' '	echo' '}' >"$TOY/top/scripts/lib/progress.sh" &&
		script '#!/bin/bash' "$spdx" 'echo "$(human 1)"' &&
		fails_with "scripts/run: calls human() without lib/progress.sh" checks/scripts &&
		script '#!/bin/bash' "$spdx" '. lib/progress.sh' 'human 1' && quiet checks/scripts
}

# toy_checkpatch OUTPUT: a checkpatch.pl that says this.
toy_checkpatch()
{
	printf 'print <<"E";\n%s\nE\n' "$1" >"$EXECMEM_BASE/scripts/checkpatch.pl"
}

# A report with one finding, as checkpatch writes it.
REPORT='mm/a.c:20: WARNING:LONG_LINE: line is long
total: 0 errors, 1 warnings, 0 checks, 8 lines checked'

test_checkpatch_findings_and_waivers()
{
	toy_series && toy_checkpatch "$REPORT" || return 1
	export EXECMEM_WAIVERS=$TOY/waivers
	: >"$TOY/waivers"
	fails_with "one.patch: mm/a.c:20: WARNING:LONG_LINE: line is long" checkpatch-wrap.sh &&
		echo $'LONG_LINE\tmm/a.c\tit is a table' >"$TOY/waivers" &&
		quiet checkpatch-wrap.sh &&
		echo $'LONG\tmm/a.c\tthe beginning of a word' >"$TOY/waivers" &&
		fails_with "one.patch: mm/a.c:20: WARNING:LONG_LINE" checkpatch-wrap.sh &&
		echo $'LONG_LINE\t*.patch' >"$TOY/waivers" &&
		fails_with "no reason given" checkpatch-wrap.sh &&
		printf '%s\n' $'LONG_LINE\t*.patch\ta reason' $'OTHER\t*.patch\ta reason' >"$TOY/waivers" &&
		fails_with "OTHER *.patch: no longer needed" checkpatch-wrap.sh
}

test_checkpatch_waives_a_topic()
{
	toy_series && topics && toy_checkpatch "$REPORT" && echo $'LONG_LINE\tfirst/*\tit is so' >"$TOY/waivers" || return 1
	local -x EXECMEM_WAIVERS=$TOY/waivers
	fails_with "second/two.patch: mm/a.c:20" checkpatch-wrap.sh && ! grep -q 'first/' "$TOY/all" &&
		quiet checkpatch-wrap.sh "$TOY/top/patches/first/one.patch"
}

test_checkpatch_reads_the_last_patch()
{
	toy_series && toy_checkpatch "$REPORT" && printf 'one.patch\ntwo.patch' >"$TOY/top/series" &&
		printf '%s' $'LONG_LINE\t*.patch\tit is so' >"$TOY/waivers" &&
		EXECMEM_WAIVERS=$TOY/waivers quiet checkpatch-wrap.sh &&
		grep -qx '0 faults, 2 waived' "$TOY/out"
}

# A repository of our scripts with one test.  It notes each run, and passes if PASSES exists.
own_test()
{
	mkdir -p "$TOY/repo/selftests/execmem" "$TOY/repo/configs" "$TOY/repo/guest" &&
		cp -a "$SCRIPTS" "$TOY/repo/scripts" && rm -r "$TOY/repo/scripts/tests" &&
		touch "$TOY/repo/Makefile" "$TOY/repo/selftests/execmem/perf_text.sh" "$TOY/passes" &&
		mkdir "$TOY/repo/scripts/tests" "$TOY/repo/patches" &&
		printf '#!/bin/sh\necho ran >>%s/ran; [ -e %s/passes ] && ! [ -e "${0%%/scripts/*}/patches" ]\n' \
			"$TOY" "$TOY" >"$TOY/repo/scripts/tests/test-own.sh" &&
		chmod +x "$TOY/repo/scripts/tests/test-own.sh" && : >"$TOY/ran"
}

# own_test_ran HOW: scripts/check says "ok 1 - test-own (HOW", and ran it N times so far.
own_test_ran()
{
	"$TOY/repo/scripts/check" test-own >"$TOY/out" 2>"$TOY/err"
	grep -q "^$1" "$TOY/out" && [ "$(wc -l <"$TOY/ran")" = "$2" ] || {
		sed 's/^/# /' "$TOY/out" "$TOY/err"
		return 1
	}
}

test_a_test_of_the_scripts_runs_until_it_has_passed()
{
	own_test && rm "$TOY/passes" && own_test_ran "not ok" 1 && own_test_ran "not ok" 2 &&
		touch "$TOY/passes" && own_test_ran "ok 1 - test-own ([0-9]" 3 &&
		own_test_ran "ok 1 - test-own (unchanged)" 3 && FRESH=1 own_test_ran "ok 1" 4 &&
		touch "$TOY/repo/patches/x" && own_test_ran "ok 1 - test-own (unchanged)" 4 &&
		chmod 600 "$TOY/repo/scripts/lib/lib.sh" && own_test_ran "ok 1 - test-own ([0-9]" 5 &&
		echo >>"$TOY/repo/Makefile" && own_test_ran "ok 1" 6 &&
		echo later >"$EXECMEM_BASE.stamp" && own_test_ran "ok 1 - test-own ([0-9]" 7
}

# asked: the patches that the toy's checkpatch.pl was called for since the last time.
asked()
{
	sed 's,.*/,,' "$TOY/asked" | xargs
	: >"$TOY/asked"
}

test_checkpatch_runs_once_per_patch()
{
	toy_series && toy_checkpatch "total: 0 errors, 0 warnings, 0 checks, 8 lines checked" &&
		echo "open(F, '>>$TOY/asked'); print F \"\$ARGV[-1]\\n\";" >>"$EXECMEM_BASE/scripts/checkpatch.pl" &&
		: >"$TOY/waivers" || return 1
	local -x EXECMEM_WAIVERS=$TOY/waivers
	quiet checkpatch-wrap.sh && [ "$(asked)" = "one.patch two.patch" ] &&
		quiet checkpatch-wrap.sh && [ -z "$(asked)" ] &&
		grep -q '2 patches, 2 of them unchanged' "$TOY/out" &&
		edit two.patch 's/int n;/int m;/' && quiet checkpatch-wrap.sh &&
		[ "$(asked)" = two.patch ] && FRESH=1 quiet checkpatch-wrap.sh &&
		[ "$(asked)" = "one.patch two.patch" ] && echo later >"$EXECMEM_BASE.stamp" &&
		quiet checkpatch-wrap.sh && [ "$(asked)" = "one.patch two.patch" ]
}

test_checkpatch_must_have_its_lists()
{
	toy_series && toy_checkpatch "No codespell typos will be found - file 'x': No such file
total: 0 errors, 0 warnings, 0 checks, 8 lines checked" &&
		fails_with "checkpatch did not run on one.patch" checkpatch-wrap.sh
}

test_checkpatch_must_run()
{
	toy_series || return 1
	export EXECMEM_WAIVERS=/dev/null
	toy_checkpatch "nothing at all" && fails_with "checkpatch did not run" checkpatch-wrap.sh &&
		toy_checkpatch "total: 0 errors, 3 warnings, 0 checks, 8 lines checked" &&
		fails_with "counts 3 findings, 0 were read" checkpatch-wrap.sh &&
		rm "$EXECMEM_BASE/scripts/checkpatch.pl" &&
		fails_with "no scripts/checkpatch.pl" checkpatch-wrap.sh
}

test_kernel_doc_must_run()
{
	toy_series && echo 'exit 0;' >"$EXECMEM_BASE/scripts/kernel-doc" &&
		fails_with "it misses a known fault" checks/kernel-doc &&
		rm "$EXECMEM_BASE/scripts/kernel-doc" &&
		fails_with "kernel-doc did not run" checks/kernel-doc
}

test_totals_are_the_last_line()
{
	toy_series && quiet check series apply &&
		[ "$(tail -n 1 "$TOY/out")" = "2 passed, 0 failed, 0 skipped" ] &&
		edit one.patch '/^Assisted-by/d' && fails_with "not ok 1 - series" check series apply &&
		[ "$(tail -n 1 "$TOY/out")" = "1 passed, 1 failed, 0 skipped" ]
}

test_unknown_check_is_refused()
{
	fails_with "no check is called 'nothing'" check nothing
}

run_tests

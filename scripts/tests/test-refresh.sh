#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-refresh: refresh folds edits from either side, once, and never loses one.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"

test_new_patches_are_made_and_copied()
{
	toy_series &&
		[ "$(cat "$TOY/top/series")" = $'one.patch\ntwo.patch' ] &&
		[ -L "$TOY/top/patches/series" ] &&
		cmp "$TREE/mm/new.c" "$TOY/top/kernel-overlay/mm/new.c" &&
		[ -x "$TOY/top/lib/run.sh" ] &&
		grep -q '^new file mode 100755$' "$TOY/top/patches/two.patch" &&
		grep -q '^index 000000000000\.\.[0-9a-f]\{12\}$' "$TOY/top/patches/two.patch"
}

test_a_new_patch_goes_to_the_end_of_its_topic()
{
	toy_series && topics && echo 'int b;' >>"$TREE/mm/b.c" &&
		quiet refresh --to first/more.patch mm/b.c && [ -s "$TOY/top/patches/first/more.patch" ] &&
		[ "$(grep -v '^#' "$TOY/top/series" | xargs)" = "first/one.patch first/more.patch second/two.patch" ] &&
		[ "$(sed -n 4p "$TOY/top/series")" = '# second: more files' ] &&
		grep -qx 'Subject: \[PATCH\] more' "$TOY/top/patches/first/more.patch" &&
		echo 'int c;' >>"$TREE/mm/new.c" && quiet refresh &&
		grep -q '^+int c;' "$TOY/top/patches/second/two.patch" &&
		fails_with "not a patch name (TOPIC/NAME.patch)" refresh --to a/b/c.patch mm/b.c
}

test_second_run_changes_nothing()
{
	toy_series && quiet refresh && keep snapshot "$TOY/top"/{patches,lib,kernel-overlay} "$TREE"/{mm,lib} &&
		quiet refresh && [ ! -s "$TOY/out" ] && kept
}

test_edit_in_tree_reaches_patch_and_copy()
{
	toy_series && quiet refresh && echo 'int more;' >>"$TREE/mm/new.c" &&
		quiet refresh && grep -q '^+int more;' "$TOY/top/patches/two.patch" &&
		grep -q 'int more;' "$TOY/top/kernel-overlay/mm/new.c" &&
		grep -q '^Why it is needed' "$TOY/top/patches/two.patch"
}

test_edit_of_copy_reaches_patch_and_tree()
{
	toy_series && quiet refresh &&
		echo 'int more;' >>"$TOY/top/kernel-overlay/mm/new.c" &&
		quiet refresh && grep -q '^+int more;' "$TOY/top/patches/two.patch" &&
		grep -q 'int more;' "$TREE/mm/new.c"
}

test_edit_of_copy_without_a_tree()
{
	toy_series && quiet refresh && rm -rf "$TOY/top/build" &&
		echo 'int more;' >>"$TOY/top/kernel-overlay/mm/new.c" &&
		quiet refresh && grep -q '^+int more;' "$TOY/top/patches/two.patch" &&
		[ ! -e "$TREE" ]
}

test_edit_of_base_file_goes_to_last_patch_that_touches_it()
{
	toy_series && sed -i 's/int b3;/long b3;/' "$TREE/mm/b.c" &&
		quiet refresh --to two.patch mm/b.c &&
		sed -i 's/int b4;/long b4;/' "$TREE/mm/b.c" && quiet refresh &&
		grep -q '^+long b4;' "$TOY/top/patches/two.patch" &&
		! grep -q b4 "$TOY/top/patches/one.patch"
}

test_edit_on_both_sides_is_refused()
{
	toy_series && quiet refresh && echo 'int one;' >>"$TREE/mm/new.c" &&
		echo 'int other;' >>"$TOY/top/kernel-overlay/mm/new.c" && keep snapshot "$TOY/top/patches" &&
		fails_with "edited on two sides" refresh && kept
}

test_edit_of_unowned_file_is_refused()
{
	toy_series && echo 'int x;' >>"$TREE/mm/b.c" &&
		fails_with "mm/b.c is edited or new, but in no patch" refresh
}

test_copy_without_a_patch_is_refused()
{
	toy_series && mkdir -p "$TOY/top/selftests" && echo x >"$TOY/top/selftests/x" &&
		fails_with "tools/testing/selftests/x is edited or new" refresh
}

test_removal_in_tree_propagates()
{
	toy_series && quiet refresh && rm "$TREE/mm/new.c" && quiet refresh &&
		[ ! -e "$TOY/top/kernel-overlay" ] &&
		! grep -q new.c "$TOY/top/patches/two.patch"
}

test_removal_of_copy_propagates()
{
	toy_series && quiet refresh && rm "$TOY/top/lib/run.sh" && quiet refresh &&
		[ ! -e "$TREE/lib/run.sh" ] && ! grep -q run.sh "$TOY/top/patches/two.patch"
}

test_missing_copy_in_a_fresh_clone_is_made()
{
	toy_series && quiet refresh &&
		rm -rf "$TOY/top/build" "$TOY/top/lib" && quiet refresh &&
		[ -x "$TOY/top/lib/run.sh" ]
}

test_quilt_new_is_picked_up()
{
	toy_series && (cd "$TREE" && quilt --quiltrc - new three.patch &&
		quilt --quiltrc - add mm/b.c mm/q.c && sed -i 1d mm/b.c &&
		echo 'int q;' >mm/q.c) >/dev/null && quiet refresh &&
		grep -q '^-int b1;' "$TOY/top/patches/three.patch" &&
		[ -e "$TOY/top/kernel-overlay/mm/q.c" ] &&
		[ "$(tail -n 1 "$TOY/top/series")" = three.patch ]
}

test_mode_lost_by_quilt_refresh_comes_back()
{
	toy_series && quiet refresh && cp "$TOY/top/patches/two.patch" "$TOY/good" &&
		echo '# x' >>"$TREE/lib/run.sh" &&
		(cd "$TREE" && quilt --quiltrc - refresh) >/dev/null &&
		! grep -q 'new file mode' "$TOY/top/patches/two.patch" && quiet refresh &&
		grep -q '^new file mode 100755' "$TOY/top/patches/two.patch" &&
		[ -x "$TOY/top/lib/run.sh" ]
}

test_lines_lost_by_quilt_refresh_come_back_in_an_override()
{
	local one=$TOY/top/patches/first/one.patch override=$TOY/top/patches/first/7.3/one.patch
	toy_series && topics && mkdir "${override%/*}" &&
		sed '/^diff --git /d; /^index /d' "$one" >"$override" && ! cmp -s "$one" "$override" &&
		quiet refresh && diff <(without_widths "$one") <(without_widths "$override")
}

# without_widths PATCH: without index lines, and the widths of the columns of the diffstat.
without_widths()
{
	sed -E '/^index /d; s/^( \S+ +\|) +/\1 /' "$1"
}

test_edited_patch_reaches_tree_and_copy()
{
	toy_series && quiet refresh &&
		sed -i 's/^+int n;/+int m;/' "$TOY/top/patches/two.patch" &&
		quiet refresh && grep -q 'int m;' "$TREE/mm/new.c" &&
		grep -q 'int m;' "$TOY/top/kernel-overlay/mm/new.c"
}

test_popped_patches_are_refused()
{
	toy_series && quiet refresh && (cd "$TREE" && quilt --quiltrc - pop) >/dev/null &&
		fails_with "patches are popped" refresh
}

test_wrong_arguments()
{
	fails_with "unknown option '--frobnicate'" refresh --frobnicate &&
		fails_with "is not a patch name" refresh --to x &&
		fails_with "no such file" refresh --to x.patch mm/nothing.c
}

run_tests

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-tree: the work tree follows the series and touches no other files.  Neither a bad
# patch nor an update loses an edit.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"

# rebuilt: toy_series, then a fresh tree out of the patches alone.
rebuilt()
{
	toy_series && rm -rf "$TOY/top/build" && quiet tree
}

test_tree_holds_the_series_and_quilt_works()
{
	rebuilt && grep -q 'long a20' "$TREE/mm/a.c" && [ -x "$TREE/lib/run.sh" ] &&
		(cd "$TREE" && [ "$(quilt --quiltrc - top)" = two.patch ] &&
		quilt --quiltrc - pop -a && ! grep -q 'long a20' mm/a.c &&
		[ ! -e mm/new.c ] && quilt --quiltrc - push -a) >/dev/null &&
		quiet tree
}

test_a_topic_has_a_tree_with_what_it_needs()
{
	rebuilt && topics && mkdir "$TOY/top/patches/third" && echo 'long b;' >>"$TREE/mm/b.c" &&
		quiet refresh --to third/three.patch mm/b.c &&
		sed -i 's/^third/# third (needs first): one more\n&/' "$TOY/top/series" &&
		keep contents "$TREE" "$TOY/top/kernel-overlay" "$TOY/top/build/copies.agreed" &&
		TOPIC=third quiet tree && kept || return 1
	local tree=$TOY/top/build/tree-third stock=$TOY/top/build/stock-tree-third
	grep -q 'long a20' "$tree/mm/a.c" && grep -q 'long b' "$tree/mm/b.c" && [ ! -e "$tree/mm/new.c" ] &&
		[ "$(cd "$tree" && quilt --quiltrc - series | xargs)" = "first/one.patch third/three.patch" ] &&
		(cd "$tree" && quilt --quiltrc - pop && ! grep -q 'long b' mm/b.c && quilt --quiltrc - push) >/dev/null &&
		TOPIC=third STOCK=1 quiet tree && grep -q 'long a20' "$stock/mm/a.c" && ! grep -q 'long b' "$stock/mm/b.c" &&
		TOPIC=first STOCK=1 quiet tree && ! grep -q 'long a20' "$TOY/top/build/stock-tree-first/mm/a.c" &&
		TOPIC=third one_line "edit the tree of the whole series: without TOPIC" refresh
}

test_second_run_touches_nothing()
{
	rebuilt && keep snapshot "$TREE/mm" "$TREE/lib" "$TREE/Makefile" && quiet tree && kept
}

test_an_update_writes_only_changed_files()
{
	rebuilt && keep snapshot "$TREE/mm/a.c" "$TREE/mm/b.c" && sleep 0.01 &&
		sed -i 's/^+int n;/+int m;/' "$TOY/top/patches/two.patch" && quiet tree && kept && grep -q 'int m;' "$TREE/mm/new.c" &&
		[ "$TREE/mm/new.c" -nt "$TREE/mm/a.c" ]
}

test_dropped_patch_leaves_the_tree_and_make_notices()
{
	rebuilt && touch "$TOY/mark" && sleep 0.01 && echo two.patch >"$TOY/top/series" &&
		quiet tree && cmp "$TREE/mm/a.c" "$EXECMEM_BASE/mm/a.c" &&
		[ "$TREE/mm/a.c" -nt "$TOY/mark" ] || return 1
	: >"$TOY/top/series"
	quiet tree && [ ! -e "$TREE/mm/new.c" ]
}

test_bad_patch_is_named_and_the_tree_stays()
{
	rebuilt && sed -i 's/^ int a19;/ int other;/' "$TOY/top/patches/one.patch" &&
		keep snapshot "$TREE" && one_line "one.patch does not apply: mm/a.c: hunk #1 (at line 17)" tree && kept
}

test_fuzz_is_refused()
{
	rebuilt && sed -i 's/^ int a17;/ int other;/' "$TOY/top/patches/one.patch" &&
		fails_with "one.patch does not apply" tree
}

test_second_bad_hunk_is_numbered()
{
	toy_series && sed -i 's/int a38;/long a38;/' "$TREE/mm/a.c" && quiet refresh &&
		sed -i 's/^-int a38;/-int other;/' "$TOY/top/patches/one.patch" &&
		fails_with "one.patch does not apply: mm/a.c: hunk #2" tree
}

test_patch_of_missing_file_is_named()
{
	rebuilt && sed -i 's,mm/a.c,mm/absent.c,' "$TOY/top/patches/one.patch" &&
		fails_with "one.patch does not apply: mm/absent.c" tree
}

test_new_file_that_the_base_has_is_named()
{
	rebuilt && echo x >"$EXECMEM_BASE/mm/new.c" &&
		fails_with "two.patch does not apply: mm/new.c" tree
}

test_missing_patch_is_named()
{
	rebuilt && rm "$TOY/top/patches/two.patch" && rm -rf "$TREE" &&
		fails_with "there is no patches/two.patch" checks/identity
}

test_edits_are_refused_and_kept()
{
	rebuilt && echo 'int mine;' >>"$TREE/mm/a.c" && echo 'int too;' >>"$TREE/mm/b.c" &&
		fails_with "edits that no patch holds: mm/a.c mm/b.c" tree &&
		grep -q mine "$TREE/mm/a.c"
}

test_force_drops_edits()
{
	rebuilt && echo 'int mine;' >>"$TREE/mm/a.c" && rm "$TREE/mm/b.c" &&
		FORCE=1 quiet tree && ! grep -q mine "$TREE/mm/a.c" &&
		cmp "$TREE/mm/b.c" "$EXECMEM_BASE/mm/b.c" && quiet tree
}

test_stock_tree_is_the_base()
{
	toy_series && STOCK=1 quiet tree &&
		cmp "$TOY/top/build/stock-tree/mm/a.c" "$EXECMEM_BASE/mm/a.c" &&
		[ ! -e "$TOY/top/build/stock-tree/mm/new.c" ]
}

test_new_base_reaches_the_tree()
{
	rebuilt && echo 'int fixed;' >>"$EXECMEM_BASE/mm/b.c" && rm "$EXECMEM_BASE/Kbuild" &&
		echo later >"$EXECMEM_BASE.stamp" && quiet tree &&
		grep -q fixed "$TREE/mm/b.c" && [ ! -e "$TREE/Kbuild" ] &&
		grep -q 'long a20' "$TREE/mm/a.c"
}

test_build_output_survives()
{
	rebuilt && mkdir "$TREE/o.x86_64" && echo y >"$TREE/o.x86_64/a.o" && quiet tree &&
		[ -e "$TREE/o.x86_64/a.o" ]
}

test_empty_series_works()
{
	quiet tree && quiet refresh && quiet tree && quiet checks/identity
}

test_a_new_file_is_not_overwritten()
{
	toy_series && cp "$TOY/top/series" "$TOY/series" && echo one.patch >"$TOY/top/series" &&
		quiet tree && [ ! -e "$TREE/mm/new.c" ] && echo 'int mine;' >"$TREE/mm/new.c" &&
		cp "$TOY/series" "$TOY/top/series" &&
		fails_with 'tree has edits that no patch holds: mm/new.c' tree &&
		grep -q mine "$TREE/mm/new.c" && FORCE=1 quiet tree && grep -qx 'int n;' "$TREE/mm/new.c"
}

# new_files_are_kept: all new files, except the leftovers of tools.
new_files_are_kept()
{
	local name
	rm "$TREE/mm/mine.c"
	for name in mm/config lib/Kbuild lib/x.cocci lib/notes.txt lib/.kunitconfig; do
		echo mine >"$TREE/$name" && fails_with "no patch holds: $name" clean &&
			[ -s "$TREE/$name" ] && rm "$TREE/$name" || return 1
	done
	touch "$TREE"/mm/{a.c~,a.c.orig,a.o,a.mod.c} "$TREE/tags"
}

test_clean_refuses_while_commands_run()
{
	rebuilt && (
		exec 8>"$TOY/top/build/compare.lock" && flock 8 &&
			FORCE=1 fails_with 'build/compare.lock is held' clean
	) && [ -e "$TREE/mm/a.c" ] && mkdir -p "$TOY/top/results/send" &&
		touch "$TOY/top/results/send/sending-v1" &&
		fails_with 'v1 was not sent completely' clean && [ -e "$TREE/mm/a.c" ] &&
		FORCE=1 quiet clean && [ ! -e "$TOY/top/build" ]
}

test_clean_keeps_edits()
{
	rebuilt && mkdir -p "$TOY/top/results" && echo '/* mine */' >>"$TREE/mm/a.c" &&
		fails_with 'tree has edits that no patch holds: mm/a.c' clean &&
		grep -q mine "$TREE/mm/a.c" && [ -d "$TOY/top/results" ] &&
		cp "$TOY/base/mm/a.c" "$TREE/mm/a.c" && echo 'int mine;' >"$TREE/mm/mine.c" &&
		FORCE=1 quiet tree && fails_with 'no patch holds: mm/mine.c' clean &&
		[ -s "$TREE/mm/mine.c" ] && new_files_are_kept &&
		quiet clean && [ ! -e "$TOY/top/build" ] && [ ! -e "$TOY/top/results" ]
}

test_an_override_replaces_its_patch_on_newer_kernels()
{
	local patches=$TOY/top/patches
	toy_series && topics && mkdir "$patches/first/7.3" &&
		sed 's/^ int a17;/ int b17;/' "$patches/first/one.patch" >"$patches/first/7.3/one.patch" &&
		quiet tree && quiet checks/apply && sed -i 's/int a17;/int b17;/' "$TOY/base/mm/a.c" &&
		fails_with 'first/one.patch does not apply' tree &&
		sed -i 's/VERSION = 6/VERSION = 7/' "$TOY/base/Makefile" && echo later >"$TOY/base.stamp" &&
		quiet tree && quiet checks/apply && grep -q 'long a20' "$TREE/mm/a.c" &&
		(cd "$TREE" && quilt --quiltrc - pop -a && ! grep -q 'long a20' mm/a.c &&
		quilt --quiltrc - push -a) >/dev/null && grep -q 'long a20' "$TREE/mm/a.c" && quiet tree
}

test_patches_for_one_of_two_bases()
{
	local patches=$TOY/top/patches
	toy_series && topics && mkdir "$patches/first/7.3" &&
		sed "s,mm/new.c,mm/newer.c,g; s,lib/run.sh,lib/walk.sh,g" "$patches/second/two.patch" >"$patches/first/7.3/more.patch" &&
		printf '%s\n' '# first: a file' first/one.patch '# 7.3 only: first/7.3/more.patch' \
			'# second: more files' 'second/two.patch #6.12-only' >"$TOY/top/series" &&
		quiet tree && quiet checks/series && quiet checks/apply && [ -e "$TREE/mm/new.c" ] &&
		[ ! -e "$TREE/mm/newer.c" ] && quiet refresh && quiet checks/series &&
		sed -i 's/VERSION = 6/VERSION = 7/' "$TOY/base/Makefile" && echo later >"$TOY/base.stamp" &&
		quiet tree && quiet checks/apply && grep -q 'long a20' "$TREE/mm/a.c" &&
		[ ! -e "$TREE/mm/new.c" ] && [ -e "$TREE/mm/newer.c" ] &&
		KERNEL=$TOY/base quiet steps/topic &&
		printf '%s\n' first/one.patch first/7.3/more.patch | diff - "$TOY/out" &&
		KERNEL=$TOY/base TOPIC=second one_line "topic 'second' has no patches for this kernel" tree &&
		sed -i '2d;3{h;d};4G' "$TOY/top/series" &&
		fails_with 'first/7.3/more.patch: not in patches/second/7.3/' checks/series
}

run_tests

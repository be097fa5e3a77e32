#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-range-diff: range-diff shows what changed since a version, and the check of
# changelog.in compares both.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
unset FROM
ID=20261120-toy-0123456789ab

# changelog SECTION...: a changelog.in of these lines.
changelog()
{
	printf '%s\n' "change-id: $ID" '' "$@" >"$TOY/top/changelog.in"
}

# ready: a series of two that is tagged v1.
ready()
{
	toy_series && changelog v1: ' - first version' && git_top init -q &&
		git_top add series patches changelog.in && git_top commit -q -m v1 && git_top tag v1
}

# edit PATCH: change its content.
edit()
{
	case $1 in
	one.patch) sed -i 's/long a20;/short a20;/' "$TREE/mm/a.c" ;;
	two.patch) sed -i 's/int n;/int new;/' "$TREE/mm/new.c" ;;
	esac && quiet refresh
}

# status: of each patch in the last summary, such as "=!".
status()
{
	awk '{ printf "%s", $3 }' "$TOY/out"
}

test_changes_are_shown_patch_by_patch()
{
	ready && edit two.patch && quiet range-diff && [ "$(grep -c '^[12]: ' "$TOY/out")" = 2 ] &&
		grep -qx '    -+int n;' "$TOY/out" && grep -qx '    ++int new;' "$TOY/out" &&
		quiet range-diff --summary && [ "$(status)" = '=!' ] &&
		! grep -q 'int n;' "$TOY/out"
}

test_messages_count_as_well()
{
	ready && sed -i 's/^Why it is/Why this is/' "$TOY/top/patches/one.patch" &&
		quiet range-diff --summary && [ "$(status)" = '!=' ]
}

test_new_and_dropped_patches_are_shown()
{
	ready && sed -i /one.patch/d "$TOY/top/series" && rm "$TOY/top/patches/one.patch" &&
		FORCE=1 quiet tree && printf 'int m;\n' >"$TREE/mm/m.c" &&
		quiet refresh --to three.patch mm/m.c && message three.patch &&
		quiet range-diff --summary && [ "$(status)" = '<=>' ]
}

test_the_newest_version_is_the_default()
{
	ready && edit two.patch && git_top commit -q -a -m v2 && git_top tag v2 &&
		git_top tag v10 && git_top tag v1-draft && quiet range-diff --summary &&
		[ "$(status)" = '==' ] && grep -q 'from v10, 2 patches' "$TOY/err" &&
		FROM=v1 quiet range-diff --summary && [ "$(status)" = '=!' ] &&
		FROM=HEAD~1 quiet range-diff --summary && [ "$(status)" = '=!' ]
}

test_unknown_versions_get_one_line()
{
	toy_series && changelog v1: ' - first' &&
		one_line "is not a git repository" range-diff && git_top init -q &&
		one_line "is not a git repository" range-diff && git_top add changelog.in &&
		git_top commit -q -m none && one_line "no earlier version: no tag v1" range-diff &&
		FROM=v3 one_line "FROM=v3: no such version or commit in this clone (newest version: none)" range-diff &&
		FROM=--help one_line "FROM=--help: no such version" range-diff &&
		FROM=HEAD one_line "FROM=HEAD: the commit has no series" range-diff &&
		one_line "unexpected argument 'v1'" range-diff v1
}

test_a_version_for_another_base_is_named()
{
	ready && edit two.patch && sed -i 's/a20;/b20;/' "$TOY/base/mm/a.c" &&
		one_line "earlier does not apply to $TOY/base" range-diff
}

test_the_repository_does_not_change()
{
	ready && edit two.patch && keep contents "$TOY/top" && quiet range-diff && kept && [ -z "$(git_top branch --list 'current')" ]
}

test_without_an_earlier_version_the_changelog_passes_or_skips()
{
	toy_series && changelog v1: ' - first' && quiet checks/changelog &&
		grep -q 'no earlier version: changelog.in has v1 only' "$TOY/out" &&
		changelog v2: ' - better' v1: ' - first' || return 1
	"$SCRIPTS/checks/changelog" >"$TOY/out" 2>&1
	[ $? = 4 ] && grep -q 'v1 is not tagged in this clone' "$TOY/out"
}

test_changes_need_a_section()
{
	ready && quiet checks/changelog && grep -q '^0 patches changed since v1' "$TOY/out" &&
		edit two.patch && fails_with "no section 'v2:' (patch 2)" checks/changelog &&
		changelog v2: v1: ' - first' && fails_with "the section v2 is empty" checks/changelog &&
		changelog v2: ' - other code' v1: ' - first' && quiet checks/changelog &&
		grep -q '^1 patches changed since v1; newest section: v2' "$TOY/out"
}

test_an_order_is_a_change()
{
	ready && printf 'two.patch\none.patch\n' >"$TOY/top/series" &&
		fails_with "no section 'v2:' (their order)" checks/changelog
}

test_a_section_names_changed_patches()
{
	ready && edit two.patch && changelog v2: ' - other code (patch 2)' v1: ' - patch 1' &&
		quiet checks/changelog && changelog v2: ' - Patches 1-2: code' &&
		fails_with "v2 names patch 1, which did not change since v1" checks/changelog &&
		! grep -q 'patch 2,' "$TOY/all" && changelog v2: ' - code in patches' '   2, 1' &&
		fails_with "v2 names patch 1," checks/changelog && changelog v2: ' - patch 2 and 7' &&
		fails_with "v2 names patch 7, but the series has 2 patches" checks/changelog
}

test_a_section_names_patches_by_subject()
{
	ready && edit two.patch && changelog v2: ' - code in "toy: two.patch", not "a word"' &&
		quiet checks/changelog && changelog v2: ' - code in "toy:' '   one.patch"' &&
		fails_with 'v2 names "toy: one.patch", which did not change' checks/changelog
}

test_a_dropped_patch_may_be_named()
{
	ready && sed -i /one.patch/d "$TOY/top/series" &&
		changelog v2: ' - drop "toy: one.patch"' && quiet checks/changelog &&
		changelog v1: ' - first' && fails_with '(dropped "toy: one.patch")' checks/changelog
}

test_the_change_id_stays()
{
	ready && ID=20261120-toy-0123456789ac changelog v1: ' - first' &&
		fails_with "v1 had $ID: all versions have the same" checks/changelog &&
		ID=20261120-0123456789ac changelog v1: ' - first' &&
		fails_with "needs one line 'change-id:" checks/changelog
}

run_tests

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-rebase-check: the patches that do not apply to another kernel are listed with hunk and
# reason, and the place of moved code.  A patch is not blamed for an earlier one.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"

# code NAME: a function, with lines that are in no other file.
code()
{
	printf 'int %s(int page)\n{\n' "$1"
	seq -f "	page = step_of_$1(page, %.0f);" 10 25
	printf '}\n'
}

# rebase_toy: three patches.  The second one needs the lines of the first one; the third one
# is of a function in arch/one.
rebase_toy()
{
	mkdir -p "$EXECMEM_BASE"/arch/{one,two} && code fill >"$EXECMEM_BASE/mm/fill.c" &&
		code poke >"$EXECMEM_BASE/arch/one/poke.c" && quiet tree &&
		sed -i 's/int a20;/long a20;/' "$TREE/mm/a.c" && quiet refresh --to one.patch mm/a.c &&
		sed -i 's/int a22;/long a22;/' "$TREE/mm/a.c" && quiet refresh --to two.patch mm/a.c &&
		sed -i 's/, 20)/, 0)/' "$TREE"/{mm/fill.c,arch/one/poke.c} &&
		quiet refresh --to three.patch mm/fill.c arch/one/poke.c &&
		cp -r "$EXECMEM_BASE" "$TOY/user"
}

# finds LINE...: rebase-check of the user's kernel prints exactly these lines.
finds()
{
	printf '%s\n' "$@" >"$TOY/expected"
	KERNEL=$TOY/user "$SCRIPTS/rebase-check" >"$TOY/out" 2>"$TOY/err"
	[ $? = 1 ] && diff "$TOY/expected" "$TOY/out" >&2 &&
		cmp "$TOY/out" "$TOY/top/results/rebase-check/6.12.120.txt"
}

test_a_kernel_that_takes_all()
{
	rebase_toy && sed -i 's/int a1;/int b1;/' "$TOY/user/mm/a.c" && KERNEL=$TOY/user quiet rebase-check &&
		[ "$(cat "$TOY/out")" = 'Linux 6.12.120: 3 of 3 patches apply' ]
}

test_earlier_patches_count_as_ported()
{
	rebase_toy && sed -i 's/int a17;/int b17;/' "$TOY/user/mm/a.c" &&
		finds 'Linux 6.12.120: 2 of 3 patches apply' '' one.patch \
			"    mm/a.c: hunk #1: lacks 'int a17;'"
}

test_moved_code_is_found()
{
	rebase_toy && mv "$TOY/user/mm/fill.c" "$TOY/user/lib/fill.c" && : >"$TOY/user/mm/fill.c" &&
		mv "$TOY/user/arch/one/poke.c" "$TOY/user/arch/two" &&
		finds 'Linux 6.12.120: 2 of 3 patches apply' '' three.patch \
			'    arch/one/poke.c: hunk #1 (poke): no such file' \
			"    mm/fill.c: hunk #1 (fill): lacks 'page = step_of_fill(page, 17);'" '' \
			'moved code' '' '    arch/one/poke.c    gone' '    mm/fill.c: fill()  lib/fill.c:1'
}

test_lines_without_their_function_are_found()
{
	rebase_toy && sed 1s/fill/full/ "$TOY/user/mm/fill.c" >"$TOY/user/mm/full.c" &&
		sed -i '/, 1[5-9])/d' "$TOY/user/mm/fill.c" &&
		finds 'Linux 6.12.120: 2 of 3 patches apply' '' three.patch \
			"    mm/fill.c: hunk #1 (fill): lacks 'page = step_of_fill(page, 17);'" '' \
			'moved code' '' '    mm/fill.c: fill()  mm/full.c:10 (3 of 3 lines)'
}

test_overrides_count_and_must_be_needed()
{
	local patches=$TOY/top/patches
	rebase_toy && mkdir -p "$patches/t/7.3" && mv "$patches"/*.patch "$patches/t" &&
		printf '%s\n' '# t: toy' t/one.patch t/two.patch t/three.patch >"$TOY/top/series" &&
		sed 's/^ int a17;/ int b17;/' "$patches/t/one.patch" >"$patches/t/7.3/one.patch" &&
		sed -i 's/^VERSION = 6/VERSION = 7/' "$TOY/user/Makefile" &&
		KERNEL=$TOY/user fails_with 't/one.patch: hunk #1: needless: this patch applies' rebase-check &&
		sed -i 's/int a17;/int b17;/' "$TOY/user/mm/a.c" && KERNEL=$TOY/user quiet rebase-check &&
		[ "$(cat "$TOY/out")" = 'Linux 7.12.120: 3 of 3 patches apply, 1 of them overridden' ]
}

test_patches_for_one_of_two_bases_count()
{
	local patches=$TOY/top/patches more='mm/b.c: hunk #1: lacks'
	rebase_toy && mkdir -p "$patches/t/7.3" && mv "$patches"/*.patch "$patches/t" &&
		printf '%s\n' '# t: toy' t/one.patch '# 7.3 only: t/7.3/more.patch' t/two.patch \
			't/three.patch #6.12-only' >"$TOY/top/series" &&
		sed 's,mm/a.c,mm/b.c,g; s/int a/int b/; s/long a/long b/' "$patches/t/one.patch" >"$patches/t/7.3/more.patch" &&
		sed -i 's/^VERSION = 6/VERSION = 7/' "$TOY/user/Makefile" && rm "$TOY/user/arch/one/poke.c" &&
		KERNEL=$TOY/user quiet rebase-check &&
		[ "$(cat "$TOY/out")" = 'Linux 7.12.120: 3 of 3 patches apply, 1 only there, 1 left out' ] &&
		sed -i 's/int b20;/char b20;/' "$TOY/user/mm/b.c" &&
		KERNEL=$TOY/user fails_with "$more 'int b20;'" rebase-check
}

# archive VERSION: all suites together have the user's kernel, as this version.
archive()
{
	local root=$TOY/deb
	mkdir -p "$root/DEBIAN" "$root/usr/src"
	sed -i "s/^SUBLEVEL = .*/SUBLEVEL = ${1##*.}/" "$TOY/user/Makefile"
	printf 'Package: linux-source-6.12\nVersion: 1\nArchitecture: all\nMaintainer: t <t@invalid>\nDescription: t\n' \
		>"$root/DEBIAN/control"
	tar -C "$TOY" -caf "$root/usr/src/linux-source-6.12.tar.xz" user
	dpkg-deb -b "$root" "$TOY/linux-source-6.12_1_all.deb" >/dev/null
	fake apt-get 'case "$*" in' 'indextargets*) echo http://mirror.example bookworm ;;' \
		"*' update') ;;" "*) cp '$TOY/linux-source-6.12_1_all.deb' . ;;" 'esac'
	fake apt-cache 'case "$*" in' '*pkgnames\ linux-source-6*) echo linux-source-6.12 ;;' \
		'*pkgnames*) ;;' \
		"*) for i in 1 2; do echo \" linux-source-6.12 | $1-\$i | http://x trixie/main amd64 Packages\"; done ;;" \
		'esac'
}

test_a_supported_kernel_of_the_archive_must_take_all()
{
	rebase_toy && archive 6.12.115 && quiet rebase-check && [ "$(grep -c '^6\.12' "$TOY/out")" = 1 ] &&
		grep -qx '6.12.115     trixie               3/3  -' "$TOY/out" &&
		sed -i 's/int a17;/int b17;/' "$TOY/user/mm/a.c" && archive 6.12.115 &&
		fails_with ' 2/3  one.patch: mm/a.c: hunk #1' rebase-check &&
		archive 6.12.114 && quiet rebase-check && grep -q "^6.12.114 .* 2/3  one.patch" "$TOY/out"
}

run_tests

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-source: every kind of KERNEL=PATH works, and none is ever modified.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"

# user_kernel: a kernel of the user's in $TOY/user, and no base given.
user_kernel()
{
	unset EXECMEM_BASE
	export EXECMEM_USR_SRC=$TOY/none
	make_base "$TOY/user"
}

# base_of PATH: what scripts/steps/source makes of it.
base_of()
{
	KERNEL=$1 "$SCRIPTS/steps/source" 2>"$TOY/err"
}

test_plain_directory_is_copied_and_untouched()
{
	local base
	user_kernel && echo o >"$TOY/user/mm/a.o" && keep snapshot "$TOY/user" &&
		base=$(base_of "$TOY/user") && cmp "$base/mm/a.c" "$TOY/user/mm/a.c" &&
		[ ! -e "$base/mm/a.o" ] && KERNEL=$TOY/user quiet tree && kept
}

test_git_tree_gives_its_tracked_files_as_on_disk()
{
	local base
	user_kernel && git -C "$TOY/user" init -q && git -C "$TOY/user" add -f . &&
		git -C "$TOY/user" -c user.name=t -c user.email=t@invalid commit -q -m t &&
		echo 'int edited;' >>"$TOY/user/mm/a.c" && echo x >"$TOY/user/mm/untracked.c" &&
		keep snapshot "$TOY/user" && base=$(base_of "$TOY/user") && grep -q edited "$base/mm/a.c" &&
		[ ! -e "$base/mm/untracked.c" ] && grep -q 'not committed' "$TOY/err" && kept
}

test_edits_of_the_user_reach_the_tree()
{
	user_kernel && toy_on_user && echo 'int later;' >>"$TOY/user/mm/b.c" &&
		rm "$TOY/user/mm/Makefile" && KERNEL=$TOY/user quiet tree &&
		grep -q later "$(cat "$TOY/out")/mm/b.c" &&
		[ ! -e "$(cat "$TOY/out")/mm/Makefile" ]
}

# The size and the second of the last change stay the same.
test_edit_in_the_same_second_reaches_the_tree()
{
	user_kernel && touch -d @1700000000.1 "$TOY/user/mm/b.c" && toy_on_user &&
		sed -i 's/b/c/' "$TOY/user/mm/b.c" && touch -d @1700000000.2 "$TOY/user/mm/b.c" &&
		toy_on_user && cmp -s "$TOY/user/mm/b.c" "$(cat "$TOY/out")/mm/b.c"
}

# toy_on_user: a tree out of the user's kernel.
toy_on_user()
{
	KERNEL=$TOY/user quiet tree
}

test_tarballs()
{
	user_kernel || return 1
	local kind base
	for kind in xz gz zst; do
		tar -C "$TOY" -caf "$TOY/k.tar.$kind" user &&
			base=$(base_of "$TOY/k.tar.$kind") &&
			cmp "$base/mm/a.c" "$TOY/user/mm/a.c" || return 1
	done
}

test_package()
{
	user_kernel && mkdir -p "$TOY/deb/DEBIAN" "$TOY/deb/usr/src" &&
		tar -C "$TOY" -caf "$TOY/deb/usr/src/linux-source-6.12.tar.xz" user &&
		printf 'Package: linux-source-6.12\nVersion: 1\nArchitecture: all\nMaintainer: t <t@invalid>\nDescription: t\n' \
			>"$TOY/deb/DEBIAN/control" &&
		dpkg-deb -b "$TOY/deb" "$TOY/k.deb" >/dev/null || return 1
	local base
	base=$(base_of "$TOY/k.deb") && cmp "$base/mm/a.c" "$TOY/user/mm/a.c"
}

test_packaged_source_is_extracted_once()
{
	user_kernel && mkdir "$TOY/usr" &&
		tar -C "$TOY" -caf "$TOY/usr/linux-source-6.12.tar.xz" user || return 1
	export EXECMEM_USR_SRC=$TOY/usr
	local base
	base=$("$SCRIPTS/steps/source" 2>/dev/null) && [ "$base" = "$TOY/cache/src/linux-6.12.120" ] &&
		[ "$("$SCRIPTS/steps/source" 2>"$TOY/err")" = "$base" ] && [ ! -s "$TOY/err" ]
}

test_folders_without_compiled_files_are_left_out()
{
	local drivers=$TOY/user/drivers base
	user_kernel && mkdir -p "$TOY/usr" "$drivers/gpu/drm" "$drivers/net/ethernet" &&
		touch "$drivers"/{gpu,gpu/drm,net,net/ethernet}/{Kconfig,Makefile,a.c} &&
		tar -C "$TOY" -caf "$TOY/usr/linux-source-6.12.tar.xz" user || return 1
	export EXECMEM_USR_SRC=$TOY/usr
	base=$("$SCRIPTS/steps/source" 2>/dev/null)/drivers &&
		[ -f "$base/gpu/drm/Kconfig" ] && [ -f "$base/net/ethernet/Makefile" ] &&
		[ -f "$base/net/a.c" ] && [ "$(find "$base" -name a.c | wc -l)" = 1 ] &&
		base=$(base_of "$TOY/usr/linux-source-6.12.tar.xz")/drivers &&
		[ "$(find "$base" -name a.c | wc -l)" = 4 ] || return 1
	# A later series may touch more files, which the earlier extraction lacks.
	cp -r "$SCRIPTS" "$TOY/scripts" && sed -i 's/^LEFT_OUT=(drivers.*gpu,/LEFT_OUT=(drivers\/{/' "$TOY/scripts/steps/source" &&
		base=$("$TOY/scripts/steps/source" 2>/dev/null)/drivers && [ -f "$base/gpu/a.c" ] &&
		[ ! -e "$base/net/ethernet/a.c" ] && [ -z "$(find "$TOY/cache/src" -name '.extract*')" ]
}

test_wrong_paths_get_one_line()
{
	user_kernel && mkdir "$TOY/empty" && echo x >"$TOY/file" && echo x >"$TOY/bad.tar.xz" &&
		echo x >"$TOY/bad.deb" &&
		KERNEL=$TOY/empty one_line "is not a kernel source tree" steps/source &&
		KERNEL=$TOY/file one_line "neither a directory nor" steps/source &&
		KERNEL=$TOY/bad.deb one_line "is not a linux-source package" steps/source &&
		KERNEL=$TOY/bad.tar.xz fails_with "cannot extract" steps/source &&
		one_line "no linux-source-6.12 tarball" steps/source
}

# does_not_apply VERSION TEXT: the tree of the user's kernel fails with this one line.
does_not_apply()
{
	sed -i "s/^SUBLEVEL = .*/SUBLEVEL = $1/" "$TOY/user/Makefile"
	KERNEL=$TOY/user fails_with "tree: $2one.patch does not apply: mm/a.c: hunk #1 (at line 17)" tree &&
		[ "$(grep -vc '^source: copying' "$TOY/all")" = 1 ] && [ -z "$(find "$TOY/top/build" -name 'tree-*')" ]
}

test_other_version_is_named_with_the_first_bad_hunk()
{
	local only='is not supported, only 6.12.115 and later 6.12.y: '
	toy_series && user_kernel && sed -i 's/int a18;/int b18;/' "$TOY/user/mm/a.c" &&
		does_not_apply 115 '' && does_not_apply 114 "Linux 6.12.114 $only" &&
		sed -i 's/PATCHLEVEL = 12/PATCHLEVEL = 6/' "$TOY/user/Makefile" &&
		does_not_apply 120 "Linux 6.6.120 $only" &&
		sed -i 's/int b18;/int a18;/' "$TOY/user/mm/a.c" && KERNEL=$TOY/user quiet tree
}

# pinned_base VERSION: a suite that has this version of linux-source-7.3 and an older 7.2, the
# scripts in $TOY/scripts, which pin the checksum of it, and a log of apt-get's commands.
pinned_base()
{
	local root=$TOY/deb
	user_kernel && sed -i 's/= 6$/= 7/; s/= 12$/= 3/; s/= 120/= 4/' "$TOY/user/Makefile"
	mkdir -p "$root/DEBIAN" "$root/usr/src"
	printf 'Package: linux-source-7.3\nVersion: 1\nArchitecture: all\nMaintainer: t <t@invalid>\nDescription: t\n' \
		>"$root/DEBIAN/control"
	tar -C "$TOY" -caf "$root/usr/src/linux-source-7.3.tar.xz" user
	dpkg-deb -b "$root" "$TOY/linux-source-7.3_1_all.deb" >/dev/null
	cp -r "$SCRIPTS" "$TOY/scripts"
	sed -i "s/bpo13+1 [0-9a-f]\{64\}/bpo13+1 $(sha256sum <"$root/usr/src/linux-source-7.3.tar.xz" | cut -d ' ' -f 1)/" \
		"$TOY/scripts/steps/source"
	fake apt-get "echo \"\$*\" >>'$TOY/asked'" 'case "$*" in' \
		'indextargets*) echo http://mirror.example bookworm ;;' \
		"*' update') exit \$(cat '$TOY/offline' 2>/dev/null || echo 0) ;;" \
		"*' download linux-source-7.3=$1') cp '$TOY/linux-source-7.3_1_all.deb' . ;;" \
		'*) exit 1 ;;' 'esac'
	fake apt-cache 'case "$*" in' \
		'*pkgnames*) echo linux-source-7.2; echo linux-source-7.3 ;;' \
		"*) echo ' linux-source-7.3 | $1 | http://mirror.example trixie-backports/main amd64 Packages'" \
		"echo ' linux-source-7.2 | 7.2.12-1~bpo13+1 | http://mirror.example trixie-backports/main amd64 Packages' ;;" "esac"
}

# pinned: print the base of BASE=7.3.
pinned()
{
	BASE=7.3 "$TOY/scripts/steps/source" 2>"$TOY/err"
}

test_pinned_base_is_fetched_once()
{
	local base
	pinned_base '7.3.4-1~bpo13+1' && base=$(pinned) && [ "$base" = "$TOY/cache/src/linux-7.3.4" ] &&
		cmp "$base/mm/a.c" "$TOY/user/mm/a.c" && ! grep 'no longer' "$TOY/err" &&
		rm -r "$TOY/asked" "$TOY/cache/src" && [ "$(pinned)" = "$base" ] && [ ! -e "$TOY/asked" ]
}

test_pinned_base_of_another_content_is_refused()
{
	pinned_base '7.3.4-1~bpo13+1' && sed -i 's/bpo13+1 [0-9a-f]/bpo13+1 x/' "$TOY/scripts/steps/source" &&
		! pinned && grep -q 'is not the pinned file: its checksum is not x' "$TOY/err" &&
		[ -z "$(find "$TOY/cache" -name '*.tar.xz*' -o -name 'linux-*')" ]
}

test_newest_version_replaces_a_pinned_one_that_left()
{
	local base
	pinned_base '7.3.10-1~bpo13+1' && base=$(pinned) && [ -d "$base" ] &&
		[ "$(grep -c 'no longer has linux-source 7.3.4-1~bpo13+1: using 7.3.10-1~bpo13+1' "$TOY/err")" = 1 ] &&
		rm "$TOY/asked" && [ "$(pinned)" = "$base" ] && [ ! -e "$TOY/asked" ]
}

test_no_network_and_no_pinned_base()
{
	pinned_base '7.3.4-1~bpo13+1' && echo 100 >"$TOY/offline" && ! pinned &&
		grep -q 'source: no linux-source-7.3: check the network, or give KERNEL=PATH' "$TOY/err"
}

test_pinned_base_has_a_separate_tree()
{
	toy_series && BASE=7.3 quiet tree && [ "$(cat "$TOY/out")" = "$TOY/top/build/tree-7.3" ] &&
		BASE=7.3 KERNEL=$TOY/base EXECMEM_ENVIRONMENT='' one_line 'omit BASE=7.3' steps/source
}

run_tests

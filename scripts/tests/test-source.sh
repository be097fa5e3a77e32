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
	base=$("$SCRIPTS/steps/source" 2>/dev/null) && [ "$base" = "$TOY/cache/src/linux-6.12.9" ] &&
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

test_other_version_is_refused()
{
	user_kernel && sed -i 's/PATCHLEVEL = 12/PATCHLEVEL = 6/' "$TOY/user/Makefile" &&
		KERNEL=$TOY/user one_line "is Linux 6.6.9; the series needs 6.12.y" steps/source &&
		tar -C "$TOY" -caf "$TOY/k.tar.gz" user &&
		KERNEL=$TOY/k.tar.gz fails_with "is Linux 6.6.9" steps/source &&
		[ -z "$(find "$TOY/top/build" -name '.extract*')" ]
}

run_tests

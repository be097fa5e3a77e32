# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# How this project calls kbuild; sourced after lib.sh by build and its steps.

# Reproducible builds: ccache finds more, and logs are the same.
export KBUILD_BUILD_USER=execmem KBUILD_BUILD_HOST=series
export KBUILD_BUILD_TIMESTAMP="1970-01-01 00:00:00 UTC"

# toolchain ARCH: set TOOLCHAIN, the words that tell kbuild the architecture and its compiler.
toolchain()
{
	TOOLCHAIN=(ARCH="$(karch "$1")" CROSS_COMPILE="$(cross "$1")" CC="$SCRIPTS/lib/cc $(compiler "$1")")
	[ "${CC:-}" != clang ] || TOOLCHAIN+=(LLVM="-$LLVM_VERSION")
}

# become_kbuild TREE ARCH ODIR ARG...: make in ODIR, a direct child of TREE, so that
# kbuild uses relative paths only and one ccache serves every clone.
become_kbuild()
{
	local tree=$1 arch=$2 odir=$3
	shift 3
	toolchain "$arch"
	become nice make -C "$tree" O="$odir" "${TOOLCHAIN[@]}" -j"$JOBS" "$@"
}

kbuild()
{
	(become_kbuild "$@")
}

# kbuild_objects TREE ARCH ODIR ARG...: of several folders.  kbuild enters arch/riscv/ and
# arch/riscv/lib/ at once for an object of the latter, and then one of them may find it
# half written.  With one job that cannot happen.
kbuild_objects()
{
	kbuild "$@" || JOBS=1 kbuild "$@"
}

# guest_cc TREE ARCH ARG...: compile a program of the guest, static because that has
# no libraries.  A kselftest finds kselftest.h, with and without the series.
guest_cc()
{
	local tree=$1 arch=$2
	shift 2
	"$(cross "$arch")gcc" -std=gnu11 -O2 -Wall -Wextra -Werror -static \
		-I"$tree/tools/testing/selftests/kselftest" "$@"
}

# touched_files: the files that the patches in the tree change or add, without tools/ and
# scripts/, which are no part of the kernel.
touched_files()
{
	[ "${STOCK:-0}" = 1 ] && return
	while read -r patch; do
		sed -n '/^+++ b\/\(tools\|scripts\)\//d; s/^+++ b\/\([^	]*\).*/\1/p' "$TOP/patches/$patch"
	done <"$(tree_dir)/.execmem/series" | sort -u
}

# count_objects LOG: how many objects this build has compiled so far.
count_objects()
{
	grep -cE '^  (CC|AS)( \[M\])? ' "$1" || true
}

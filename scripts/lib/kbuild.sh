# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# How this project calls kbuild; sourced after lib.sh by build and its steps.

# The same bytes whoever builds and wherever: good for ccache and for logs.
export KBUILD_BUILD_USER=execmem KBUILD_BUILD_HOST=series
export KBUILD_BUILD_TIMESTAMP="1970-01-01 00:00:00 UTC"

# kbuild TREE ARCH ODIR ARG...: make in ODIR, a direct child of TREE, so that
# kbuild uses relative paths only and one ccache serves every clone.
kbuild()
{
	local tree=$1 arch=$2 odir=$3 prefix
	shift 3
	prefix=$(cross "$arch")
	nice make -C "$tree" O="$odir" ARCH="$(karch "$arch")" \
		CROSS_COMPILE="$prefix" CC="ccache ${prefix}gcc" \
		-j"$JOBS" "$@"
}

# kbuild_objects TREE ARCH ODIR ARG...: of several folders.  kbuild enters arch/riscv/ and
# arch/riscv/lib/ at once for an object of the latter, and then one of them may find it
# half written: what fails so does not twice, with one job.
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

# touched_files TREE: the files that the series changes or adds.
touched_files()
{
	[ "${STOCK:-0}" = 1 ] && return
	patch_names | while read -r patch; do
		sed -n 's/^+++ b\/\([^	]*\).*/\1/p' "$TOP/patches/$patch"
	done | sort -u
}

# human SECONDS: 75 -> 1m15s
human()
{
	printf '%dm%02ds' $(($1 / 60)) $(($1 % 60))
}

# count_objects LOG: how many objects this build has compiled so far.
count_objects()
{
	grep -cE '^  (CC|AS)( \[M\])? ' "$1" || true
}

# progress LOG PID LABEL TOTAL: follow a running build until it ends: objects
# built so far of those that a whole build has, on one line of a terminal, or
# as a plain line now and then.
progress()
{
	local log=$1 pid=$2 label=$3 total=$4 began=$SECONDS built last=0
	local every=60 line
	[ -t 2 ] && every=1

	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		[ $((SECONDS - last)) -ge "$every" ] || continue
		last=$SECONDS
		built=$(count_objects "$log")
		line="$label: $built objects of ${total:-?}, $(human $((SECONDS - began)))"
		if [ -t 2 ]; then
			printf '\r\033[K%s' "$line" >&2
		elif [ $((SECONDS - began)) -ge 5 ]; then
			printf '%s\n' "$line" >&2
		fi
	done
	if [ -t 2 ]; then
		printf '\r\033[K' >&2
	fi
}

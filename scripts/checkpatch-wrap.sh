#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# checkpatch-wrap.sh: run the base's checkpatch.pl --strict on the patches, with waivers.
#
# usage: [BASE=7.3 | KERNEL=PATH] scripts/checkpatch-wrap.sh [PATCH...]
#
# Checks the whole series by default.  Each finding of checkpatch is a fault, unless
# scripts/waivers/checkpatch-waivers.txt waives it (type, file or patch, reason).  For the
# whole series on 6.12 a waiver that no finding needs is a fault too.  Fails if checkpatch did not
# run.
#
# The findings of a patch are kept in the cache folder, under a digest of the patch, of
# checkpatch and its lists, and of the base; FRESH=1 runs checkpatch again.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib/lib.sh"
PATCHES=$(readlink -f "$TOP/patches")
WAIVERS=${EXECMEM_WAIVERS:-$SCRIPTS/waivers/checkpatch-waivers.txt}

operands $# "$@"

partial=(--partial)
if [ $# = 0 ]; then
	partial=()
	mapfile -t names < <(patch_names)
	set -- "${names[@]/#/$TOP/patches/}"
fi
for patch in "$@"; do
	[ -f "$patch" ] || die "$patch: no such patch"
done
SOURCE=$("$SCRIPTS/steps/source")
# Newer kernels have another checkpatch, and do not get all patches.
[[ $(version_of "$SOURCE") != [7-9].* ]] || partial=(--partial)
[ -f "$SOURCE/scripts/checkpatch.pl" ] || die "the base has no scripts/checkpatch.pl"
options=(--strict --terse --showfile --show-types --no-color --max-line-length=100)
WORDS=$(/usr/bin/python3 -c 'import codespell_lib as c; print(*c.__path__)' 2>/dev/null)/data/dictionary.txt ||
	die "codespell is missing: run 'make setup'"
options+=(--codespell --codespellfile="$WORDS")

# check PATCH: its findings, one a line, behind its name; fails unless checkpatch really ran
# and each finding that it has counted is there.
check()
{
	local name report counted
	local -a findings
	name=${1#"$PATCHES/"}
	report=$(cd "$SOURCE" && perl scripts/checkpatch.pl --root="$SOURCE" "${options[@]}" -- "$1" 2>&1) || :
	counted=$(sed -nE 's/^total: ([0-9]+) errors, ([0-9]+) warnings, ([0-9]+) checks.*/\1+\2+\3/p' <<<"$report")
	if [ -z "$counted" ] || grep '^No .* will be found' <<<"$report" >&2; then
		printf '%s\n' "$report" | head -n 5 >&2
		die "checkpatch did not run on $name"
	fi
	mapfile -t findings < <(grep -E '^([^ ]*: )?(ERROR|WARNING|CHECK):[A-Z0-9_]+: ' <<<"$report")
	[ "$((counted))" = ${#findings[@]} ] ||
		die "$name: checkpatch counts $((counted)) findings, ${#findings[@]} were read"
	[ ${#findings[@]} = 0 ] || printf "$name: %s\n" "${findings[@]}"
}

KEPT=$CACHE/checkpatch
UNCHANGED=0

# surroundings: all inputs of the findings except the patch.
surroundings()
{
	echo "$SOURCE" "${options[@]}"
	cat "$SOURCE.stamp" 2>/dev/null || :
	perl -e 'print "$]\n"'
	sha256sum "$0" "$WORDS" "$SOURCE"/scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch} 2>/dev/null || :
}

# check_once PATCH: as check, with the findings in the cache folder if they are there.
check_once()
{
	local kept
	kept=$KEPT/$({ echo "$SURROUNDINGS ${1#"$PATCHES/"}"; cat "$1"; } | sha256sum | cut -c1-32)
	if [ "${FRESH:-0}" = 1 ] || [ ! -e "$kept" ]; then
		check "$1" >"$kept.$$"
		mv "$kept.$$" "$kept"
	else
		UNCHANGED=$((UNCHANGED + 1))
		touch "$kept"
	fi
	cat "$kept"
}

mkdir -p "$KEPT"
FINDINGS=$(mktemp)
trap 'rm -f "$FINDINGS" "$KEPT"/*."$$"' EXIT
SURROUNDINGS=$(surroundings)
for patch in "$@"; do
	check_once "$(readlink -f "$patch")"
done >"$FINDINGS"
find "$KEPT" -type f -mtime +30 -delete
echo "$# patches, $UNCHANGED of them unchanged"
"$SCRIPTS/steps/waive" "${partial[@]}" "$WAIVERS" <"$FINDINGS"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# checkpatch-wrap.sh: run the base's checkpatch.pl --strict on the patches, with waivers.
#
# usage: [KERNEL=PATH] scripts/checkpatch-wrap.sh [PATCH...]
#
# Checks the whole series by default.  Each finding of checkpatch is a fault, unless
# scripts/waivers/checkpatch-waivers.txt waives it (type, file or patch, reason).  For the
# whole series a waiver that no finding needs is a fault too.  Fails if checkpatch did not
# run.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib/lib.sh"
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
BASE=$("$SCRIPTS/steps/source")
[ -f "$BASE/scripts/checkpatch.pl" ] || die "the base has no scripts/checkpatch.pl"
options=(--strict --terse --showfile --show-types --no-color --max-line-length=100)
if command -v codespell >/dev/null; then options+=(--codespell); fi

# check PATCH: its findings, one a line, behind its name; fails unless checkpatch really ran
# and each finding that it has counted is there.
check()
{
	local name report counted
	local -a findings
	name=$(basename "$1")
	report=$(cd "$BASE" && perl scripts/checkpatch.pl --root="$BASE" "${options[@]}" -- "$1" 2>&1) || :
	counted=$(sed -nE 's/^total: ([0-9]+) errors, ([0-9]+) warnings, ([0-9]+) checks.*/\1+\2+\3/p' <<<"$report")
	[ -n "$counted" ] || {
		printf '%s\n' "$report" | head -n 5 >&2
		die "checkpatch did not run on $name"
	}
	mapfile -t findings < <(grep -E '^([^ ]*: )?(ERROR|WARNING|CHECK):[A-Z0-9_]+: ' <<<"$report")
	[ "$((counted))" = ${#findings[@]} ] ||
		die "$name: checkpatch counts $((counted)) findings, ${#findings[@]} were read"
	[ ${#findings[@]} = 0 ] || printf "$name: %s\n" "${findings[@]}"
}

FINDINGS=$(mktemp)
trap 'rm -f "$FINDINGS"' EXIT
for patch in "$@"; do
	check "$(readlink -f "$patch")"
done >"$FINDINGS"
"$SCRIPTS/steps/waive" "${partial[@]}" "$WAIVERS" <"$FINDINGS"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# checkpatch-wrap: the base's checkpatch.pl --strict on the patches, with waivers.
#
# usage: [KERNEL=PATH] scripts/checkpatch-wrap.sh [PATCH...]
#
# Without PATCH the whole series is checked.  What checkpatch says is a fault,
# unless scripts/waivers/checkpatch-waivers.txt waives it (type, file, reason).  On the
# whole series a waiver that nothing needs any more is a fault too, and so is a
# checkpatch that did not really run.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib/lib.sh"
WAIVERS=${EXECMEM_WAIVERS:-$SCRIPTS/waivers/checkpatch-waivers.txt}

operands $# "$@"

WHOLE=
if [ $# = 0 ]; then
	WHOLE=1
	mapfile -t names < <(patch_names)
	set -- "${names[@]/#/$TOP/patches/}"
fi
for patch in "$@"; do
	[ -f "$patch" ] || die "$patch: no such patch"
done
BASE=$("$SCRIPTS/steps/source")
[ -f "$BASE/scripts/checkpatch.pl" ] || die "the base has no scripts/checkpatch.pl"

# run_checkpatch PATCH: its report; fails unless it really ran.
run_checkpatch()
{
	local report options=(--strict --show-types --no-color --max-line-length=100)

	if command -v codespell >/dev/null; then options+=(--codespell); fi
	report=$(cd "$BASE" && perl scripts/checkpatch.pl --root="$BASE" \
		"${options[@]}" -- "$1" 2>&1) || :
	grep -q '^total: [0-9]* errors' <<<"$report" || {
		printf '%s\n' "$report" | head -n 5 >&2
		die "checkpatch did not run on $(basename "$1")"
	}
	printf '%s\n' "$report"
}

# findings PATCH: "TYPE<tab>file:line<tab>text", one finding a line.
findings()
{
	awk -v patch="$(basename "$1")" '
		function flush() {
			if (type != "")
				printf "%s\t%s\t%s\n", type, place, text
			type = ""
		}
		/^(ERROR|WARNING|CHECK):[A-Z0-9_]+: / {
			flush()
			split($0, part, ":")
			type = part[2]
			place = patch
			text = substr($0, length(part[1] part[2]) + 4)
		}
		type != "" && /^#[0-9]+: FILE: / { place = $3; sub(/:$/, "", place) }
		END { flush() }'
}

declare -A USED=()

# waived TYPE PATCH PLACE: is there a waiver?  It is marked as used.
waived()
{
	local type glob reason number=0
	while read -r type glob reason || [ -n "$type" ]; do
		number=$((number + 1))
		case $type in "" | \#*) continue ;; esac
		[ "$type" = "$1" ] || continue
		# shellcheck disable=SC2053  # a glob is wanted
		if [[ $2 == $glob || ${3%:*} == $glob ]]; then
			USED[$number]=1
			return 0
		fi
	done <"$WAIVERS"
	return 1
}

# lint_waivers: each needs a reason, and on the whole series a use.
lint_waivers()
{
	local type glob reason number=0 bad=0
	while read -r type glob reason || [ -n "$type" ]; do
		number=$((number + 1))
		case $type in "" | \#*) continue ;; esac
		if [ -z "$reason" ]; then
			echo "checkpatch-waivers.txt:$number: $type $glob: no reason given"
			bad=1
		elif [ -n "$WHOLE" ] && [ $# != 0 ] && [ -z "${USED[$number]:-}" ]; then
			echo "checkpatch-waivers.txt:$number: $type $glob: no longer needed"
			bad=1
		fi
	done <"$WAIVERS"
	return "$bad"
}

FAULTS=0 WAIVED=0
for patch in "$@"; do
	patch=$(readlink -f "$patch")
	report=$(run_checkpatch "$patch")
	while IFS=$'\t' read -r type place text; do
		[ -n "$type" ] || continue
		if waived "$type" "$(basename "$patch")" "$place"; then
			WAIVED=$((WAIVED + 1))
		else
			printf '%s: %s: %s: %s\n' "$(basename "$patch")" "$place" "$type" "$text"
			FAULTS=$((FAULTS + 1))
		fi
	done < <(findings "$patch" <<<"$report")
	# Our reading of the report must find all that checkpatch has counted.
	counted=$(sed -n 's/^total: \([0-9]*\) errors, \([0-9]*\) warnings, \([0-9]*\) checks.*/\1+\2+\3/p' <<<"$report")
	found=$(findings "$patch" <<<"$report" | wc -l)
	[ "$((counted))" = "$found" ] || die "$(basename "$patch"): checkpatch counts $((counted)) findings, $found were read"
done
lint_waivers "$@" || FAULTS=$((FAULTS + 1))
echo "$# patches, $FAULTS faults, $WAIVED waived"
[ "$FAULTS" = 0 ]

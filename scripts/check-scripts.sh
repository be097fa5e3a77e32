#!/bin/bash
# check-scripts: every script parses, is clean under shellcheck, answers --help.
#
# usage: scripts/check-scripts.sh
#
# One fault a line; exit status 1 if there is any.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

case ${1:-} in
-h | --help) usage; exit 0 ;;
"") ;;
*) die "unknown argument '$1' (see --help)" ;;
esac

BAD=0 COUNT=0
fault()
{
	printf '%s\n' "$1"
	BAD=1
}

# kind FILE: bash, sh or python3, by its name or first line; else nothing.
kind()
{
	case $1 in
	*.py) echo python3; return ;;
	*.sh) echo bash; return ;;
	esac
	sed -n '1{/^#!.*python3/s/.*/python3/p;/^#!.*bash/s/.*/bash/p;/^#!\/bin\/sh/s/.*/sh/p;}' "$1"
}

check_shell()
{
	local errors
	errors=$("$2" -n "$1" 2>&1) || fault "$errors"
	# SC1091, SC2034, SC2154: sourced files and their variables are not
	# followed.  SC1007: "VAR= command" is meant.
	errors=$(shellcheck -f gcc -S warning -e SC1007,SC1091,SC2034,SC2154 -s "$2" "$1" 2>&1) || fault "$errors"
}

check_python()
{
	local errors
	errors=$(python3 - "$1" <<<'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' 2>&1) ||
		fault "$(tail -n 3 <<<"$errors")"
}

# check_help FILE: what a user may call says how.
check_help()
{
	local help
	help=$(timeout 20 "$1" --help </dev/null 2>/dev/null) && [ -n "$help" ] ||
		fault "${1#"$TOP"/}: --help fails or says nothing"
}

command -v shellcheck >/dev/null || die "shellcheck is missing: run 'make setup'"
while IFS= read -r file; do
	language=$(kind "$file" 2>/dev/null) || continue
	case $language in
	bash | sh) check_shell "$file" "$language" ;;
	python3) check_python "$file" ;;
	*) continue ;;
	esac
	COUNT=$((COUNT + 1))
	case $file in
	"$TOP"/scripts/*/*) ;;	# libraries, tests, records
	"$TOP"/scripts/*) [ ! -x "$file" ] || check_help "$file" ;;
	esac
done < <(find "$TOP/scripts" "$TOP/.ci" -type f ! -name '*.pyc' | sort)
[ "$COUNT" != 0 ] || die "found no script to check"
[ "$BAD" != 0 ] || echo "$COUNT scripts"
exit "$BAD"

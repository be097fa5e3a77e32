#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-commands: every command answers --help at once and changes nothing, refuses a wrong
# option in one line, and is named to the user; scripts/steps/ has no command.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
REPOSITORY=$(dirname "$SCRIPTS")

# every FUNCTION [FOLDER/]: call it for the path of each executable there; all must pass.
every()
{
	local path bad=0 number=0
	for path in "$SCRIPTS/${2:-}"*; do
		[ -f "$path" ] && [ -x "$path" ] || continue
		number=$((number + 1))
		"$1" "${path#"$SCRIPTS/"}" || { echo "# $1 $path"; bad=1; }
	done
	[ "$number" != 0 ] && [ "$bad" = 0 ]
}

# watched: the files that a command could write by mistake, without its output.
watched()
{
	mkdir -p "$TOY/home"
	snapshot "$TOY"/{top,base,home}
	find "$SCRIPTS" | sort
}

# call COMMAND ARG...: its output is in $TOY/out and $TOY/err, its time in $SECONDS_USED, of
# the processor, as the machine may be busy.
call()
{
	local TIMEFORMAT='%0U %0S'
	SECONDS_USED=$({ time HOME=$TOY/home TMPDIR=$TOY/home EXECMEM_CACHE=$TOY/home timeout 20 "$SCRIPTS/$1" "${@:2}" \
		</dev/null >"$TOY/out" 2>"$TOY/err"; } 2>&1)
}

helps()
{
	call "$1" --help && grep -q '^usage: ' "$TOY/out" && [ ! -s "$TOY/err" ] && [ "$SECONDS_USED" = "0 0" ]
}

# refuses WHAT COMMAND ARG...: in one line.
refuses()
{
	local status=0
	call "${@:2}" || status=$?
	[ "$status" = 2 ] && [ ! -s "$TOY/out" ] && [ "$(wc -l <"$TOY/err")" = 1 ] &&
		grep -qE "^${2##*/}: ($1) \(see --help\)$" "$TOY/err"
}

refuses_option() { refuses "unknown option '--no'" "$1" --no; }
# Few of them have arguments: others refuse the first one.
refuses_last_option() { refuses "unknown option '--no'|unexpected argument 'x86_64'" "$1" x86_64 --no; }

is_named()
{
	grep -qE "scripts/$1( |\`|$)" "$REPOSITORY/Makefile" "$REPOSITORY/README.md"
}

# is_step FILE: some script calls it, nobody else.
is_step()
{
	grep -rqF "$1" "$SCRIPTS" --exclude-dir=tests --exclude="${1##*/}" &&
		! grep -qE "(scripts/steps/|make )${1##*/}( |\`|$)" \
			"$REPOSITORY"/{Makefile,README.md} "$REPOSITORY"/CONTRIBUTING* 2>/dev/null
}

test_help_is_quick_and_changes_nothing()
{
	local before
	before=$(watched)
	every helps && every helps checks/ && [ "$(watched)" = "$before" ]
}

test_unknown_options_are_refused()
{
	local before
	before=$(watched)
	every refuses_option && every refuses_last_option && every refuses_option checks/ &&
		[ "$(watched)" = "$before" ]
}

test_each_command_is_named()
{
	every is_named
}

test_steps_are_called_by_scripts_only()
{
	every is_step steps/
}

test_each_target_is_in_the_help()
{
	make -s -C "$REPOSITORY" help >"$TOY/help" &&
		[ "$(grep -c '^[A-Z]' "$TOY/help")" = 5 ] &&
		sed -n 's/^\([a-z][a-z-]*\):.*/\1/p' "$REPOSITORY/Makefile" | sort >"$TOY/targets" &&
		sed -n 's/^  \([a-z-]*\) .*/\1/p' "$TOY/help" | sort | diff - "$TOY/targets"
}

run_tests

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-progress: a command says at once which step it is at, how much of it is done and
# how long the rest may take, on one line of a terminal or now and then elsewhere.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"

# write_command COMMANDS: a script with our functions, whose time stands still.
write_command()
{
	echo 'unset SECONDS; SECONDS=0' >"$TOY/command"
	printf '. "%s"\n' "$SCRIPTS/lib/lib.sh" "$SCRIPTS/lib/progress.sh" >>"$TOY/command"
	printf '%s\n' "$@" >>"$TOY/command"
}

# in_command COMMANDS: run such a script; its output is in TOY/err.
in_command()
{
	write_command "$1"
	bash "$TOY/command" 2>"$TOY/err"
}

# shows LINE...: these lines and no others.
shows()
{
	printf 'command: %s\n' "$@" | diff - "$TOY/err" | sed 's/^/# /'
	[ "${PIPESTATUS[1]}" = 0 ]
}

test_steps_are_counted()
{
	in_command 'steps 2; step one; step two' && shows 'step 1 of 2: one' 'step 2 of 2: two'
}

test_steps_of_a_part_are_steps_of_the_whole()
{
	in_command 'steps 3; step one
		bash -c ". $SCRIPTS/lib/lib.sh; . $SCRIPTS/lib/progress.sh; ME=command
			steps 1; step two"' && shows 'step 1 of 3: one' 'step 2 of 3: two'
}

test_the_rest_is_estimated()
{
	in_command 'steps 1; step work; SECONDS=75; progress 10 40 objects
		SECONDS=76; progress 11 40 objects; SECONDS=110; progress 40 40 objects' &&
		shows 'step 1 of 1: work' \
			'step 1 of 1: work: 10 of 40 objects, 1m15s, about 3m45s left' \
			'step 1 of 1: work: 40 of 40 objects, 1m50s'
}

test_a_known_duration_is_the_estimate()
{
	in_command 'steps 1; step boot; SECONDS=40; progress 0 20 tests 100
		SECONDS=140; progress 19 20 tests 100' &&
		shows 'step 1 of 1: boot' 'step 1 of 1: boot: 0 of 20 tests, 0m40s, about 1m00s left' \
			'step 1 of 1: boot: 19 of 20 tests, 2m20s'
}

test_a_terminal_has_one_line()
{
	write_command 'steps 1; step a' 'SECONDS=9; progress 1 2 b; SECONDS=10; progress 2 2 b; note end'
	script -qec "bash $TOY/command" /dev/null >"$TOY/err" </dev/null &&
		printf '\r\033[Kcommand: %s' 'step 1 of 1: a' 'step 1 of 1: a: 1 of 2 b, 0m09s, about 0m09s left' \
			'step 1 of 1: a: 2 of 2 b, 0m10s' | cat - <(printf '\r\033[Kcommand: end\r\n') |
		cmp - "$TOY/err"
}

test_run_prints_a_line_within_a_second()
{
	timeout 1 "$SCRIPTS/run" >"$TOY/out" 2>"$TOY/err"
	[ "$(head -n 1 "$TOY/err")" = 'run: step 1 of 8: packages' ]
}

run_tests

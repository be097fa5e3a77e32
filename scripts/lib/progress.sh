# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# How a command shows where it is; sourced after lib.sh.
#
# One line, rewritten each second on a terminal.  Elsewhere a line at the beginning of each
# step and after every 30 seconds.

STEP_BEGAN=$SECONDS SHOWN=$SECONDS

# steps COUNT: this command has so many, unless it is itself part of a longer one.
steps()
{
	export EXECMEM_STEPS=${EXECMEM_STEPS:-$1} EXECMEM_STEP=${EXECMEM_STEP:-0}
}

# step NAME: the next step begins.
step()
{
	EXECMEM_STEP=$((EXECMEM_STEP + 1))
	export STEP="step $EXECMEM_STEP of $EXECMEM_STEPS: $*"
	STEP_BEGAN=$SECONDS SHOWN=$SECONDS
	if [ -t 2 ]; then
		show "$STEP"
	else
		note "$STEP"
	fi
}

# show TEXT: on the terminal's last line.
show()
{
	printf '\r\033[K%s: %s' "$ME" "$1" >&2
}

# human SECONDS: 75 -> 1m15s
human()
{
	printf '%dm%02ds' $(($1 / 60)) $(($1 % 60))
}

# report TEXT: the state of the step.
report()
{
	if [ -t 2 ]; then
		[ "$SHOWN" = "$SECONDS" ] || show "$STEP: $1"
		SHOWN=$SECONDS
	elif [ $((SECONDS - SHOWN)) -ge 30 ]; then
		note "$STEP: $1"
		SHOWN=$SECONDS
	fi
}

# progress_time: of a step of unknown size.
progress_time()
{
	report "$(human $((SECONDS - STEP_BEGAN)))"
}

# progress DONE TOTAL UNITS [EXPECTED]: how much of the step is done, and how long the
# rest will take at that rate, or if all of the step takes EXPECTED seconds.
progress()
{
	local elapsed=$((SECONDS - STEP_BEGAN)) left='' text
	if [ -n "${4:-}" ]; then
		left=$(($4 - elapsed))
	elif [ "$1" != 0 ]; then
		left=$((elapsed * ($2 - $1) / $1))
	fi
	text="$1 of $2 $3, $(human "$elapsed")"
	[ "${left:-0}" -le 0 ] || text+=", about $(human "$left") left"
	report "$text"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A toy base and a toy repository, and the few words of our tests; to be sourced.
#
# Each test is a function called test_*; run_tests runs them all, each in a
# fresh toy, and prints TAP.  A test fails when it returns non-zero, so its
# steps are joined by "&&" or checked with the functions below.

. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../lib/environment.sh"
# The environment is the subject of test-environment.sh alone.
export EXECMEM_ENVIRONMENT=checked
SCRIPTS=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
export SCRIPTS
unset KERNEL STOCK FORCE ARCH EXECMEM_BASE EXECMEM_TOP EXECMEM_RUN EXECMEM_ASSIGNED FRESH

# make_base DIR: a kernel of six files.
make_base()
{
	mkdir -p "$1/mm" "$1/lib" "$1/scripts"
	printf 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 120\nEXTRAVERSION =\n' >"$1/Makefile"
	printf 'obj-y += mm/\n' >"$1/Kbuild"
	seq -f 'int a%.0f;' 1 40 >"$1/mm/a.c"
	seq -f 'int b%.0f;' 1 40 >"$1/mm/b.c"
	printf 'obj-y += a.o b.o\n' >"$1/mm/Makefile"
	printf 'Maintainers\n\nMEMORY MANAGEMENT\nL:\tlist\nF:\tmm/\n\nTHE REST\nF:\t*\nF:\t*/\n' \
		>"$1/MAINTAINERS"
	printf '/*\n' >"$1/.gitignore"
}

# new_toy: EXECMEM_TOP and EXECMEM_BASE of a repository with an empty series.
new_toy()
{
	TOY=$(mktemp -d)
	export EXECMEM_TOP=$TOY/top EXECMEM_BASE=$TOY/base EXECMEM_CACHE=$TOY/cache
	make_base "$TOY/base"
	mkdir -p "$TOY/top/patches"
	ln -s ../series "$TOY/top/patches/series"
	: >"$TOY/top/series"
	TREE=$TOY/top/build/tree
}

# toy_series: two patches, one of a base file, one that brings two files.
toy_series()
{
	quiet tree && sed -i 's/int a20;/long a20;/' "$TREE/mm/a.c" &&
		quiet refresh --to one.patch mm/a.c &&
		printf 'int n;\n' >"$TREE/mm/new.c" &&
		printf '#!/bin/sh\n' >"$TREE/lib/run.sh" && chmod 755 "$TREE/lib/run.sh" &&
		quiet refresh --to two.patch mm/new.c lib/run.sh &&
		message one.patch && message two.patch
}

# topics: make two topics of one patch each of the toy series.
topics()
{
	local patches=$TOY/top/patches
	mkdir "$patches/first" "$patches/second" &&
		mv "$patches/one.patch" "$patches/first" && mv "$patches/two.patch" "$patches/second" &&
		printf '%s\n' '# first: a file' first/one.patch '# second: more files' second/two.patch \
			>"$TOY/top/series" && quiet tree
}

# message PATCH: give it a commit message that the lint accepts.
message()
{
	local file=$TOY/top/patches/$1
	{
		printf 'Subject: [PATCH] toy: %s\n\nWhy it is needed.\n\nAssisted-by: a tool\n' "$1"
		sed -n '/^---$/,$p' "$file"
	} >"$file.new" && mv "$file.new" "$file"
}

# quiet SCRIPT ARG...: its output is kept for fails_with and for failures.
quiet()
{
	"$SCRIPTS/$1" "${@:2}" >"$TOY/out" 2>"$TOY/err" || {
		sed 's/^/# /' "$TOY/out" "$TOY/err"
		return 1
	}
}

# fails_with TEXT SCRIPT ARG...: it fails, and says TEXT in its one line.
fails_with()
{
	if "$SCRIPTS/$2" "${@:3}" >"$TOY/out" 2>"$TOY/err"; then
		echo "# $2 did not fail"
		return 1
	fi
	cat "$TOY/out" "$TOY/err" >"$TOY/all"
	grep -qF -- "$1" "$TOY/all" || {
		echo "# expected: $1"
		sed 's/^/# /' "$TOY/all"
		return 1
	}
}

# one_line TEXT SCRIPT ARG...: it fails with that, and says nothing else.
one_line()
{
	fails_with "$@" && [ "$(wc -l <"$TOY/all")" = 1 ] || { sed 's/^/# /' "$TOY/all"; return 1; }
}

# git_top ARG...: git in the toy, with no settings of the user's.
git_top()
{
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git -C "$TOY/top" \
		-c user.name=t -c user.email=t@example.org "$@"
}

# fake PROGRAM LINE...: a shell script of this name comes first in PATH.
fake()
{
	mkdir -p "$TOY/bin"
	printf '%s\n' '#!/bin/bash' "${@:2}" >"$TOY/bin/$1"
	chmod +x "$TOY/bin/$1"
	PATH=$TOY/bin:${PATH#"$TOY/bin:"}
}

# snapshot DIR...: every name, mode, time and content.
snapshot()
{
	find "$@" -not -name .lock -printf '%p %m %T@ %s\n' | sort
	find "$@" -type f -not -name .lock -print0 | sort -z | xargs -0 sha256sum
}

# contents DIR...: names and contents only.
contents()
{
	find "$@" -type f -print0 | sort -z | xargs -0 sha256sum
}

# keep snapshot|contents DIR...: kept fails if that is another one later.
keep()
{
	KEEP=("$@")
	"$@" >"$TOY/before"
}

kept()
{
	"${KEEP[@]}" | diff "$TOY/before" -
}

# skip WHY: this machine cannot run the test.
skip()
{
	echo "$*" >"$TOY/skipped"
}

run_tests()
{
	local test number=0 bad=0
	local -a all
	mapfile -t all < <(declare -F | awk '$3 ~ /^test_/ { print $3 }')
	echo "TAP version 13"
	echo "1..${#all[@]}"
	for test in "${all[@]}"; do
		number=$((number + 1))
		new_toy
		if "$test"; then
			echo "ok $number - ${test#test_}$(sed 's/^/ # SKIP /' "$TOY/skipped" 2>/dev/null)"
		else
			echo "not ok $number - ${test#test_}"
			bad=$((bad + 1))
		fi
		rm -rf "$TOY"
	done
	[ "$bad" = 0 ]
}

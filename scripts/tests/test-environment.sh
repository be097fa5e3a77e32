#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-environment: habits, misspelt variables, unusable places, missing tools, full disks and
# interrupted commands: none of them changes results, and each fault gets one line.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
unset EXECMEM_ENVIRONMENT
REPOSITORY=$(dirname "$SCRIPTS")

# try COMMAND...: prints all that it says, but for the lines that make adds; fails as it does.
try()
{
	"$@" >"$TOY/said" 2>&1 </dev/null
	local status=$?
	grep -v '^make: ' "$TOY/said"
	return "$status"
}

# one_line TEXT COMMAND...: it fails, and says TEXT in its only line.
one_line()
{
	local said
	said=$(try "${@:2}") && { echo "# did not fail: ${*:2}"; return 1; }
	[[ $(wc -l <<<"$said") = 1 && $said == *"$1"* ]] && return
	printf '# expected: %s\n' "$1"
	head -n 8 <<<"$said" | sed 's/^/#      got: /'
	return 1
}

# each_row FUNCTION: call it with the fields of each row of stdin, "a | b | c"; all must pass.
each_row()
{
	local bad=0 number=0 line
	local -a fields
	while IFS= read -r line; do
		mapfile -t fields < <(sed 's/^[[:space:]]*//; s/[[:space:]]*|[[:space:]]*/\n/g' <<<"$line")
		number=$((number + 1))
		("$1" "${fields[@]}") || { echo "# in: $line"; bad=1; }
	done
	[ "$number" != 0 ] && [ "$bad" = 0 ]
}

# refuses MESSAGE COMMAND: in a shell, in one line.
refuses()
{
	one_line "${1//\$TOY/$TOY}" bash -c "$2"
}

# make_target TARGET WORD...: make in this repository, for the toy.
make_target()
{
	make -s -C "$REPOSITORY" "$@"
}
export -f make_target
export REPOSITORY TOY

test_misspelt_variables_are_named()
{
	each_row refuses <<-'END'
		unknown variable ARHC: did you mean ARCH?	| make_target run ARHC=arm64
		unknown variable DEBGU: did you mean DEBUG?	| make_target tree DEBGU=1
		unknown variable LLVM (known: ARCH		| make_target tree LLVM=1
		DEBUG must be 0 or 1, not 'yes'			| make_target run DEBUG=yes
		DEBUG must be 0 or 1, not 'yes'			| DEBUG=yes $SCRIPTS/build
		ARCH must be one of x86_64 arm64 riscv64 (several: ARCHES="x86_64 arm64"), not 'arm64 riscv64' | make_target run ARCH="arm64 riscv64"
		ARCHES must be some of				| make_target run ARCHES="arm64 arm"
		CPUS must be 1 to 8, not '9'			| make_target boot CPUS=9
		CC must be mail addresses, not 'clang'		| make_target send CC=clang
	END
}

test_unusable_places_are_named()
{
	cp -r "$TOY/top" "$TOY/a b" && cp -r "$TOY/top" "$TOY/a:b" && cp -r "$TOY/top" "$TOY/a,b" &&
		echo file >"$TOY/file" && each_row refuses <<-'END'
		the checkout '$TOY/a b': make and kbuild cannot work with ' ' in a path | EXECMEM_TOP="$TOY/a b" $SCRIPTS/tree
		cannot work with ':' in a path: clone it to another place	| EXECMEM_TOP=$TOY/a:b $SCRIPTS/build
		cannot work with ',' in a path	| EXECMEM_TOP=$TOY/a,b $SCRIPTS/boot
		the cache folder '$TOY/c d/execmem-series' | env -u EXECMEM_CACHE XDG_CACHE_HOME="$TOY/c d" $SCRIPTS/tree
		cannot write to $TOY/file: set XDG_CACHE_HOME to another place | EXECMEM_CACHE=$TOY/file/cache $SCRIPTS/tree
		TMPDIR '/nowhere': no such folder: create it or unset TMPDIR | TMPDIR=/nowhere $SCRIPTS/refresh
	END
}

# as_nobody COMMAND...: without root, and without a sudo that asks for no password.
as_nobody()
{
	chmod 755 "$TOY" && setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

test_a_read_only_checkout_is_named()
{
	[ "$(id -u)" = 0 ] || { echo "# SKIP: needs root"; return 0; }
	local command
	mkdir -p "$TOY/home" && chmod 777 "$TOY/home" "$TOY"
	for command in tree refresh build checks/apply; do
		one_line "cannot write to $TOY/top: clone it to another place" \
			as_nobody env EXECMEM_CACHE="$TOY/home" "$SCRIPTS/$command" || return 1
	done
}

# Exported by habit, and settings of tools in the home folder.
HABITS=(LLVM=1 KCFLAGS=-habit KCONFIG_CONFIG=/habit LOCALVERSION=-habit MAKEFLAGS=-n O=/habit
	ARCH=arm CROSS_COMPILE=arm-habit- CC=clang GIT_DIR=/habit GIT_INDEX_FILE=/habit
	QUILT_PATCHES=debian/habit QUILT_SERIES=habit CCACHE_DIR=/habit CCACHE_DISABLE=1
	CDPATH=/habit BUILD=/habit TAR_OPTIONS=--habit POSIXLY_CORRECT=1 PYTHONPATH=/habit)

settings_at_home()
{
	mkdir -p "$TOY/home"
	echo 'QUILT_PATCHES=debian/habit QUILT_PUSH_ARGS=--fuzz=3' >"$TOY/home/.quiltrc"
	printf '[i18n]\n\tlogOutputEncoding = ISO-8859-1\n[core]\n\tabbrev = 40\n' >"$TOY/home/.gitconfig"
}

# make_results: what some commands leave: modes and contents.
make_results()
{
	rm -rf "$TOY/top" && mkdir -p "$TOY/top/patches" "$TOY/top/configs" &&
		ln -s ../series "$TOY/top/patches/series" && : >"$TOY/top/series" &&
		printf 'change-id: 20261120-toy-0123456789ab\n\nv1:\n - first\n' >"$TOY/top/changelog.in" &&
		printf 'Subject: [PATCH] Größe\n\nWhy.\n' >"$TOY/top/cover" && toy_series &&
		quiet steps/send-mails --signoff 'Jürgen Größe' j@example.org "$TOY/top/cover" "$TOY/top/mails" &&
		rm -rf "$TOY/top/build" && quiet tree && quiet checks/identity &&
		cd "$TOY/top" && sed -Ei '/^(Date|Message-I[dD]|In-Reply-To|References): /d; s/^From [0-9a-f]+ /From /' mails/* &&
		find build kernel-overlay lib mails -name .execmem -prune -o ! -type l -printf '%p %m\n' | LC_ALL=C sort &&
		find . -path '*/.execmem' -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
}

test_habits_change_nothing()
{
	local plain
	settings_at_home
	plain=$(make_results) && grep -q 'Jürgen' "$TOY/top/mails/0001-toy-one.patch.patch" || return 1
	(umask 077 && export "${HABITS[@]}" HOME="$TOY/home" && make_results) |
		diff <(echo "$plain") -
}

test_no_home_is_needed()
{
	local plain
	plain=$(make_results) && (unset HOME && make_results) | diff <(echo "$plain") -
}

test_a_locale_does_not_garble_names()
{
	local plain name=de_DE.ISO-8859-1
	localedef -i de_DE -f ISO-8859-1 "$TOY/$name" 2>/dev/null ||
		{ echo "# SKIP: localedef makes no $name here"; return 0; }
	plain=$(make_results) || return 1
	(export LOCPATH="$TOY" LC_ALL=$name LANGUAGE=de && make_results) | diff <(echo "$plain") - &&
		(export LC_ALL=C && make_results) | diff <(echo "$plain") -
}

# What kbuild is called with: a make that only tells its variables.
test_no_habit_reaches_kbuild()
{
	quiet tree && mkdir -p "$TOY/bin" "$TOY/top/configs" && touch "$TOY/top/configs"/{common,x86_64}.config &&
		printf '#!/bin/sh\nprintenv >>"%s"; echo "$@" >>"%s"; exit 1\n' "$TOY/make" "$TOY/make" >"$TOY/bin/make" &&
		chmod +x "$TOY/bin/make" || return 1
	(export "${HABITS[@]}" PATH="$TOY/bin:$PATH" && try "$SCRIPTS/steps/config" x86_64)
	grep -q 'ARCH=x86_64' "$TOY/make" && ! grep -i habit "$TOY/make" &&
		! grep -E '^(LLVM|CC|ARCH|CCACHE_DISABLE|MAKEFLAGS|POSIXLY_CORRECT)=' "$TOY/make" || return 1
}

test_the_command_line_chooses_the_architecture()
{
	[ "$(ARCH=arm make_target -n build)" = "scripts/build " ] &&
		[ "$(ARCH=arm make_target -n build ARCH=arm64)" = "scripts/build arm64" ] &&
		ARCH=arm64 quiet tree && grep -q 'tree: ignoring the exported ARCH=arm64' "$TOY/err"
}

run_tests

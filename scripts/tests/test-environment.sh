#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-environment: exported variables, misspelt variables, unusable folders, missing tools,
# full disks and interrupted commands do not change results.  Each fault gets one line.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
unset EXECMEM_ENVIRONMENT
REPOSITORY=$(dirname "$SCRIPTS")

# try COMMAND...: prints its output without the lines that make adds; has its status.
try()
{
	"$@" >"$TOY/said" 2>&1 </dev/null
	local status=$?
	grep -v '^make: ' "$TOY/said"
	return "$status"
}

# says TEXT COMMAND...: it fails, and says TEXT in its only line.
says()
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
	says "${1//\$TOY/$TOY}" bash -c "$2"
}

# make_target TARGET WORD...: make in this repository, for the toy.
make_target()
{
	make -s -C "$REPOSITORY" "$@"
}
export -f make_target
export REPOSITORY TOY

test_wrong_variables_are_named()
{
	each_row refuses <<-'END'
		unknown variable ARHC: did you mean ARCH?	| make_target run ARHC=arm64
		unknown variable DEBGU: did you mean DEBUG?	| make_target tree DEBGU=1
		unknown variable LLVM (known: ARCH		| make_target tree LLVM=1
		DEBUG must be 0, 1 or one of kcsan rt	| make_target run DEBUG=yes
		DEBUG must be 0, 1 or one of kcsan rt	| DEBUG=yes $SCRIPTS/build
		this command chooses its kernel: omit DEBUG=rt	| make_target power DEBUG=rt
		this command chooses its kernel: omit DEBUG=rt	| make_target faults DEBUG=rt
		this command chooses its kernel: omit DEBUG=1	| make_target matrix DEBUG=1
		ARCH must be one of x86_64 arm64 riscv64 ppc64le s390x i386 (several: ARCHES="x86_64 arm64"), not 'arm64 riscv64' | make_target run ARCH="arm64 riscv64"
		ARCHES must be some of				| make_target run ARCHES="arm64 arm"
		CPUS must be 1 to 8, or 64 for DEBUG=cpus, not '9' | make_target boot CPUS=9
		CPUS=64 needs DEBUG=cpus			| make_target boot CPUS=64
		CC must be mail addresses, not 'clang'		| make_target send CC=clang
		KERNEL=/nowhere: no such file or directory	| make_target run KERNEL=/nowhere
		BUSYBOX=/nowhere is not a program			| make_target shell BUSYBOX=/nowhere
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
	chmod 755 "$TOY" && HOME=$TOY setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

test_a_read_only_checkout_is_named()
{
	[ "$(id -u)" = 0 ] || { skip "needs root"; return; }
	local command
	mkdir -p "$TOY/home" && chmod 777 "$TOY/home" "$TOY"
	for command in tree refresh build checks/apply; do
		says "cannot write to $TOY/top: clone it to another place" \
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
		quiet steps/send-recipients "$TOY/top/mails" &&
		rm -rf "$TOY/top/build" && quiet tree && quiet checks/identity &&
		cd "$TOY/top" && sed -Ei '/^(Date|Message-I[dD]|In-Reply-To|References): /d; s/^From [0-9a-f]+ /From /' mails/* &&
		find build kernel-overlay lib mails -name .execmem -prune -o ! -type l -printf '%p %m\n' | LC_ALL=C sort &&
		find . -path '*/.execmem' -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
}

# name_somebody: as the maintainer of all.
name_somebody()
{
	echo 'print "\"J\xc3\xb6rg M.\" <jm\@example.org> (maintainer:ALL)\n"' \
		>"$EXECMEM_BASE/scripts/get_maintainer.pl"
}

test_exported_variables_change_nothing()
{
	local plain
	settings_at_home && name_somebody
	plain=$(make_results) && grep -q 'Jürgen' "$TOY/top/mails/0001-toy-one.patch.patch" || return 1
	(umask 077 && export "${HABITS[@]}" HOME="$TOY/home" && make_results) |
		diff <(echo "$plain") -
}

test_no_home_is_needed()
{
	(unset HOME EXECMEM_CACHE XDG_CACHE_HOME && quiet steps/source && quiet tree)
}

test_a_locale_does_not_garble_names()
{
	local plain name=de_DE.ISO-8859-1
	localedef -i de_DE -f ISO-8859-1 "$TOY/$name" 2>/dev/null ||
		{ skip "localedef makes no $name here"; return; }
	name_somebody && plain=$(make_results) && grep -q '^To: =?utf-8?b?SsO2cmcgTS4=?=' "$TOY/top/mails"/0001* || return 1
	(export LOCPATH="$TOY" LC_ALL=$name LANGUAGE=de && make_results) 2>/dev/null | diff <(echo "$plain") - &&
		(export LC_ALL=C && make_results) | diff <(echo "$plain") -
}

# What kbuild is called with: a make that only tells its variables.
test_no_exported_variable_reaches_kbuild()
{
	quiet tree && mkdir -p "$TOY/top/configs" && touch "$TOY/top/configs"/{common,x86_64}.config &&
		fake make "{ printenv; echo \"\$@\"; } >>'$TOY/make'; exit 1" || return 1
	(export "${HABITS[@]}" && try "$SCRIPTS/steps/config" x86_64) >/dev/null
	grep -q 'ARCH=x86_64' "$TOY/make" && ! grep -i habit "$TOY/make" &&
		! grep -E '^(LLVM|CC|ARCH|CCACHE_DISABLE|MAKEFLAGS|POSIXLY_CORRECT)=' "$TOY/make" || return 1
}

test_the_command_line_chooses_the_architecture()
{
	[ "$(ARCH=arm make_target -n build)" = "scripts/build " ] &&
		[ "$(ARCH=arm make_target -n build ARCH=arm64)" = "scripts/build arm64" ] &&
		ARCH=arm64 fails_with 'build/tree/o.x86_64/arch/x86/boot/bzImage: run make build' boot && grep -q 'boot: ignoring the exported ARCH=arm64' "$TOY/err"
}

test_the_command_line_chooses_the_compiler()
{
	CC=clang fails_with 'build/tree/o.x86_64/arch' boot && grep -q 'boot: ignoring the exported CC=clang' "$TOY/err" &&
		says 'build/tree/o.x86_64.clang/arch' make_target boot CC=clang &&
		says 'build/tree/o.arm64.debug.clang/arch' make_target boot ARCH=arm64 DEBUG=1 CC=clang
}

# misses TOOL TEXT COMMAND: with all programs of this system but that one.
misses()
{
	mv "$TOY/tools/$1" "$TOY/missing" && PATH=$TOY/tools last_line "$2" bash -c "$3" &&
		mv "$TOY/missing" "$TOY/tools/$1"
}

test_missing_tools_are_named()
{
	toy_series && mkdir -p "$TREE/o.x86_64/arch/x86/boot" "$TREE/o.x86_64/guest" &&
		touch "$TREE"/o.x86_64/{arch/x86/boot/bzImage,guest/initramfs.cpio.gz} || return 1
	mkdir "$TOY/tools" && ln -s /usr/bin/* "$TOY/tools" &&
		each_row misses <<-'END'
		git	| git is not installed: run 'make setup'	| $SCRIPTS/refresh
		rsync	| rsync is not installed: run 'make setup'	| KERNEL=$TOY/base env -u EXECMEM_BASE $SCRIPTS/steps/source
		qemu-system-x86_64 | qemu-system-x86_64 is not installed: run make setup | ACCEL=tcg $SCRIPTS/boot
		quilt	| quilt is not installed: run 'make setup'	| rm -rf $TOY/top/build/tree; $SCRIPTS/tree
		flock	| flock is not installed: run 'make setup'	| KERNEL=$TOY/base env -u EXECMEM_BASE $SCRIPTS/steps/source
	END
}

# no_python COMMAND: where there is no /usr/bin/python3 for it.
no_python()
{
	mkdir "$TOY/real" "$TOY/tools" && mount --bind /usr/bin "$TOY/real" &&
		ln -s "$TOY"/real/* "$TOY/tools" && rm "$TOY/tools/python3" &&
		mount --bind "$TOY/tools" /usr/bin && eval "$1"
}
export -f no_python

test_missing_python_is_installed()
{
	local command
	bare_debian && unshare -m true 2>/dev/null || { skip "no mount namespaces here"; return; }
	for command in 'make_target tree' '"$SCRIPTS/build"'; do
		last_line 'apt-get update failed: E: Unable to fetch' unshare -m bash -c "no_python '$command'" || return 1
		grep -q 'installing: .* python3 ' "$TOY/said" && rmdir "$TOY/real" && rm -r "$TOY/tools" || return 1
	done
}

# A Debian where nothing is installed, and no network.
bare_debian()
{
	fake dpkg-query && fake apt-get 'echo "E: Unable to fetch: Could not resolve mirror.invalid"; exit 100' &&
		fake apt-cache 'echo "  Candidate: 1"' && fake sudo 'exit 1'
}

# last_line TEXT COMMAND...: fails, and ends with TEXT in its first or second line.
last_line()
{
	local said
	said=$(try "${@:2}") && return 1
	[[ $(tail -n 1 <<<"$said") == *"$1"* && $(wc -l <<<"$said") -le 2 ]] || {
		sed 's/^/# got: /' <<<"$said"
		return 1
	}
}

test_no_network_is_named()
{
	bare_debian && last_line 'Could not resolve mirror.invalid: check the network' "$SCRIPTS/setup" build &&
		EXECMEM_USR_SRC=$TOY/none says "run 'make setup', or give KERNEL=PATH" \
			env -u EXECMEM_BASE "$SCRIPTS/steps/source"
}

test_a_full_cache_needs_no_network()
{
	mkdir "$TOY/usr" && tar -C "$TOY" -caf "$TOY/usr/linux-source-6.12.tar.xz" base &&
		bare_debian && export EXECMEM_USR_SRC=$TOY/usr && unset EXECMEM_BASE &&
		unshare -n true 2>/dev/null || { skip "no network namespaces here"; return; }
	unshare -n "$SCRIPTS/tree" 2>&1 | tail -n 1 | grep -qx "$TREE"
}

test_no_root_and_no_sudo_gets_the_command()
{
	[ "$(id -u)" = 0 ] || { skip "needs root"; return; }
	bare_debian && mkdir "$TOY/cache" && chmod -R a+rwX "$TOY" &&
		says "run 'sudo apt-get update && sudo apt-get install" as_nobody env EXECMEM_CACHE="$TOY/cache" "$SCRIPTS/setup" build
}

# small_disk KB FOLDER: mount one; says why if that cannot be done here.
small_disk()
{
	mkdir -p "$2"
	mount -t tmpfs -o "size=$1k" none "$2" 2>/dev/null && return
	skip "cannot mount a tmpfs here"
	return 1
}

# fill FOLDER KB: leave this much space.
fill()
{
	local free
	free=$(df -k --output=avail "$1" | sed 1d)
	head -c $(((free - $2) * 1024)) /dev/zero >"$1/filler"
}

FULL="no space left on device: free some, then run this again"

test_a_full_disk_is_named_at_once()
{
	small_disk 2048 "$TOY/tmp" || return 0
	fill "$TOY/tmp" 64
	local status=0 command
	for command in tree refresh build boot check; do
		TMPDIR=$TOY/tmp says "no space left in $TOY/tmp: free some, then run this again" \
			"$SCRIPTS/$command" || status=1
	done
	umount "$TOY/tmp"
	return "$status"
}

# a_tree_on_a_full_disk: and then with space.
a_tree_on_a_full_disk()
{
	local said
	fill "$TOY/top/build" 1500
	said=$(try "$SCRIPTS/tree") && return 1
	[ "$(grep -v 'copying the base' <<<"$said")" = "tree: $FULL" ] || { head -n 5 <<<"$said"; return 1; }
	[ -z "$(find "$TOY/top/build" -mindepth 1 ! -name filler ! -name .tree.lock)" ] || return 1
	rm "$TOY/top/build/filler" && quiet tree && cmp "$TREE/mm/700" "$EXECMEM_BASE/mm/700"
}

test_a_tree_on_a_full_disk()
{
	(cd "$EXECMEM_BASE/mm" && for i in {1..700}; do echo >"$i"; done)
	small_disk 8192 "$TOY/top/build" || return 0
	local status=0
	a_tree_on_a_full_disk || status=1
	umount "$TOY/top/build"
	return "$status"
}

test_a_tree_that_does_not_fit()
{
	head -c 3000000 /dev/zero >"$EXECMEM_BASE/mm/large" && small_disk 2048 "$TOY/top/build" || return 0
	local status=0
	says "needs 3 MB, $TOY/top/build has 2 MB free: free some" "$SCRIPTS/tree" || status=1
	umount "$TOY/top/build"
	return "$status"
}

# refresh_on_a_full_disk: first a series of two patches, then a large edit.
refresh_on_a_full_disk()
{
	toy_series && seq -f 'int large_%.0f;' 60000 >"$TREE/mm/new.c" && fill "$TOY/top" 1500 || return 1
	keep contents "$TOY/top/patches" "$TOY/top/kernel-overlay" "$TOY/top/series" &&
		says "$FULL" "$SCRIPTS/refresh" && kept && rm "$TOY/top/filler" && quiet refresh && cmp "$TREE/mm/new.c" "$TOY/top/kernel-overlay/mm/new.c"
}

test_refresh_on_a_full_disk_keeps_all_patches()
{
	small_disk 8192 "$TOY/top" || return 0
	mkdir "$TOY/top/patches" && ln -s ../series "$TOY/top/patches/series" && : >"$TOY/top/series"
	local status=0
	refresh_on_a_full_disk || status=1
	umount "$TOY/top"
	return "$status"
}

# packaged: a packaged base, larger than some disks.
packaged()
{
	head -c 3000000 /dev/urandom >"$TOY/base/mm/large" && mkdir "$TOY/usr" &&
		tar -C "$TOY" -caf "$TOY/usr/linux-source-6.12.tar.gz" base
	export EXECMEM_USR_SRC=$TOY/usr
	unset EXECMEM_BASE
}

# sources_on_a_full_disk: of a package, and of a folder.
sources_on_a_full_disk()
{
	last_line 'no space left in ' "$SCRIPTS/steps/source" && [ -z "$(find "$TOY/cache/src" -mindepth 1 ! -name .lock)" ] &&
		rm "$TOY/cache/filler" && quiet steps/source && cmp "$(cat "$TOY/out")/mm/large" "$TOY/base/mm/large"
}

test_sources_on_a_full_disk()
{
	packaged && small_disk 8192 "$TOY/cache" || return 0
	local status=0
	fill "$TOY/cache" 1500
	sources_on_a_full_disk || status=1
	umount "$TOY/cache"
	return "$status"
}

test_a_copy_of_a_kernel_on_a_full_disk()
{
	packaged && small_disk 8192 "$TOY/top/build" || return 0
	local status=0
	fill "$TOY/top/build" 1500
	KERNEL=$TOY/base last_line 'cannot copy ' "$SCRIPTS/steps/source" || status=1
	umount "$TOY/top/build"
	return "$status"
}

# The log of a step such as kbuild has the error.
test_a_full_disk_in_a_log_is_named()
{
	quiet tree && mkdir -p "$TOY/top/configs" && touch "$TOY/top/configs"/{common,x86_64}.config &&
		fake make 'seq 100; echo "as: x.o: No space left on device"; seq 100; exit 2' &&
		says "config: $FULL (log: " "$SCRIPTS/steps/config" x86_64
}

# slow NAME: a program that notes its process and only ends when it is killed.
slow()
{
	fake "$1" "echo \$\$ >'$TOY/pid'" 'exec sleep 100'
	rm -f "$TOY/pid"
}

# stopped SIGNAL COMMAND...: start it, send the signal once the slow program runs: INT as a
# terminal does, to all, others to the command alone.  Neither may be left.
stopped()
{
	local signal=$1 pid target i
	shift
	setsid env --default-signal=INT "$@" >"$TOY/said" 2>&1 </dev/null &
	pid=$! target=$!
	[ "$signal" != INT ] || target=-$pid
	for i in {1..300}; do [ -s "$TOY/pid" ] && break; sleep 0.1; done
	kill -s "$signal" -- "$target"
	wait "$pid" 2>/dev/null && { echo "# did not fail"; return 1; }
	for i in {1..50}; do kill -0 "$(cat "$TOY/pid")" 2>/dev/null || break; sleep 0.1; done
	! kill -0 "$(cat "$TOY/pid")" 2>/dev/null || { echo "# $signal leaves a process: $*"; kill "$(cat "$TOY/pid")"; return 1; }
	! grep -E 'Traceback|^\s+File' "$TOY/said"
}

test_a_stopped_boot_leaves_no_guest()
{
	local signal
	quiet tree && mkdir -p "$TREE/o.x86_64/arch/x86/boot" "$TREE/o.x86_64/guest" &&
		touch "$TREE"/o.x86_64/{arch/x86/boot/bzImage,guest/initramfs.cpio.gz,guest/tests} || return 1
	for signal in INT TERM KILL; do
		slow qemu-system-x86_64 && ACCEL=tcg stopped "$signal" "$SCRIPTS/boot" || return 1
	done
	slow qemu-system-x86_64 && ACCEL=tcg stopped INT bash -c '. $SCRIPTS/lib/lib.sh ""
		"$SCRIPTS/boot" || true; echo went on' && ! grep 'went on' "$TOY/said"
}

test_a_stopped_extraction_leaves_nothing()
{
	local signal
	packaged
	for signal in INT TERM KILL; do
		slow tar && stopped "$signal" "$SCRIPTS/steps/source" || return 1
		[ "$signal" = KILL ] || [ -z "$(find "$TOY/cache/src" -mindepth 1 ! -name .lock)" ] || return 1
	done
	[ -n "$(ls -d "$TOY"/cache/src/.extract*)" ] && rm "$TOY/bin/tar" && quiet steps/source &&
		[ -z "$(ls -d "$TOY"/cache/src/.extract* 2>/dev/null)" ]
}

test_an_interrupted_copy_is_repeated()
{
	local signal
	for signal in INT TERM KILL; do
		slow cp && stopped "$signal" "$SCRIPTS/tree" || return 1
	done
	rm "$TOY/bin/cp" && mkdir -p "$TOY/top/build/.tree.new" && touch "$TOY/top/build/.tree.new/left" && quiet tree && [ ! -e "$TREE/left" ] &&
		[ -z "$(find "$TOY/top/build" -maxdepth 1 -name '.*' ! -name '.tree.lock' ! -name . )" ]
}

test_a_stopped_build_leaves_no_make()
{
	local signal
	quiet tree && mkdir "$TREE/o.x86_64" "$TOY/top/configs" && touch "$TOY/top/configs/x86_64.config" &&
		tee "$TREE"/o.x86_64/.{config,requested} >"$TOY/top/configs/common.config" <<<CONFIG_A=y || return 1
	for signal in INT TERM KILL; do
		slow make && stopped "$signal" "$SCRIPTS/build" || return 1
	done
}

# tree_stopped_in METHOD: a run of scripts/tree that Ctrl-C ends before this step.
tree_stopped_in()
{
	EXECMEM_ENVIRONMENT=checked says 'tree: interrupted' "$SCRIPTS/tests/environment/stop-in" "$1"
}

test_a_stopped_update_is_finished()
{
	local step
	toy_series || return 1
	for step in lay lay_quilt remember; do
		echo one.patch >"$TOY/top/series" && tree_stopped_in "$step" && quiet tree &&
			[ ! -e "$TREE/mm/new.c" ] && [ "$(cd "$TREE" && quilt --quiltrc - top)" = one.patch ] &&
			printf '%s\n' one.patch two.patch >"$TOY/top/series" && tree_stopped_in "$step" &&
			quiet tree && [ -e "$TREE/mm/new.c" ] && [ "$(cd "$TREE" && quilt --quiltrc - top)" = two.patch ] ||
			{ echo "# stopped in $step"; return 1; }
	done
}

# Every Python script starts through run_main, which cleans the environment and turns each
# failure into a line.
test_python_scripts_use_run_main()
{
	local without
	without=$(grep -rlE '^#!/usr/bin/python3' "$SCRIPTS" --exclude-dir=tests | xargs grep -L 'run_main(')
	[ -z "$without" ] || { echo "# without run_main: $without"; return 1; }
}

run_tests

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The environment of every command; sourced by lib.sh, through which Python scripts start
# too (run_main in series_tools/common.py).
#
# The first lines remove all variables except the project's own and the ones that programs
# need to run.  No other one reaches kbuild, git, quilt or ccache: habits of kernel developers,
# such as an exported LLVM=1 or ARCH=arm, do not change results.  check_environment finds
# unusable places before anything is written.  Scripts that other scripts call skip both.
# "make test" and the others run on these by default.
DEFAULT_ARCHES="x86_64 arm64 riscv64"
# Their guest lacks bcachefs (configs/small.config): "make test-all" adds them.
MORE_ARCHES="ppc64le s390x i386"
ALL_ARCHES="$DEFAULT_ARCHES $MORE_ARCHES"

# name	values, as a regular expression	their description
VARIABLES=(
	"ARCH	(${ALL_ARCHES// /|})	one of $ALL_ARCHES (several: ARCHES=\"x86_64 arm64\")"
	"ARCHES	( *(${ALL_ARCHES// /|}))+ *	some of $ALL_ARCHES"
	"BASE	6[.]12|7[.]3	6.12 or 7.3"
	"KERNEL	.*	a kernel tree, tarball or package"
	"STOCK	[01]	0 or 1"
	"DEBUG	0|1|kcsan|rt|faults|power|kasan|pages|dynamic|16k|64k|swtags|mte|norvc|lto|others|cpus	0, 1 or one of kcsan rt faults power kasan pages dynamic 16k 64k swtags mte norvc lto others cpus"
	"FORCE	[01]	0 or 1"
	"FRESH	[01]	0 or 1"
	"LONG	[01]	0 or 1"
	"QUICK	[01]	0 or 1"
	"CPUS	[1-8]|64	1 to 8, or 64 for DEBUG=cpus"
	"JOBS	[1-9][0-9]*	a number of jobs"
	"RUNS	[1-9][0-9]?	1 to 99"
	"COUNT	[1-9][0-9]*	a number"
	"MINUTES	[1-9][0-9]*	a number"
	"ACCEL	kvm|tcg	kvm or tcg"
	"TOPIC	[a-z0-9-]+	a topic of series"
	"PREFIXES	[0-9]+(-[0-9]+)?	FIRST-LAST, such as 5-7"
	"FROM	.*	a version such as v1, or a commit"
	"VERSION	[1-9][0-9]*	a number such as 2"
	"SIGNOFF	[01]	1 or 0"
	"SEND	0|1|me	1, 0 or me"
	"TO	.+@.+[.].+	mail addresses"
	"CC	clang|.+@.+[.].+	clang or mail addresses"
	"OUT	.*	a folder"
	"BUSYBOX	.*	a static busybox"
	"GDB_PORT	[0-9]+	a number"
	"KSELFTESTS	.*	collections of kselftests"
	"KVM_DEVICE	.*	a device"
	"MIRROR	.*	an URL"
)

# Other variables that the scripts, or programs on the way to the network and to the mail
# server, need.  EXECMEM_* are for the tests.
KEPT='PATH|HOME|USER|LOGNAME|SHELL|TERM|COLUMNS|PWD|SHLVL|TMPDIR|TZ|XDG_.*|GIT_CONFIG_.*|'\
'EXECMEM_.*|.*_(proxy|PROXY)|SSL_CERT_.*|LD_.*|SSH_AUTH_SOCK|GNUPGHOME|GPG_TTY|'\
'DBUS_SESSION_BUS_ADDRESS'

# clean_environment: unset all others; also the permissions of new files and the locale.
clean_environment()
{
	local -a _foreign
	mapfile -t _foreign < <(IFS='|'; compgen -e | grep -vxE "$KEPT|${VARIABLES[*]%%$'\t'*}")
	unset -v "${_foreign[@]}" 2>/dev/null || :	# but for bash's own constants
	export -n SHELLOPTS BASHOPTS
	umask 022
	export LC_ALL=C.UTF-8
	# bash knows the user's home from the password database.
	[ -n "${HOME:-}" ] || { unset HOME && export HOME=~; }
}

# ignore_habits: remove CC and ARCH, which kernel development uses too, unless they come from
# make's command line or are mail addresses.
ignore_habits()
{
	local name
	[[ ${CC:-} == clang || ${CC:-} == *@* || " ${EXECMEM_ASSIGNED:-} " == *" CC "* ]] || unset CC
	for name in ARCH CC; do
		[[ -n ${!name:-} && ${!name} != *@* && " ${EXECMEM_ASSIGNED:-} " != *" $name "* ]] || continue
		note "ignoring the exported $name=${!name} (set it on make's command line: make ... $name=${!name})"
		unset "$name"
	done
}

# check_names: the variables of make's command line.
check_names()
{
	local name guess names=("${VARIABLES[@]%%$'\t'*}")
	for name in ${EXECMEM_ASSIGNED:-}; do
		[[ " ${names[*]} " != *" $name "* ]] || continue
		guess=$(/usr/bin/python3 -c 'import difflib, sys; print(*difflib.get_close_matches(sys.argv[1], sys.argv[2:], 1))' \
			"$name" "${names[@]}" 2>/dev/null) || :
		die "unknown variable $name${guess:+: did you mean $guess?} (known: ${names[*]})"
	done
}

check_values()
{
	local line name values
	for line in "${VARIABLES[@]}"; do
		name=${line%%$'\t'*} line=${line#*$'\t'}
		values=${line%%$'\t'*}
		[[ -z ${!name:-} || ${!name} =~ ^($values)$ ]] ||
			die "$name must be ${line#*$'\t'}, not '${!name}'"
	done
}

# existing PATH: the path, or its nearest parent that exists.
existing()
{
	local path
	path=$(readlink -m -- "$1")
	until [ -e "${path:-/}" ]; do
		path=${path%/*}
	done
	echo "${path:-/}"
}

# full_disks: the folders for output that have less than 1 MB left.
full_disks()
{
	[ -n "${RESULTS:-}" ] || return 0
	df -k --output=avail,file -- "$(existing "$BUILD")" "$(existing "$RESULTS")" \
		"$(existing "$CACHE")" "${TMPDIR:-/tmp}" 2>/dev/null |
		awk 'NR > 1 && $1 < 1024 { print $2 }' | sort -u | paste -sd ' '
}

# check_place PATH WHAT REMEDY: a folder that can be written to, with a name that make,
# kbuild and QEMU can take apart.
check_place()
{
	local path=$1
	[[ $path != *[^[:alnum:]/._@+~=-]* ]] ||
		die "$2 '$path': make and kbuild cannot work with '$(sed 's,[[:alnum:]/._@+~=-],,g' <<<"$path" | cut -c 1)' in a path: $3"
	path=$(existing "$path")
	[ -d "$path" ] && [ -w "$path" ] || die "$2 '$1': cannot write to $path: $3"
}

check_environment()
{
	local full
	check_names
	check_place "$TOP" "the checkout" "clone it to another place"
	[ ! -e "$BUILD" ] || check_place "$BUILD" "the folder" "change its permissions"
	check_place "$CACHE" "the cache folder" "set XDG_CACHE_HOME to another place"
	[ -d "${TMPDIR:-/tmp}" ] || die "TMPDIR '$TMPDIR': no such folder: create it or unset TMPDIR"
	check_place "${TMPDIR:-/tmp}" TMPDIR "set TMPDIR to another folder"
	[ -x /usr/bin/python3 ] || [ "$ME" = setup ] || "$SCRIPTS/setup" build
	[ -z "${KERNEL:-}" ] || [ -z "${BASE:-}" ] ||
		die "KERNEL=$KERNEL is a base: omit BASE=$BASE"
	[ -z "${KERNEL:-}" ] || [ -e "$KERNEL" ] || die "KERNEL=$KERNEL: no such file or directory"
	full=$(full_disks)
	[ -z "$full" ] || die "no space left in $full: free some, then run this again"
}

[ -n "${EXECMEM_ENVIRONMENT:-}" ] || clean_environment

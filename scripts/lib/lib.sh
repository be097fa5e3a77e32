# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Common ground of every bash script here; source it, do not run it:
#
#	. "$(dirname "$(readlink -f "$0")")/lib/lib.sh"
#
# It sets the directories, names the architectures and defines the functions that every
# script needs.  It changes nothing on disk.

. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh"
SCRIPTS=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
ME=$(basename "$0")
# The packages of clang, lld and llvm: from version 17 they know kCFI for all architectures.
LLVM_VERSION=19
# The release of the packaged base, and the oldest 6.12.y that every patch applies to.
BASE_SERIES=${BASE:-6.12}
OLDEST=6.12.115

# At Ctrl-C a script ends, even if the one that it has called exits and did not die of it.
trap 'exit 130' INT

# On a terminal a message replaces the line that progress has left there.
CLEAR_LINE=
[ ! -t 2 ] || CLEAR_LINE='\r\033[K'

# die MESSAGE: one clear line, and no success.  A full disk explains most failures.
die()
{
	local full
	full=$(full_disks)
	[ -z "$full" ] || set -- "no space left in $full: free some, then run this again ($*)"
	note "$*"
	exit 1
}

# note MESSAGE: progress goes to stderr, so that stdout stays for answers.
note()
{
	printf "$CLEAR_LINE"'%s: %s\n' "$ME" "$*" >&2
}

# misuse MESSAGE: the command line is wrong; exit status 2, as argparse has it.
misuse()
{
	printf '%s: %s (see --help)\n' "$ME" "$*" >&2
	exit 2
}

# usage: print the leading comment block of the script.
usage()
{
	awk '/^#!|^# SPDX-/ { next }
	     /^#/ { sub(/^# ?/, ""); print; next }
	     { exit }' "$0"
}

# Answered before anything is looked at: sourcing passes on the script's arguments.
for arg; do
	case $arg in
	-h | --help) usage; exit 0 ;;
	esac
done

# refuse ARG: one that the script does not take.
refuse()
{
	case $1 in
	-*) misuse "unknown option '$1'" ;;
	*) misuse "unexpected argument '$1'" ;;
	esac
}

# operands MAX ARG...: refuse options and more than MAX arguments.
operands()
{
	local max=$1 arg
	shift
	for arg; do
		[[ $arg != -* ]] || refuse "$arg"
	done
	[ $# -le "$max" ] || refuse "${@:max + 1:1}"
}

# EXECMEM_TOP lets the tests of the scripts point them at a toy repository.
TOP=${EXECMEM_TOP:-$(dirname "$SCRIPTS")}
CACHE=${EXECMEM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/execmem-series}
BUILD=$TOP/build
RESULTS=$TOP/results
[ -n "${EXECMEM_ENVIRONMENT:-}" ] || ignore_habits
check_values
[ -n "${EXECMEM_ENVIRONMENT:-}" ] || check_environment
export EXECMEM_ENVIRONMENT=checked
JOBS=${JOBS:-$(nproc)}
: "${ARCHES:=$DEFAULT_ARCHES}" "${CPUS:=2}"
[ "$CPUS" -le 8 ] || [ "${DEBUG:-0}" = cpus ] || die "CPUS=$CPUS needs DEBUG=cpus"

# patch_names: those of the series for the kernel, in order, or of TOPIC behind those that it
# needs.
patch_names()
{
	[ -z "${TOPIC:-}" ] || { "$SCRIPTS/steps/topic" --needs "$TOPIC" && "$SCRIPTS/steps/topic" "$TOPIC"; return; }
	[ -z "${BASE:-}${KERNEL:-}" ] || { "$SCRIPTS/steps/topic"; return; }
	[ ! -s "$TOP/series" ] || awk '$1 !~ /^(#|$)/ { print $1 }' "$TOP/series"
}

# check_arch ARCH: refuse an architecture without a record.
check_arch()
{
	case " $ALL_ARCHES " in
	*" ${1:-none} "*) ;;
	*) die "unknown ARCH '${1:-}' (one of: $ALL_ARCHES)" ;;
	esac
}

# choose_arch [ARCH]: that one, or $ARCH, or x86_64; reads its record.
choose_arch()
{
	operands 1 "$@"
	ARCH=${1:-${ARCH:-x86_64}}
	check_arch "$ARCH"
	# shellcheck source=/dev/null
	. "$SCRIPTS/lib/arch/$ARCH.sh"
}

# check_arches [ARCH...]: check and set ARCHES, to the arguments if there are any.
check_arches()
{
	local arch
	operands 6 "$@"
	[ $# = 0 ] || ARCHES=$*
	for arch in $ARCHES; do
		check_arch "$arch"
	done
}

# set_up NEED...: install missing packages for these needs (see scripts/setup), once for a
# command and the commands that it calls.  Tests with a private base need no packages.
set_up()
{
	local need missing=()
	[ -z "${EXECMEM_BASE:-}" ] || return 0
	for need in "$@"; do
		[[ " ${EXECMEM_SET_UP:-} " == *" $need "* ]] || missing+=("$need")
	done
	[ ${#missing[@]} != 0 ] || return 0
	"$SCRIPTS/setup" "${missing[@]}"
	export EXECMEM_SET_UP="${EXECMEM_SET_UP:-} ${missing[*]}"
}

# version_of DIR: "6.12.117" out of a kernel's Makefile.
version_of()
{
	awk -F ' *= *' '/^VERSION/ { v = $2 } /^PATCHLEVEL/ { p = $2 }
		/^SUBLEVEL/ { print v "." p "." $2; exit }' "$1/Makefile" 2>/dev/null
}

# unsupported DIR: begin a message on a kernel that the series was not made for; print
# nothing for the others.
unsupported()
{
	local version
	version=$(version_of "$1")
	[[ $version == 6.12.* && ${version##*.} -ge ${OLDEST##*.} ]] ||
		echo "Linux ${version:-of unknown version} is not supported, only $OLDEST and later 6.12.y: "
}

# firmware ARCH: where the guest's firmware is, if there is one beside QEMU's own.
firmware()
{
	echo "$CACHE/firmware-$1"
}

# karch ARCH: the kernel's own name of the architecture.
karch()
{
	check_arch "$1"
	# shellcheck source=/dev/null
	(. "$SCRIPTS/lib/arch/$1.sh" && echo "$KARCH")
}

# source_arch ARCH: the folder below arch/ of the kernel.
source_arch()
{
	karch "$1" | sed 's/x86_64\|i386/x86/'
}

# cross ARCH: the CROSS_COMPILE prefix, empty on a machine of that kind.
cross()
{
	check_arch "$1"
	# shellcheck source=/dev/null
	(. "$SCRIPTS/lib/arch/$1.sh" && { [ "$(uname -m)" = "$HOST_MACHINE" ] || echo "$CROSS"; })
}

# compiler ARCH: the kernel's compiler.
compiler()
{
	if [ "${CC:-}" = clang ]; then
		echo "clang-$LLVM_VERSION"
	else
		echo "$(cross "$1")gcc"
	fi
}

# become COMMAND...: it, in place of this shell.  Even in the background it ends at Ctrl-C, and
# when the script that started it ends, however that happens.
become()
{
	exec env --default-signal=INT,QUIT setpriv --pdeathsig TERM "$@"
}

# tail_log LOG: show the end of the log of a failure, and its place.
tail_log()
{
	! grep -qs 'No space left on device' "$1" ||
		die "no space left on device: free some, then run this again (log: $1)"
	if [ -s "$1" ]; then
		tail -n 20 "$1" >&2
	else
		printf '(the log is empty)\n' >&2
	fi
	printf '%s: full log: %s\n' "$ME" "$1" >&2
}

# tree_dir: the tree that is built: with the series on our base, without it
# (STOCK=1), or on another base (BASE, KERNEL=PATH), each in its own place.  With TOPIC, the
# tree has only this topic and those that it needs, and the stock tree has those.
tree_dir()
{
	local name=tree

	[ "${STOCK:-0}" = 1 ] && name=stock-tree
	echo "$BUILD/$name$(kernel_suffix)"
}

# kernel_suffix: part of the names of all output for TOPIC, BASE and KERNEL=PATH.
kernel_suffix()
{
	printf %s "${TOPIC:+-$TOPIC}"
	[ "$BASE_SERIES" = 6.12 ] || printf -- '-%s' "$BASE_SERIES"
	[ -z "${KERNEL:-}" ] ||
		printf -- '-%s' "$(printf %s "$(readlink -m -- "$KERNEL")" | sha256sum | cut -c1-8)"
}

# own_kernel [NAME]: refuse DEBUG, as the command chooses its kernel: with configs/NAME.config,
# or later.
own_kernel()
{
	[ "${DEBUG:-0}" = 0 ] || die "this command chooses its kernel: omit DEBUG=$DEBUG"
	[ $# = 0 ] || export DEBUG=$1
}

# variants: the configurations that DEBUG and CC select, configs/NAME.config, one a line.
variants()
{
	case ${DEBUG:-0} in
	0) ;;
	1) echo debug ;;
	*) echo "$DEBUG" ;;
	esac
	[ "${CC:-}" != clang ] || echo clang
}

# with_variants NAME SEPARATOR: NAME, and the variants behind it.
with_variants()
{
	local variant name=$1
	for variant in $(variants); do
		name+=$2$variant
	done
	echo "$name"
}

# odir ARCH: the folder in the tree where ARCH is built; each variant has a separate one.
odir()
{
	with_variants "o.$1" .
}

# results_dir ARCH: where the results of a run go.
results_dir()
{
	with_variants "$RESULTS/$1" -
}

# One ccache serves every clone: kbuild's paths are relative to the tree.
export CCACHE_DIR=$CACHE/ccache
export CCACHE_NOHASHDIR=1
CCACHE_BASEDIR=$(tree_dir)
export CCACHE_BASEDIR

# add_total LINE: add "N passed, N failed, N skipped" to PASSED, FAILED and SKIPPED.  Fails if
# the line is no total.
add_total()
{
	[[ $1 =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]] || return
	PASSED=$((PASSED + BASH_REMATCH[1]))
	FAILED=$((FAILED + BASH_REMATCH[2]))
	SKIPPED=$((SKIPPED + BASH_REMATCH[3]))
}

# add_verdict NAME DIR OPTION...: show the verdict on the boot of ARCH in DIR, with options for
# scripts/steps/verdict, and add its total.
add_verdict()
{
	local name=$1 dir=$2
	shift 2
	"$SCRIPTS/steps/verdict" --dir "$dir" "$@" "$ARCH" >"$dir/results.txt" || :
	printf '\n== %s ==\n' "$name"
	cat "$dir/results.txt"
	add_total "$(tail -n 1 "$dir/results.txt")" ||
		die "$name: ended without a result (log: $dir/serial.log)"
}

# A tool that is missing: bash calls this.
command_not_found_handle()
{
	note "$1 is not installed: run 'make setup'"
	return 127
}

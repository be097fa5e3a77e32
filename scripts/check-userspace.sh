#!/bin/bash
# check-userspace.sh: the series' tests that run in userspace, of the kernel's own
# sources: the allocator (tools/testing/execmem), the unpacking of keys
# (tools/testing/bcachefs), both under sanitizers, and functions generated for
# records (tools/testing/record_unpack), for three architectures.
#
# Exit status 4 if the tree has none, as when only the first patches are applied.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

case ${1:-} in
-h | --help) usage; exit 0 ;;
esac
"$SCRIPTS/tree" >/dev/null
log=$BUILD/logs/userspace.log
mkdir -p "$BUILD/logs"

# run FOLDER RESULTS: its tests; a run with fewer results is no success.
run()
{
	local dir
	dir=$(tree_dir)/tools/testing/$1
	[ -f "$dir/Makefile" ] || return 0
	if ! make -C "$dir" OUTPUT="$BUILD/" run >"$log" 2>&1; then
		tail_log "$log"
		die "the tests of tools/testing/$1 fail"
	fi
	grep -E '^(ok|not ok|# )' "$log"
	[ "$(grep -c '^ok ' "$log")" -ge "$2" ] || die "fewer results than tests: $log"
	ran=1
}

ran=0
run execmem 7
run record_unpack 12
run bcachefs 2
[ "$ran" = 1 ] || { echo "the tree has no tests in userspace"; exit 4; }

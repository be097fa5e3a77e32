#!/bin/bash
# check-userspace.sh: the series' tests that run in userspace: the allocator's own
# sources under sanitizers (tools/testing/execmem).
#
# Exit status 4 if the tree has none, as when only the first patches are applied.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

case ${1:-} in
-h | --help) usage; exit 0 ;;
esac
"$SCRIPTS/tree" >/dev/null
dir=$(tree_dir)/tools/testing/execmem
[ -f "$dir/Makefile" ] || { echo "the tree has no tools/testing/execmem"; exit 4; }

log=$BUILD/logs/userspace.log
mkdir -p "$BUILD/logs"
if ! make -C "$dir" OUTPUT="$BUILD/" run >"$log" 2>&1; then
	tail_log "$log"
	die "the tests in userspace fail"
fi
grep -E '^(ok|not ok|# )' "$log"
# A run without results is no success.
[ "$(grep -c '^ok ' "$log")" -ge 5 ] || die "fewer results than tests: $log"

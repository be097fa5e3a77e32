#!/bin/bash
# check-bisect: each prefix of the series compiles, where that was tried before, in
# this clone or in another one: what has changed since is compiled, for four minutes at
# most.
#
# usage: [KERNEL=PATH] scripts/check-bisect.sh
#
# Exit status 4 if something is left, if a bisect is running, or if scripts/bisect
# --objects never ran: its first run takes half an hour, too long for a check.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

case ${1:-} in
-h | --help) usage; exit 0 ;;
esac
[ -d "$CACHE/bisect-passed/objects" ] || { echo "make bisect-objects never ran"; exit 4; }
mkdir -p "$BUILD/bisect"
flock -n "$BUILD/bisect/.lock" true || { echo "make bisect is running"; exit 4; }
exec "$SCRIPTS/bisect" --objects --for 240

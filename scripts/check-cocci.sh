#!/bin/bash
# check-cocci.sh: each semantic patch of the series finds what is marked in its
# example, nothing else, and converts it as it should.
#
# Exit status 4 if the series has none, as when only the first patches are applied.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

case ${1:-} in
-h | --help) usage; exit 0 ;;
esac
exec "$SCRIPTS/cocci" --examples

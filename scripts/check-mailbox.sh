#!/bin/bash
# check-mailbox: the mails of the series, cover letter and all, give quilt's tree by
# git am, and by b4 am if that is installed.
#
# usage: [KERNEL=PATH] scripts/check-mailbox.sh
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

case ${1:-} in
-h | --help) usage; exit 0 ;;
esac
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# The figures are for who really sends it.
sed '/@COMPARE@/d' "$TOP/cover-letter.in" >"$WORK/cover-letter"
"$SCRIPTS/send-mails" "$WORK/cover-letter" "$WORK/mails"
cat "$WORK"/mails/*.patch >"$WORK/series.mbox"
"$SCRIPTS/send-verify" "$WORK/series.mbox"

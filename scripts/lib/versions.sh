# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Versions of the series: the sections of changelog.in, and the git tags v1, v2, ...
# that "make send SEND=1" sets.  A topic has a file and tags (kprobes-v1) of its own.  To be
# sourced after lib.sh and send_lib.sh.
CHANGELOG=$(changelog_of "${TOPIC:-}")
CHANGE_ID='^[0-9]{8}-[a-z0-9-]+-[0-9a-f]{12}$'	# date-name-random, as b4 writes it

# top_git ARG...: git in this repository.
top_git()
{
	git -c safe.directory='*' -C "$TOP" "$@"
}

# is_git: whether this repository is one of git.
is_git()
{
	top_git rev-parse -q --verify HEAD >/dev/null 2>&1
}

# last_version: the number of the newest tag vN, or nothing.
last_version()
{
	is_git || return 0
	top_git tag --list 'v[0-9]*' | sed -n 's/^v\([1-9][0-9]*\)$/\1/p' | sort -n | tail -n 1
}

# versions: the numbers of the sections of changelog.in, newest first.
versions()
{
	sed -n 's/^v\([1-9][0-9]*\):$/\1/p' "$CHANGELOG" | sort -nr
}

# changes VERSION: the section of the changelog.
changes()
{
	awk -v head="v$1:" '/^#/ { next }
		/^v[0-9]+:$/ { on = $0 == head; next }
		on && (NF || seen) { seen = 1; print }' "$CHANGELOG" |
		sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

# change_id: the line of the changelog by which b4 finds all versions of the series.
change_id()
{
	local id
	id=$(sed -n '/^v[0-9]*:$/q; s/^change-id: //p' "$CHANGELOG")
	[[ $id =~ $CHANGE_ID ]] ||
		die "${CHANGELOG#"$TOP/"}: needs one line 'change-id: YYYYMMDD-name-12 hexadecimal digits' above the first section, not '$id'"
	echo "$id"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What makes and reads our mails has in common; sourced after lib.sh by send and
# its steps.

# plain_git ARG...: git without the user's settings and hooks.
plain_git()
{
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 git \
		-c core.hooksPath=/dev/null -c core.autocrlf=false \
		-c core.abbrev=12 -c diff.algorithm=myers -c gc.auto=0 \
		-c user.name="${NAME:-$UNSIGNED_NAME}" \
		-c user.email="${EMAIL:-$UNSIGNED_EMAIL}" "$@"
}
# The author in unsigned mails.  The address is invalid.
UNSIGNED_NAME=unsigned
UNSIGNED_EMAIL=unsigned@invalid

# changelog_of TOPIC: the file with the versions of a topic, or of the series.
changelog_of()
{
	if [ -n "$1" ]; then
		echo "$TOP/cover-letters/$1.changelog"
	else
		echo "$TOP/changelog.in"
	fi
}

# patch_files: the patches of the series or of TOPIC, in order.
patch_files()
{
	if [ -n "${TOPIC:-}" ]; then
		"$SCRIPTS/steps/topic" "$TOPIC"
	else
		patch_names
	fi | awk -v dir="$TOP/patches/" '{ print dir $0 }'
}

# needed_files: the patches that must be applied before.
needed_files()
{
	[ -z "${TOPIC:-}" ] || "$SCRIPTS/steps/topic" --needs "$TOPIC" | awk -v dir="$TOP/patches/" '{ print dir $0 }'
}

# lay_base BASE DIR: the files of the base that the patches touch, no others.
lay_base()
{
	mkdir -p "$2"
	{ needed_files && patch_files; } | xargs -d '\n' sed -n 's,^diff --git a/.* b/,,p' | sort -u |
		rsync -a --files-from=- --ignore-missing-args "$1/" "$2/"
}

# make_repo BASE DIR: a repository of these files, with the needed patches.
make_repo()
{
	local patch
	lay_base "$1" "$2"
	plain_git -C "$2" init -q -b series
	# -f: the packaged source ignores everything at its top.
	plain_git -C "$2" add -A -f .
	plain_git -C "$2" commit -q --allow-empty -m base
	while IFS= read -r patch; do
		plain_git -C "$2" apply --index "$patch" || die "${patch#"$TOP/patches/"} does not apply"
	done < <(needed_files)
	plain_git -C "$2" commit -q --allow-empty -m needed
	plain_git -C "$2" tag base
}

# tree_of DIR REPO: the name in the repository of the tree of all files in DIR.
tree_of()
{
	plain_git -C "$1" --git-dir="$2/.git" --work-tree="$1" add -A -f .
	plain_git -C "$2" write-tree
}

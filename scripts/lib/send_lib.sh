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

# patch_files: the patches of the series, in order.
patch_files()
{
	patch_names | awk -v dir="$TOP/patches/" '{ print dir $0 }'
}

# lay_base BASE DIR: the files of the base that the series touches, no others.
lay_base()
{
	mkdir -p "$2"
	patch_files | xargs -d '\n' sed -n 's,^diff --git a/.* b/,,p' | sort -u |
		rsync -a --files-from=- --ignore-missing-args "$1/" "$2/"
}

# make_repo BASE DIR: a repository of these files.
make_repo()
{
	lay_base "$1" "$2"
	plain_git -C "$2" init -q -b series
	# -f: the packaged source ignores everything at its top.
	plain_git -C "$2" add -A -f .
	plain_git -C "$2" commit -q --allow-empty -m base
	plain_git -C "$2" tag base
}

# tree_of DIR REPO: the name in the repository of the tree of all files in DIR.
tree_of()
{
	plain_git -C "$1" --git-dir="$2/.git" --work-tree="$1" add -A -f .
	plain_git -C "$2" write-tree
}

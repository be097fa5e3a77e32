# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The input of a boot; sourced after lib.sh by commands that keep the results of earlier
# boots.

# image ARCH: the kernel that is booted.
image()
{
	# shellcheck source=/dev/null
	(. "$SCRIPTS/lib/arch/$1.sh" && echo "$(tree_dir)/$(odir "$1")/$IMAGE")
}

# guest_digest ARCH: a digest of the kernel, the guest's files without an overlay, and the
# programs that boot both.
guest_digest()
{
	local stage
	stage=$(tree_dir)/$(odir "$1")/guest/stage
	{
		cat "$(image "$1")" "$SCRIPTS/boot" "$SCRIPTS/lib/arch/$1.sh"
		# shellcheck source=/dev/null
		(. "$SCRIPTS/lib/arch/$1.sh" && "$QEMU" --version)
		[ ! -f "$(firmware "$1")" ] || cat "$(firmware "$1")"
		[ ! -d "$stage" ] ||
			(cd "$stage" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
	} | sha256sum
}

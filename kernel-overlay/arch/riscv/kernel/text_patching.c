// SPDX-License-Identifier: GPL-2.0
/*
 * The text-patching hook of riscv for live text. The one that copies is beside the
 * fixmap alias that it needs, in patch.c.
 */

#include <linux/align.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/text-patching.h>

#include <asm/patch.h>

int arch_text_patch_insn(void *addr, const void *insn, size_t len)
{
	u32 old = 0, new = 0;
	int ret;

	if (len != 2 && len != 4)
		return -EINVAL;

	/* Aligned like its type, so that it is written by one store. */
	memcpy(&new, insn, len);
	memcpy(&old, addr, len);
	/* A hart may be anywhere between two old instructions, if there are two. */
	if (GET_INSN_LENGTH(old) != len || GET_INSN_LENGTH(new) != len)
		return -EOPNOTSUPP;

	/*
	 * A fetch is atomic only if it is naturally aligned (Ziccif). Else it
	 * must not happen meanwhile.
	 */
	if (!IS_ALIGNED((unsigned long)addr, len))
		return patch_text(addr, &new, len);

	ret = patch_insn_write(addr, &new, len);
	if (!ret)
		text_patch_sync();

	return ret;
}

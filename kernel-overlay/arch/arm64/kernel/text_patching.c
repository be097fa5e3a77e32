// SPDX-License-Identifier: GPL-2.0
/*
 * The text-patching hook of arm64 for live text. The one that copies is beside the
 * fixmap alias that it needs, in patching.c.
 */

#include <linux/errno.h>
#include <linux/string.h>
#include <linux/text-patching.h>

#include <asm/insn.h>
#include <asm/patching.h>

/*
 * The instructions that may be replaced by one another while another CPU
 * executes them (Arm ARM, "Concurrent modification and execution of
 * instructions"): that CPU executes the one or the other, and nothing else.
 */
static bool is_hotpatch_safe(u32 insn)
{
	return aarch64_insn_is_b(insn) || aarch64_insn_is_bl(insn) ||
	       aarch64_insn_is_brk(insn) || aarch64_insn_is_hvc(insn) ||
	       aarch64_insn_is_isb(insn) || aarch64_insn_is_smc(insn) ||
	       aarch64_insn_is_svc(insn) || insn == aarch64_insn_gen_nop();
}

int arch_text_patch_insn(void *addr, const void *insn, size_t len)
{
	__le32 le_insn;
	u32 old, new;
	int ret;

	if (len != AARCH64_INSN_SIZE)
		return -EINVAL;

	memcpy(&le_insn, insn, sizeof(le_insn));
	new = le32_to_cpu(le_insn);
	ret = aarch64_insn_read(addr, &old);
	if (ret)
		return ret;

	/* Stops the machine, and every CPU leaves it by a context synchronisation. */
	if (!is_hotpatch_safe(old) || !is_hotpatch_safe(new))
		return aarch64_insn_patch_text(&addr, &new, 1);

	ret = aarch64_insn_patch_text_nosync(addr, new);
	if (!ret)
		text_patch_sync();

	return ret;
}

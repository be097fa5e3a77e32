/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ARM64_TEXT_PATCHING_H
#define _ASM_ARM64_TEXT_PATCHING_H

#include <linux/compiler.h>
#include <linux/types.h>

#include <asm/barrier.h>
#include <asm/byteorder.h>
#include <asm/insn-def.h>

#define TEXT_PATCH_ALIGN	AARCH64_INSN_SIZE
/* Instructions are little-endian whatever data is. */
#define TEXT_PATCH_TRAP		((__force u32)cpu_to_le32(AARCH64_BREAK_FAULT))

static __always_inline void arch_text_patch_sync_cpu(void)
{
	/*
	 * Taking an interrupt is a context synchronisation event, but an idle CPU
	 * that was woken by something else runs what is queued for it before it
	 * takes the one that was sent for that.
	 */
	isb();
}

#endif /* _ASM_ARM64_TEXT_PATCHING_H */

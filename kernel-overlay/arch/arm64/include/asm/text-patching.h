/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ARM64_TEXT_PATCHING_H
#define _ASM_ARM64_TEXT_PATCHING_H

#include <linux/compiler.h>
#include <linux/types.h>

#include <asm/barrier.h>
#include <asm/byteorder.h>
#include <asm/insn-def.h>

#define TEXT_POKE_ALIGN		AARCH64_INSN_SIZE
/* Instructions are little-endian in big-endian kernels too. */
#define TEXT_POKE_TRAP		((__force u32)cpu_to_le32(AARCH64_BREAK_FAULT))

static __always_inline void arch_text_poke_sync_cpu(void)
{
	/*
	 * Taking the interrupt is a context synchronisation event. But a CPU that another
	 * event wakes from idle calls this function before it takes the interrupt.
	 */
	isb();
}

#endif /* _ASM_ARM64_TEXT_PATCHING_H */

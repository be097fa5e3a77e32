/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_RISCV_TEXT_PATCHING_H
#define _ASM_RISCV_TEXT_PATCHING_H

#include <linux/cacheflush.h>
#include <linux/compiler.h>
#include <linux/mm.h>

#include <asm/fixmap.h>
#include <asm/tlbflush.h>

#ifdef CONFIG_RISCV_ISA_C
#define TEXT_PATCH_ALIGN	2
#else
#define TEXT_PATCH_ALIGN	4
#endif

/* All zeroes is defined to be illegal, as 16 bits and as 32. */
#define TEXT_PATCH_TRAP		0

/* Forget old instructions, and the translation of the alias written through. */
static __always_inline void arch_text_patch_sync_cpu(void)
{
	local_flush_icache_all();
#ifdef CONFIG_MMU
	local_flush_tlb_page(fix_to_virt(FIX_TEXT_POKE0));
	local_flush_tlb_page(fix_to_virt(FIX_TEXT_POKE1));
#endif
}

#endif /* _ASM_RISCV_TEXT_PATCHING_H */

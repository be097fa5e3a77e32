/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_RISCV_TEXT_PATCHING_H
#define _ASM_RISCV_TEXT_PATCHING_H

#include <linux/cacheflush.h>
#include <linux/compiler.h>
#include <linux/mm.h>

#include <asm/fixmap.h>
#include <asm/tlbflush.h>

#ifdef CONFIG_RISCV_ISA_C
#define TEXT_POKE_ALIGN		2
#else
#define TEXT_POKE_ALIGN		4
#endif

/* Zeroes are an illegal instruction of 16 and of 32 bits. */
#define TEXT_POKE_TRAP		0

/* Flush old instructions and translations of the writable alias. */
static __always_inline void arch_text_poke_sync_cpu(void)
{
	local_flush_icache_all();
#ifdef CONFIG_MMU
	local_flush_tlb_page(fix_to_virt(FIX_TEXT_POKE0));
	local_flush_tlb_page(fix_to_virt(FIX_TEXT_POKE1));
#endif
}

#endif /* _ASM_RISCV_TEXT_PATCHING_H */

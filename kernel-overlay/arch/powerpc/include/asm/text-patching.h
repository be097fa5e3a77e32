/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_POWERPC_TEXT_PATCHING_H
#define _ASM_POWERPC_TEXT_PATCHING_H

#include <linux/compiler.h>
#include <linux/types.h>

#include <asm/probes.h>
#include <asm/synch.h>

#define TEXT_POKE_ALIGN		4
#define TEXT_POKE_TRAP		BREAKPOINT_INSTRUCTION

/* The writer's icbi reaches all CPUs. isync discards prefetched instructions. */
static __always_inline void arch_text_poke_sync_cpu(void)
{
	isync();
}

#endif /* _ASM_POWERPC_TEXT_PATCHING_H */

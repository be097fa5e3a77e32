/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_RISCV_TEXT_PATCHING_H
#define _ASM_RISCV_TEXT_PATCHING_H

#include <asm/patch.h>

#ifdef CONFIG_RISCV_ISA_C
#define TEXT_POKE_ALIGN		2
#else
#define TEXT_POKE_ALIGN		4
#endif

/* Zero is an illegal instruction, both with 16 and with 32 bits. */
#define TEXT_POKE_TRAP		0

#define arch_text_poke_sync_cpu	patch_sync_hart

#endif /* _ASM_RISCV_TEXT_PATCHING_H */

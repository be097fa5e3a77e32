/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_RISCV_TEXT_PATCHING_H
#define _ASM_RISCV_TEXT_PATCHING_H

#ifdef CONFIG_RISCV_ISA_C
#define TEXT_PATCH_ALIGN	2
#else
#define TEXT_PATCH_ALIGN	4
#endif

/* All zeroes is defined to be illegal, as 16 bits and as 32. */
#define TEXT_PATCH_TRAP		0

#endif /* _ASM_RISCV_TEXT_PATCHING_H */

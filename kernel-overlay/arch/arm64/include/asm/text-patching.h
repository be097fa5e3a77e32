/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ASM_ARM64_TEXT_PATCHING_H
#define _ASM_ARM64_TEXT_PATCHING_H

#include <linux/types.h>

#include <asm/byteorder.h>
#include <asm/insn-def.h>

#define TEXT_PATCH_ALIGN	AARCH64_INSN_SIZE
/* Instructions are little-endian whatever data is. */
#define TEXT_PATCH_TRAP		((__force u32)cpu_to_le32(AARCH64_BREAK_FAULT))

#endif /* _ASM_ARM64_TEXT_PATCHING_H */

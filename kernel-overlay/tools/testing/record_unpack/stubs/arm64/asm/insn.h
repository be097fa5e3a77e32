/* SPDX-License-Identifier: GPL-2.0 */
#include <stdbool.h>
#include <linux/kernel.h>

#include_next <asm/insn.h>

extern bool CONFIG_ARM64_BTI_KERNEL, CONFIG_CFI_CLANG;
#define CONFIG_CFI CONFIG_CFI_CLANG

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between text_patching.c and the fallback for architectures without hooks.
 */
#ifndef _KERNEL_TEXT_PATCHING_H
#define _KERNEL_TEXT_PATCHING_H

#include <linux/text-patching.h>

/* The same contracts as the arch_text_patch_*() of <linux/text-patching.h>. */
int fallback_text_patch_copy(void *dst, const void *src, size_t len);
int fallback_text_patch_insn(void *addr, const void *insn, size_t len);

#endif /* _KERNEL_TEXT_PATCHING_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KERNEL_TEXT_POKE_H
#define _KERNEL_TEXT_POKE_H

#include <linux/types.h>

/* The same contract as arch_text_poke_copy(). */
/* Allocate what later writes need. */
void fallback_text_poke_init(void);

int fallback_text_poke_copy(void *dst, const void *src, size_t len);

#endif /* _KERNEL_TEXT_POKE_H */

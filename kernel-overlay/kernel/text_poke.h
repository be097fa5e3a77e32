/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _KERNEL_TEXT_POKE_H
#define _KERNEL_TEXT_POKE_H

#include <linux/types.h>

/* Allocate the page tables of the alias, so that writes need no memory. */
void fallback_text_poke_init(void);

/* The contract is that of arch_text_poke_copy(). */
int fallback_text_poke_copy(void *dst, const void *src, size_t len);

#endif /* _KERNEL_TEXT_POKE_H */

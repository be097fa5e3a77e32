/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_EXECMEM_STAGE_H
#define _MM_EXECMEM_STAGE_H

#include <linux/execmem.h>

#ifdef CONFIG_EXECMEM_STAGE
extern bool execmem_hide_staged;

void *execmem_stage_copy(enum execmem_type type, size_t size, size_t align);
int execmem_stage_seal(void *text, size_t size);
int execmem_stage_drop(const void *text);
#else
static inline void *execmem_stage_copy(enum execmem_type type, size_t size, size_t align)
{
	return NULL;
}

static inline int execmem_stage_seal(void *text, size_t size)
{
	return -ENOENT;
}

static inline int execmem_stage_drop(const void *text)
{
	return 0;
}
#endif

#endif /* _MM_EXECMEM_STAGE_H */

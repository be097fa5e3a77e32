/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_EXECMEM_PAGES_H
#define _MM_EXECMEM_PAGES_H

#include <linux/execmem.h>
#include <linux/mm.h>
#include <linux/sizes.h>

/* Sizes of packs that objects share. A larger object has a pack of its own. */
#define EXECMEM_PACK_MIN	max_t(size_t, SZ_64K, PAGE_SIZE)
#define EXECMEM_PACK_MAX	max_t(size_t, SZ_2M, PAGE_SIZE)

/* mm/execmem.c: where text of a type may be, and memory there. */
const struct execmem_range *execmem_range(enum execmem_type type);
void *execmem_vmalloc(const struct execmem_range *range, size_t size, unsigned long align,
		      pgprot_t pgprot, unsigned long vm_flags, const void *caller);

/* mm/execmem.c: the flags of the area that begins at @ptr, or 0 if none does. */
unsigned long execmem_area_flags(const void *ptr);
/* Whether @ptr is the beginning of what execmem_alloc() returned. */
bool execmem_is_area(const void *ptr);

/* Whether text may be of a type. */
static inline bool execmem_is_text_type(enum execmem_type type)
{
	return (unsigned int)type < EXECMEM_TYPE_MAX && type != EXECMEM_MODULE_DATA;
}

/* Only where permissions cannot be changed may text start out executable. */
static inline pgprot_t execmem_text_pgprot(const struct execmem_range *range)
{
	return IS_ENABLED(CONFIG_ARCH_HAS_SET_MEMORY) ? PAGE_KERNEL : range->pgprot;
}

void *execmem_map(enum execmem_type type, size_t size, bool *huge);
void execmem_unmap(void *base);

#endif /* _MM_EXECMEM_PAGES_H */

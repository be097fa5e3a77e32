/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_EXECMEM_PAGES_H
#define _MM_EXECMEM_PAGES_H

#include <linux/execmem.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/vmalloc.h>

/* Sizes of packs that objects share. A larger object has a pack of its own. */
#define EXECMEM_PACK_MIN	max_t(size_t, SZ_64K, PAGE_SIZE)
#define EXECMEM_PACK_MAX	max_t(size_t, SZ_2M, PAGE_SIZE)

/* mm/execmem.c: where text of a type may be, and memory there. */
const struct execmem_range *execmem_range(enum execmem_type type);
void *execmem_vmalloc(const struct execmem_range *range, size_t size, unsigned long align,
		      pgprot_t pgprot, unsigned long vm_flags, const void *caller);

/* mm/execmem.c: the size of the area with @flags that begins at @ptr, or 0; not a pack's. */
size_t execmem_area_size(const void *ptr, unsigned long flags);

/* All types but the last are text. */
#define EXECMEM_NR_TEXT_TYPES	EXECMEM_MODULE_DATA
static_assert(EXECMEM_TYPE_MAX - 1 == EXECMEM_MODULE_DATA);

/* Whether text may be of a type. */
static inline bool execmem_is_text_type(enum execmem_type type)
{
	return (unsigned int)type < EXECMEM_NR_TEXT_TYPES;
}

/* Only where permissions cannot be changed may text start out executable. */
static inline pgprot_t execmem_text_pgprot(const struct execmem_range *range)
{
	return IS_ENABLED(CONFIG_ARCH_HAS_SET_MEMORY) ? PAGE_KERNEL : range->pgprot;
}

/* Whether text is too large to share a pack. */
static inline bool execmem_is_solo(size_t size)
{
	return size > EXECMEM_PACK_MAX / 2;
}

/* The size of the pages for such text: large ones, if they waste at most an eighth. */
static inline size_t execmem_solo_size(const struct execmem_range *range, size_t size)
{
	size_t large = round_up(size, EXECMEM_PACK_MAX);

	if (range->flags & EXECMEM_HUGE_PACKS && large - size <= size / 8)
		return large;
	return PAGE_ALIGN(size);
}

/* vmalloc() would round other sizes up, by memory that nobody seals. */
static inline unsigned long execmem_huge_flag(const struct execmem_range *range, size_t size)
{
	if (range->flags & EXECMEM_HUGE_PACKS && !(size % EXECMEM_PACK_MAX))
		return VM_ALLOW_HUGE_VMAP;
	return 0;
}

/* Fill whole pages with traps, as fast as the architecture copies pages. */
static inline void execmem_fill_traps(void *pages, size_t size)
{
	size_t at;

	memset32(pages, TEXT_POKE_TRAP, PAGE_SIZE / sizeof(u32));
	for (at = PAGE_SIZE; at < size; at += PAGE_SIZE)
		copy_page(pages + at, pages);
}

void *execmem_map(enum execmem_type type, size_t size, bool *huge);
void execmem_unmap(void *base);

#endif /* _MM_EXECMEM_PAGES_H */

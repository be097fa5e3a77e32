/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_EXECMEM_PAGES_H
#define _MM_EXECMEM_PAGES_H

#include <linux/execmem.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

/* Sizes of shared packs. An object above half of the maximum gets a solo pack. */
#define EXECMEM_PACK_MIN	max_t(size_t, SZ_64K, PAGE_SIZE)
#define EXECMEM_PACK_MAX	max_t(size_t, SZ_2M, PAGE_SIZE)

/* mm/execmem.c: the address range for a type of text, and vmalloc memory in a range. */
const struct execmem_range *execmem_range(enum execmem_type type);
void *execmem_vmalloc(const struct execmem_range *range, size_t size, pgprot_t pgprot,
		      unsigned long vm_flags, const void *caller);

/*
 * mm/execmem.c: the size of the vmalloc area that begins at @ptr and has all of @flags.
 * 0 if there is none, or if the area belongs to a pack.
 */
size_t execmem_area_size(const void *ptr, unsigned long flags);

/* The last type is data, all others are text. */
#define EXECMEM_NR_TEXT_TYPES	EXECMEM_MODULE_DATA
static_assert(EXECMEM_TYPE_MAX - 1 == EXECMEM_MODULE_DATA);

static inline bool execmem_is_text_type(enum execmem_type type)
{
	return (unsigned int)type < EXECMEM_NR_TEXT_TYPES;
}

/* Objects of this size do not share a pack. */
static inline bool execmem_is_solo(size_t size)
{
	return size > EXECMEM_PACK_MAX / 2;
}

/* The size of a solo pack. Round up to large pages if that adds at most an eighth. */
static inline size_t execmem_solo_size(const struct execmem_range *range, size_t size)
{
	size_t large = round_up(size, EXECMEM_PACK_MAX);

	if (range->flags & EXECMEM_HUGE_PACKS && large - size <= size / 8)
		return large;
	return PAGE_ALIGN(size);
}

/*
 * Use large pages only for multiples of their size. vmalloc() rounds other sizes up, and
 * execmem_seal() would leave the added memory writable.
 */
static inline unsigned long execmem_huge_flag(const struct execmem_range *range, size_t size)
{
	if (range->flags & EXECMEM_HUGE_PACKS && !(size % EXECMEM_PACK_MAX))
		return VM_ALLOW_HUGE_VMAP;
	return 0;
}

void *execmem_map(enum execmem_type type, size_t size);
void execmem_unmap(void *base);

#endif /* _MM_EXECMEM_PAGES_H */

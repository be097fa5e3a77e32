// SPDX-License-Identifier: GPL-2.0
/*
 * Page-granular text cache for comparison, modelled on the ROX cache of newer kernels.
 *
 * Two maple trees hold the free and the busy page ranges. One mutex protects both.
 * Allocation uses the first free range by address that is large enough, and adds
 * 2 MiB if there is none. Freed ranges are merged with their neighbours and stay in
 * the cache.
 */
#include "bench.h"

static DEFINE_MUTEX(cache_mutex);
static struct maple_tree free_ranges =
	MTREE_INIT_EXT(free_ranges, MT_FLAGS_LOCK_EXTERN, cache_mutex);
static struct maple_tree busy_ranges =
	MTREE_INIT_EXT(busy_ranges, MT_FLAGS_LOCK_EXTERN, cache_mutex);

static int add_free(unsigned long start, unsigned long last)
{
	MA_STATE(mas, &free_ranges, start - 1, start - 1);

	if (mas_walk(&mas))
		start = mas.index;
	mas_set(&mas, last + 1);
	if (mas_walk(&mas))
		last = mas.last;

	/* The tree needs any entry other than NULL. */
	mas_set_range(&mas, start, last);
	return mas_store_gfp(&mas, (void *)start, GFP_KERNEL);
}

static void *take_free(size_t size)
{
	MA_STATE(mas, &free_ranges, 0, 0);
	MA_STATE(busy, &busy_ranges, 0, 0);
	unsigned long start;
	void *range;

	mas_for_each(&mas, range, ULONG_MAX)
		if (mas.last - mas.index + 1 >= size)
			break;
	if (!range)
		return NULL;

	start = mas.index;
	mas_set_range(&busy, start, start + size - 1);
	if (mas_store_gfp(&busy, (void *)start, GFP_KERNEL))
		return NULL;
	mas_set_range(&mas, start, start + size - 1);
	if (mas_store_gfp(&mas, NULL, GFP_KERNEL))
		return NULL;

	return (void *)start;
}

static void *cache_alloc(size_t size, size_t align)
{
	unsigned long base;
	void *text;

	size = PAGE_ALIGN(size);
	guard(mutex)(&cache_mutex);
	text = take_free(size);
	if (text)
		return text;

	base = (unsigned long)bench_map(SZ_2M, PMD_SIZE);
	if (add_free(base, base + SZ_2M - 1))
		return NULL;
	return take_free(size);
}

static void cache_free(void *text, size_t size)
{
	MA_STATE(mas, &busy_ranges, (unsigned long)text, (unsigned long)text);

	guard(mutex)(&cache_mutex);
	if (!mas_walk(&mas) || mas.index != (unsigned long)text)
		abort();
	if (add_free(mas.index, mas.last))
		abort();
	if (mas_store_gfp(&mas, NULL, GFP_KERNEL))
		abort();
}

static size_t cache_given(void *text, size_t size)
{
	return PAGE_ALIGN(size);
}

const struct bench_ops bench_cache = {
	.name = "page_cache",
	.init = maple_tree_init,
	.alloc = cache_alloc,
	.free = cache_free,
	.given = cache_given,
};

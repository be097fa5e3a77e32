// SPDX-License-Identifier: GPL-2.0
/* Shrinker of the execmem slab: frees the empty pack that each pool keeps. */

#include <linux/shrinker.h>

#include "pool.h"

static unsigned long count_empty(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct execmem_pool *pool;
	unsigned long pages = 0;

	for_each_execmem_pool(pool) {
		guard(spinlock)(&pool->lock);
		pages += pool->empty ? pool->empty->size >> PAGE_SHIFT : 0;
	}

	return pages ?: SHRINK_EMPTY;
}

static unsigned long free_empty(struct shrinker *shrinker, struct shrink_control *sc)
{
	return execmem_drop_empty() ?: SHRINK_STOP;
}

static int __init execmem_shrinker_init(void)
{
	struct shrinker *shrinker = shrinker_alloc(0, "execmem");

	if (!shrinker)
		return -ENOMEM;

	shrinker->count_objects = count_empty;
	shrinker->scan_objects = free_empty;
	shrinker_register(shrinker);
	return 0;
}
subsys_initcall(execmem_shrinker_init);

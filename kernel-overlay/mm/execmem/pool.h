/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pools of the execmem slab: packs with text of one kind. See pool.c.
 */
#ifndef _MM_EXECMEM_POOL_H
#define _MM_EXECMEM_POOL_H

#include <linux/errno.h>
#include <linux/execmem.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "pack.h"
#include "pages.h"

/* Granules of the packs: 8 bytes, 16, 64, 256, and a page. */
#define EXECMEM_NR_SHIFTS	5

/* Lists of packs by the length of the longest free run: two per power of two. */
#define EXECMEM_NR_ROOMS	(2 * (21 - EXECMEM_SHIFT_MIN + 2))

/**
 * struct execmem_pool - packs of one type, trust domain and granule
 * @lock:	protects all below but @flushed and @grow_lock, and the packs' metadata
 * @packs:	all packs
 * @room:	the packs by the length of the longest free run; see pool.c
 * @rooms:	which of these lists are not empty
 * @empty:	the one pack without objects that is kept, or NULL
 * @dying:	packs with freed text, by the event that it waits for; see retire.c
 * @phase:	which of two marks freed text gets, by the event that it waits for
 * @stats:	what the pool has and has done
 * @shared:	bytes of text in packs that objects share
 * @dirt:	counts what may have left branch predictions behind
 * @flushed:	how much of @dirt a flush has covered
 * @grow_lock:	held while a pack is made, so that one is made for all who wait
 * @type:	where the text may be
 * @domain:	whose text may share a pack
 * @shift:	log2 of the bytes in a granule
 */
struct execmem_pool {
	spinlock_t lock;		/* pool.c has the lock order */
	struct list_head packs;
	struct list_head room[EXECMEM_NR_ROOMS];
	DECLARE_BITMAP(rooms, EXECMEM_NR_ROOMS);
	struct execmem_pack *empty;
	struct list_head dying[EXECMEM_NR_EVENTS];
	u8 phase[EXECMEM_NR_EVENTS];
	struct execmem_stats stats;
	size_t shared;
	unsigned long dirt;
	unsigned long flushed;
	struct mutex grow_lock;		/* as above */
	enum execmem_type type;
	enum execmem_domain domain;
	u8 shift;
} ____cacheline_aligned_in_smp;

#define EXECMEM_NR_POOLS	(EXECMEM_NR_TEXT_TYPES * EXECMEM_NR_DOMAINS * EXECMEM_NR_SHIFTS)

extern struct execmem_pool execmem_pools[EXECMEM_NR_POOLS];

#define for_each_execmem_pool(pool) \
	for (pool = execmem_pools; pool < execmem_pools + EXECMEM_NR_POOLS; pool++)

bool execmem_prefetch_object(const void *text);
struct execmem_pack *execmem_lock_object(const void *text, struct execmem_extent *object);
void execmem_unlock_object(struct execmem_pack *pack);
void execmem_reuse_leaf(struct execmem_pack *pack, unsigned int leaf);
struct execmem_pack *execmem_next_pack(const void *addr);
void execmem_put_pack(struct execmem_pack *pack);
unsigned long execmem_drop_empty(struct execmem_pool *pool);
void execmem_flush_packs(void);

/* retire.c */
#ifdef CONFIG_EXECMEM_SLAB
int execmem_slab_free(void *text);
#else
static inline int execmem_slab_free(void *text)
{
	return -ENOENT;
}
#endif

#endif /* _MM_EXECMEM_POOL_H */

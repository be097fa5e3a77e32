/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pools of the execmem slab: packs of one type, trust domain and granule. See pool.c.
 */
#ifndef _MM_EXECMEM_POOL_H
#define _MM_EXECMEM_POOL_H

#include <linux/execmem.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "pack.h"
#include "pages.h"

/* Sizes of granules: 8, 16, 64 and 256 bytes, and a page. */
#define EXECMEM_NR_SHIFTS	5

/* Lists of packs by the longest free run: two lists per power of two. */
#define EXECMEM_NR_ROOMS	(2 * ilog2(EXECMEM_LEAVES_MAX * EXECMEM_LEAF) + 4)

/**
 * struct execmem_pool - packs of one type, trust domain and granule
 * @lock:	protects the fields from @room to @dirt and the metadata of the packs
 * @room:	the packs by the length of the longest free run; see pool.c
 * @empty:	the empty pack that the pool keeps, or NULL
 * @dying:	packs with freed text, by event and phase; see retire.c
 * @phase:	the phase of newly freed text, by event: 0 or 1; see retire.c
 * @shared:	bytes of text in shared packs
 * @dirt:	incremented when text becomes reusable, and when a pack is added
 * @flushed:	value of @dirt at the start of the last predictor flush
 * @grow_lock:	serialises the creation of packs: waiting tasks share the new pack
 * @type:	type of text, which selects the address range
 * @domain:	trust domain; domains do not share packs
 * @shift:	log2 of the granule in bytes
 *
 * pool.c documents the lock order. @flushed is protected by flush_lock. @shared, @dirt and
 * @flushed are also read without a lock.
 */
struct execmem_pool {
	spinlock_t lock;		/* protects room ... dirt, and the packs' metadata */
	struct list_head room[EXECMEM_NR_ROOMS];
	struct execmem_pack *empty;
	struct list_head dying[EXECMEM_NR_EVENTS][2];
	u8 phase[EXECMEM_NR_EVENTS];
	size_t shared;
	unsigned long dirt;
	unsigned long flushed;
	struct mutex grow_lock;		/* one task creates a pack at a time */
	enum execmem_type type;
	enum execmem_domain domain;
	u8 shift;
} ____cacheline_aligned_in_smp;

#define EXECMEM_NR_POOLS	(EXECMEM_NR_TEXT_TYPES * EXECMEM_NR_DOMAINS * EXECMEM_NR_SHIFTS)

extern struct execmem_pool execmem_pools[EXECMEM_NR_POOLS];

#define for_each_execmem_pool(pool) \
	for (pool = execmem_pools; pool < execmem_pools + EXECMEM_NR_POOLS; pool++)

struct execmem_pack *execmem_lock_object(const void *text, struct execmem_extent *object);
void execmem_reuse_leaf(struct execmem_pack *pack, unsigned int leaf);
struct execmem_pack *execmem_next_pack(const void *addr);

/* All packs in the order of addresses. Under the RCU read lock. */
#define for_each_execmem_pack(pack)			\
	for (pack = execmem_next_pack(NULL); pack;	\
	     pack = execmem_next_pack(pack->base + pack->size))

unsigned long execmem_drop_empty(void);
void execmem_flush_packs(void);
extern struct mutex execmem_write_lock;

/* retire.c */
int execmem_slab_free(void *text);
int execmem_slab_retire(void *text);

#endif /* _MM_EXECMEM_POOL_H */

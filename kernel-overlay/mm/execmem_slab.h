/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the parts of the execmem slab; mm/execmem_slab.c explains them.
 */
#ifndef _MM_EXECMEM_SLAB_H
#define _MM_EXECMEM_SLAB_H

#include "execmem_internal.h"

/* Objects begin and end at multiples of this many bytes. */
#define EXECMEM_GRANULE_SHIFT	4
#define EXECMEM_GRANULE		BIT(EXECMEM_GRANULE_SHIFT)

/* Granules that one leaf of a pack's tree sums up. */
#define EXECMEM_LEAF		256U

/* A pool's first pack, and its packs once much is used; larger ones are solo. */
#define EXECMEM_PACK_MIN	max_t(size_t, SZ_64K, PAGE_SIZE)
#define EXECMEM_PACK_MAX	max_t(size_t, SZ_2M, PAGE_SIZE)

/**
 * struct execmem_runs - the runs of free granules in a part of a pack
 * @first:	length of the one at its beginning
 * @longest:	length of the longest one
 * @last:	length of the one at its end
 */
struct execmem_runs {
	u32 first;
	u32 longest;
	u32 last;
};

/**
 * struct execmem_pack - some pages of text, and who has what of it
 * @node:	in @pool->packs, by address
 * @link:	in the list of packs to release
 * @pool:	the pool it belongs to
 * @base:	first byte of the text
 * @size:	bytes of text
 * @solo:	whether it is for one object that takes all of it
 * @huge:	whether it was mapped by larger than base pages
 * @shift:	log2 of the bytes in a granule; a solo pack is one granule
 * @nr_granules: in the pack
 * @nr_leaves:	of @tree, a power of two
 * @nr_objects:	that are not free, condemned ones included
 * @longest:	longest run of free granules in this pack and those below @node
 * @dirtied:	when it last got bytes that a CPU may have predicted branches to
 * @busy:	bit per granule: belongs to an object, but see execmem_pack.c
 * @head:	bit per granule: an object begins here
 * @tree:	runs of free granules: a binary heap, the leaves being its second half
 */
struct execmem_pack {
	struct rb_node node;
	struct list_head link;
	struct execmem_pool *pool;
	void *base;
	size_t size;
	bool solo;
	bool huge;
	unsigned int shift;
	unsigned int nr_granules;
	unsigned int nr_leaves;
	unsigned int nr_objects;
	unsigned int longest;
	unsigned long dirtied;
	unsigned long *busy;
	unsigned long *head;
	struct execmem_runs *tree;
};

/**
 * struct execmem_pool - all packs of one type and trust domain
 * @lock:	protects all below, and what is in the packs but their text
 * @grow_lock:	held while a pack is made, so that one is made for all who wait
 * @type:	where its text may be
 * @domain:	who may share its packs
 * @packs:	ordered by address, with the longest free run below each
 * @empty:	the one pack without objects that is kept, or NULL
 * @stats:	what it has and has done
 */
struct execmem_pool {
	spinlock_t lock;		/* see the order of locks in execmem_slab.c */
	struct mutex grow_lock;		/* the same */
	enum execmem_type type;
	enum execmem_domain domain;
	struct rb_root packs;
	struct execmem_pack *empty;
	struct execmem_stats stats;
};

/* execmem_pack.c: which granules of a pack are whose. */
struct execmem_pack *execmem_pack_create(void *base, size_t size, bool solo);
void execmem_pack_destroy(struct execmem_pack *pack);
void *execmem_pack_take(struct execmem_pack *pack, size_t size, size_t align, u32 random);
size_t execmem_pack_object(const struct execmem_pack *pack, const void *object);
void execmem_pack_condemn(struct execmem_pack *pack, const void *object);
void execmem_pack_release(struct execmem_pack *pack, const void *object, size_t size);
const void *execmem_pack_next(const struct execmem_pack *pack, const void *object, size_t *size,
			      bool *condemned);

static inline unsigned int execmem_pack_longest(const struct execmem_pack *pack)
{
	return pack->tree[1].longest;
}

/* execmem_map.c: memory that is read-only and executable, and full of traps. */
void *execmem_map(enum execmem_type type, size_t size, bool *huge);
void execmem_unmap(void *base);

/* execmem_slab.c: pools of packs. */
struct execmem_pool *execmem_pool(enum execmem_type type, enum execmem_domain domain);
int execmem_slab_condemn(void *text, size_t *size);
void execmem_slab_reuse(void *text, size_t size);
void execmem_slab_lose(void *text, size_t size);
int execmem_slab_free(void *text);
void execmem_slab_flush(void);
void execmem_slab_init(void);

#endif /* _MM_EXECMEM_SLAB_H */

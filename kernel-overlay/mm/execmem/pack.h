/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packs of the execmem slab: pages of text and the state of their granules. See pack.c.
 */
#ifndef _MM_EXECMEM_PACK_H
#define _MM_EXECMEM_PACK_H

#include <linux/bitops.h>
#include <linux/list.h>
#include <linux/rbtree_latch.h>
#include <linux/types.h>

/* log2 of the smallest granule in bytes. */
#define EXECMEM_SHIFT_MIN	3

/* Granules in a leaf of the tree, and parts of a node. */
#define EXECMEM_LEAF		256U
#define EXECMEM_FANOUT		8U
#define EXECMEM_LEAVES_MAX	(EXECMEM_FANOUT * EXECMEM_FANOUT * EXECMEM_FANOUT)

/**
 * struct execmem_leaf - state of 256 granules; one cache line on most CPUs
 * @busy:	set for each granule of an object; see pack.c
 * @head:	set for the first granule of an object, and for dead granules; see pack.c
 */
struct execmem_leaf {
	unsigned long busy[EXECMEM_LEAF / BITS_PER_LONG];
	unsigned long head[EXECMEM_LEAF / BITS_PER_LONG];
};

/**
 * struct execmem_runs - lengths of free runs in a part of a pack
 * @first:	the run at the beginning
 * @longest:	the longest run
 * @last:	the run at the end
 */
struct execmem_runs {
	unsigned int first;
	unsigned int longest;
	unsigned int last;
};

/**
 * struct execmem_node - free runs in eight parts of a pack
 * @first:	length of the free run at the beginning of each part
 * @longest:	length of the longest free run in each part
 * @last:	length of the free run at the end of each part
 */
struct execmem_node {
	u16 first[EXECMEM_FANOUT];
	u16 longest[EXECMEM_FANOUT];
	u16 last[EXECMEM_FANOUT];
} __aligned(64);

/* The events that freed text waits for; see retire.c. */
enum execmem_event {
	EXECMEM_GRACE,
	EXECMEM_ROUND,
	EXECMEM_NR_EVENTS,
};

/**
 * struct execmem_dying - leaves of a pack with freed text that waits for an event
 * @link:	in the pool's list of packs with such leaves
 * @leaves:	bitmap of the leaves
 */
struct execmem_dying {
	struct list_head link;
	DECLARE_BITMAP(leaves, EXECMEM_LEAVES_MAX);
};

/**
 * struct execmem_pack - pages of text and the state of their granules
 * @node:	in the tree of all packs by address
 * @base:	first byte of the text
 * @size:	bytes of text
 * @pool:	pool of the pack
 * @leaves:	state of each granule
 * @nodes:	the tree above the leaves; see pack.c
 * @first_leaf:	number of the first leaf in the tree
 * @nr_granules: number of granules
 * @nr_leaves:	number of leaves
 * @free:	free runs in the whole pack
 * @used:	number of granules that are not free
 * @nr_objects:	number of objects that have an owner
 * @room:	number of the list that contains @link
 * @shift:	log2 of the granule in bytes; a solo pack is one granule
 * @huge:	large pages map the pack
 * @link:	in the pool's list of packs with a similar longest run, or in the list of
 *		doomed packs
 * @dying:	leaves with freed text, by event and phase
 */
struct execmem_pack {
	/* Lookups by address read only this cache line. */
	struct latch_tree_node node;
	void *base;
	size_t size;

	struct execmem_pool *pool;
	struct execmem_leaf *leaves;
	struct execmem_node *nodes;
	unsigned int first_leaf;
	unsigned int nr_granules;
	unsigned int nr_leaves;
	struct execmem_runs free;
	unsigned int used;
	unsigned int nr_objects;
	u8 room;
	u8 shift;
	bool huge;
	struct list_head link;
	struct execmem_dying dying[EXECMEM_NR_EVENTS][2];
};

/* A solo pack holds one large object in one granule. Other granules are at most a page. */
static inline bool execmem_pack_is_solo(const struct execmem_pack *pack)
{
	return pack->shift > PAGE_SHIFT;
}

/**
 * struct execmem_extent - a range of granules in use
 * @start:	first granule
 * @end:	first granule behind the range
 * @live:	true for an object, false for adjacent freed objects
 */
struct execmem_extent {
	unsigned int start;
	unsigned int end;
	bool live;
};

struct execmem_pack *execmem_pack_create(void *base, size_t size, unsigned int shift);
void execmem_pack_destroy(struct execmem_pack *pack);
void *execmem_pack_take(struct execmem_pack *pack, size_t size, u32 random);
void execmem_pack_prefetch(const struct execmem_pack *pack, unsigned int leaf);
bool execmem_pack_find(const struct execmem_pack *pack, const void *text,
		       struct execmem_extent *object);
void execmem_pack_condemn(struct execmem_pack *pack, const struct execmem_extent *object);
void execmem_pack_bury(struct execmem_pack *pack, const struct execmem_extent *dead);
bool execmem_pack_next(const struct execmem_pack *pack, unsigned int leaf,
		       struct execmem_extent *e);
void execmem_pack_release(struct execmem_pack *pack, unsigned int leaf);

static inline void *execmem_pack_addr(const struct execmem_pack *pack, unsigned int granule)
{
	return pack->base + ((size_t)granule << pack->shift);
}

/* The size of @n granules, up to the pack. The granule of a solo pack may exceed it. */
static inline size_t execmem_granule_bytes(const struct execmem_pack *pack, unsigned int n)
{
	return n < pack->nr_granules ? (size_t)n << pack->shift : pack->size;
}

static inline size_t execmem_pack_bytes(const struct execmem_pack *pack,
					const struct execmem_extent *e)
{
	return execmem_granule_bytes(pack, e->end - e->start);
}

#endif /* _MM_EXECMEM_PACK_H */

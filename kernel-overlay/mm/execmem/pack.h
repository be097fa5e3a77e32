/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packs of the execmem slab: some pages of text, and who has what of them. See pack.c.
 */
#ifndef _MM_EXECMEM_PACK_H
#define _MM_EXECMEM_PACK_H

#include <linux/bitops.h>
#include <linux/list.h>
#include <linux/rbtree_latch.h>
#include <linux/sizes.h>
#include <linux/types.h>

/* The smallest granule: log2 of its bytes. */
#define EXECMEM_SHIFT_MIN	3

/* Granules in a leaf of a pack's tree, and parts in a node above. */
#define EXECMEM_LEAF		256U
#define EXECMEM_FANOUT		8U
#define EXECMEM_LEVELS		3U	/* at most */
#define EXECMEM_LEAVES_MAX	(EXECMEM_FANOUT * EXECMEM_FANOUT * EXECMEM_FANOUT)

/**
 * struct execmem_leaf - what 256 granules are: one cache line on most CPUs
 * @busy:	set for each granule of an object; see pack.c
 * @head:	set for the first granule of an object; see pack.c
 */
struct execmem_leaf {
	unsigned long busy[EXECMEM_LEAF / BITS_PER_LONG];
	unsigned long head[EXECMEM_LEAF / BITS_PER_LONG];
};

/* The two events that freed text waits for; see retire.c. */
enum execmem_event {
	EXECMEM_GRACE,
	EXECMEM_ROUND,
	EXECMEM_NR_EVENTS,
};

/**
 * struct execmem_node - eight parts of a pack
 * @first:	length of the run of free granules at the beginning of each part
 * @longest:	length of the longest run in it
 * @last:	length of the run at its end
 * @dying:	if the parts are leaves: which events freed text there waits for; see retire.c
 */
struct execmem_node {
	u16 first[EXECMEM_FANOUT];
	u16 longest[EXECMEM_FANOUT];
	u16 last[EXECMEM_FANOUT];
	u8 dying[EXECMEM_FANOUT];
} __aligned(64);

#define EXECMEM_BOTTOM_MAX	(EXECMEM_LEAVES_MAX / EXECMEM_FANOUT)

/**
 * struct execmem_dying - leaves of a pack with freed text, which cannot be reused yet
 * @link:	in the list of the pool's packs that have such leaves
 * @pack:	the pack
 * @nodes:	the parents of these leaves, by phase; see retire.c
 */
struct execmem_dying {
	struct list_head link;
	struct execmem_pack *pack;
	DECLARE_BITMAP(nodes[2], EXECMEM_BOTTOM_MAX);
};

/**
 * struct execmem_pack - some pages of text, and which granules are free
 * @node:	in the tree of all packs, by address
 * @base:	first byte of the text
 * @size:	bytes of text
 * @pool:	the pool that the pack belongs to
 * @leaves:	what each granule is
 * @level:	the tree above: level[0] are the parents of the leaves, the last one the root
 * @nr_levels:	levels of the tree: the top one is a single node
 * @nr_granules: granules in the pack
 * @nr_leaves:	leaves of the tree
 * @run:	length of the longest run of free granules
 * @used:	granules that are not free
 * @room:	number of the list that @room_link is in
 * @shift:	log2 of the bytes in a granule; a solo pack is one granule
 * @huge:	whether the pack is mapped by larger than base pages
 * @room_link:	in the pool's list of packs with about as much room
 * @link:	in the pool's list of packs, or in the list of packs to release
 * @dirtied:	when the text last became free that CPUs may have predicted branches to
 * @dying:	leaves with freed text, by the event that it waits for
 */
struct execmem_pack {
	/* One cache line: all that a search by address needs. */
	struct latch_tree_node node;
	void *base;
	size_t size;

	struct execmem_pool *pool;
	struct execmem_leaf *leaves;
	struct execmem_node *level[EXECMEM_LEVELS];
	unsigned int nr_levels;
	unsigned int nr_granules;
	unsigned int nr_leaves;
	unsigned int run;
	unsigned int used;
	u8 room;
	u8 shift;
	bool huge;
	struct list_head room_link;
	struct list_head link;
	unsigned long dirtied;
	struct execmem_dying dying[EXECMEM_NR_EVENTS];
};

/*
 * Whether all of the pack is for one object that is too large to share one. No granule
 * of other packs is larger than a page.
 */
static inline bool execmem_pack_is_solo(const struct execmem_pack *pack)
{
	return pack->shift > PAGE_SHIFT;
}

/**
 * struct execmem_extent - granules of a pack that are in use
 * @start:	the first one
 * @end:	the one after the last
 * @live:	whether it is an object; else it is freed text, of any number of objects
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
void execmem_pack_revive(struct execmem_pack *pack, const struct execmem_extent *dead);
void execmem_pack_bury(struct execmem_pack *pack, const struct execmem_extent *dead);
bool execmem_pack_next(const struct execmem_pack *pack, unsigned int leaf,
		       struct execmem_extent *e);
unsigned int execmem_pack_release(struct execmem_pack *pack, unsigned int leaf);

/* The leaf that an address is in. */
static inline unsigned int execmem_pack_leaf(const struct execmem_pack *pack, const void *text)
{
	return ((text - pack->base) >> pack->shift) / EXECMEM_LEAF;
}

static inline void *execmem_pack_addr(const struct execmem_pack *pack, unsigned int granule)
{
	return pack->base + ((size_t)granule << pack->shift);
}

/* The granule of a solo pack may be larger than the pack. */
static inline size_t execmem_granule_bytes(const struct execmem_pack *pack, unsigned int n)
{
	return min_t(size_t, (size_t)n << pack->shift, pack->size);
}

static inline size_t execmem_pack_bytes(const struct execmem_pack *pack,
					const struct execmem_extent *e)
{
	return execmem_granule_bytes(pack, e->end - e->start);
}

#endif /* _MM_EXECMEM_PACK_H */

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

/* Granules that one leaf of a pack's tree has the bits of, and one word of it. */
#define EXECMEM_LEAF		256U
#define EXECMEM_WORD		(BITS_PER_LONG / 2U)

/* Parts of a pack that one node of its tree sums up: a log2. */
#define EXECMEM_FANOUT_SHIFT	3
#define EXECMEM_FANOUT		BIT(EXECMEM_FANOUT_SHIFT)

/* A pool's first pack, and its packs once much is used; larger ones are solo. */
#define EXECMEM_PACK_MIN	max_t(size_t, SZ_64K, PAGE_SIZE)
#define EXECMEM_PACK_MAX	max_t(size_t, SZ_2M, PAGE_SIZE)

/*
 * For how many CPUs a pool remembers where they took text from, and how many times that
 * is what counts after two of them wanted the lock at once.
 */
#define EXECMEM_HINTS		8
#define EXECMEM_CROWDED		256

/**
 * struct execmem_leaf - what 256 granules are: a cache line where those have 64 bytes
 * @words:	two bits per granule: the lower half of a word has those that are busy,
 *		the upper half, of the same granules, those that are heads of objects
 */
struct execmem_leaf {
	atomic_long_t words[EXECMEM_LEAF / EXECMEM_WORD];
};

/**
 * struct execmem_node - the runs of free granules in the parts of a pack below it
 * @first:	length of the one at the beginning of each part
 * @longest:	length of the longest one in it
 * @last:	length of the one at its end
 */
struct execmem_node {
	u16 first[EXECMEM_FANOUT];
	u16 longest[EXECMEM_FANOUT];
	u16 last[EXECMEM_FANOUT];
} __aligned(64);

/**
 * struct execmem_pack - some pages of text, and who has what of it
 * @node:	in @pool->packs, by address
 * @longest:	longest run of free granules in this pack and those below @node
 * @run:	and in this pack; this far for who looks for room
 * @nr_objects:	that are not free, condemned ones included
 * @dirtied:	when it last got bytes that a CPU may have predicted branches to
 * @link:	in the list of packs to release
 * @base:	first byte of the text; from here on for who has no lock
 * @leaves:	what each granule is
 * @nodes:	the tree above, the bottom first and the root last
 * @pool:	the pool it belongs to
 * @size:	bytes of text
 * @nr_granules: in the pack
 * @nr_leaves:	of the tree
 * @nr_bottom:	nodes above the leaves, a power of EXECMEM_FANOUT; there are fewer by
 *		that factor above these, and so on up to one
 * @shift:	log2 of the bytes in a granule; a solo pack is one granule
 * @solo:	whether it is for one object that takes all of it
 * @huge:	whether it was mapped by larger than base pages
 */
struct execmem_pack {
	struct rb_node node;
	unsigned int longest;
	unsigned int run;
	unsigned int nr_objects;
	unsigned long dirtied;
	struct list_head link;

	void *base;
	struct execmem_leaf *leaves;
	struct execmem_node *nodes;
	struct execmem_pool *pool;
	size_t size;
	unsigned int nr_granules;
	unsigned int nr_leaves;
	unsigned int nr_bottom;
	u8 shift;
	bool solo;
	bool huge;
};

/**
 * struct execmem_pool - all packs of one type and trust domain
 * @lock:	protects all below, and what is in the packs but their text; what can be
 *		looked at, or changed, without it is said in execmem_pack.c
 * @crowded:	how many times more a CPU is to take text from a pack of its own
 * @packs:	ordered by address, with the longest free run below each
 * @dirt:	counts what may have left branch predictions behind
 * @stats:	what it has and has done; first what each call counts
 * @empty:	the one pack without objects that is kept, or NULL
 * @hints:	by CPU: the pack that it took text from last, or NULL
 * @flushed:	how much of @dirt a flush has covered; not under @lock
 * @grow_lock:	held while a pack is made, so that one is made for all who wait
 * @type:	where its text may be
 * @domain:	who may share its packs
 */
struct execmem_pool {
	spinlock_t lock;		/* see the order of locks in execmem_slab.c */
	unsigned int crowded;
	struct rb_root packs;
	unsigned long dirt;
	struct execmem_stats stats;
	struct execmem_pack *empty;
	struct execmem_pack *hints[EXECMEM_HINTS];
	unsigned long flushed;
	struct mutex grow_lock;		/* the same */
	enum execmem_type type;
	enum execmem_domain domain;
} ____cacheline_aligned_in_smp;

/**
 * struct execmem_condemned - text that is nobody's, and not yet to be reused
 * @pack:	where it is; not released before it is reused
 * @text:	its first byte
 * @size:	its bytes
 */
struct execmem_condemned {
	struct execmem_pack *pack;
	void *text;
	size_t size;
};

/* execmem_pack.c: which granules of a pack are whose. */
struct execmem_pack *execmem_pack_create(void *base, size_t size, bool solo);
void execmem_pack_destroy(struct execmem_pack *pack);
void *execmem_pack_take(struct execmem_pack *pack, size_t size, size_t align, u32 random);
void execmem_pack_prefetch(const struct execmem_pack *pack, const void *object);
size_t execmem_pack_object(const struct execmem_pack *pack, const void *object);
size_t execmem_pack_condemn(struct execmem_pack *pack, const void *object);
void execmem_pack_release(struct execmem_pack *pack, const void *object, size_t size);
const void *execmem_pack_next(const struct execmem_pack *pack, const void *object, size_t *size,
			      bool *condemned);

/* execmem.c: the flags of the area that begins at @ptr, 0 if none does. */
unsigned long execmem_area_flags(const void *ptr);
/* Whether @ptr is the beginning of what execmem_alloc() returned. */
bool execmem_is_area(const void *ptr);

/* Only where permissions cannot be changed may text start out executable. */
static inline pgprot_t execmem_text_pgprot(const struct execmem_range *range)
{
	return IS_ENABLED(CONFIG_ARCH_HAS_SET_MEMORY) ? PAGE_KERNEL : range->pgprot;
}

/* execmem_map.c: memory that is read-only and executable, and full of traps. */
void *execmem_map(enum execmem_type type, size_t size, bool *huge);
void execmem_unmap(void *base);

/* execmem_stage.c: text that is being prepared. */
void execmem_stage_drop(const void *text);

/* execmem_slab.c: pools of packs. */
struct execmem_pool *execmem_pool(enum execmem_type type, enum execmem_domain domain);
int execmem_slab_condemn(void *text, struct execmem_condemned *c);
void execmem_slab_reuse(const struct execmem_condemned *c);
void execmem_slab_lose(const struct execmem_condemned *c);
int execmem_slab_free(void *text);
void execmem_slab_flush(void);
void execmem_slab_init(void);

#endif /* _MM_EXECMEM_SLAB_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * Packs of the execmem slab: allocation state of pages of text, at granule resolution.
 *
 * The text contains no metadata. Two bits describe each granule:
 *
 *	head  busy
 *	  0     0	free
 *	  1     1	first granule of an object
 *	  0     1	other granule of an object
 *	  1     0	dead: freed, but not reusable yet
 *
 * Condemning an object makes its first granule dead: the object has no owner anymore.
 * Burying it makes all its granules dead, after they were filled with traps. If all freed
 * objects in a leaf are buried, one operation per word releases them. Sizes and lists of
 * objects are not stored, and freeing allocates no memory.
 *
 * A tree with fan-out eight finds a run of free granules in O(log n). For each part of a
 * node it stores the lengths of the first, the longest and the last free run. The tree is
 * flat because the cost of an operation is the number of cache lines that it touches.
 * Nodes and leaves are numbered from the root: the parts of node n have the numbers 8n + 1
 * to 8n + 8. All leaves are on the same level.
 * The metadata takes 512 bytes per pack, and at most 4 % of the text (5 % in a single page).
 *
 * Placement is random but does not fragment the pack. The first object of a pack can be
 * anywhere if it is small. Other objects are placed beside another object, at one end of a
 * free run: the first one that fits from a random part of the tree on. This splits no run.
 *
 * The pool lock protects packs. Callers hold it, unless the pack is not in a pool yet.
 */

#include <linux/bitmap.h>
#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/prefetch.h>
#include <linux/slab.h>

#include "pack.h"

#define LEAF_WORDS	(EXECMEM_LEAF / BITS_PER_LONG)

/* States of a granule, as bits: head and busy. */
enum {
	FREE,
	BODY,
	DEAD,
	HEAD,
};

static struct execmem_leaf *leaf_of(const struct execmem_pack *pack, unsigned int granule)
{
	return &pack->leaves[granule / EXECMEM_LEAF];
}

static unsigned int state_of(const struct execmem_pack *pack, unsigned int granule)
{
	const struct execmem_leaf *leaf = leaf_of(pack, granule);
	unsigned int bit = granule % EXECMEM_LEAF;

	return test_bit(bit, leaf->head) << 1 | test_bit(bit, leaf->busy);
}

/* Set the state of granules @from to @to - 1. Inline, because the state is constant. */
static __always_inline void set_state(struct execmem_pack *pack, unsigned int from,
				      unsigned int to, unsigned int state)
{
	unsigned int bit, word, n;
	struct execmem_leaf *leaf;
	unsigned long mask;

	for (; from < to; from += n) {
		leaf = leaf_of(pack, from);
		word = from % EXECMEM_LEAF / BITS_PER_LONG;
		bit = from % BITS_PER_LONG;
		n = min_t(unsigned int, to - from, BITS_PER_LONG - bit);
		mask = GENMASK(bit + n - 1, bit);
		leaf->head[word] = (leaf->head[word] & ~mask) | (state & 2 ? mask : 0);
		leaf->busy[word] = (leaf->busy[word] & ~mask) | (state & 1 ? mask : 0);
	}
}

/* Bitmap of the granules in a word that are not free. */
static unsigned long used_bits(const struct execmem_leaf *leaf, unsigned int word)
{
	return leaf->busy[word] | leaf->head[word];
}

/* Bitmap of the positions at which at least @n consecutive ones begin. */
static unsigned long starts_of_run(unsigned long ones, unsigned int n)
{
	unsigned int len, step;

	if (n > BITS_PER_LONG)
		return 0;
	for (len = 1; len < n; len += step) {
		step = min(len, n - len);
		ones &= ones >> step;
	}
	return ones;
}

/*
 * Compute the free runs of a leaf. Allocation spends most of its time here: work on whole
 * words, and avoid unpredictable branches.
 */
static struct execmem_runs leaf_runs(const struct execmem_leaf *leaf)
{
	unsigned int first = 0, longest = 0, run = 0, word, lead;
	unsigned long bits, starts;

	for (word = 0; word < LEAF_WORDS; word++) {
		bits = used_bits(leaf, word);
		lead = bits ? __ffs(bits) : BITS_PER_LONG;
		first += first == word * BITS_PER_LONG ? lead : 0;
		run += lead;
		longest = max(longest, run);
		run = bits ? BITS_PER_LONG - 1 - __fls(bits) : run;

		/* Skip the search if no free run has used granules on both sides. */
		if (!(bits & (bits + (bits & -bits))))
			continue;
		starts = starts_of_run(~bits, longest + 1);
		for (; starts; starts &= starts >> 1)
			longest++;
	}

	return (struct execmem_runs) {
		.first = first,
		.longest = max(longest, run),
		.last = run,
	};
}

/* Length of the free run that ends before part @i of a node with parts of @len granules. */
static unsigned int free_before(const struct execmem_node *node, unsigned int i, unsigned int len)
{
	unsigned int run = 0;

	for (; i && node->last[i - 1] == len; i--)
		run += len;

	return i ? run + node->last[i - 1] : run;
}

/* Compute the free runs of a node with parts of @len granules. */
static struct execmem_runs node_runs(const struct execmem_node *node, unsigned int len)
{
	struct execmem_runs runs = { };
	unsigned int i;

	for (i = 0; i < EXECMEM_FANOUT; i++) {
		if (runs.first == i * len)
			runs.first += node->first[i];
		runs.longest = max(runs.longest, runs.last + node->first[i]);
		runs.longest = max_t(unsigned int, runs.longest, node->longest[i]);
		runs.last = node->last[i] == len ? runs.last + len : node->last[i];
	}

	return runs;
}

/* Number of the node that contains a node or leaf. */
static unsigned int parent_of(unsigned int number)
{
	return (number - 1) / EXECMEM_FANOUT;
}

/* Store the free runs of a node or leaf in its parent. Return true if they changed. */
static bool set_runs(struct execmem_pack *pack, unsigned int number, struct execmem_runs runs)
{
	struct execmem_node *node = &pack->nodes[parent_of(number)];
	unsigned int i = (number - 1) % EXECMEM_FANOUT;

	if (node->first[i] == runs.first && node->longest[i] == runs.longest &&
	    node->last[i] == runs.last)
		return false;

	node->first[i] = runs.first;
	node->longest[i] = runs.longest;
	node->last[i] = runs.last;
	return true;
}

/* Update the tree after changes in leaves @from to @to. */
static void update_tree(struct execmem_pack *pack, unsigned int from, unsigned int to)
{
	unsigned int i, len = EXECMEM_LEAF;
	bool changed = false;

	for (i = from; i <= to; i++)
		changed |= set_runs(pack, pack->first_leaf + i, leaf_runs(&pack->leaves[i]));

	from = parent_of(pack->first_leaf + from);
	to = parent_of(pack->first_leaf + to);
	while (changed && from) {
		for (changed = false, i = from; i <= to; i++)
			changed |= set_runs(pack, i, node_runs(&pack->nodes[i], len));
		from = parent_of(from);
		to = parent_of(to);
		len *= EXECMEM_FANOUT;
	}

	if (changed)
		pack->free = node_runs(&pack->nodes[0], len);
}

/* Find the first run of at least @need free granules. The leaf must contain one. */
static unsigned int find_in_leaf(const struct execmem_leaf *leaf, unsigned int need)
{
	unsigned int word, run = 0;
	unsigned long bits, starts;

	for (word = 0; word < LEAF_WORDS; word++) {
		bits = used_bits(leaf, word);
		if (!bits) {
			run += BITS_PER_LONG;
			continue;
		}
		if (run + __ffs(bits) >= need)
			return word * BITS_PER_LONG - run;

		starts = starts_of_run(~bits, need);
		if (starts)
			return word * BITS_PER_LONG + __ffs(starts);
		run = BITS_PER_LONG - 1 - __fls(bits);
	}

	return EXECMEM_LEAF - run;
}

/*
 * Find a run of at least @need free granules, and return its start. In each node, search
 * all parts, from a random one on. "before" and "run" count the free granules that adjoin
 * the node and part @i on the left.
 */
static unsigned int find_run(const struct execmem_pack *pack, unsigned int need, u32 random)
{
	unsigned int number = 0, start = 0, before = 0, len = EXECMEM_LEAF, run, i;

	for (i = pack->first_leaf; i > 1; i = parent_of(i))
		len *= EXECMEM_FANOUT;

	while (number < pack->first_leaf) {
		const struct execmem_node *node = &pack->nodes[number];

		i = random % EXECMEM_FANOUT;
		run = free_before(node, i, len);
		if (run == i * len)
			run += before;
		while (max(run + node->first[i], (unsigned int)node->longest[i]) < need) {
			run = node->last[i] == len ? run + len : node->last[i];
			if (++i == EXECMEM_FANOUT) {
				run = before;
				i = 0;
			}
		}
		start += i * len;
		if (run + node->first[i] >= need)
			return start - run;

		before = run;
		number = number * EXECMEM_FANOUT + 1 + i;
		random /= EXECMEM_FANOUT;
		len /= EXECMEM_FANOUT;
	}

	/* The run does not begin earlier: such a run would have been found above. */
	return start + find_in_leaf(&pack->leaves[number - pack->first_leaf], need);
}

/*
 * Choose the place of @n granules in a run that begins at @start. Place objects beside
 * others, not at an end of the pack, because an end is easier to guess.
 */
static unsigned int place_in_run(const struct execmem_pack *pack, unsigned int start,
				 unsigned int n, u32 random)
{
	unsigned int slack = pack->free.first - n;

	if (start)
		return start;
	/*
	 * Empty pack. Choose any place if the object is small: a large one would leave
	 * holes that are too small for the next. Use multiples of the size for the same
	 * reason.
	 */
	if (!pack->used && n <= pack->nr_granules / 16)
		return n * reciprocal_scale(random, slack / n + 1);

	return slack;
}

/**
 * execmem_pack_take - allocate an object
 * @pack:	the pack
 * @size:	number of bytes
 * @random:	random number that selects the place
 *
 * Return: address of the object, a multiple of the granule, or NULL if no run fits.
 */
void *execmem_pack_take(struct execmem_pack *pack, size_t size, u32 random)
{
	unsigned int n = DIV_ROUND_UP(size, 1UL << pack->shift), start, end;

	if (n > pack->free.longest)
		return NULL;

	start = place_in_run(pack, find_run(pack, n, random), n, random);
	end = start + n;
	set_state(pack, start, start + 1, HEAD);
	set_state(pack, start + 1, end, BODY);
	pack->used += n;
	pack->nr_objects++;
	update_tree(pack, start / EXECMEM_LEAF, (end - 1) / EXECMEM_LEAF);

	return execmem_pack_addr(pack, start);
}

/* Find the end of the object that begins at @granule: the first granule not part of it. */
static unsigned int object_end(const struct execmem_pack *pack, unsigned int granule)
{
	unsigned int end = granule + 1;

	while (end < pack->nr_granules) {
		const struct execmem_leaf *leaf = leaf_of(pack, end);
		unsigned int word = end % EXECMEM_LEAF / BITS_PER_LONG;
		unsigned long others = ~leaf->busy[word] | leaf->head[word];

		others >>= end % BITS_PER_LONG;
		if (others)
			return min(end + (unsigned int)__ffs(others), pack->nr_granules);
		end = round_down(end, BITS_PER_LONG) + BITS_PER_LONG;
	}

	return pack->nr_granules;
}

/**
 * execmem_pack_prefetch - prefetch the metadata that freeing an object needs
 * @pack:	the pack; the pool lock need not be held
 * @leaf:	index of the leaf in which the object begins
 */
void execmem_pack_prefetch(const struct execmem_pack *pack, unsigned int leaf)
{
	unsigned int number = pack->first_leaf + leaf;

	prefetchw(&pack->leaves[leaf]);
	while (number) {
		number = parent_of(number);
		prefetchw(&pack->nodes[number]);
	}
}

/**
 * execmem_pack_find - find an object by its address
 * @pack:	the pack
 * @text:	address in the pack
 * @object:	set to the granules of the object, if one begins at @text
 *
 * Return: true if an allocated object begins at @text.
 */
bool execmem_pack_find(const struct execmem_pack *pack, const void *text,
		       struct execmem_extent *object)
{
	unsigned int start = (text - pack->base) >> pack->shift;

	if (text != execmem_pack_addr(pack, start) || state_of(pack, start) != HEAD)
		return false;

	*object = (struct execmem_extent) { start, object_end(pack, start), true };
	return true;
}

/**
 * execmem_pack_condemn - remove the owner of an object
 * @pack:	the pack
 * @object:	granules of the object
 */
void execmem_pack_condemn(struct execmem_pack *pack, const struct execmem_extent *object)
{
	set_state(pack, object->start, object->start + 1, DEAD);
	pack->nr_objects--;
}

/**
 * execmem_pack_bury - make all granules of condemned objects dead
 * @pack:	the pack
 * @dead:	granules of the condemned objects; they contain traps
 */
void execmem_pack_bury(struct execmem_pack *pack, const struct execmem_extent *dead)
{
	set_state(pack, dead->start, dead->end, DEAD);
}

/**
 * execmem_pack_next - iterate over the granules in use that begin in a leaf
 * @pack:	the pack
 * @leaf:	index of the leaf
 * @e:		the previous extent, of which only the end is used; set to the next one
 *
 * An extent is an object, or adjacent freed objects (condemned or buried). It begins in
 * the leaf and may end in a later one.
 *
 * Return: true if there is another extent.
 */
bool execmem_pack_next(const struct execmem_pack *pack, unsigned int leaf,
		       struct execmem_extent *e)
{
	unsigned int first = leaf * EXECMEM_LEAF, start, end;
	unsigned int limit = min(first + EXECMEM_LEAF, pack->nr_granules);

	if (e->end >= limit)
		return false;
	start = e->end > first ? e->end - first : 0;
	start = first + find_next_bit(pack->leaves[leaf].head, limit - first, start);
	if (start == limit)
		return false;

	e->live = state_of(pack, start) == HEAD;
	end = object_end(pack, start);
	while (!e->live && end < limit && state_of(pack, end) == DEAD)
		end = object_end(pack, end);
	e->start = start;
	e->end = end;
	return true;
}

/**
 * execmem_pack_release - make the dead granules of a leaf free
 * @pack:	the pack
 * @leaf:	index of the leaf; no condemned object begins in it
 */
void execmem_pack_release(struct execmem_pack *pack, unsigned int leaf)
{
	struct execmem_leaf *l = &pack->leaves[leaf];
	unsigned int word;

	for (word = 0; word < LEAF_WORDS; word++) {
		pack->used -= hweight_long(l->head[word] & ~l->busy[word]);
		l->head[word] &= l->busy[word];
	}
	update_tree(pack, leaf, leaf);
}

/* The lengths of runs in a node must fit in u16. */
static_assert(EXECMEM_LEAVES_MAX * EXECMEM_LEAF / EXECMEM_FANOUT <= U16_MAX);

/**
 * execmem_pack_create - create the metadata of an empty pack
 * @base:	first byte of the text
 * @size:	bytes of text, a multiple of PAGE_SIZE
 * @shift:	log2 of the granule in bytes
 *
 * Context: Process context. May sleep.
 * Return: the pack, or NULL if memory is exhausted.
 */
struct execmem_pack *execmem_pack_create(void *base, size_t size, unsigned int shift)
{
	struct execmem_pack *pack = kzalloc(sizeof(*pack), GFP_KERNEL);
	unsigned int nr_nodes, i;

	if (!pack)
		return NULL;

	pack->base = base;
	pack->size = size;
	pack->shift = shift;
	pack->nr_granules = DIV_ROUND_UP(size, 1UL << shift);
	pack->nr_leaves = DIV_ROUND_UP(pack->nr_granules, EXECMEM_LEAF);
	pack->first_leaf = 1;
	for (i = EXECMEM_FANOUT; i < pack->nr_leaves; i *= EXECMEM_FANOUT)
		pack->first_leaf += i;
	nr_nodes = parent_of(pack->first_leaf + pack->nr_leaves - 1) + 1;
	for (i = 0; i < 2 * EXECMEM_NR_EVENTS; i++)
		INIT_LIST_HEAD(&pack->dying[i / 2][i % 2].link);

	pack->leaves = kvcalloc(pack->nr_leaves, sizeof(*pack->leaves), GFP_KERNEL);
	/* Align nodes to cache lines: kmalloc() aligns only sizes that are powers of two. */
	pack->nodes = kvzalloc(roundup_pow_of_two(nr_nodes * sizeof(*pack->nodes)), GFP_KERNEL);
	if (!pack->leaves || !pack->nodes) {
		execmem_pack_destroy(pack);
		return NULL;
	}

	/* The last leaf may be incomplete: mark the granules behind the pack as busy. */
	set_state(pack, pack->nr_granules, pack->nr_leaves * EXECMEM_LEAF, BODY);
	update_tree(pack, 0, pack->nr_leaves - 1);

	return pack;
}

/**
 * execmem_pack_destroy - free the metadata of a pack
 * @pack:	the pack; no other task may be able to find it
 *
 * Context: Process context. May sleep.
 */
void execmem_pack_destroy(struct execmem_pack *pack)
{
	kvfree(pack->leaves);
	kvfree(pack->nodes);
	kfree(pack);
}

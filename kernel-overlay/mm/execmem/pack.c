// SPDX-License-Identifier: GPL-2.0
/*
 * Packs of the execmem slab: which granules of some pages of text are free.
 *
 * The text itself holds no metadata. Two bits say what a granule is:
 *
 *	head  busy
 *	  0     0	free
 *	  1     1	the first granule of an object
 *	  0     1	another granule of an object
 *	  1     0	dead: freed, and not yet reusable
 *
 * The first granule of an object becomes dead when the object is condemned: then the
 * object has no owner. All its granules become dead when it is buried: then they are
 * filled with traps, and nothing has to be known about the object any more. A leaf
 * without condemned objects is released by one operation per word, whatever number of
 * objects was buried there. Neither sizes nor lists of objects have to be stored, and
 * no memory is needed to free one.
 *
 * A tree with a fan-out of eight finds a run of free granules in O(log n). For each
 * part below a node it stores the length of the first, the longest and the last run.
 * The tree is flat because an operation in a system with many objects costs as much as
 * the cache lines that it touches. The metadata takes at most 3 % of the text, and 4 % in
 * granules of 8 bytes.
 *
 * The first object of a pack goes anywhere, if it is small. Any other object is put
 * beside one, at either end of the run that was found, and which run is found where
 * several fit is random as well. So addresses do not follow from the order of
 * allocation, and yet no free run is split.
 *
 * The caller holds the lock of the pack's pool, except while nobody else knows the pack.
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

/* A run of free granules. */
struct run {
	unsigned int start;
	unsigned int len;
};

/**
 * struct runs - the runs of free granules in a part of a pack
 * @first:	length of the run at its beginning
 * @longest:	length of the longest run
 * @last:	length of the run at its end
 */
struct runs {
	unsigned int first;
	unsigned int longest;
	unsigned int last;
};

static struct execmem_leaf *leaf_of(const struct execmem_pack *pack, unsigned int granule)
{
	return &pack->leaves[granule / EXECMEM_LEAF];
}

static bool is_busy(const struct execmem_pack *pack, unsigned int granule)
{
	return test_bit(granule % EXECMEM_LEAF, leaf_of(pack, granule)->busy);
}

static bool is_head(const struct execmem_pack *pack, unsigned int granule)
{
	return test_bit(granule % EXECMEM_LEAF, leaf_of(pack, granule)->head);
}

static bool is_dead(const struct execmem_pack *pack, unsigned int granule)
{
	return is_head(pack, granule) && !is_busy(pack, granule);
}

/* Give the granules from @from to @to - 1 a state. Inline, as the state is a constant. */
static __always_inline void set_state(struct execmem_pack *pack, unsigned int from,
				      unsigned int to, bool head, bool busy)
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
		leaf->head[word] = (leaf->head[word] & ~mask) | (head ? mask : 0);
		leaf->busy[word] = (leaf->busy[word] & ~mask) | (busy ? mask : 0);
	}
}

/* The granules of a word that are not free. */
static unsigned long used_bits(const struct execmem_leaf *leaf, unsigned int word)
{
	return leaf->busy[word] | leaf->head[word];
}

/* The granules of a word at which at least @n ones begin. */
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
 * Works on whole words, and without branches that are hard to predict: allocation
 * spends most of its time here.
 */
static struct runs leaf_runs(const struct execmem_leaf *leaf)
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

		/* Is there a run with used granules on both sides? */
		if (!(bits & (bits + (bits & -bits))))
			continue;
		starts = starts_of_run(~bits, longest + 1);
		for (; starts; starts &= starts >> 1)
			longest++;
	}

	return (struct runs) {
		.first = first,
		.longest = max(longest, run),
		.last = run,
	};
}

/* The number of free granules right before part @i of a node. */
static unsigned int free_before(const struct execmem_node *node, unsigned int i, unsigned int len)
{
	unsigned int run = 0;

	for (; i && node->last[i - 1] == len; i--)
		run += len;

	return i ? run + node->last[i - 1] : run;
}

/* The number of free granules from the beginning of part @i on. */
static unsigned int free_from(const struct execmem_node *node, unsigned int i, unsigned int len)
{
	unsigned int run = 0;

	for (; i < EXECMEM_FANOUT && node->first[i] == len; i++)
		run += len;

	return i < EXECMEM_FANOUT ? run + node->first[i] : run;
}

/* The longest run in the parts of a node; each has @len granules. */
static unsigned int longest_run(const struct execmem_node *node, unsigned int len)
{
	unsigned int longest = 0, run = 0, i;

	for (i = 0; i < EXECMEM_FANOUT; i++) {
		if (!node->longest[i]) {
			run = 0;
			continue;
		}
		longest = max(longest, run + node->first[i]);
		longest = max_t(unsigned int, longest, node->longest[i]);
		if (unlikely(node->last[i] == len))
			run += len;
		else
			run = node->last[i];
	}

	return longest;
}

/* The runs of all the parts of a node together. */
static struct runs node_runs(const struct execmem_node *node, unsigned int len)
{
	return (struct runs) {
		.first = free_from(node, 0, len),
		.longest = longest_run(node, len),
		.last = free_before(node, EXECMEM_FANOUT, len),
	};
}

/* Store the runs of part @i of a level. Return whether they changed. */
static inline bool set_runs(struct execmem_node *level, unsigned int i, struct runs runs)
{
	struct execmem_node *node = &level[i / EXECMEM_FANOUT];

	i %= EXECMEM_FANOUT;
	if (node->first[i] == runs.first && node->longest[i] == runs.longest &&
	    node->last[i] == runs.last)
		return false;

	node->first[i] = runs.first;
	node->longest[i] = runs.longest;
	node->last[i] = runs.last;
	return true;
}

/* Bring the tree up to date after granules of the leaves @from to @to have changed. */
static void update_tree(struct execmem_pack *pack, unsigned int from, unsigned int to)
{
	unsigned int level, i, len = EXECMEM_LEAF;
	bool changed = false;

	for (i = from; i <= to; i++)
		changed |= set_runs(pack->level[0], i, leaf_runs(&pack->leaves[i]));

	for (level = 1; changed && level < pack->nr_levels; level++) {
		from /= EXECMEM_FANOUT;
		to /= EXECMEM_FANOUT;
		for (changed = false, i = from; i <= to; i++)
			changed |= set_runs(pack->level[level], i,
					    node_runs(&pack->level[level - 1][i], len));
		len *= EXECMEM_FANOUT;
	}

	if (changed)
		pack->run = longest_run(pack->level[pack->nr_levels - 1], len);
}

/* A run of at least @need free granules in a leaf that has one. */
static struct run find_in_leaf(const struct execmem_leaf *leaf, unsigned int need)
{
	unsigned int word, start, run = 0;
	unsigned long bits, starts;

	for (word = 0; word < LEAF_WORDS; word++) {
		bits = used_bits(leaf, word);
		if (!bits) {
			run += BITS_PER_LONG;
			continue;
		}

		start = word * BITS_PER_LONG - run;
		run += __ffs(bits);
		if (run >= need)
			return (struct run) { start, run };

		starts = starts_of_run(~bits, need);
		if (starts) {
			start = __ffs(starts);
			if (bits >> start)
				return (struct run) { word * BITS_PER_LONG + start,
						      __ffs(bits >> start) };
		}
		run = BITS_PER_LONG - 1 - __fls(bits);
	}

	return (struct run) { EXECMEM_LEAF - run, run };
}

/*
 * The places in a node where runs of at least @need are: bit 2 * i + 1 for a run
 * within part @i. Only if there is none, bit 2 * i for a run that crosses the beginning
 * of part @i and ends in it, which takes longer to find.
 */
static u32 places_in_node(const struct execmem_node *node, unsigned int need, unsigned int len)
{
	unsigned int run = 0, i;
	u32 places = 0;

	for (i = 0; i < EXECMEM_FANOUT; i++)
		if (node->longest[i] >= need)
			places |= BIT(2 * i + 1);
	if (places)
		return places;

	for (i = 0; i < EXECMEM_FANOUT; i++) {
		bool all = node->first[i] == len;

		if (run && (!all || i == EXECMEM_FANOUT - 1) && run + node->first[i] >= need)
			places |= BIT(2 * i);
		run = all ? run + len : node->last[i];
	}

	return places;
}

/*
 * One of some places: the lowest, the highest, or the first after a random position,
 * which prefers large runs.
 */
static unsigned int choose_place(u32 places, u32 random, unsigned int level)
{
	u32 above;

	switch (random >> 29 & 3) {
	case 0:
		return __ffs(places);
	case 1:
		return __fls(places);
	}

	above = places & (~0U << (random >> 4 * level & 0xf));
	return __ffs(above ?: places);
}

/*
 * A random run of at least @need free granules, and the whole of it: on the way down
 * the number of free granules on either side of the current part is remembered.
 */
static struct run find_run(const struct execmem_pack *pack, unsigned int need, u32 random)
{
	unsigned int index = 0, start = 0, before = 0, after = 0, level = pack->nr_levels;
	unsigned int len = EXECMEM_LEAF << ilog2(EXECMEM_FANOUT) * (level - 1);
	struct run run;

	while (level--) {
		const struct execmem_node *node = &pack->level[level][index];
		unsigned int place = choose_place(places_in_node(node, need, len), random, level);
		unsigned int i = place / 2, within = place % 2;
		unsigned int left = free_before(node, i, len);
		unsigned int right = free_from(node, i + within, len);

		if (left == i * len)
			left += before;
		if (right == (EXECMEM_FANOUT - i - within) * len)
			right += after;
		if (!within)
			return (struct run) { start + i * len - left, left + right };

		before = left;
		after = right;
		start += i * len;
		index = index * EXECMEM_FANOUT + i;
		len /= EXECMEM_FANOUT;
	}

	run = find_in_leaf(&pack->leaves[index], need);
	run.start += start;
	if (run.start + run.len == start + EXECMEM_LEAF)
		run.len += after;
	if (run.start == start) {
		run.start -= before;
		run.len += before;
	}
	return run;
}

/*
 * The place in a run for @n granules: beside another object, because everybody knows
 * the ends of the pack.
 */
static unsigned int place_in_run(const struct execmem_pack *pack, struct run run, unsigned int n,
				 u32 random)
{
	bool first = !run.start, last = run.start + run.len == pack->nr_granules;
	unsigned int slack = run.len - n;

	/*
	 * A large object would leave holes that are too small for the next one. So would
	 * a small one that is not at a multiple of its size.
	 */
	if (first && last && n <= pack->nr_granules / 16)
		return n * reciprocal_scale(random, slack / n + 1);
	if (first == last ? random & BIT(31) : first)
		return run.start + slack;

	return run.start;
}

static unsigned int granules_of(const struct execmem_pack *pack, size_t size)
{
	return DIV_ROUND_UP(size, (size_t)1 << pack->shift);
}

static void make_object(struct execmem_pack *pack, unsigned int start, unsigned int end)
{
	set_state(pack, start, end, false, true);
	__set_bit(start % EXECMEM_LEAF, leaf_of(pack, start)->head);
}

/**
 * execmem_pack_take - make an object of free granules
 * @pack:	the pack
 * @size:	number of bytes in the object
 * @random:	decides where, if there are several places
 *
 * Return: the object's address, a multiple of the granule, or NULL if there is no room.
 */
void *execmem_pack_take(struct execmem_pack *pack, size_t size, u32 random)
{
	unsigned int n = granules_of(pack, size), start, end;

	if (n > pack->run)
		return NULL;

	start = place_in_run(pack, find_run(pack, n, random), n, random);
	end = start + n;
	make_object(pack, start, end);
	pack->used += n;
	update_tree(pack, start / EXECMEM_LEAF, (end - 1) / EXECMEM_LEAF);

	return execmem_pack_addr(pack, start);
}

/* The end of the object that begins at @granule: no granule that continues it. */
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
 * execmem_pack_prefetch - load what is needed to free an object
 * @pack:	the pack; its pool need not be locked
 * @leaf:	number of the leaf that the object begins in
 */
void execmem_pack_prefetch(const struct execmem_pack *pack, unsigned int leaf)
{
	unsigned int level;

	prefetchw(&pack->leaves[leaf]);
	for (level = 0; level < pack->nr_levels; level++)
		prefetchw(&pack->level[level][leaf /= EXECMEM_FANOUT]);
}

/**
 * execmem_pack_find - find an object
 * @pack:	the pack
 * @text:	an address in it
 * @object:	set to the object, if one begins there
 *
 * Return: whether an object that is not freed begins at @text.
 */
bool execmem_pack_find(const struct execmem_pack *pack, const void *text,
		       struct execmem_extent *object)
{
	unsigned int start = (text - pack->base) >> pack->shift;

	if (text != execmem_pack_addr(pack, start) || !is_head(pack, start) ||
	    !is_busy(pack, start))
		return false;

	*object = (struct execmem_extent) { start, object_end(pack, start), true };
	return true;
}

/**
 * execmem_pack_condemn - take an object from its owner
 * @pack:	the pack
 * @object:	the object
 */
void execmem_pack_condemn(struct execmem_pack *pack, const struct execmem_extent *object)
{
	__clear_bit(object->start % EXECMEM_LEAF, leaf_of(pack, object->start)->busy);
}

/**
 * execmem_pack_revive - make one object of condemned ones
 * @pack:	the pack
 * @dead:	their granules
 */
void execmem_pack_revive(struct execmem_pack *pack, const struct execmem_extent *dead)
{
	make_object(pack, dead->start, dead->end);
}

/**
 * execmem_pack_bury - forget condemned objects, but do not reuse their granules
 * @pack:	the pack
 * @dead:	the granules, which are filled with traps
 */
void execmem_pack_bury(struct execmem_pack *pack, const struct execmem_extent *dead)
{
	set_state(pack, dead->start, dead->end, true, false);
}

/**
 * execmem_pack_next - go through the granules in use of a leaf
 * @pack:	the pack
 * @leaf:	the leaf's number
 * @e:		where the previous extent ended, in @e->end; set to the next one
 *
 * An extent is an object, or condemned and buried ones side by side. Its beginning is in
 * the leaf; its end may be in a later one.
 *
 * Return: whether there is another one.
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

	e->live = is_busy(pack, start);
	end = object_end(pack, start);
	while (!e->live && end < limit && is_dead(pack, end))
		end = object_end(pack, end);
	e->start = start;
	e->end = end;
	return true;
}

/**
 * execmem_pack_release - make the dead granules of a leaf free
 * @pack:	the pack
 * @leaf:	the leaf's number; no condemned object begins in it
 *
 * Return: how many granules became free.
 */
unsigned int execmem_pack_release(struct execmem_pack *pack, unsigned int leaf)
{
	struct execmem_leaf *l = &pack->leaves[leaf];
	unsigned int word, n = 0;

	for (word = 0; word < LEAF_WORDS; word++) {
		n += hweight_long(l->head[word] & ~l->busy[word]);
		l->head[word] &= l->busy[word];
	}
	pack->used -= n;
	update_tree(pack, leaf, leaf);

	return n;
}

static unsigned int nodes_of(unsigned int parts)
{
	return DIV_ROUND_UP(parts, EXECMEM_FANOUT);
}

static bool alloc_maps(struct execmem_pack *pack)
{
	unsigned int level, n[EXECMEM_LEVELS], parts = pack->nr_leaves, sum = 0;
	struct execmem_node *nodes;

	do {
		parts = nodes_of(parts);
		n[pack->nr_levels++] = parts;
		sum += parts;
	} while (parts > 1);

	pack->leaves = kvcalloc(pack->nr_leaves, sizeof(*pack->leaves), GFP_KERNEL);
	/* A node is a cache line, and kmalloc() aligns powers of two only. */
	nodes = kvzalloc(roundup_pow_of_two(sum * sizeof(*nodes)), GFP_KERNEL);
	pack->level[0] = nodes;
	if (!pack->leaves || !nodes)
		return false;

	for (level = 1; level < pack->nr_levels; level++)
		pack->level[level] = pack->level[level - 1] + n[level - 1];
	return true;
}

/* The numbers of granules must fit in the tree's nodes. */
static_assert(EXECMEM_LEAVES_MAX * EXECMEM_LEAF / EXECMEM_FANOUT <= U16_MAX);

/**
 * execmem_pack_create - make a pack without objects
 * @base:	its text
 * @size:	bytes of text, a multiple of PAGE_SIZE
 * @shift:	log2 of the bytes in a granule
 *
 * Context: Process context. May sleep.
 * Return: the pack, or NULL if there is no memory.
 */
struct execmem_pack *execmem_pack_create(void *base, size_t size, unsigned int shift)
{
	struct execmem_pack *pack = kzalloc(sizeof(*pack), GFP_KERNEL);
	unsigned int i, end;

	if (!pack)
		return NULL;

	pack->base = base;
	pack->size = size;
	pack->shift = shift;
	pack->nr_granules = granules_of(pack, size);
	pack->nr_leaves = DIV_ROUND_UP(pack->nr_granules, EXECMEM_LEAF);
	for (i = 0; i < EXECMEM_NR_EVENTS; i++) {
		INIT_LIST_HEAD(&pack->dying[i].link);
		pack->dying[i].pack = pack;
	}
	if (!alloc_maps(pack)) {
		execmem_pack_destroy(pack);
		return NULL;
	}

	/* The last leaf may have more granules than the pack. */
	end = pack->nr_leaves * EXECMEM_LEAF;
	set_state(pack, pack->nr_granules, end, false, true);
	update_tree(pack, 0, pack->nr_leaves - 1);

	return pack;
}

/**
 * execmem_pack_destroy - free the metadata of a pack
 * @pack:	the pack, which nobody can find any more
 *
 * Context: Process context. May sleep.
 */
void execmem_pack_destroy(struct execmem_pack *pack)
{
	kvfree(pack->leaves);
	kvfree(pack->level[0]);
	kfree(pack);
}

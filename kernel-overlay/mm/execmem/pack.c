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
 * The metadata takes at most 3 % of the text, and 4 % with granules of 8 bytes.
 *
 * Placement is random but does not fragment the pack. The first object of a pack can be
 * anywhere if it is small. Other objects are placed at either end of a random free run
 * that fits. This splits no run.
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

/* A run of free granules. */
struct run {
	unsigned int start;
	unsigned int len;
};

/**
 * struct runs - free runs in a part of a pack
 * @first:	length of the run at the beginning
 * @longest:	length of the longest run
 * @last:	length of the run at the end
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

/* Set the state of granules @from to @to - 1. Inline, because the state is constant. */
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

		/* Skip the search if no free run has used granules on both sides. */
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

/* Length of the free run that ends before part @i of a node. */
static unsigned int free_before(const struct execmem_node *node, unsigned int i, unsigned int len)
{
	unsigned int run = 0;

	for (; i && node->last[i - 1] == len; i--)
		run += len;

	return i ? run + node->last[i - 1] : run;
}

/* Length of the free run that begins with part @i of a node. */
static unsigned int free_from(const struct execmem_node *node, unsigned int i, unsigned int len)
{
	unsigned int run = 0;

	for (; i < EXECMEM_FANOUT && node->first[i] == len; i++)
		run += len;

	return i < EXECMEM_FANOUT ? run + node->first[i] : run;
}

/* Length of the longest free run in a node with parts of @len granules. */
static unsigned int longest_run(const struct execmem_node *node, unsigned int len)
{
	unsigned int longest = 0, run = 0, i;

	for (i = 0; i < EXECMEM_FANOUT; i++) {
		longest = max(longest, run + node->first[i]);
		longest = max_t(unsigned int, longest, node->longest[i]);
		if (unlikely(node->last[i] == len))
			run += len;
		else
			run = node->last[i];
	}

	return longest;
}

/* Free runs of the whole node. */
static struct runs node_runs(const struct execmem_node *node, unsigned int len)
{
	return (struct runs) {
		.first = free_from(node, 0, len),
		.longest = longest_run(node, len),
		.last = free_before(node, EXECMEM_FANOUT, len),
	};
}

/* Store the runs of part @i of a level. Return true if they changed. */
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

/* Update the tree after changes in leaves @from to @to. */
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

/* Find a run of at least @need free granules. The leaf must have one. */
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
 * Bitmap of the places in a node with a run of at least @need granules. Bit 2 * i + 1:
 * part @i contains a run. Bit 2 * i: a run crosses the beginning of part @i and ends in
 * it. Search for the latter only if no part contains a run, because it takes longer.
 */
static u32 places_in_node(const struct execmem_node *node, unsigned int need, unsigned int len)
{
	unsigned int run = 0, i;
	u32 places = 0;

	for (i = 0; i < EXECMEM_FANOUT; i++)
		places |= (node->longest[i] >= need) << (2 * i + 1);
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
 * Choose the lowest place, the highest, or the first after a random position. Large runs
 * cover several places and are chosen more often.
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
 * Find a random run of at least @need free granules and return the complete run. "before"
 * and "after" count the free granules that adjoin the current part on both sides.
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
 * Choose the place of @n granules in a run. Prefer a place beside another object to an end
 * of the pack, because an end is easier to guess.
 */
static unsigned int place_in_run(const struct execmem_pack *pack, struct run run, unsigned int n,
				 u32 random)
{
	bool first = !run.start, last = run.start + run.len == pack->nr_granules;
	unsigned int slack = run.len - n;

	/*
	 * Empty pack. Choose any place if the object is small: a large one would leave
	 * holes that are too small for the next. Use multiples of the size for the same
	 * reason.
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
 * execmem_pack_take - allocate an object
 * @pack:	the pack
 * @size:	number of bytes
 * @random:	random number that selects the place
 *
 * Return: address of the object, a multiple of the granule, or NULL if no run fits.
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
	unsigned int level;

	prefetchw(&pack->leaves[leaf]);
	for (level = 0; level < pack->nr_levels; level++)
		prefetchw(&pack->level[level][leaf /= EXECMEM_FANOUT]);
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

	if (text != execmem_pack_addr(pack, start) || !is_head(pack, start) ||
	    !is_busy(pack, start))
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
	__clear_bit(object->start % EXECMEM_LEAF, leaf_of(pack, object->start)->busy);
}

/**
 * execmem_pack_bury - make all granules of condemned objects dead
 * @pack:	the pack
 * @dead:	granules of the condemned objects; they contain traps
 */
void execmem_pack_bury(struct execmem_pack *pack, const struct execmem_extent *dead)
{
	set_state(pack, dead->start, dead->end, true, false);
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
 * @leaf:	index of the leaf; no condemned object begins in it
 *
 * Return: number of granules that became free.
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
	/* Align nodes to cache lines: kmalloc() aligns only sizes that are powers of two. */
	nodes = kvzalloc(roundup_pow_of_two(sum * sizeof(*nodes)), GFP_KERNEL);
	pack->level[0] = nodes;
	if (!pack->leaves || !nodes)
		return false;

	for (level = 1; level < pack->nr_levels; level++)
		pack->level[level] = pack->level[level - 1] + n[level - 1];
	return true;
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

	/* The last leaf may be incomplete: mark the granules behind the pack as busy. */
	end = pack->nr_leaves * EXECMEM_LEAF;
	set_state(pack, pack->nr_granules, end, false, true);
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
	kvfree(pack->level[0]);
	kfree(pack);
}

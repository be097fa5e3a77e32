// SPDX-License-Identifier: GPL-2.0
/*
 * Packs of the execmem slab: which granules of some pages are whose.
 *
 * Nothing is kept in the text itself. Two bitmaps say what a granule is:
 *
 *	head  busy
 *	  0     0	free
 *	  1     1	the first one of a live object
 *	  0     1	another one of an object
 *	  1     0	the first one of a condemned object, which is neither live
 *			nor free, until its text has been filled with traps
 *
 * so that neither sizes nor a list of objects have to be kept. A tree finds a run
 * of free granules in O(log n): a leaf has the lengths of the first, the longest
 * and the last run among its granules, an inner node those of the two below it
 * taken together. All this costs 2.2 % of the text.
 *
 * The first object of a pack goes anywhere, if it is small. Any other is put
 * beside one, at either end of the run that was found, and which run is found
 * where several fit is random as well: addresses do not follow from the order of
 * allocation, and yet no free run is split.
 *
 * Callers hold the lock of the pack's pool.
 */

#include "execmem_slab.h"

struct run {
	unsigned int start;
	unsigned int len;
};

static unsigned int granule_of(const struct execmem_pack *pack, const void *addr)
{
	return (addr - pack->base) >> pack->shift;
}

static void *addr_of(const struct execmem_pack *pack, unsigned int granule)
{
	return pack->base + ((size_t)granule << pack->shift);
}

static size_t bytes_of(const struct execmem_pack *pack, unsigned int granules)
{
	return min((size_t)granules << pack->shift, pack->size);
}

static unsigned int granules_of(const struct execmem_pack *pack, size_t size)
{
	return DIV_ROUND_UP(size, (size_t)1 << pack->shift);
}

/* A word's granules that are not free. */
static unsigned long word_bits(const struct execmem_pack *pack, unsigned int word)
{
	return pack->busy[word] | pack->head[word];
}

/* Where in a word at least @n ones begin. */
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
 * By words, and without branches that cannot be predicted: this is what allocating
 * and freeing spend their time with.
 */
static struct execmem_runs leaf_runs(const struct execmem_pack *pack, unsigned int leaf)
{
	unsigned int word = leaf * BITS_TO_LONGS(EXECMEM_LEAF), i;
	unsigned int first = 0, longest = 0, run = 0, lead;
	unsigned long bits, starts;

	for (i = 0; i < EXECMEM_LEAF; i += BITS_PER_LONG) {
		bits = word_bits(pack, word++);
		lead = bits ? __ffs(bits) : BITS_PER_LONG;
		first += first == i ? lead : 0;
		run += lead;
		longest = max(longest, run);
		run = bits ? BITS_PER_LONG - 1 - __fls(bits) : run;

		/* Is there a run with ones on both sides of it? */
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

/* The runs of two neighbours of @len granules each. */
static struct execmem_runs join_runs(const struct execmem_runs *l, const struct execmem_runs *r,
				     unsigned int len)
{
	return (struct execmem_runs) {
		.first = l->first == len ? len + r->first : l->first,
		.longest = max3(l->longest, r->longest, l->last + r->first),
		.last = r->last == len ? len + l->last : r->last,
	};
}

/* Bring the tree up to date where the bitmaps of granules were changed. */
static void update_tree(struct execmem_pack *pack, unsigned int granule, unsigned int n)
{
	unsigned int from = granule / EXECMEM_LEAF, to = (granule + n - 1) / EXECMEM_LEAF;
	unsigned int i, len;

	for (i = from; i <= to; i++)
		pack->tree[pack->nr_leaves + i] = leaf_runs(pack, i);

	from += pack->nr_leaves;
	to += pack->nr_leaves;
	for (len = EXECMEM_LEAF; from > 1; len *= 2) {
		from /= 2;
		to /= 2;
		for (i = from; i <= to; i++)
			pack->tree[i] = join_runs(&pack->tree[2 * i], &pack->tree[2 * i + 1], len);
	}
}

/* A run of at least @need free granules in a leaf that has one. */
static struct run find_in_leaf(const struct execmem_pack *pack, unsigned int leaf,
			       unsigned int need)
{
	unsigned int word = leaf * BITS_TO_LONGS(EXECMEM_LEAF);
	unsigned int end = word + BITS_TO_LONGS(EXECMEM_LEAF), start, run = 0;
	unsigned long bits, starts;

	for (; word < end; word++) {
		bits = word_bits(pack, word);
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

	return (struct run) { end * BITS_PER_LONG - run, run };
}

/*
 * A run of at least @need free granules, any of those that there are, and the
 * whole of it: what is free on either side of the part of the tree that is
 * looked at is remembered on the way down.
 */
static struct run find_run(const struct execmem_pack *pack, unsigned int need, u32 where)
{
	unsigned int node = 1, start = 0, len = pack->nr_leaves * EXECMEM_LEAF;
	unsigned int before = 0, after = 0;
	struct run run;

	while (node < pack->nr_leaves) {
		const struct execmem_runs *l = &pack->tree[2 * node], *r = l + 1;
		bool in_l = l->longest >= need, in_r = r->longest >= need;

		len /= 2;
		if (l->last + r->first >= need && (!(in_l || in_r) || where & 1)) {
			run = (struct run) { start + len - l->last, l->last + r->first };
			len *= 2;
			goto found;
		}

		node *= 2;
		if (in_r && (!in_l || where & 2)) {
			before = l->last == len ? before + len : l->last;
			node++;
			start += len;
		} else {
			after = r->first == len ? after + len : r->first;
		}
		where = ror32(where, 2);
	}
	run = find_in_leaf(pack, node - pack->nr_leaves, need);

found:
	if (run.start + run.len == start + len)
		run.len += after;
	if (run.start == start) {
		run.start -= before;
		run.len += before;
	}
	return run;
}

/*
 * Which way to go at each level of the tree, two bits for each. A coin that is
 * thrown at each leads to what is large, so that by half of the throws it is the
 * lowest or the highest run that fits.
 */
static u32 directions(u32 random)
{
	switch (random >> 29 & 3) {
	case 0:
		return 0;
	case 1:
		return 0xaaaaaaaa;
	default:
		return random;
	}
}

/*
 * Where in a run to put @n granules, so that the first is a multiple of @align:
 * beside another object, as the ends of the pack are known to everybody.
 */
static unsigned int place_in_run(const struct execmem_pack *pack, struct run run, unsigned int n,
				 unsigned int align, u32 random)
{
	bool first = !run.start, last = run.start + run.len == pack->nr_granules;
	unsigned int slack = run.len - n;

	/* What is large would leave holes that the likes of it do not fit in. */
	if (first && last && n <= pack->nr_granules / 16)
		return round_down(reciprocal_scale(random, slack + 1), align);
	if (first == last ? random & BIT(31) : first)
		return round_down(run.start + slack, align);

	return round_up(run.start, align);
}

/**
 * execmem_pack_take - make a live object of free granules
 * @pack:	the pack, whose text may be used by the caller alone
 * @size:	how many bytes the object needs
 * @align:	what its address is to be a multiple of: a power of two, no larger
 *		than the alignment of the pack
 * @random:	decides where, if there are several places
 *
 * Return: the object, or NULL if there is no room.
 */
void *execmem_pack_take(struct execmem_pack *pack, size_t size, size_t align, u32 random)
{
	unsigned int n = granules_of(pack, size);
	unsigned int align_granules = max_t(size_t, align >> pack->shift, 1);
	unsigned int start;
	struct run run;

	if (n + align_granules - 1 > execmem_pack_longest(pack))
		return NULL;

	run = find_run(pack, n + align_granules - 1, directions(random));
	start = place_in_run(pack, run, n, align_granules, random);
	bitmap_set(pack->busy, start, n);
	__set_bit(start, pack->head);
	update_tree(pack, start, n);
	pack->nr_objects++;

	return addr_of(pack, start);
}

/* The granule after the object that begins at @granule. */
static unsigned int object_end(const struct execmem_pack *pack, unsigned int granule)
{
	unsigned int end = granule + 1;

	while (end < pack->nr_granules) {
		unsigned int word = end / BITS_PER_LONG, bit = end % BITS_PER_LONG;
		/* Bits of those that do not belong to it. */
		unsigned long others = (~pack->busy[word] | pack->head[word]) >> bit;

		if (others)
			return min(end + (unsigned int)__ffs(others), pack->nr_granules);
		end += BITS_PER_LONG - bit;
	}

	return pack->nr_granules;
}

static bool is_head(const struct execmem_pack *pack, const void *addr)
{
	return addr == addr_of(pack, granule_of(pack, addr)) &&
	       test_bit(granule_of(pack, addr), pack->head);
}

/**
 * execmem_pack_object - look at a live object
 * @pack:	the pack
 * @object:	an address in it
 *
 * Return: the object's size in bytes, or 0 if no live object begins at @object.
 */
size_t execmem_pack_object(const struct execmem_pack *pack, const void *object)
{
	unsigned int start = granule_of(pack, object);

	if (!is_head(pack, object) || !test_bit(start, pack->busy))
		return 0;

	return bytes_of(pack, object_end(pack, start) - start);
}

/**
 * execmem_pack_condemn - make a live object one that only waits to be released
 * @pack:	the pack
 * @object:	the object
 */
void execmem_pack_condemn(struct execmem_pack *pack, const void *object)
{
	__clear_bit(granule_of(pack, object), pack->busy);
}

/**
 * execmem_pack_release - make free granules of a condemned object
 * @pack:	the pack
 * @object:	the object
 * @size:	its size in bytes, as execmem_pack_object() returned
 */
void execmem_pack_release(struct execmem_pack *pack, const void *object, size_t size)
{
	unsigned int start = granule_of(pack, object);
	unsigned int n = granules_of(pack, size);

	__clear_bit(start, pack->head);
	bitmap_clear(pack->busy, start, n);
	update_tree(pack, start, n);
	pack->nr_objects--;
}

/**
 * execmem_pack_next - go through the objects of a pack
 * @pack:	the pack
 * @object:	the one before, or NULL
 * @size:	set to the size of the one returned, in bytes
 * @condemned:	set to whether it is condemned
 *
 * Return: the next object by address, or NULL if there is none.
 */
const void *execmem_pack_next(const struct execmem_pack *pack, const void *object, size_t *size,
			      bool *condemned)
{
	unsigned int start = object ? granule_of(pack, object) + 1 : 0;

	start = find_next_bit(pack->head, pack->nr_granules, start);
	if (start >= pack->nr_granules)
		return NULL;

	*size = bytes_of(pack, object_end(pack, start) - start);
	*condemned = !test_bit(start, pack->busy);
	return addr_of(pack, start);
}

static bool alloc_maps(struct execmem_pack *pack)
{
	size_t words = pack->nr_leaves * BITS_TO_LONGS(EXECMEM_LEAF);

	pack->busy = kvcalloc(2 * words, sizeof(long), GFP_KERNEL);
	pack->tree = kvcalloc(2 * pack->nr_leaves, sizeof(*pack->tree), GFP_KERNEL);
	if (!pack->busy || !pack->tree)
		return false;

	pack->head = pack->busy + words;
	return true;
}

/**
 * execmem_pack_create - make a pack without objects
 * @base:	its text
 * @size:	bytes of text, a multiple of PAGE_SIZE
 * @solo:	whether it is for one object that takes all of it
 *
 * Context: May sleep.
 * Return: the pack, or NULL if there is no memory.
 */
struct execmem_pack *execmem_pack_create(void *base, size_t size, bool solo)
{
	struct execmem_pack *pack = kzalloc(sizeof(*pack), GFP_KERNEL);
	unsigned int tail;

	if (!pack)
		return NULL;

	pack->base = base;
	pack->size = size;
	pack->solo = solo;
	pack->shift = solo ? order_base_2(size) : EXECMEM_GRANULE_SHIFT;
	pack->nr_granules = granules_of(pack, size);
	pack->nr_leaves = roundup_pow_of_two(DIV_ROUND_UP(pack->nr_granules, EXECMEM_LEAF));
	if (!alloc_maps(pack)) {
		execmem_pack_destroy(pack);
		return NULL;
	}

	/* What the tree has more than the pack is not there to be taken. */
	tail = pack->nr_leaves * EXECMEM_LEAF - pack->nr_granules;
	bitmap_set(pack->busy, pack->nr_granules, tail);
	update_tree(pack, 0, pack->nr_leaves * EXECMEM_LEAF);

	return pack;
}

/**
 * execmem_pack_destroy - forget a pack
 * @pack:	the pack; its text is not touched
 *
 * Context: May sleep. Nobody may look it up any more.
 */
void execmem_pack_destroy(struct execmem_pack *pack)
{
	kvfree(pack->busy);
	kvfree(pack->tree);
	kfree(pack);
}

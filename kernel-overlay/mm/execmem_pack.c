// SPDX-License-Identifier: GPL-2.0
/*
 * Packs of the execmem slab: which granules of some pages are whose.
 *
 * Nothing is kept in the text itself. Two bits say what a granule is:
 *
 *	head  busy
 *	  0     0	free
 *	  1     1	the first one of a live object
 *	  0     1	another one of an object
 *	  1     0	the first one of a condemned object, which is neither live
 *			nor free, until its text has been filled with traps
 *
 * so that neither sizes nor a list of objects have to be kept. A tree with eight
 * branches at a node finds a run of free granules in O(log n): it has the lengths of
 * the first, the longest and the last run in each of the parts below a node. It is
 * flat, as what an operation costs in a system with many objects is the cache lines
 * that it touches. All this costs 2.0 % of the text.
 *
 * The first object of a pack goes anywhere, if it is small. Any other is put
 * beside one, at either end of the run that was found, and which run is found
 * where several fit is random as well: addresses do not follow from the order of
 * allocation, and yet no free run is split.
 *
 * Taking and releasing granules, and the tree, is for who holds the lock of the pack's
 * pool. Condemning an object and looking at one is not, as these wait for nobody and
 * are what a free and each write begin with. For them
 *
 *   - the two bits of a granule are in one word, which is changed atomically. So of
 *     those who condemn an object one succeeds, and none changes a granule that is not
 *     a live head. A word without a live head is changed under the lock only;
 *   - an object gets its head last. So it is whole when it can be found, even by the
 *     address of another one that was there before. In which order it loses its
 *     granules does not matter: it is condemned then, and found by nobody;
 *   - a head comes and goes at once with the busy granules of its word. So what is
 *     right behind an object is free or a head at any time, but never seen as another
 *     granule of an object, and nobody who looks for the end of it goes beyond.
 *
 * The size of an object that is being freed by somebody else may come out wrong. That
 * of one that is the caller's own, or was condemned by the caller, does not.
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

/* The tree has at least one, and all of each level. */
static unsigned int nr_nodes(const struct execmem_pack *pack)
{
	unsigned int count = pack->nr_bottom, sum = count;

	while (count > 1)
		sum += count /= EXECMEM_FANOUT;

	return sum;
}

static unsigned int granules_of(const struct execmem_pack *pack, size_t size)
{
	return DIV_ROUND_UP(size, (size_t)1 << pack->shift);
}

static atomic_long_t *word_of(const struct execmem_pack *pack, unsigned int granule)
{
	struct execmem_leaf *leaf = &pack->leaves[granule / EXECMEM_LEAF];

	return &leaf->words[granule % EXECMEM_LEAF / EXECMEM_WORD];
}

#define ALL_BUSY	GENMASK(EXECMEM_WORD - 1, 0)

static unsigned long busy_bit(unsigned int granule)
{
	return BIT(granule % EXECMEM_WORD);
}

static unsigned long head_bit(unsigned int granule)
{
	return busy_bit(granule) << EXECMEM_WORD;
}

/* Of @n granules that are all in one word. */
static unsigned long busy_bits(unsigned int granule, unsigned int n)
{
	return ALL_BUSY >> (EXECMEM_WORD - n) << granule % EXECMEM_WORD;
}

/* How many of @n granules are in the word of the first. */
static unsigned int in_word(unsigned int granule, unsigned int n)
{
	return min(n, EXECMEM_WORD - granule % EXECMEM_WORD);
}

/* Of @n granules none of which is a head; the first is the first of a word. */
static void set_busy(const struct execmem_pack *pack, unsigned int granule, unsigned int n,
		     bool busy)
{
	unsigned int len;

	for (; n; granule += len, n -= len) {
		atomic_long_t *word = word_of(pack, granule);

		len = in_word(granule, n);
		/* Nobody else changes a word that is all of one object, and has no head. */
		if (len == EXECMEM_WORD)
			atomic_long_set(word, busy ? ALL_BUSY : 0);
		else if (busy)
			atomic_long_or(busy_bits(granule, len), word);
		else
			atomic_long_andnot(busy_bits(granule, len), word);
	}
}

/* Make a live object of @n free granules. */
static void set_object(const struct execmem_pack *pack, unsigned int granule, unsigned int n)
{
	unsigned int first = in_word(granule, n);

	set_busy(pack, granule + first, n - first, true);
	/* Pairs with execmem_pack_condemn(): who finds the head finds all of the object. */
	smp_mb__before_atomic();
	atomic_long_or(busy_bits(granule, first) | head_bit(granule), word_of(pack, granule));
}

/* And the other way round, of one that is condemned. */
static void clear_object(const struct execmem_pack *pack, unsigned int granule, unsigned int n)
{
	unsigned int first = in_word(granule, n);

	atomic_long_andnot(busy_bits(granule, first) | head_bit(granule), word_of(pack, granule));
	set_busy(pack, granule + first, n - first, false);
}

#define LEAF_WORDS	(EXECMEM_LEAF / BITS_PER_LONG)

/* A bit for each granule that is not free, of as many as a long has bits. */
static unsigned long word_bits(const struct execmem_leaf *leaf, unsigned int word)
{
	unsigned long low = atomic_long_read(&leaf->words[2 * word]);
	unsigned long high = atomic_long_read(&leaf->words[2 * word + 1]);

	low |= low >> EXECMEM_WORD;
	high |= high << EXECMEM_WORD;
	return (low & ALL_BUSY) | (high & ~ALL_BUSY);
}

/**
 * struct runs - the runs of free granules in a part of a pack
 * @first:	length of the one at its beginning
 * @longest:	length of the longest one
 * @last:	length of the one at its end
 */
struct runs {
	unsigned int first;
	unsigned int longest;
	unsigned int last;
};

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
 * spends its time with.
 */
static struct runs leaf_runs(const struct execmem_leaf *leaf)
{
	unsigned int first = 0, longest = 0, run = 0, word, lead;
	unsigned long bits, starts;

	for (word = 0; word < LEAF_WORDS; word++) {
		bits = word_bits(leaf, word);
		lead = bits ? __ffs(bits) : BITS_PER_LONG;
		first += first == word * BITS_PER_LONG ? lead : 0;
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

	return (struct runs) {
		.first = first,
		.longest = max(longest, run),
		.last = run,
	};
}

/* The first of those that are free right before a granule of a leaf, or itself. */
static unsigned int free_since(const struct execmem_leaf *leaf, unsigned int granule)
{
	unsigned int word = granule / BITS_PER_LONG;
	unsigned long bits;

	bits = word < LEAF_WORDS ? word_bits(leaf, word) & ~(~0UL << granule % BITS_PER_LONG) : 0;
	while (!bits) {
		if (!word--)
			return 0;
		bits = word_bits(leaf, word);
	}

	return word * BITS_PER_LONG + __fls(bits) + 1;
}

/* The next one from @granule on that is not free, or the end of the leaf. */
static unsigned int free_until(const struct execmem_leaf *leaf, unsigned int granule)
{
	unsigned int word = granule / BITS_PER_LONG;
	unsigned long bits;

	if (word == LEAF_WORDS)
		return EXECMEM_LEAF;

	bits = word_bits(leaf, word) & ~0UL << granule % BITS_PER_LONG;
	while (!bits) {
		if (++word == LEAF_WORDS)
			return EXECMEM_LEAF;
		bits = word_bits(leaf, word);
	}

	return word * BITS_PER_LONG + __ffs(bits);
}

/* What the runs of a leaf have become by freeing granules from @from to @to. */
static struct runs more_runs(const struct execmem_leaf *leaf, struct runs runs, unsigned int from,
			     unsigned int to)
{
	unsigned int start = free_since(leaf, from), end = free_until(leaf, to);

	runs.longest = max(runs.longest, end - start);
	if (!start)
		runs.first = end;
	if (end == EXECMEM_LEAF)
		runs.last = end - start;
	return runs;
}

/* How many granules are free right before the @i-th part of a node. */
static unsigned int free_before(const struct execmem_node *node, unsigned int i, unsigned int len)
{
	unsigned int run = 0;

	for (; i && node->last[i - 1] == len; i--)
		run += len;

	return i ? run + node->last[i - 1] : run;
}

/* And from the @i-th part on. */
static unsigned int free_from(const struct execmem_node *node, unsigned int i, unsigned int len)
{
	unsigned int run = 0;

	for (; i < EXECMEM_FANOUT && node->first[i] == len; i++)
		run += len;

	return i < EXECMEM_FANOUT ? run + node->first[i] : run;
}

/* The runs of all the parts together, which have @len granules each. */
static struct runs node_runs(const struct execmem_node *node, unsigned int len)
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

	return (struct runs) {
		.first = free_from(node, 0, len),
		.longest = longest,
		.last = run,
	};
}

/* Say what the runs in the @i-th of the parts are, for @nodes side by side. */
static bool set_runs(struct execmem_node *nodes, unsigned int i, struct runs runs)
{
	struct execmem_node *node = &nodes[i / EXECMEM_FANOUT];

	i %= EXECMEM_FANOUT;
	if (node->first[i] == runs.first && node->longest[i] == runs.longest &&
	    node->last[i] == runs.last)
		return false;

	node->first[i] = runs.first;
	node->longest[i] = runs.longest;
	node->last[i] = runs.last;
	return true;
}

static struct runs get_runs(const struct execmem_node *nodes, unsigned int i)
{
	const struct execmem_node *node = &nodes[i / EXECMEM_FANOUT];

	i %= EXECMEM_FANOUT;
	return (struct runs) { node->first[i], node->longest[i], node->last[i] };
}

static struct runs new_runs(const struct execmem_pack *pack, unsigned int i, unsigned int from,
			    unsigned int to, bool freed)
{
	const struct execmem_leaf *leaf = &pack->leaves[i];
	unsigned int start = i * EXECMEM_LEAF;

	if (!freed)
		return leaf_runs(leaf);

	return more_runs(leaf, get_runs(pack->nodes, i), max(from, start) - start,
			 min(to - start, EXECMEM_LEAF));
}

/* Bring the tree up to date where granules were freed, or else taken. */
static void update_tree(struct execmem_pack *pack, unsigned int granule, unsigned int n,
			bool freed)
{
	unsigned int from = granule / EXECMEM_LEAF, to = (granule + n - 1) / EXECMEM_LEAF;
	unsigned int i, len = EXECMEM_LEAF, count = pack->nr_bottom;
	struct execmem_node *nodes = pack->nodes, *below;
	bool changed = false;

	for (i = from; i <= to; i++)
		changed |= set_runs(nodes, i, new_runs(pack, i, granule, granule + n, freed));

	while (changed && count > 1) {
		below = nodes;
		nodes += count;
		count /= EXECMEM_FANOUT;
		from /= EXECMEM_FANOUT;
		to /= EXECMEM_FANOUT;
		for (changed = false, i = from; i <= to; i++)
			changed |= set_runs(nodes, i, node_runs(&below[i], len));
		len *= EXECMEM_FANOUT;
	}

	if (changed)
		pack->run = node_runs(nodes, len).longest;
}

/* A run of at least @need free granules in a leaf that has one. */
static struct run find_in_leaf(const struct execmem_leaf *leaf, unsigned int need)
{
	unsigned int word, start, run = 0;
	unsigned long bits, starts;

	for (word = 0; word < LEAF_WORDS; word++) {
		bits = word_bits(leaf, word);
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
 * Where in a node there are runs of at least @need: bit 2 * i + 1 for one within the
 * @i-th part. Only if there is none, bit 2 * i for one that crosses the beginning of
 * that part and ends in it, which takes longer to find.
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
 * One of some places: the lowest, the highest, or the next one from anywhere on,
 * which leads to what is large.
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
 * A run of at least @need free granules, any of those that there are, and the
 * whole of it: what is free on either side of the part of the tree that is
 * looked at is remembered on the way down.
 */
static struct run find_run(const struct execmem_pack *pack, unsigned int need, u32 random)
{
	unsigned int count = 1, index = 0, start = 0, level = 0;
	unsigned int len = pack->nr_bottom * EXECMEM_LEAF;
	const struct execmem_node *nodes = &pack->nodes[nr_nodes(pack) - 1];
	unsigned int before = 0, after = 0;
	struct run run;

	for (;;) {
		const struct execmem_node *node = &nodes[index];
		unsigned int place = choose_place(places_in_node(node, need, len), random, level++);
		unsigned int i = place / 2, left = free_before(node, i, len);
		unsigned int right = free_from(node, i + !!(place & 1), len);

		if (left == i * len)
			left += before;
		if (right == (EXECMEM_FANOUT - i - !!(place & 1)) * len)
			right += after;
		if (!(place & 1))
			return (struct run) { start + i * len - left, left + right };

		before = left;
		after = right;
		start += i * len;
		index = index * EXECMEM_FANOUT + i;
		if (count == pack->nr_bottom)
			break;
		count *= EXECMEM_FANOUT;
		nodes -= count;
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

	if (n + align_granules - 1 > pack->run)
		return NULL;

	run = find_run(pack, n + align_granules - 1, random);
	start = place_in_run(pack, run, n, align_granules, random);
	set_object(pack, start, n);
	update_tree(pack, start, n, false);
	pack->nr_objects++;

	return addr_of(pack, start);
}

/* The granule after the object that begins at @granule. */
static unsigned int object_end(const struct execmem_pack *pack, unsigned int granule)
{
	unsigned int end = granule + 1;

	while (end < pack->nr_granules) {
		unsigned long bits = atomic_long_read(word_of(pack, end));
		/* Those that do not belong to it. */
		unsigned long others = (~bits | bits >> EXECMEM_WORD) & ALL_BUSY;

		others >>= end % EXECMEM_WORD;
		if (others)
			return min(end + (unsigned int)__ffs(others), pack->nr_granules);
		end += EXECMEM_WORD - end % EXECMEM_WORD;
	}

	return pack->nr_granules;
}

/**
 * execmem_pack_prefetch - load what freeing an object is going to change
 * @pack:	the pack; its lock need not be held
 * @object:	an address in it
 *
 * All at once, and before the lock is held: with many objects none of it is cached.
 */
void execmem_pack_prefetch(const struct execmem_pack *pack, const void *object)
{
	unsigned int index = granule_of(pack, object) / EXECMEM_LEAF, count = pack->nr_bottom;
	const struct execmem_node *nodes = pack->nodes;

	prefetchw(&pack->leaves[index]);
	for (index /= EXECMEM_FANOUT; ; index /= EXECMEM_FANOUT) {
		prefetchw(&nodes[index]);
		if (count == 1)
			break;
		nodes += count;
		count /= EXECMEM_FANOUT;
	}
}

/**
 * execmem_pack_object - look at a live object
 * @pack:	the pack; its lock need not be held
 * @object:	an address in it
 *
 * Return: the object's size in bytes, or 0 if no live object begins at @object. If it
 *	   is being freed, which who asks should know, any size that ends in the pack.
 */
size_t execmem_pack_object(const struct execmem_pack *pack, const void *object)
{
	unsigned int start = granule_of(pack, object);
	unsigned long live = busy_bit(start) | head_bit(start);

	if (object != addr_of(pack, start) || ~atomic_long_read(word_of(pack, start)) & live)
		return 0;

	return bytes_of(pack, object_end(pack, start) - start);
}

/**
 * execmem_pack_condemn - make a live object one that only waits to be released
 * @pack:	the pack; its lock need not be held
 * @object:	an address in it
 *
 * Whoever else does the same, and whatever else happens to the pack, one alone gets
 * an object, and no more than that is changed.
 *
 * Return: the object's size in bytes, or 0 if no live object begins at @object.
 */
size_t execmem_pack_condemn(struct execmem_pack *pack, const void *object)
{
	unsigned int start = granule_of(pack, object);
	unsigned long live = busy_bit(start) | head_bit(start);
	atomic_long_t *word = word_of(pack, start);
	long bits = atomic_long_read(word);

	if (object != addr_of(pack, start))
		return 0;

	do {
		if (~bits & live)
			return 0;
	} while (!atomic_long_try_cmpxchg(word, &bits, bits & ~busy_bit(start)));

	return bytes_of(pack, object_end(pack, start) - start);
}

/**
 * execmem_pack_release - make free granules of a condemned object
 * @pack:	the pack
 * @object:	the object
 * @size:	its size in bytes, as execmem_pack_condemn() returned
 */
void execmem_pack_release(struct execmem_pack *pack, const void *object, size_t size)
{
	unsigned int start = granule_of(pack, object);
	unsigned int n = granules_of(pack, size);

	clear_object(pack, start, n);
	update_tree(pack, start, n, true);
	pack->nr_objects--;
}

/* The first granule from @granule on that an object begins at. */
static unsigned int next_head(const struct execmem_pack *pack, unsigned int granule)
{
	while (granule < pack->nr_granules) {
		unsigned long bits = atomic_long_read(word_of(pack, granule));
		unsigned long heads = bits >> EXECMEM_WORD >> granule % EXECMEM_WORD;

		if (heads)
			return granule + __ffs(heads);
		granule += EXECMEM_WORD - granule % EXECMEM_WORD;
	}

	return granule;
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

	start = next_head(pack, start);
	if (start >= pack->nr_granules)
		return NULL;

	*size = bytes_of(pack, object_end(pack, start) - start);
	*condemned = !(atomic_long_read(word_of(pack, start)) & busy_bit(start));
	return addr_of(pack, start);
}

/* What is larger than a pack that has a tree has one granule. */
static_assert(SZ_2M / EXECMEM_GRANULE / EXECMEM_FANOUT <= U16_MAX);

static bool alloc_maps(struct execmem_pack *pack)
{
	size_t size = nr_nodes(pack) * sizeof(*pack->nodes);

	pack->leaves = kvcalloc(pack->nr_leaves, sizeof(*pack->leaves), GFP_KERNEL);
	/* Nodes are cache lines, and only powers of two are aligned to themselves. */
	pack->nodes = kvzalloc(roundup_pow_of_two(size), GFP_KERNEL);

	return pack->leaves && pack->nodes;
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
	unsigned int i;

	if (!pack)
		return NULL;

	pack->base = base;
	pack->size = size;
	pack->solo = solo;
	pack->shift = solo ? order_base_2(size) : EXECMEM_GRANULE_SHIFT;
	pack->nr_granules = granules_of(pack, size);
	pack->nr_leaves = DIV_ROUND_UP(pack->nr_granules, EXECMEM_LEAF);
	for (pack->nr_bottom = 1; pack->nr_bottom * EXECMEM_FANOUT < pack->nr_leaves;)
		pack->nr_bottom *= EXECMEM_FANOUT;
	if (!alloc_maps(pack)) {
		execmem_pack_destroy(pack);
		return NULL;
	}

	/* What the last leaf has more than the pack is not there to be taken. */
	for (i = pack->nr_granules; i < pack->nr_leaves * EXECMEM_LEAF; i++)
		atomic_long_or(busy_bit(i), word_of(pack, i));
	update_tree(pack, 0, pack->nr_granules, true);

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
	kvfree(pack->leaves);
	kvfree(pack->nodes);
	kfree(pack);
}

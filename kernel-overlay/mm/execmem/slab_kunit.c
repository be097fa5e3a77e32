// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the execmem slab.
 *
 * They use the pools for untrusted ftrace and kprobe text, which no other code uses. The
 * statistics of these pools must match to the byte, and each test must leave them as it
 * found them.
 */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/memory.h>
#include <linux/nodemask.h>
#include <linux/panic.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <trace/events/execmem.h>
#include <trace/events/text_poke.h>

#include "../internal.h"
#include "pages.h"
#include "pool.h"

#define TYPE	EXECMEM_FTRACE
#define DOMAIN	EXECMEM_UNTRUSTED

#define GRANULE	16

/* Other writers of text can disturb counts: repeat them. */
#define ATTEMPTS	5

/* Types that are not used with DOMAIN outside these tests. */
static const enum execmem_type own_types[] = {
	EXECMEM_KPROBES, EXECMEM_FTRACE,
};

/**
 * struct fixture - state that the end of a test must restore
 * @before:	statistics of the pools before the test
 * @reader:	reader that may still be running, or NULL
 * @managed:	text allocated from pools with other users
 * @nr_managed:	number of entries in @managed
 */
struct fixture {
	struct execmem_stats before[ARRAY_SIZE(own_types)];
	struct reader *reader;
	void *managed[64];
	unsigned int nr_managed;
};

/*
 * Helpers.
 */

static void *alloc_aligned(struct kunit *test, size_t size, size_t align)
{
	void *text = execmem_text_alloc(TYPE, DOMAIN, size, align);

	KUNIT_ASSERT_NOT_NULL_MSG(test, text, "%zu bytes", size);
	return text;
}

static void *alloc(struct kunit *test, size_t size)
{
	return alloc_aligned(test, size, 1);
}

/* Free text, and wait until it can be allocated again. */
static void free_now(void *text)
{
	execmem_free(text);
	execmem_retire_barrier();
}

/* Allocate text from any pool. The end of the test frees it. */
static void *alloc_managed(struct kunit *test, enum execmem_type type, enum execmem_domain domain,
			   size_t size)
{
	struct fixture *f = test->priv;
	void *text;

	KUNIT_ASSERT_LT(test, f->nr_managed, ARRAY_SIZE(f->managed));
	text = execmem_text_alloc(type, domain, size, 1);
	KUNIT_ASSERT_NOT_NULL_MSG(test, text, "type %d, domain %d", type, domain);
	f->managed[f->nr_managed++] = text;
	return text;
}

static struct execmem_stats stats(void)
{
	struct execmem_stats s;

	execmem_get_stats(TYPE, DOMAIN, &s);
	return s;
}

typedef const void *(*visit_t)(const struct execmem_pack *pack, const void *text);

/* Call @fn for the packs of a type and domain until it returns a pointer. */
static const void *visit_packs(enum execmem_type type, enum execmem_domain domain, visit_t fn,
			       const void *text)
{
	struct execmem_pack *pack;
	const void *found;

	guard(rcu)();
	for_each_execmem_pack(pack) {
		if (pack->pool->type != type || pack->pool->domain != domain)
			continue;
		guard(spinlock)(&pack->pool->lock);
		found = fn(pack, text);
		if (found)
			return found;
	}

	return NULL;
}

static const void *pack_if_in(const struct execmem_pack *pack, const void *text)
{
	return text >= pack->base && text < pack->base + pack->size ? pack : NULL;
}

/* Copy the pack that contains @text. The size is 0 if there is none. */
static struct execmem_pack pack_with(enum execmem_type type, enum execmem_domain domain,
				     const void *text)
{
	const struct execmem_pack *pack = visit_packs(type, domain, pack_if_in, text);

	return pack ? *pack : (struct execmem_pack) { };
}

static const void *find_no_trap(const void *from, const void *to)
{
	const u32 *word;

	for (word = from; (const void *)word < to; word++)
		if (*word != TEXT_POKE_TRAP)
			return word;

	return NULL;
}

/* Iterate over the extents of a pack. */
static bool next_extent(const struct execmem_pack *pack, struct execmem_extent *e)
{
	unsigned int leaf;

	for (leaf = e->end / EXECMEM_LEAF; leaf < pack->nr_leaves; leaf++)
		if (execmem_pack_next(pack, leaf, e))
			return true;

	return false;
}

/* Find the first word outside the objects of a pack that is not a trap. */
static const void *no_trap_in_pack(const struct execmem_pack *pack, const void *unused)
{
	const void *from = pack->base, *bad;
	struct execmem_extent e = { };

	while (next_extent(pack, &e)) {
		bad = find_no_trap(from, execmem_pack_addr(pack, e.start));
		if (bad)
			return bad;
		from = execmem_pack_addr(pack, e.end);
	}

	return find_no_trap(from, pack->base + pack->size);
}

static void expect_free_is_traps(struct kunit *test)
{
	KUNIT_EXPECT_NULL_MSG(test, visit_packs(TYPE, DOMAIN, no_trap_in_pack, NULL), "no trap");
}

enum state { FREE, LIVE, FREED };

/* Find the extent that contains @text (NULL: any), among live or among freed ones. */
static const void *find_extent(const struct execmem_pack *pack, const void *text, bool live)
{
	struct execmem_extent e = { };
	void *start;

	while (next_extent(pack, &e)) {
		start = execmem_pack_addr(pack, e.start);
		if (e.live == live && (!text || (text >= start &&
						 text < execmem_pack_addr(pack, e.end))))
			return start;
	}

	return NULL;
}

static const void *live_in_pack(const struct execmem_pack *pack, const void *text)
{
	return find_extent(pack, text, true);
}

static const void *freed_in_pack(const struct execmem_pack *pack, const void *text)
{
	return find_extent(pack, text, false);
}

static enum state state_of(const void *text)
{
	if (visit_packs(TYPE, DOMAIN, live_in_pack, text))
		return LIVE;

	return visit_packs(TYPE, DOMAIN, freed_in_pack, text) ? FREED : FREE;
}

static void start_free_all(enum execmem_type type)
{
	const void *text;

	/* An aborted test leaves objects behind. */
	while ((text = visit_packs(type, DOMAIN, live_in_pack, NULL)))
		execmem_free((void *)text);
}

static void free_all(enum execmem_type type)
{
	start_free_all(type);
	execmem_retire_barrier();
}

/* Free the empty packs and wait for completion. */
static void flush_packs(void)
{
	execmem_drop_empty();
	execmem_flush_packs();
}

/* Large objects have larger granules. */
static size_t granule_for(size_t size)
{
	if (size > EXECMEM_PACK_MAX / 2)
		return PAGE_SIZE;
	if (size > SZ_256K)
		return 256;
	if (size > SZ_64K)
		return 64;
	return size > 8 ? GRANULE : 8;
}

static size_t rounded(size_t size)
{
	return round_up(size, granule_for(size));
}

/* Contents that differ from traps and between objects. */
static u8 pattern(unsigned int nr, size_t at)
{
	return 0x11 + nr * 7 + at;
}

static u8 *alloc_pattern(struct kunit *test, unsigned int nr, size_t size)
{
	u8 *src = kunit_kmalloc(test, size, GFP_KERNEL);
	size_t at;

	KUNIT_ASSERT_NOT_NULL(test, src);
	for (at = 0; at < size; at++)
		src[at] = pattern(nr, at);

	return src;
}

static void write_pattern(struct kunit *test, void *text, unsigned int nr, size_t size)
{
	u8 *src = alloc_pattern(test, nr, size);

	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, 0, src, size), 0);
	kunit_kfree(test, src);
}

static bool has_pattern(const u8 *text, unsigned int nr, size_t size)
{
	size_t at;

	for (at = 0; at < size; at++)
		if (text[at] != pattern(nr, at))
			return false;

	return true;
}

/*
 * Number of successful writes to text of the tests, and of rounds by the tests and by
 * workers. Rounds can include those for other users of text.
 */
struct poke_counts {
	struct task_struct *task;
	atomic_long_t copies;
	atomic_long_t sets;
	atomic_long_t syncs;
	atomic_long_t rounds;
	atomic_long_t others;		/* bytes of other text that were filled with traps */
	ktime_t start;
	s64 ms;
};

static bool is_ours(const void *addr)
{
	return execmem_is_text(TYPE, DOMAIN, (unsigned long)addr);
}

static void count_copy(void *counts, void *addr, size_t len, int ret)
{
	if (!ret && is_ours(addr))
		atomic_long_inc(&((struct poke_counts *)counts)->copies);
}

static void count_set(void *counts, void *addr, size_t len, int ret)
{
	struct poke_counts *c = counts;

	if (ret)
		return;
	if (is_ours(addr))
		atomic_long_inc(&c->sets);
	else
		atomic_long_add(len, &c->others);
}

static void count_sync(void *counts, unsigned long round, bool shared)
{
	struct poke_counts *c = counts;

	if (current != c->task && !(current->flags & PF_WQ_WORKER))
		return;
	atomic_long_inc(&c->syncs);
	if (!shared)
		atomic_long_inc(&c->rounds);
}

static void count_pokes(struct kunit *test, struct poke_counts *c)
{
	*c = (struct poke_counts) { .task = current, .start = ktime_get() };
	KUNIT_ASSERT_EQ(test, register_trace_text_poke_copy(count_copy, c), 0);
	KUNIT_ASSERT_EQ(test, register_trace_text_poke_set(count_set, c), 0);
	KUNIT_ASSERT_EQ(test, register_trace_text_poke_sync(count_sync, c), 0);
}

static void counted_pokes(struct poke_counts *c)
{
	unregister_trace_text_poke_copy(count_copy, c);
	unregister_trace_text_poke_set(count_set, c);
	unregister_trace_text_poke_sync(count_sync, c);
	c->ms = ktime_ms_delta(ktime_get(), c->start);
	tracepoint_synchronize_unregister();
}

/* Frees of other tasks cause rounds too: ten per second, and one per MiB. */
static bool is_within(const struct poke_counts *c, const atomic_long_t *count, long max)
{
	long others = atomic_long_read(&c->others);

	if (others)
		max += 1 + c->ms / 100 + others / SZ_1M;
	return atomic_long_read(count) <= max;
}

/*
 * Sizes and placement.
 */

static const size_t sizes[] = {
	1, 15, 16, 17, 31, 32, 33, 64, 100, 127, 1000, 4095, 4096, 4097,
	SZ_64K - 16, SZ_64K - 1, SZ_64K, SZ_64K + 1, 3 * SZ_64K + 5, SZ_1M - 1, SZ_1M,
	SZ_1M + 1, SZ_2M - 1, SZ_2M, SZ_2M + 1, 3 * SZ_1M + 4321,
};

static void expect_fresh(struct kunit *test, const void *text, size_t size)
{
	KUNIT_EXPECT_PTR_EQ_MSG(test, PTR_ALIGN((void *)text, granule_for(size)), (void *)text,
				"%zu bytes", size);
	KUNIT_EXPECT_EQ_MSG(test, execmem_text_size(text), rounded(size), "%zu bytes", size);
	KUNIT_EXPECT_NULL_MSG(test, find_no_trap(text, text + rounded(size)), "%zu bytes", size);
}

static void expect_apart(struct kunit *test, void *const *text, const size_t *size, unsigned int n)
{
	unsigned int i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_TRUE_MSG(test, text[i] + rounded(size[i]) <= text[j] ||
					      text[j] + rounded(size[j]) <= text[i],
					      "%zu bytes at %p, %zu at %p", size[i], text[i],
					      size[j], text[j]);
}

static void test_sizes(struct kunit *test)
{
	void *text[ARRAY_SIZE(sizes)];
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		text[i] = alloc(test, sizes[i]);
		expect_fresh(test, text[i], sizes[i]);
	}
	expect_apart(test, text, sizes, ARRAY_SIZE(sizes));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		free_now(text[i]);
		KUNIT_EXPECT_EQ_MSG(test, execmem_text_size(text[i]), 0, "%zu bytes", sizes[i]);
	}
	expect_free_is_traps(test);
}

static void test_small_sizes(struct kunit *test)
{
	static void *text[256];
	static size_t size[ARRAY_SIZE(text)];
	size_t used = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(text); i++) {
		size[i] = i + 1;
		text[i] = alloc(test, size[i]);
		expect_fresh(test, text[i], size[i]);
		used += rounded(size[i]);
	}
	expect_apart(test, text, size, ARRAY_SIZE(text));
	KUNIT_EXPECT_EQ(test, stats().used, used);
	expect_free_is_traps(test);
}

static void test_alignment(struct kunit *test)
{
	static const size_t of[] = { 1, 100, 5000 };
	size_t align;
	void *text;
	int i;

	for (align = 1; align <= PAGE_SIZE; align *= 2) {
		/* Addresses are random: check several. */
		for (i = 0; i < 4 * ARRAY_SIZE(of); i++) {
			text = alloc_aligned(test, of[i % ARRAY_SIZE(of)], align);
			KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)text, align),
					      "%p, alignment %zu", text, align);
		}
	}
	/* The largest object without a solo pack. */
	text = alloc_aligned(test, EXECMEM_PACK_MAX / 2, PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(text));
	expect_free_is_traps(test);
}

static void test_wrong_arguments(struct kunit *test)
{
	struct execmem_stats s;

	KUNIT_EXPECT_NULL(test, execmem_text_alloc(TYPE, DOMAIN, 0, 1));
	KUNIT_EXPECT_NULL(test, execmem_text_alloc(TYPE, DOMAIN, EXECMEM_TEXT_MAX + 1, 1));
	KUNIT_EXPECT_NULL(test, execmem_text_alloc(TYPE, DOMAIN, -1UL, 1));
	KUNIT_EXPECT_NULL(test, execmem_text_alloc(TYPE, DOMAIN, 16, 0));
	KUNIT_EXPECT_NULL(test, execmem_text_alloc(TYPE, DOMAIN, 16, 3));
	KUNIT_EXPECT_NULL(test, execmem_text_alloc(TYPE, DOMAIN, 16, 2 * PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, execmem_text_alloc(EXECMEM_MODULE_DATA, DOMAIN, 16, 1));
	KUNIT_EXPECT_NULL(test, execmem_text_alloc(EXECMEM_TYPE_MAX, DOMAIN, 16, 1));
	KUNIT_EXPECT_NULL(test, execmem_text_alloc(-1, DOMAIN, 16, 1));
	KUNIT_EXPECT_NULL(test, execmem_text_alloc(TYPE, EXECMEM_NR_DOMAINS, 16, 1));
	KUNIT_EXPECT_NULL(test, execmem_text_alloc(TYPE, -1, 16, 1));
	KUNIT_EXPECT_EQ(test, execmem_get_stats(-1, DOMAIN, &s), -EINVAL);
	KUNIT_EXPECT_EQ(test, execmem_get_stats(EXECMEM_MODULE_DATA, DOMAIN, &s), -EINVAL);
	KUNIT_EXPECT_EQ(test, execmem_get_stats(TYPE, EXECMEM_NR_DOMAINS, &s), -EINVAL);
	KUNIT_EXPECT_EQ(test, stats().nr_packs, 0);
}

/*
 * Ascending addresses would make the next one predictable. Check several packs: if the
 * first object is near an end of a pack, all others are on one side of it. With random
 * places, fewer than 1/8 or more than 7/8 ascend less than once in 10^6 runs.
 */
static void test_placement(struct kunit *test)
{
	enum { PACKS = 16, OBJECTS = 32 };
	unsigned int i, ascents = 0;
	void *text, *last = NULL;

	for (i = 0; i < PACKS * OBJECTS; i++) {
		if (!(i % OBJECTS)) {
			free_all(TYPE);
			flush_packs();
		}
		text = alloc(test, 100);
		ascents += text > last;
		last = text;
	}
	KUNIT_EXPECT_GT(test, ascents, PACKS * OBJECTS / 8);
	KUNIT_EXPECT_LT(test, ascents, PACKS * OBJECTS / 8 * 7);
}

/* An aligned object fits in the hole of a freed one, and shares no cache line. */
static void test_aligned_hole(struct kunit *test)
{
	const size_t line = 64;
	static void *text[SZ_64K / 64];
	void *again;
	int i;

	for (i = 0; i < ARRAY_SIZE(text); i++) {
		text[i] = alloc_aligned(test, line - i % 32, line);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)text[i], line));
		KUNIT_EXPECT_EQ(test, execmem_text_size(text[i]), line);
	}
	KUNIT_ASSERT_EQ(test, stats().reserved, EXECMEM_PACK_MIN);

	for (i = 0; i < ARRAY_SIZE(text); i += 10) {
		free_now(text[i]);
		again = alloc_aligned(test, line, line);
		KUNIT_EXPECT_PTR_EQ(test, again, text[i]);
	}
	KUNIT_EXPECT_EQ(test, stats().reserved, EXECMEM_PACK_MIN);
}

/* Adjacent free granules form one run. */
static void test_coalesce(struct kunit *test)
{
	const size_t size = EXECMEM_PACK_MIN / 64;
	void *text[60];
	int i;

	for (i = 0; i < ARRAY_SIZE(text); i++)
		text[i] = alloc(test, size);
	KUNIT_ASSERT_EQ(test, stats().reserved, EXECMEM_PACK_MIN);

	for (i = 1; i < ARRAY_SIZE(text); i++)
		free_now(text[i]);
	alloc(test, EXECMEM_PACK_MIN / 2 - size);
	KUNIT_EXPECT_EQ(test, stats().reserved, EXECMEM_PACK_MIN);
}

/*
 * Contents.
 */

static void test_contents(struct kunit *test)
{
	u8 *text[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(text); i++) {
		text[i] = alloc(test, 16 + 16 * i);
		write_pattern(test, text[i], i, 16 + 16 * i);
	}
	for (i = 0; i < ARRAY_SIZE(text); i++)
		KUNIT_EXPECT_TRUE_MSG(test, has_pattern(text[i], i, 16 + 16 * i), "object %d", i);
	expect_free_is_traps(test);

	for (i = 0; i < ARRAY_SIZE(text); i += 2)
		free_now(text[i]);
	for (i = 1; i < ARRAY_SIZE(text); i += 2)
		KUNIT_EXPECT_TRUE_MSG(test, has_pattern(text[i], i, 16 + 16 * i), "object %d", i);
	expect_free_is_traps(test);
}

static void test_copy_bounds(struct kunit *test)
{
	const size_t step = TEXT_POKE_ALIGN, size = 256;
	u8 *text = alloc(test, size), *src = alloc_pattern(test, 1, 2 * size);

	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, 0, src, size + step), -ERANGE);
	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, size - step, src, 2 * step), -ERANGE);
	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, -step, src, step), -ERANGE);
	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, -step, src, 2 * step), -ERANGE);
	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, 0, src, -step), -ERANGE);
	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, step, src, -step), -ERANGE);
	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, size, src, step), -ERANGE);
	KUNIT_EXPECT_NULL_MSG(test, find_no_trap(text, text + size), "written");
	expect_free_is_traps(test);

	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, size - step, src + size - step, step), 0);
	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, 0, src, step), 0);
	KUNIT_EXPECT_NULL_MSG(test, find_no_trap(PTR_ALIGN(text + step, 4), text + size - 4),
			      "written");
	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, 0, src, size), 0);
	KUNIT_EXPECT_TRUE(test, has_pattern(text, 1, size));
	expect_free_is_traps(test);
}

static void test_copy_errors(struct kunit *test)
{
	u8 *text = alloc(test, 64), src[64] = { };

	KUNIT_EXPECT_EQ_MSG(test, execmem_text_copy(text, 0, src, 0), -EINVAL, "no length");
	if (TEXT_POKE_ALIGN > 1) {
		KUNIT_EXPECT_EQ(test, execmem_text_copy(text, 1, src, TEXT_POKE_ALIGN), -EINVAL);
		KUNIT_EXPECT_EQ(test, execmem_text_copy(text, 0, src, 1), -EINVAL);
	}
	KUNIT_EXPECT_NULL_MSG(test, find_no_trap(text, text + 64), "written");
}

/* Freeing overwrites code of all sizes with traps, and no neighbour. */
static void test_free_fills_traps(struct kunit *test)
{
	static const size_t of[] = { 16, 100, 4096, SZ_64K, SZ_1M };
	u8 *keep = alloc(test, 100), *text;
	int i;

	write_pattern(test, keep, 9, 96);
	for (i = 0; i < ARRAY_SIZE(of); i++) {
		text = alloc(test, of[i]);
		write_pattern(test, text, i, round_down(of[i], 16));
		KUNIT_EXPECT_NOT_NULL(test, find_no_trap(text, text + 16));
		free_now(text);
		expect_free_is_traps(test);
	}
	KUNIT_EXPECT_TRUE_MSG(test, has_pattern(keep, 9, 96), "a neighbour was written");
}

/* Random sizes in random order: objects must not overlap. */
static void test_random(struct kunit *test)
{
	static struct {
		void *text;
		size_t size;
	} slots[64], *s;
	unsigned int i, nr;

	memset(slots, 0, sizeof(slots));
	for (i = 0; i < 1000; i++) {
		nr = get_random_u32_below(ARRAY_SIZE(slots));
		s = &slots[nr];
		if (s->text) {
			KUNIT_ASSERT_TRUE(test, has_pattern(s->text, nr, s->size));
			free_now(s->text);
			s->text = NULL;
			continue;
		}
		s->size = 4 * get_random_u32_inclusive(1, i % 50 ? 250 : 8000);
		s->text = alloc(test, s->size);
		write_pattern(test, s->text, nr, s->size);
	}
	for (nr = 0; nr < ARRAY_SIZE(slots); nr++)
		if (slots[nr].text)
			KUNIT_EXPECT_TRUE(test, has_pattern(slots[nr].text, nr, slots[nr].size));
	expect_free_is_traps(test);
}

/*
 * Wrong callers: they get an error, and text of other owners stays as it is. Only
 * execmem_free() and execmem_retire() warn.
 */

static void expect_refused(struct kunit *test, void *text, int error, const char *what)
{
	struct execmem_stats before = stats(), after;
	u8 src[16] = { };

	KUNIT_EXPECT_EQ_MSG(test, execmem_text_size(text), 0, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, execmem_text_copy(text, 0, src, 16), -EFAULT, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, execmem_slab_free(text), error, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, execmem_slab_retire(text), error, "%s", what);
	after = stats();
	KUNIT_EXPECT_MEMEQ_MSG(test, &before, &after, sizeof(after), "%s", what);
}

static void test_wrong_addresses(struct kunit *test)
{
	bool warned = test_taint(TAINT_WARN);
	u8 *keep = alloc(test, 100), *text = alloc(test, 100), *freed = alloc(test, 100);
	u8 *reusable = alloc(test, 100), on_stack[16], *area = execmem_alloc(TYPE, PAGE_SIZE);
	struct execmem_pack pack = pack_with(TYPE, DOMAIN, text);

	KUNIT_EXPECT_NOT_NULL(test, area);
	write_pattern(test, text, 1, 96);
	KUNIT_EXPECT_EQ(test, execmem_text_size(text), 112);
	free_now(reusable);
	KUNIT_EXPECT_EQ(test, execmem_slab_free(freed), 0);

	expect_refused(test, freed, -EINVAL, "freed");
	expect_refused(test, reusable, -EINVAL, "freed before a round");
	expect_refused(test, text + 16, -EINVAL, "another granule");
	expect_refused(test, text + 1, -EINVAL, "inside a granule");
	expect_refused(test, pack.base + pack.size - 1, -EINVAL, "end of the pack");
	/* In a ROX cache, another pack may follow. */
	if (!execmem_is_slab(pack.base + pack.size, 1))
		expect_refused(test, pack.base + pack.size, -ENOENT, "behind the pack");
	expect_refused(test, NULL, -ENOENT, "NULL");
	expect_refused(test, (void *)-1UL, -ENOENT, "an error pointer");
	expect_refused(test, on_stack, -ENOENT, "stack");
	expect_refused(test, test, -ENOENT, "heap");
	expect_refused(test, execmem_free, -ENOENT, "kernel");
	expect_refused(test, area, -ENOENT, "an area of execmem_alloc()");

	KUNIT_EXPECT_TRUE(test, has_pattern(text, 1, 96));
	KUNIT_EXPECT_EQ(test, state_of(keep), LIVE);
	KUNIT_EXPECT_EQ(test, execmem_slab_free(keep), 0);
	KUNIT_EXPECT_EQ(test, execmem_slab_free(text), 0);
	expect_free_is_traps(test);
	execmem_free(area);
	/* Do not skip the test: that would hide its failures. */
	if (warned)
		kunit_info(test, "cannot detect a warning: the kernel has warned before");
	else
		KUNIT_EXPECT_FALSE_MSG(test, test_taint(TAINT_WARN), "warned");
}

static void test_wrong_ranges(struct kunit *test)
{
	u8 *text = alloc(test, 100), *area = execmem_alloc(TYPE, PAGE_SIZE);
	struct execmem_pack pack = pack_with(TYPE, DOMAIN, text);
	size_t left = pack.base + pack.size - (void *)text;
	size_t size = execmem_area_size(area, VM_EXECMEM_TEXT);

	KUNIT_EXPECT_TRUE(test, execmem_is_slab(text, left));
	KUNIT_EXPECT_FALSE(test, execmem_is_slab(text, left + 1));
	KUNIT_EXPECT_FALSE(test, execmem_is_slab(text, SIZE_MAX));
	KUNIT_EXPECT_FALSE(test, execmem_is_slab(pack.base - 1, 2));
	KUNIT_EXPECT_FALSE(test, execmem_is_slab(NULL, 1));
	KUNIT_EXPECT_FALSE(test, execmem_is_slab((void *)-1UL, 1));

	KUNIT_EXPECT_NOT_NULL(test, area);
	/* Without an MMU, no range is checked. */
	for (int i = 0; IS_ENABLED(CONFIG_MMU) && size && i < 2; i++) {
		KUNIT_EXPECT_TRUE(test, execmem_has_text(area + i, size - i));
		KUNIT_EXPECT_FALSE(test, execmem_has_text(area + i, size + 1 - i));
		KUNIT_EXPECT_FALSE(test, execmem_has_text(area + i, SIZE_MAX));
		KUNIT_EXPECT_FALSE_MSG(test, execmem_has_text(area + size + i, 1),
				       "byte %d of the guard page", i);
	}
	execmem_free(area);
}

/*
 * Races: tasks write, free and look up the same text at once.
 */

#define RACERS		6
#define RACE_MS		50
#define RACES		10
#define RACE_SIZE	SZ_32K

/**
 * struct race - text that all tasks use
 * @text:	the text; may be freed already
 * @retire:	whether the tasks retire text, instead of freeing it
 * @pack:	contains all the text; it is never empty, so that its addresses stay in use
 * @bad:	an unexpected result, or 0
 * @frees:	number of objects that were freed
 * @refused:	number of frees and writes that were refused
 */
struct race {
	void *text[RACERS];
	bool retire;
	struct execmem_pack pack;
	atomic_t bad, frees, refused;
};

/* Record a result that is neither success nor one of the expected errors. */
static void take_result(struct race *r, int ret, int expected, int also)
{
	if (ret)
		atomic_inc(&r->refused);
	if (ret && ret != expected && ret != also)
		atomic_set(&r->bad, ret);
}

static void free_racing(struct race *r, void *text)
{
	int ret;

	if (!text)
		return;
	ret = r->retire ? execmem_slab_retire(text) : execmem_slab_free(text);
	take_result(r, ret, -EINVAL, -EINVAL);
	if (!ret)
		atomic_inc(&r->frees);
}

static void replace_racing(struct race *r, void **slot, size_t size)
{
	void *text = execmem_text_alloc(TYPE, DOMAIN, size, 1);

	if (pack_if_in(&r->pack, text))
		free_racing(r, xchg(slot, text));
	else
		execmem_free(text);
}

/* Long writes: others wait, and can overtake each other. */
static void write_racing(struct race *r, void *text, size_t offset)
{
	static const u8 code[RACE_SIZE] = { [0 ... RACE_SIZE - 1] = 0x5a };
	size_t size = execmem_text_size(text);

	if (!text)
		return;
	offset = min(offset, size);
	size = min(size - offset, sizeof(code));
	take_result(r, execmem_text_copy(text, offset, code, size ?: 16), -EFAULT, -ERANGE);
}

static int race_text(void *data)
{
	void **slot, *stale = NULL;
	struct race *r = data;
	unsigned long start;
	unsigned int nr;
	u32 random;

	while (!kthread_should_stop()) {
		random = get_random_u32();
		slot = &r->text[random % RACERS];
		random /= RACERS;
		switch (random % 8) {
		case 0:
		case 1:
			replace_racing(r, slot, 16 + random / 8 % (RACE_SIZE - 16));
			break;
		case 2:
			free_racing(r, READ_ONCE(*slot));
			break;
		case 3:
			nr = UINT_MAX;
			execmem_get_symbol(&nr, &start);
			break;
		case 4:
			write_racing(r, stale, 0);
			stale = READ_ONCE(*slot);
			break;
		default:
			write_racing(r, READ_ONCE(*slot), 16 * (random / 8 % 512));
		}
		cond_resched();
	}
	return 0;
}

static void race_for(struct race *r, unsigned int ms)
{
	struct task_struct *task[RACERS];
	int i, n = 0;

	for (i = 0; i < RACERS; i++) {
		task[n] = kthread_create(race_text, r, "execmem_race");
		if (!IS_ERR(task[n])) {
			get_task_struct(task[n]);
			wake_up_process(task[n++]);
		}
	}
	msleep(ms);
	while (n)
		kthread_stop_put(task[--n]);
}

static void run_race(struct kunit *test, bool retire)
{
	struct race *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	const size_t size = EXECMEM_PACK_MAX / 32;
	u8 *keep[16], *text;
	int i, n = 0;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->retire = retire;
	while (n < ARRAY_SIZE(keep) && stats().reserved < 8 * EXECMEM_PACK_MAX) {
		text = alloc(test, size);
		if (!n)
			r->pack = pack_with(TYPE, DOMAIN, text);
		if (r->pack.size < EXECMEM_PACK_MAX || !pack_if_in(&r->pack, text))
			continue;
		write_pattern(test, text, n, size);
		keep[n++] = text;
	}
	KUNIT_ASSERT_EQ(test, n, ARRAY_SIZE(keep));

	/* Check often: reused text no longer shows a write that came too late. */
	for (n = 0; n < RACES; n++) {
		race_for(r, RACE_MS);
		/* A slot may have the address of freed text, which another object contains. */
		for (i = 0; i < RACERS; i++)
			if (execmem_text_size(r->text[i]))
				execmem_free(r->text[i]);
		execmem_retire_barrier();
		expect_free_is_traps(test);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&r->bad), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&r->frees), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&r->refused), 0);
	kunit_info(test, "%d frees, %d refused frees and writes", atomic_read(&r->frees),
		   atomic_read(&r->refused));

	for (i = 0; i < ARRAY_SIZE(keep); i++)
		KUNIT_EXPECT_TRUE_MSG(test, has_pattern(keep[i], i, size), "object %d", i);
}

static void test_races_of_frees(struct kunit *test)
{
	run_race(test, false);
}

static void test_races_with_retire(struct kunit *test)
{
	run_race(test, true);
}

#ifdef CONFIG_MMU
/* Another task may get the address at once: try again. */
static void expect_unmapped_when_freed(struct kunit *test)
{
	unsigned int tries = 0;
	void *area;

	do {
		area = execmem_alloc(TYPE, 3 * PAGE_SIZE);
		KUNIT_ASSERT_NOT_NULL(test, area);
		execmem_free(area);
	} while (execmem_has_text(area, 1) && ++tries < 20);
	KUNIT_EXPECT_LT(test, tries, 20);
}
#else
static void expect_unmapped_when_freed(struct kunit *test)
{
}
#endif

/* Memory of execmem_alloc() is not in the slab. */
static void test_free_area(struct kunit *test)
{
	void *area = execmem_alloc(TYPE, 3 * PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_EXPECT_EQ(test, execmem_text_size(area), 0);
	KUNIT_EXPECT_TRUE(test, execmem_has_text(area, 3 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, execmem_has_text(area, 3 * PAGE_SIZE + 1), !IS_ENABLED(CONFIG_MMU));
	execmem_free(area);
	expect_unmapped_when_freed(test);
	execmem_free(NULL);
	execmem_retire(NULL);
}

/*
 * Statistics, growth and shrinking.
 */

static void test_stats(struct kunit *test)
{
	void *a = alloc(test, 100), *b = alloc(test, 16);
	struct execmem_stats s;

	s = stats();
	KUNIT_EXPECT_EQ(test, s.nr_objects, 2);
	KUNIT_EXPECT_EQ(test, s.used, 112 + 16);
	KUNIT_EXPECT_EQ(test, s.nr_packs, 1);

	free_now(a);
	KUNIT_EXPECT_EQ(test, stats().used, 16);
	KUNIT_EXPECT_EQ(test, stats().nr_objects, 1);
	execmem_retire(b);
	execmem_retire_barrier();
	s = stats();
	KUNIT_EXPECT_EQ(test, s.used, 0);
	KUNIT_EXPECT_EQ(test, s.nr_objects, 0);
	KUNIT_EXPECT_EQ_MSG(test, s.nr_packs, 1, "one empty pack stays");

	flush_packs();
	s = stats();
	KUNIT_EXPECT_EQ(test, s.nr_packs, 0);
	KUNIT_EXPECT_EQ(test, s.reserved, 0);
}

static void test_first_pack(struct kunit *test)
{
	alloc(test, 100);
	KUNIT_EXPECT_LE(test, stats().reserved, max_t(size_t, SZ_64K, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, stats().nr_packs, 1);
}

static size_t next_size(size_t reserved)
{
	return roundup_pow_of_two(clamp(reserved, EXECMEM_PACK_MIN, EXECMEM_PACK_MAX));
}

/*
 * A full pool doubles, up to the largest pack. @lost is the room that a pack can lose: its
 * first object is anywhere, and the gaps on both sides may be too small.
 */
static void test_growth(struct kunit *test)
{
	const size_t size = 4096;
	size_t reserved = 0, used = 0, lost = 0, made;

	while (reserved < 4 * EXECMEM_PACK_MAX) {
		alloc(test, size);
		made = stats().reserved - reserved;
		if (made) {
			KUNIT_EXPECT_EQ_MSG(test, made, next_size(reserved), "after %zu", reserved);
			KUNIT_EXPECT_GE_MSG(test, used + lost, reserved, "the pool grew too early");
			reserved += made;
			lost += 2 * (size - GRANULE);
		}
		used += size;
	}
	KUNIT_EXPECT_EQ(test, stats().reserved, reserved);
	expect_free_is_traps(test);
	free_all(TYPE);
	KUNIT_EXPECT_EQ_MSG(test, stats().reserved, EXECMEM_PACK_MAX, "the largest pack stays");
}

#ifdef CONFIG_MMU
static bool is_mapped_by_pmd(const void *text)
{
	return pmd_leaf(*pmd_off_k((unsigned long)text));
}
#else
static bool is_mapped_by_pmd(const void *text)
{
	return false;
}
#endif

/*
 * vmalloc() uses no large pages without CONFIG_HAVE_ARCH_HUGE_VMALLOC, with
 * "nohugevmalloc", or if memory is fragmented. It may divide the size by the number of
 * nodes: request a large page for each node.
 */
static bool has_large_pages(void)
{
	void *mem = vmalloc_huge(EXECMEM_PACK_MAX * num_online_nodes(),
				 GFP_KERNEL | __GFP_NOWARN);
	bool huge = is_vm_area_hugepages(mem);

	vfree(mem);
	return huge;
}

static void fill_until_huge(struct kunit *test)
{
	while (stats().reserved < 4 * EXECMEM_PACK_MAX)
		alloc(test, EXECMEM_PACK_MIN);
}

static void test_huge_packs(struct kunit *test)
{
	struct execmem_pack pack;
	void *text;

	if (!(execmem_range(TYPE)->flags & EXECMEM_HUGE_PACKS))
		kunit_skip(test, "needs EXECMEM_HUGE_PACKS");
	if (!has_large_pages())
		kunit_skip(test, "vmalloc() maps no large pages");

	fill_until_huge(test);
	KUNIT_EXPECT_GT(test, stats().nr_huge, 0);
	/* The large page must survive set_memory_rox() and writes. */
	do {
		text = alloc(test, EXECMEM_PACK_MIN);
		pack = pack_with(TYPE, DOMAIN, text);
	} while (!pack.huge && stats().reserved < 8 * EXECMEM_PACK_MAX);
	write_pattern(test, text, 1, 64);
	KUNIT_EXPECT_TRUE(test, pack.huge);
	KUNIT_EXPECT_TRUE(test, is_mapped_by_pmd(pack.base));
	KUNIT_EXPECT_TRUE(test, is_mapped_by_pmd(text));
	KUNIT_EXPECT_TRUE(test, is_mapped_by_pmd(pack.base + pack.size - 1));
}

struct pack_events {
	atomic_t grown, shrunk;
};

static void count_grow(void *data, int type, int domain, const void *base, size_t size, bool huge)
{
	struct pack_events *e = data;

	if (type == TYPE && domain == DOMAIN)
		atomic_inc(&e->grown);
}

static void count_shrink(void *data, int type, int domain, const void *base, size_t size,
			 bool huge)
{
	struct pack_events *e = data;

	if (type == TYPE && domain == DOMAIN)
		atomic_inc(&e->shrunk);
}

static void stop_counting(void *data)
{
	unregister_trace_execmem_grow(count_grow, data);
	unregister_trace_execmem_shrink(count_shrink, data);
	tracepoint_synchronize_unregister();
}

static struct pack_events *count_packs(struct kunit *test)
{
	struct pack_events *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, e);
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "needs CONFIG_TRACEPOINTS");
	KUNIT_ASSERT_EQ(test, register_trace_execmem_grow(count_grow, e), 0);
	KUNIT_ASSERT_EQ(test, register_trace_execmem_shrink(count_shrink, e), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_counting, e), 0);
	return e;
}

/* Alternating allocations and frees that empty a pack must create the pack only once. */
static void test_hysteresis(struct kunit *test)
{
	struct pack_events *e = count_packs(test);
	int i;

	for (i = 0; i < 100; i++)
		free_now(alloc(test, 100));
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&e->grown), 1, "an empty pool");

	/* The first pack is full. Each object needs the second one. */
	alloc(test, EXECMEM_PACK_MIN);
	KUNIT_EXPECT_EQ(test, stats().nr_packs, 1);
	for (i = 0; i < 100; i++)
		free_now(alloc(test, 100));
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&e->grown), 2, "a full pack");
	flush_packs();
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&e->shrunk), 1, "the second pack");
	KUNIT_EXPECT_EQ(test, stats().nr_packs, 1);
}

/* A pool keeps one empty pack. The others are freed. */
static void test_empty_packs(struct kunit *test)
{
	struct pack_events *e = count_packs(test);

	while (stats().nr_packs < 4)
		alloc(test, EXECMEM_PACK_MIN);
	free_all(TYPE);
	KUNIT_EXPECT_EQ(test, stats().nr_packs, 1);
	KUNIT_EXPECT_EQ(test, stats().used, 0);
	flush_packs();
	KUNIT_EXPECT_EQ(test, atomic_read(&e->grown), 4);
	KUNIT_EXPECT_EQ(test, atomic_read(&e->shrunk), 4);
}

/* The statistics must include all pages. vmalloc() may round up sizes for large pages. */
static void expect_whole_area(struct kunit *test, size_t size)
{
#ifdef CONFIG_MMU
	void *text = alloc(test, size);
	struct vm_struct *area = find_vm_area(text);

	/* Packs from the ROX cache of later kernels share areas, which lack the flag. */
	if (!IS_ENABLED(CONFIG_ARCH_HAS_EXECMEM_ROX) || area->flags & VM_EXECMEM_PACK)
		KUNIT_EXPECT_EQ_MSG(test, get_vm_area_size(area),
				    pack_with(TYPE, DOMAIN, text).size, "%zu bytes", size);
	free_now(text);
#endif
}

static void test_solo_areas(struct kunit *test)
{
	expect_whole_area(test, EXECMEM_PACK_MAX / 2 + 1);
	expect_whole_area(test, EXECMEM_PACK_MAX);
	expect_whole_area(test, EXECMEM_PACK_MAX + 1);
	expect_whole_area(test, 2 * EXECMEM_PACK_MAX);
	expect_whole_area(test, 3 * EXECMEM_PACK_MAX / 2 + 1);
	expect_whole_area(test, 8 * EXECMEM_PACK_MAX - PAGE_SIZE);
}

/* Text that nearly fills large pages uses them. */
static void test_solo_size(struct kunit *test)
{
	struct execmem_range large = { .flags = EXECMEM_HUGE_PACKS }, small = { };
	struct execmem_pack solo = { .size = SZ_16M, .shift = 24, .nr_granules = 1 };
	const size_t fits = 5 * EXECMEM_PACK_MAX;

	KUNIT_EXPECT_EQ(test, execmem_solo_size(&large, fits), fits);
	KUNIT_EXPECT_EQ(test, execmem_solo_size(&large, fits - fits / 10), fits);
	KUNIT_EXPECT_EQ(test, execmem_solo_size(&large, fits + 1), fits + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, execmem_solo_size(&small, fits - fits / 10),
			PAGE_ALIGN(fits - fits / 10));
	KUNIT_EXPECT_EQ(test, execmem_huge_flag(&large, fits), VM_ALLOW_HUGE_VMAP);
	KUNIT_EXPECT_EQ(test, execmem_huge_flag(&large, fits + PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, execmem_huge_flag(&small, fits), 0);
	/* On 32-bit, 256 << 24 overflows. */
	KUNIT_EXPECT_EQ(test, execmem_granule_bytes(&solo, EXECMEM_LEAF), solo.size);
}

static void test_solo(struct kunit *test)
{
	const size_t size = EXECMEM_PACK_MAX / 2 + 1;
	void *small = alloc(test, 100), *a = alloc(test, size), *b = alloc(test, size);
	struct execmem_pack pack = pack_with(TYPE, DOMAIN, a);
	struct execmem_pack shared = pack_with(TYPE, DOMAIN, small);

	KUNIT_EXPECT_EQ(test, stats().nr_packs, 3);
	KUNIT_EXPECT_EQ(test, stats().reserved, EXECMEM_PACK_MIN + 2 * PAGE_ALIGN(size));
	KUNIT_EXPECT_TRUE(test, execmem_pack_is_solo(&pack));
	KUNIT_EXPECT_PTR_EQ(test, pack.base, a);
	KUNIT_EXPECT_EQ(test, execmem_text_size(a), PAGE_ALIGN(size));
	KUNIT_EXPECT_EQ_MSG(test, execmem_area_size(a, VM_FLUSH_RESET_PERMS),
			    IS_ENABLED(CONFIG_MMU) ? 0 : EXECMEM_TEXT_MAX,
			    "a double free would free pages of the slab");
	KUNIT_EXPECT_PTR_NE(test, pack_with(TYPE, DOMAIN, b).base, a);
	KUNIT_EXPECT_FALSE(test, execmem_pack_is_solo(&shared));

	KUNIT_EXPECT_EQ(test, execmem_slab_free(a + 16), -EINVAL);
	KUNIT_EXPECT_EQ(test, execmem_slab_free(a + PAGE_SIZE), -EINVAL);
	write_pattern(test, a, 1, 64);
	free_now(a);
	free_now(b);
	KUNIT_EXPECT_EQ_MSG(test, stats().reserved, EXECMEM_PACK_MIN, "a solo pack stays");
	flush_packs();
	KUNIT_EXPECT_EQ(test, execmem_slab_free(a), -ENOENT);
}

/*
 * Freed text of a solo pack may contain no traps. Other tasks must not allocate it before the
 * pack is freed.
 */
static void test_solo_is_not_shared(struct kunit *test)
{
	const size_t size = EXECMEM_PACK_MAX / 2 + 1;
	void *large = alloc(test, size), *small;
	int i;

	write_pattern(test, large, 1, GRANULE);
	KUNIT_EXPECT_EQ(test, execmem_slab_free(large), 0);
	for (i = 0; i < 2; i++) {
		/* Once @large is unmapped, a new pack may be at its address. */
		small = alloc(test, GRANULE);
		KUNIT_EXPECT_NULL_MSG(test, find_no_trap(small, small + GRANULE), "no trap");
		free_now(small);
	}
}

/* One write fills adjacent objects that are retired together. */
static void test_retire_side_by_side(struct kunit *test)
{
	struct poke_counts c;
	void *text[16];
	int i;

	for (i = 0; i < ARRAY_SIZE(text); i++)
		text[i] = alloc(test, GRANULE);
	count_pokes(test, &c);
	for (i = 0; i < ARRAY_SIZE(text); i++)
		execmem_retire(text[i]);
	execmem_retire_barrier();
	counted_pokes(&c);
	/* The objects may be in two leaves, and in two grace periods. */
	KUNIT_EXPECT_LE(test, atomic_long_read(&c.sets), 4);
	KUNIT_EXPECT_GT(test, atomic_long_read(&c.sets), 0);
	expect_free_is_traps(test);
}

/* A large object does not increase the size of shared packs. */
static void test_first_pack_after_solo(struct kunit *test)
{
	alloc(test, EXECMEM_PACK_MAX);
	alloc(test, GRANULE);
	KUNIT_EXPECT_EQ(test, stats().reserved, EXECMEM_PACK_MAX + EXECMEM_PACK_MIN);
}

/* Memory pressure frees the empty pack. */
static void test_shrinker(struct kunit *test)
{
	struct pack_events *e = count_packs(test);
	void *keep = alloc(test, EXECMEM_PACK_MIN);

	free_now(alloc(test, 100));
	KUNIT_EXPECT_EQ(test, stats().nr_packs, 2);
	shrink_slab(GFP_KERNEL, first_online_node, NULL, 0);
	KUNIT_EXPECT_EQ(test, stats().nr_packs, 1);
	flush_packs();
	KUNIT_EXPECT_EQ(test, atomic_read(&e->shrunk), 1);
	KUNIT_EXPECT_EQ(test, state_of(keep), LIVE);

	free_now(keep);
	KUNIT_EXPECT_EQ(test, stats().nr_packs, 1);
	shrink_slab(GFP_KERNEL, first_online_node, NULL, 0);
	KUNIT_EXPECT_EQ(test, stats().nr_packs, 0);
	KUNIT_EXPECT_EQ(test, stats().reserved, 0);
}

/*
 * Separation of types and domains.
 */

static void test_domains(struct kunit *test)
{
	struct execmem_pack pack[2];
	void *text[2];
	int i, d;

	for (i = 0; i < 16; i++) {
		for (d = 0; d < 2; d++) {
			text[d] = alloc_managed(test, TYPE, d, 100);
			pack[d] = pack_with(TYPE, d, text[d]);
			KUNIT_EXPECT_NE_MSG(test, pack[d].size, 0, "wrong pool");
			KUNIT_EXPECT_EQ(test, pack_with(TYPE, !d, text[d]).size, 0);
		}
		KUNIT_EXPECT_TRUE_MSG(test, pack[0].base + pack[0].size <= pack[1].base ||
				      pack[1].base + pack[1].size <= pack[0].base, "shared");
	}
}

static void test_types(struct kunit *test)
{
	const struct execmem_range *range;
	unsigned int type;
	unsigned long addr;
	void *text;

	for (type = 0; type < EXECMEM_MODULE_DATA; type++) {
		text = alloc_managed(test, type, DOMAIN, 100);
		addr = (unsigned long)text;
		range = execmem_range(type);
		KUNIT_EXPECT_NE_MSG(test, pack_with(type, DOMAIN, text).size, 0, "type %u", type);
		KUNIT_EXPECT_TRUE_MSG(test, (addr >= range->start && addr <= range->end) ||
				      (addr >= range->fallback_start &&
				       addr <= range->fallback_end),
				      "type %u is at %p", type, text);
	}
}

/* Find the symbol of the pack at @base. "" if it has none. */
static const char *symbol_at(const void *base)
{
	const char *symbol;
	unsigned long start;
	unsigned int i, nr;

	for (i = 0; nr = i, symbol = execmem_get_symbol(&nr, &start); i++)
		if (start == (unsigned long)base)
			return symbol;
	return "";
}

static const char * const symbols[] = {
	[EXECMEM_MODULE_TEXT]	= "",
	[EXECMEM_KPROBES]	= "kprobe_insn_page",
	[EXECMEM_OPTPROBES]	= "kprobe_optinsn_page",
	[EXECMEM_FTRACE]	= "",
	[EXECMEM_BPF]		= "",
};

static void test_lookup(struct kunit *test)
{
	unsigned int type, other;
	unsigned long addr;
	void *text, *base;

	for (type = 0; type < EXECMEM_MODULE_DATA; type++) {
		text = alloc_managed(test, type, DOMAIN, 100);
		base = pack_with(type, DOMAIN, text).base;
		addr = (unsigned long)text;
		for (other = 0; other < EXECMEM_TYPE_MAX; other++) {
			KUNIT_EXPECT_EQ(test, execmem_is_text(other, DOMAIN, addr), other == type);
			KUNIT_EXPECT_EQ(test, execmem_is_text(other, DOMAIN, addr + 99),
					other == type);
			KUNIT_EXPECT_FALSE(test, execmem_is_text(other, EXECMEM_TRUSTED, addr));
		}
		KUNIT_EXPECT_STREQ(test, symbol_at(base), symbols[type]);
	}

	KUNIT_EXPECT_FALSE(test, execmem_is_text(TYPE, DOMAIN, 0));
	KUNIT_EXPECT_FALSE(test, execmem_is_text(TYPE, DOMAIN, ULONG_MAX));
	KUNIT_EXPECT_FALSE(test, execmem_is_text(TYPE, DOMAIN, (unsigned long)test_lookup));
	KUNIT_EXPECT_FALSE(test, execmem_is_text(TYPE, DOMAIN, (unsigned long)test));

	text = alloc(test, SZ_2M);
	addr = (unsigned long)text + SZ_2M - 1;
	KUNIT_EXPECT_TRUE(test, execmem_is_text(TYPE, DOMAIN, addr));
	free_now(text);
	flush_packs();
	KUNIT_EXPECT_FALSE(test, execmem_is_text(TYPE, DOMAIN, addr));
}

static struct task_struct *flusher;
static int flushes;

/* Other tasks may allocate text too. */
static void count_flush(void)
{
	flushes += current == flusher;
}

struct pred_flush {
	bool enabled;
	void (*fn)(void);
};

static void restore_pred_flush(void *data)
{
	struct pred_flush *old = data;

	if (!old->enabled)
		static_branch_disable(&execmem_pred_flush_enabled);
	static_call_update(execmem_pred_flush, old->fn);
}

static void count_pred_flushes(struct kunit *test)
{
	struct pred_flush *old = kunit_kzalloc(test, sizeof(*old), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, old);
	flusher = current;
	old->enabled = static_key_enabled(&execmem_pred_flush_enabled);
	old->fn = static_call_query(execmem_pred_flush);
	static_call_update(execmem_pred_flush, count_flush);
	static_branch_enable(&execmem_pred_flush_enabled);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, restore_pred_flush, old), 0);
}

/* Reuse of text flushes the predictors, for the untrusted domain only. */
static void test_pred_flush(struct kunit *test)
{
	int before;
	void *text;

	count_pred_flushes(test);
	before = flushes;
	alloc(test, 100);
	KUNIT_EXPECT_EQ_MSG(test, flushes, before + 1, "a new pack");
	text = alloc(test, 100);
	KUNIT_EXPECT_EQ_MSG(test, flushes, before + 1, "never used");
	free_now(text);
	alloc_managed(test, TYPE, EXECMEM_TRUSTED, 100);
	KUNIT_EXPECT_EQ_MSG(test, flushes, before + 1, "trusted");
	alloc(test, 100);
	KUNIT_EXPECT_EQ_MSG(test, flushes, before + 2, "reused");
}

/*
 * Protection.
 */

static void expect_not_writable(struct kunit *test, void *addr, const char *what)
{
	u8 byte = *(u8 *)addr;

	KUNIT_EXPECT_EQ_MSG(test, copy_to_kernel_nofault(addr, &byte, 1), -EFAULT, "%s", what);
}

static void expect_protected(struct kunit *test, void *text)
{
	expect_not_writable(test, text, "text");
#ifdef CONFIG_MMU
	struct page *page = vmalloc_to_page(text);

	/* High memory has no linear map. set_memory_rox() of powerpc leaves it writable. */
	if (!PageHighMem(page) && !IS_ENABLED(CONFIG_PPC))
		expect_not_writable(test, page_address(page) + offset_in_page(text),
				    "its linear map");
#endif
}

static void test_not_writable(struct kunit *test)
{
	static const size_t of[] = { 16, 5000, SZ_64K, SZ_1M + 1, SZ_2M };
	void *text;
	int i;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_SET_MEMORY))
		kunit_skip(test, "needs CONFIG_ARCH_HAS_SET_MEMORY");

	for (i = 0; i < ARRAY_SIZE(of); i++) {
		text = alloc(test, of[i]);
		expect_protected(test, text);
		expect_protected(test, text + of[i] - 1);
		/* No writable alias may be left after a write. */
		write_pattern(test, text, i, 16);
		expect_protected(test, text);
	}
}

/*
 * Retiring.
 */

struct reader {
	bool rcu;
	struct task_struct *task;
	struct completion inside;
	bool left;
};

/* Busy-wait: sleeping would be a quiescent state. */
static void stay(struct reader *r)
{
	complete(&r->inside);
	while (!READ_ONCE(r->left))
		cpu_relax();
}

static int read_text(void *data)
{
	struct reader *r = data;

	if (!r->rcu) {
		stay(r);
		return 0;
	}
	rcu_read_lock();
	stay(r);
	rcu_read_unlock();
	return 0;
}

static void stop_reader(struct fixture *f)
{
	struct reader *r = f->reader;

	if (!r)
		return;
	WRITE_ONCE(r->left, true);
	kthread_stop_put(r->task);
	f->reader = NULL;
}

static const struct reader_param {
	bool rcu;
	const char *name;
} reader_params[] = {
	{ true, "rcu" },
	{ false, "preempted" },
};

KUNIT_ARRAY_PARAM_DESC(reader, reader_params, name);

static const char *why_no_reader(const struct reader_param *param)
{
	if (!param->rcu && IS_ENABLED(CONFIG_PREEMPTION) && !IS_ENABLED(CONFIG_TASKS_RCU))
		return "needs CONFIG_TASKS_RCU";

	return num_online_cpus() < 2 ? "needs two CPUs" : NULL;
}

static void start_reader(struct kunit *test, const struct reader_param *param)
{
	struct reader *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->rcu = param->rcu;
	init_completion(&r->inside);
	r->task = kthread_create(read_text, r, "execmem_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(r->task));
	get_task_struct(r->task);
	f->reader = r;
	wake_up_process(r->task);
	wait_for_completion(&r->inside);
}

/* Long enough for an implementation that does not wait, or waits for RCU only. */
static void wait_in_vain(const struct reader_param *param)
{
	if (!param->rcu && IS_ENABLED(CONFIG_PREEMPTION))
		synchronize_rcu();
	msleep(200);
}

static void expect_retired(struct kunit *test, u8 *text, size_t size)
{
	u8 junk[16] = { };

	KUNIT_EXPECT_EQ_MSG(test, state_of(text), FREED, "before the reader has left");
	KUNIT_EXPECT_TRUE_MSG(test, has_pattern(text, 1, size), "before the reader has left");
	KUNIT_EXPECT_EQ(test, execmem_text_size(text), 0);
	KUNIT_EXPECT_EQ(test, execmem_text_copy(text, 0, junk, 16), -EFAULT);
	KUNIT_EXPECT_EQ(test, execmem_slab_free(text), -EINVAL);
	KUNIT_EXPECT_EQ(test, stats().used, size + 16);
}

/* Retired text stays intact while a reader executes it, and becomes free afterwards. */
static void test_retire(struct kunit *test)
{
	const struct reader_param *param = test->param_value;
	const char *why_not = why_no_reader(param);
	const size_t size = EXECMEM_PACK_MIN - 16;
	u8 *text, *other;

	if (why_not)
		kunit_skip(test, "%s", why_not);

	/* The pack is full: only the retired text fits the next allocation. */
	text = alloc(test, size);
	alloc(test, 16);
	write_pattern(test, text, 1, size);
	start_reader(test, param);
	execmem_retire(text);
	wait_in_vain(param);
	expect_retired(test, text, size);
	other = alloc(test, size);
	KUNIT_EXPECT_TRUE_MSG(test, other + size <= text || text + size <= other, "reused");

	stop_reader(test->priv);
	execmem_retire_barrier();
	KUNIT_EXPECT_EQ_MSG(test, state_of(text), FREE, "after the barrier");
	KUNIT_EXPECT_EQ(test, stats().used, size + 16);
	expect_free_is_traps(test);
	KUNIT_EXPECT_PTR_EQ_MSG(test, (u8 *)alloc(test, size), text, "text was not reused");
}

/* Without a reader: ask RCU if a grace period has passed. */
static void test_retire_waits(struct kunit *test)
{
	unsigned long before;
	void *text;
	int i;

	alloc(test, 16);
	for (i = 0; i < 10; i++) {
		text = alloc(test, 100);
		before = get_state_synchronize_rcu();
		execmem_retire(text);
		execmem_retire_barrier();
		KUNIT_EXPECT_TRUE_MSG(test, poll_state_synchronize_rcu(before),
				      "attempt %d", i);
		KUNIT_EXPECT_EQ(test, state_of(text), FREE);
	}
}

/*
 * Number of rounds and writes.
 */

static void retire_100(struct kunit *test, struct poke_counts *cost)
{
	void *text[100];
	int i;

	for (i = 0; i < ARRAY_SIZE(text); i++)
		text[i] = alloc(test, 100);
	count_pokes(test, cost);
	for (i = 0; i < ARRAY_SIZE(text); i++)
		execmem_retire(text[i]);
	execmem_retire_barrier();
	counted_pokes(cost);
}

/* Up to two rounds: the worker may start before the last object is retired. */
static void test_batching(struct kunit *test)
{
	struct poke_counts cost;
	int i;

	for (i = 0; i < ATTEMPTS; i++) {
		retire_100(test, &cost);
		if (is_within(&cost, &cost.syncs, 2))
			break;
	}
	/* One call fills adjacent text. */
	KUNIT_EXPECT_GE(test, atomic_long_read(&cost.sets), 1);
	KUNIT_EXPECT_LE(test, atomic_long_read(&cost.sets), 100);
	KUNIT_EXPECT_GE(test, atomic_long_read(&cost.syncs), 1);
	/* There are at most as many rounds as requests. */
	KUNIT_EXPECT_TRUE_MSG(test, is_within(&cost, &cost.syncs, 2), "%ld requests",
			      atomic_long_read(&cost.syncs));
	KUNIT_EXPECT_EQ(test, stats().used, 0);
}

/* Retire objects with pauses that are shorter than the delay of the worker. */
static void free_slowly(struct kunit *test, struct poke_counts *cost)
{
	int i;

	count_pokes(test, cost);
	for (i = 0; i < 4; i++) {
		execmem_retire(alloc(test, 100));
		msleep(20);
	}
	execmem_retire_barrier();
	counted_pokes(cost);
}

static void test_slow_batching(struct kunit *test)
{
	struct poke_counts cost;
	int i;

	for (i = 0; i < ATTEMPTS; i++) {
		free_slowly(test, &cost);
		if (is_within(&cost, &cost.rounds, 2))
			break;
	}
	KUNIT_EXPECT_GE(test, atomic_long_read(&cost.syncs), 1);
	KUNIT_EXPECT_TRUE_MSG(test, is_within(&cost, &cost.rounds, 2), "%ld rounds",
			      atomic_long_read(&cost.rounds));
}

/* Count the writes and rounds of fn(test, nr). Repeat if other users of text disturb. */
static void count_cost(struct kunit *test, void (*fn)(struct kunit *test, unsigned int nr),
		       unsigned int nr, long max_rounds, struct poke_counts *cost)
{
	int i;

	for (i = 0; i < ATTEMPTS; i++) {
		count_pokes(test, cost);
		fn(test, nr);
		counted_pokes(cost);
		if (is_within(cost, &cost->rounds, max_rounds))
			break;
	}
	KUNIT_EXPECT_TRUE_MSG(test, is_within(cost, &cost->rounds, max_rounds), "%ld rounds",
			      atomic_long_read(&cost->rounds));
}

static void allocate_and_copy(struct kunit *test, unsigned int nr)
{
	u8 src[64] = { };

	while (nr--)
		KUNIT_EXPECT_EQ(test, execmem_text_copy(alloc(test, 64), 0, src, 64), 0);
}

static void allocate_and_free(struct kunit *test, unsigned int nr)
{
	unsigned long end = jiffies + HZ / 20;
	unsigned int i;

	/* At least two, even if a busy system needs longer. */
	for (i = 0; i < 2 || (i < nr && time_before(jiffies, end)); i++)
		execmem_free(alloc(test, 64));
	execmem_retire_barrier();
}

/* Allocations and copies cause no round. All frees share one. */
static void test_costs(struct kunit *test)
{
	struct poke_counts cost;

	count_cost(test, allocate_and_copy, 10, 0, &cost);
	KUNIT_EXPECT_GE(test, atomic_long_read(&cost.copies), 10);

	count_cost(test, allocate_and_free, 1000, 1, &cost);
	KUNIT_EXPECT_GE(test, atomic_long_read(&cost.sets), 2);
	KUNIT_EXPECT_GE(test, atomic_long_read(&cost.syncs), 1);
	kunit_info(test, "freeing %ld objects: %ld rounds", atomic_long_read(&cost.sets),
		   atomic_long_read(&cost.rounds));
}

/* Number of bytes that wait for a round, shortly after freeing 4 MiB. */
static size_t waiting_of_much(struct kunit *test)
{
	size_t waiting;

	while (stats().used < 4 * SZ_1M)
		alloc(test, EXECMEM_PACK_MIN);
	start_free_all(TYPE);
	msleep(50);
	waiting = stats().used;
	execmem_retire_barrier();
	return waiting;
}

/* 1 MiB of freed text starts a round. */
static void test_free_much(struct kunit *test)
{
	size_t waiting = SIZE_MAX;
	int i;

	for (i = 0; i < ATTEMPTS && waiting > SZ_1M; i++)
		waiting = waiting_of_much(test);
	KUNIT_EXPECT_LE(test, waiting, SZ_1M);
}

static int free_much(void *unused)
{
	while (!kthread_should_stop()) {
		execmem_free(execmem_text_alloc(EXECMEM_FTRACE, DOMAIN, SZ_1M, 1));
		cond_resched();
	}
	return 0;
}

/* Each free of 1 MiB starts a round at once. The barrier must not miss that round. */
static void test_barrier_beside_rounds(struct kunit *test)
{
	struct task_struct *task = kthread_run(free_much, NULL, "execmem_kunit");
	unsigned long end = jiffies + 3 * HZ;
	unsigned int i, missed = 0;
	void *text;

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (i = 0; i < 10 || (i < 300 && time_before(jiffies, end)); i++) {
		text = execmem_text_alloc(TYPE, DOMAIN, 100, 1);
		free_now(text);
		missed += !text || state_of(text) != FREE;
	}
	kthread_stop(task);
	KUNIT_EXPECT_EQ(test, missed, 0);
}

/* Freed text contains traps at once, but cannot be reused before a round. */
static void test_reuse_waits(struct kunit *test)
{
	const size_t size = EXECMEM_PACK_MIN - 16;
	struct poke_counts cost;
	enum state state;
	u8 *text;

	/* The pack is full: only the freed text fits the next allocation. */
	text = alloc(test, size);
	alloc(test, 16);
	write_pattern(test, text, 1, size);
	count_pokes(test, &cost);
	execmem_free(text);
	state = state_of(text);
	if (!atomic_long_read(&cost.rounds))
		KUNIT_EXPECT_EQ_MSG(test, state, FREED, "before a round");
	KUNIT_EXPECT_NULL_MSG(test, find_no_trap(text, text + size), "no trap");

	execmem_retire_barrier();
	counted_pokes(&cost);
	KUNIT_EXPECT_GE(test, atomic_long_read(&cost.syncs), 1);
	KUNIT_EXPECT_EQ(test, state_of(text), FREE);
	KUNIT_EXPECT_PTR_EQ_MSG(test, (u8 *)alloc(test, size), text, "text was not reused");
}

/* Callers such as kprobes hold text_mutex. The test hangs if a function takes it. */
static void test_text_mutex(struct kunit *test)
{
	u8 src[64] = { };
	void *text;

	scoped_guard(mutex, &text_mutex) {
		text = execmem_text_alloc(TYPE, DOMAIN, 64, 1);
		KUNIT_EXPECT_EQ(test, execmem_text_copy(text, 0, src, 64), 0);
		execmem_free(text);
		text = execmem_text_alloc(TYPE, DOMAIN, 64, 1);
		execmem_retire(text);
	}
	execmem_retire_barrier();
	KUNIT_EXPECT_EQ(test, stats().used, 0);
}

/*
 * Each test must leave the pools as it found them.
 */

static void quiesce(void)
{
	execmem_retire_barrier();
	flush_packs();
}

static int execmem_test_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	int i;

	if (!f)
		return -ENOMEM;

	test->priv = f;
	quiesce();
	for (i = 0; i < ARRAY_SIZE(own_types); i++)
		execmem_get_stats(own_types[i], DOMAIN, &f->before[i]);
	return 0;
}

static void expect_same(struct kunit *test, enum execmem_type type,
			const struct execmem_stats *before)
{
	struct execmem_stats after;

	execmem_get_stats(type, DOMAIN, &after);
	KUNIT_EXPECT_EQ_MSG(test, after.nr_packs, before->nr_packs, "type %d", type);
	KUNIT_EXPECT_EQ_MSG(test, after.nr_huge, before->nr_huge, "type %d", type);
	KUNIT_EXPECT_EQ_MSG(test, after.reserved, before->reserved, "type %d", type);
	KUNIT_EXPECT_EQ_MSG(test, after.used, before->used, "type %d", type);
	KUNIT_EXPECT_EQ_MSG(test, after.nr_objects, before->nr_objects, "type %d", type);
}

static void execmem_test_exit(struct kunit *test)
{
	struct fixture *f = test->priv;
	int i;

	if (!f)
		return;
	/* Freeing waits for grace periods, and thus for the reader. */
	stop_reader(f);
	while (f->nr_managed)
		execmem_free(f->managed[--f->nr_managed]);
	for (i = 0; i < ARRAY_SIZE(own_types); i++)
		free_all(own_types[i]);
	quiesce();
	for (i = 0; i < ARRAY_SIZE(own_types); i++)
		expect_same(test, own_types[i], &f->before[i]);
}

static struct kunit_case execmem_test_cases[] = {
	KUNIT_CASE(test_sizes),
	KUNIT_CASE(test_small_sizes),
	KUNIT_CASE(test_alignment),
	KUNIT_CASE(test_wrong_arguments),
	KUNIT_CASE(test_placement),
	KUNIT_CASE(test_aligned_hole),
	KUNIT_CASE(test_coalesce),
	KUNIT_CASE(test_contents),
	KUNIT_CASE(test_copy_bounds),
	KUNIT_CASE(test_copy_errors),
	KUNIT_CASE(test_free_fills_traps),
	KUNIT_CASE(test_random),
	KUNIT_CASE(test_wrong_addresses),
	KUNIT_CASE(test_wrong_ranges),
	KUNIT_CASE(test_races_of_frees),
	KUNIT_CASE(test_races_with_retire),
	KUNIT_CASE(test_free_area),
	KUNIT_CASE(test_stats),
	KUNIT_CASE(test_first_pack),
	KUNIT_CASE(test_growth),
	KUNIT_CASE(test_huge_packs),
	KUNIT_CASE(test_hysteresis),
	KUNIT_CASE(test_empty_packs),
	KUNIT_CASE(test_solo),
	KUNIT_CASE(test_solo_areas),
	KUNIT_CASE(test_solo_size),
	KUNIT_CASE(test_solo_is_not_shared),
	KUNIT_CASE(test_retire_side_by_side),
	KUNIT_CASE(test_first_pack_after_solo),
	KUNIT_CASE(test_shrinker),
	KUNIT_CASE(test_domains),
	KUNIT_CASE(test_types),
	KUNIT_CASE(test_lookup),
	KUNIT_CASE(test_pred_flush),
	KUNIT_CASE(test_not_writable),
	KUNIT_CASE_PARAM(test_retire, reader_gen_params),
	KUNIT_CASE(test_retire_waits),
	KUNIT_CASE(test_batching),
	KUNIT_CASE(test_slow_batching),
	KUNIT_CASE(test_costs),
	KUNIT_CASE(test_free_much),
	KUNIT_CASE(test_barrier_beside_rounds),
	KUNIT_CASE(test_reuse_waits),
	KUNIT_CASE(test_text_mutex),
	{ }
};

static struct kunit_suite execmem_test_suite = {
	.name = "execmem",
	.init = execmem_test_init,
	.exit = execmem_test_exit,
	.test_cases = execmem_test_cases,
};

kunit_test_suite(execmem_test_suite);

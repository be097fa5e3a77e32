/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of the execmem slab in the test_vmalloc_text module. All CPUs allocate, write,
 * execute, free and retire text concurrently. Nothing must be left afterwards.
 *
 * The tests compare statistics of untrusted text for kprobes and ftrace before and
 * after. No other code allocates such text, so that the figures must match to the byte.
 * They do not compare other types and domains, which other tasks may use meanwhile.
 */
#ifndef _LIB_TEST_VMALLOC_TEXT_SLAB_H
#define _LIB_TEST_VMALLOC_TEXT_SLAB_H

#include <linux/execmem.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/rcupdate_trace.h>

static const enum execmem_type slab_types[] = { EXECMEM_KPROBES, EXECMEM_FTRACE };

#define SLAB_TYPE	EXECMEM_KPROBES
#define SLAB_DOMAIN	EXECMEM_UNTRUSTED
#define SLAB_GRANULE	16

/* Statistics before the first of these tests. */
static struct execmem_stats slab_at_load[ARRAY_SIZE(slab_types)];

static void slab_get_stats(struct execmem_stats *s)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(slab_types); i++)
		CHECK_EQ(test_text.slab_stats(slab_types[i], SLAB_DOMAIN, &s[i]), 0, "type %d", i);
}

static void slab_begin(void)
{
	static bool begun;

	if (begun)
		return;
	test_text.slab_flush();
	slab_get_stats(slab_at_load);
	begun = true;
}

static void check_slab_as_at_load(const char *when)
{
	struct execmem_stats now[ARRAY_SIZE(slab_types)];
	int i;

	test_text.slab_flush();
	slab_get_stats(now);
	for (i = 0; i < ARRAY_SIZE(slab_types); i++) {
		const struct execmem_stats *n = &now[i], *was = &slab_at_load[i];

		CHECK_EQ(n->nr_objects, was->nr_objects, "%s, type %d", when, slab_types[i]);
		CHECK_EQ(n->used, was->used, "%s, type %d", when, slab_types[i]);
		CHECK_EQ(n->reserved, was->reserved, "%s, type %d", when, slab_types[i]);
		CHECK_EQ(n->nr_packs, was->nr_packs, "%s, type %d", when, slab_types[i]);
		CHECK_EQ(n->nr_huge, was->nr_huge, "%s, type %d", when, slab_types[i]);
	}
}

/*
 * Range in which traps are expected: from the lowest to the highest text that
 * test_slab_retire() allocated.
 */
static unsigned long slab_low = ULONG_MAX, slab_high;

static bool __kprobes slab_text_has(unsigned long ip)
{
	return ip >= READ_ONCE(slab_low) && ip < READ_ONCE(slab_high);
}

static void slab_traps_in(const void *text, size_t size)
{
	unsigned long start = (unsigned long)text, end = start + size;

	WRITE_ONCE(slab_low, min(slab_low, start));
	WRITE_ONCE(slab_high, max(slab_high, end));
}

static void slab_no_traps(void)
{
	WRITE_ONCE(slab_low, ULONG_MAX);
	WRITE_ONCE(slab_high, 0);
}

static int slab_write(u8 *text, size_t at, u32 value, unsigned int nops)
{
	u8 code[CODE_MAX];
	int ret = test_text.slab_copy(text, at, code, gen_func(code, value, nops));

	if (!ret)
		test_text.poke_sync();
	return ret;
}

/* Allocate text for one function and write it. */
static u8 *slab_func(enum execmem_type type, enum execmem_domain domain, size_t size, u32 value)
{
	u8 *text = test_text.slab_alloc(type, domain, size, 1);

	if (!CHECK(text, "%zu bytes of type %d, domain %d", size, type, domain))
		return NULL;
	if (CHECK_EQ(slab_write(text, 0, value, value % 8), 0, "%zu bytes", size))
		return text;

	test_text.free(text);
	return NULL;
}

/*
 * Execute adjacent functions of each type and domain on all CPUs.
 */
#define SLAB_RUN	16

static void slab_run_kind(enum execmem_type type, enum execmem_domain domain)
{
	u8 *text[SLAB_RUN] = { };
	int i;

	for (i = 0; i < SLAB_RUN; i++) {
		text[i] = slab_func(type, domain, CODE_MAX + i, value_of(i));
		if (!text[i])
			break;
		CHECK_EQ(test_text.slab_size(text[i]), ALIGN(CODE_MAX + i, SLAB_GRANULE),
			 "function %d", i);
	}
	for (i = 0; i < SLAB_RUN && text[i]; i++) {
		check_on_all_cpus(text[i], value_of(i), "slab");
		CHECK_EQ(test_text.write(text[i]), -EFAULT, "function %d", i);
	}
	for (i = 0; i < SLAB_RUN && text[i]; i++) {
		test_text.free(text[i]);
		CHECK_EQ(test_text.slab_size(text[i]), 0, "function %d", i);
	}
}

static void test_slab_run(void)
{
	unsigned int type, domain;

	slab_begin();
	for (type = 0; type < EXECMEM_MODULE_DATA; type++)
		for (domain = 0; domain < EXECMEM_NR_DOMAINS; domain++)
			slab_run_kind(type, domain);
	check_slab_as_at_load("afterwards");
}

/*
 * Stress. Each thread allocates and frees functions of random sizes, types and domains,
 * and executes all its functions in between.
 */
#define SLAB_SLOTS	8

struct slab_slot {
	u8 *text;
	size_t at;		/* offset of the function in the text */
	u32 value;
};

static atomic_long_t slab_allocs;

static size_t slab_random_size(struct rnd_state *rng)
{
	u32 random = prandom_u32_state(rng);

	switch (random % 64) {
	case 0:
		return CODE_MAX + random / 64 % SZ_64K;
	case 1 ... 8:
		return CODE_MAX + random / 64 % SZ_8K;
	default:
		return CODE_MAX + random / 64 % 512;
	}
}

static void slab_fill_slot(struct slab_slot *s, struct rnd_state *rng)
{
	enum execmem_type type = prandom_u32_state(rng) % EXECMEM_MODULE_DATA;
	enum execmem_domain domain = prandom_u32_state(rng) % EXECMEM_NR_DOMAINS;
	size_t size = slab_random_size(rng);

	s->text = test_text.slab_alloc(type, domain, size, 1 << prandom_u32_state(rng) % 8);
	if (!CHECK(s->text, "%zu bytes of type %d, domain %d", size, type, domain))
		return;

	s->at = round_down(prandom_u32_state(rng) % (size - CODE_MAX + 1), SLAB_GRANULE);
	s->value = prandom_u32_state(rng);
	CHECK_EQ(slab_write(s->text, s->at, s->value, s->value % 8), 0, "%zu bytes at %zu",
		 size, s->at);
	CHECK_EQ(test_text.slab_copy(s->text, test_text.slab_size(s->text) - 4, &s->value, 8),
		 -ERANGE, "%zu bytes", size);
	atomic_long_inc(&slab_allocs);
}

static void slab_empty_slot(struct slab_slot *s, bool retire)
{
	if (retire)
		test_text.slab_retire(s->text);
	else
		test_text.free(s->text);
	s->text = NULL;
}

static void slab_run_slots(struct worker *w, const struct slab_slot *slots)
{
	u32 value;
	int i;

	for (i = 0; i < SLAB_SLOTS; i++) {
		if (!slots[i].text)
			continue;
		value = call(slots[i].text + slots[i].at);
		CHECK(value == slots[i].value, "thread %u got %x, not %x", w->nr, value,
		      slots[i].value);
		count_calls(w, 1);
	}
}

static void slab_worker(struct worker *w)
{
	struct slab_slot slots[SLAB_SLOTS] = { }, *s;
	int i, loops = max(test_loop_count / 2, 16);
	struct rnd_state rng;

	prandom_seed_state(&rng, seed + w->nr);
	for (i = 0; i < loops && !failed(); i++) {
		s = &slots[prandom_u32_state(&rng) % SLAB_SLOTS];
		if (s->text)
			slab_empty_slot(s, prandom_u32_state(&rng) % 2);
		else
			slab_fill_slot(s, &rng);
		slab_run_slots(w, slots);
		cond_resched();
	}
	for (s = slots; s < slots + SLAB_SLOTS; s++)
		if (s->text)
			slab_empty_slot(s, true);
	worker_is_at(w, 1);
}

static void test_slab_stress(void)
{
	unsigned int nr = many_threads();

	slab_begin();
	atomic_long_set(&slab_allocs, 0);
	if (start_workers(nr, slab_worker, NULL))
		wait_for_workers(1);
	diag("slab_stress: %u threads, %ld allocations, %lu calls meanwhile", nr,
	     atomic_long_read(&slab_allocs), worker_calls());
	stop_workers();
	check_slab_as_at_load("afterwards");
}

/*
 * Retire functions while CPUs execute them. The low byte of the return value is the
 * index of the function. A function that is freed too early traps or returns the value
 * of another function.
 */
static const char *const slab_flavours[] = {
	"rcu_read_lock", "preempt_disable", "nothing",
};

/* How long a reader executes a function, and how long after its replacement. */
#define SLAB_RUN_NS	(5 * NSEC_PER_MSEC)
#define SLAB_LINGER_NS	(2 * NSEC_PER_MSEC)

struct slab_published {
	u8 *text[ARRAY_SIZE(slab_flavours)];
	atomic_long_t lingered;
};

static void slab_enter(unsigned int flavour)
{
	if (flavour == 0)
		rcu_read_lock();
	else if (flavour == 1)
		preempt_disable();
}

static void slab_leave(unsigned int flavour)
{
	if (flavour == 0)
		rcu_read_unlock();
	else if (flavour == 1)
		preempt_enable();
}

/* Execute a published function until it is replaced, and then SLAB_LINGER_NS longer. */
static bool slab_linger(struct worker *w, u8 *text, u32 want, u8 *const *published)
{
	u64 now = ktime_get_ns(), end = now + SLAB_RUN_NS;
	bool replaced = false;
	u32 value;

	for (; now < end; now = ktime_get_ns()) {
		value = call(text);
		count_calls(w, 1);
		if (!CHECK(value == want, "%x, not %x, %sreplaced", value, want,
			   replaced ? "" : "not "))
			break;
		if (!replaced && READ_ONCE(*published) != text) {
			replaced = true;
			end = now + SLAB_LINGER_NS;
		}
	}
	return replaced;
}

static void slab_call_published(struct worker *w, struct slab_published *p, unsigned int nr)
{
	const char *name = slab_flavours[nr];
	bool lingered;
	u8 *text;
	u32 first;

	slab_enter(nr);
	/* Pairs with the release in slab_replace(). */
	text = smp_load_acquire(&p->text[nr]);
	first = call(text);
	CHECK((first & 0xff) == nr, "%s: %x of function %u", name, first, nr);
	lingered = slab_linger(w, text, first, &p->text[nr]);
	slab_leave(nr);

	if (lingered)
		atomic_long_inc(&p->lingered);
}

static void slab_reader(struct worker *w)
{
	unsigned int nr = w->nr;

	while (!kthread_should_stop() && !failed()) {
		slab_call_published(w, w->data, nr++ % ARRAY_SIZE(slab_flavours));
		cond_resched();
	}
}

static int slab_loops(void)
{
	return max(test_loop_count / 10, 16);
}

static u8 *slab_new_function(unsigned int nr, unsigned int generation)
{
	u8 *text = slab_func(SLAB_TYPE, SLAB_DOMAIN, CODE_MAX, generation << 8 | nr);

	if (text)
		slab_traps_in(text, CODE_MAX);
	return text;
}

static bool slab_replace(struct slab_published *p, unsigned int nr, unsigned int generation)
{
	u8 *old = p->text[nr], *new = slab_new_function(nr, generation);

	if (!new)
		return false;
	/* Pairs with the acquire in slab_call_published(). */
	smp_store_release(&p->text[nr], new);
	test_text.slab_retire(old);
	return true;
}

static void slab_replace_all(struct slab_published *p)
{
	int i, loops = slab_loops();
	unsigned int nr;

	for (i = 1; i <= loops && !failed(); i++) {
		for (nr = 0; nr < ARRAY_SIZE(slab_flavours); nr++)
			if (!slab_replace(p, nr, i))
				return;
		/* Vary the time, so that many addresses are reused. */
		usleep_range(100 * (i % 8), 1000);
	}
}

static bool slab_publish_all(struct slab_published *p)
{
	unsigned int nr;

	for (nr = 0; nr < ARRAY_SIZE(slab_flavours); nr++) {
		p->text[nr] = slab_new_function(nr, 0);
		if (!p->text[nr])
			return false;
	}
	return true;
}

static void test_slab_retire(void)
{
	const char *not_caught = catch_traps();
	struct slab_published p = { };
	unsigned int nr;

	/* If traps cannot be caught, executing freed text may crash the kernel. */
	if (not_caught)
		diag("slab_retire: %s", not_caught);
	slab_begin();
	if (slab_publish_all(&p) && start_workers(max(4U, num_online_cpus()), slab_reader, &p))
		slab_replace_all(&p);
	diag("slab_retire: %lu calls; %ld readers were in a function when it was retired",
	     worker_calls(), atomic_long_read(&p.lingered));
	stop_workers();
	CHECK(atomic_long_read(&p.lingered), "no function was executed while it was retired");
	for (nr = 0; nr < ARRAY_SIZE(slab_flavours); nr++)
		test_text.slab_retire(p.text[nr]);
	check_slab_as_at_load("afterwards");
	slab_no_traps();
	if (!not_caught)
		uncatch_traps();
}

/*
 * Allocate much text at once and free all of it.
 */
#define SLAB_PRESSURE	512

static unsigned int slab_alloc_much(u8 **text, enum execmem_type type)
{
	unsigned int i;

	for (i = 0; i < SLAB_PRESSURE; i++) {
		text[i] = test_text.slab_alloc(type, SLAB_DOMAIN, i % 64 ? 4000 : SZ_64K, 1);
		if (!CHECK(text[i], "object %u of type %d", i, type))
			break;
	}
	return i;
}

static void slab_check_much(u8 *const *text, unsigned int nr, enum execmem_type type)
{
	struct execmem_stats s;
	unsigned int i;

	CHECK_EQ(test_text.slab_stats(type, SLAB_DOMAIN, &s), 0, "type %d", type);
	CHECK(s.used >= 4000UL * nr, "%zu bytes used", s.used);
	CHECK(s.used <= s.reserved, "%zu of %zu bytes used", s.used, s.reserved);
	CHECK(s.nr_packs < nr / 4, "%u packs for %u objects", s.nr_packs, nr);
	for (i = 0; i < nr; i += 16)
		CHECK_EQ(slab_write(text[i], 0, value_of(i), i % 8), 0, "object %u", i);
	for (i = 0; i < nr; i += 16)
		check_on_all_cpus(text[i], value_of(i), "much");
}

static void slab_press(u8 **text, enum execmem_type type)
{
	unsigned int i, nr = slab_alloc_much(text, type);

	slab_check_much(text, nr, type);
	for (i = 0; i < nr; i++)
		slab_empty_slot(&(struct slab_slot) { .text = text[i] }, i % 4);
}

static void test_slab_pressure(void)
{
	u8 **text = kcalloc(SLAB_PRESSURE, sizeof(*text), GFP_KERNEL);
	int i;

	if (!CHECK(text, "no memory"))
		return;

	slab_begin();
	for (i = 0; i < ARRAY_SIZE(slab_types); i++)
		slab_press(text, slab_types[i]);
	check_slab_as_at_load("afterwards");
	kfree(text);
}

/*
 * Number of writes and rounds for single functions and for batches.
 */
#define SLAB_BATCH	100

static void slab_one_by_one(unsigned int nr)
{
	u8 *text;

	for (; nr; nr--) {
		text = slab_func(SLAB_TYPE, SLAB_DOMAIN, CODE_MAX, value_of(nr));
		if (text)
			test_text.free(text);
	}
}

static void slab_publish_batch(u8 **text, unsigned int nr)
{
	u8 code[CODE_MAX];
	unsigned int i;

	/* Forget the text of an earlier attempt: it is freed already. */
	memset(text, 0, nr * sizeof(*text));
	for (i = 0; i < nr; i++) {
		text[i] = test_text.slab_alloc(SLAB_TYPE, SLAB_DOMAIN, CODE_MAX, 1);
		if (!CHECK(text[i], "object %u", i))
			return;
		CHECK_EQ(test_text.slab_copy(text[i], 0, code, gen_func(code, value_of(i), i % 8)),
			 0, "object %u", i);
	}
	test_text.poke_sync();
}

/* Up to three rounds: the worker may start while the batch is still being retired. */
static void slab_check_batch(u8 **text)
{
	struct poke_counts before, cost;
	int i, attempts;

	for (attempts = 0; attempts < ATTEMPTS; attempts++) {
		get_counts(&before);
		slab_publish_batch(text, SLAB_BATCH);
		for (i = 0; i < SLAB_BATCH; i++)
			test_text.slab_retire(text[i]);
		test_text.slab_barrier();
		counts_since(&cost, &before);
		if (cost.syncs <= 3)
			break;
	}
	CHECK(cost.syncs <= 3, "%lu requests", cost.syncs);
	CHECK(cost.rounds <= 3, "%lu rounds", cost.rounds);
	CHECK(cost.copies >= SLAB_BATCH && cost.sets > 0, "%lu copies, %lu sets",
	      cost.copies, cost.sets);
	diag("slab_cost: %u published and retired: %lu copies, %lu sets, %lu rounds", SLAB_BATCH,
	     cost.copies, cost.sets, cost.rounds);
}

static void slab_time_pairs(void)
{
	const unsigned int nr = max(test_loop_count / 5, 16);
	struct poke_counts before, cost;
	ktime_t start = ktime_get();
	cycles_t cycles = get_cycles();

	get_counts(&before);
	slab_one_by_one(nr);
	cycles = get_cycles() - cycles;
	counts_since(&cost, &before);
	diag("slab_cost: %u times alloc, publish, free: each %llu %s, %lld ns", nr,
	     div_u64(cycles, nr), COUNTER_NAME,
	     div_s64(ktime_to_ns(ktime_sub(ktime_get(), start)), nr));
	diag("slab_cost: %u times alloc, publish, free: %lu copies, %lu sets, %lu rounds", nr,
	     cost.copies, cost.sets, cost.rounds);
}

/* Ten publications take ten rounds. The frees share one or two. */
static void slab_check_frees(void)
{
	struct poke_counts cost;

	count_cost(slab_one_by_one, 10, 12, &cost);
	CHECK(cost.syncs >= 10 && cost.syncs <= 12, "%lu requests", cost.syncs);
	CHECK(cost.rounds >= 10 && cost.rounds <= 12, "%lu rounds", cost.rounds);
}

static void test_slab_cost(void)
{
	u8 **text = kcalloc(SLAB_BATCH, sizeof(*text), GFP_KERNEL);

	if (!CHECK(text, "no memory"))
		return;

	slab_begin();
	slab_check_frees();
	slab_check_batch(text);
	slab_time_pairs();
	check_slab_as_at_load("afterwards");
	kfree(text);
}

/* Runs last: all text of the earlier tests must be free. */
static void test_slab_leak(void)
{
	int i;

	slab_begin();
	for (i = 0; i < ARRAY_SIZE(slab_types); i++) {
		u8 *text = slab_func(slab_types[i], SLAB_DOMAIN, CODE_MAX, value_of(i));

		if (text)
			slab_empty_slot(&(struct slab_slot) { .text = text }, i % 2);
	}
	check_slab_as_at_load("at the end");
}

/*
 * Measuring: allocate from the slab and allocate whole pages.
 */

static int perf_slab(u8 *at, size_t size, unsigned long i)
{
	u8 *text = test_text.slab_alloc(SLAB_TYPE, SLAB_DOMAIN, size, 1);
	int ret;

	if (!text)
		return -ENOMEM;
	ret = test_text.slab_copy(text, 0, shadow, size);
	if (!ret)
		test_text.poke_sync();
	test_text.free(text);
	return ret;
}

static int perf_pages(u8 *at, size_t size, unsigned long i)
{
	u8 *text = test_text.alloc(PAGE_ALIGN(size));
	int ret;

	if (!text)
		return -ENOMEM;
	ret = copy_and_sync(text, shadow, size);
	test_text.free(text);
	return ret;
}

#endif /* _LIB_TEST_VMALLOC_TEXT_SLAB_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of mm/execmem/, as KTAP:
 *
 *	tests [--steps N] [--seconds N] [--threads N] [--seed N] [NAME...]
 *
 * The first fault ends the program and reports the step that found it.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pages.h"
#include "pool.h"
#include "test.h"

#define GRANULE		16

static unsigned long seed = 1, step;
static unsigned long steps = 300000;
static unsigned int seconds = 5, nr_threads = 4;
static const char *running;
static unsigned int number;

void die(const char *fmt, ...)
{
	va_list args;

	printf("# %s, seed %lu, step %lu: ", running, seed, step);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\nnot ok %u - %s\n", number, running);
	fflush(stdout);
	abort();
}

static void check_nothing_left(void)
{
	model_free_all();
	if (env.mapped)
		die("%zu bytes are still mapped", env.mapped);
}

void test_random(unsigned long steps)
{
	unsigned long every = clamp(steps / 300, 100UL, 10000UL);

	for (step = 1; step <= steps; step++) {
		model_step(step);
		if (!(step % every))
			model_check_all();
	}
	printf("# %lu steps, %zu objects at the end, %lu maps, %lu rounds, %lu flushes\n", steps,
	       model_objects(), env.maps, env.syncs, env.flushes);
	if (!env.flushes)
		die("predictors were never flushed");
	check_nothing_left();
}

/* Run a short life cycle in which the @n-th fallible call fails. False if there were fewer. */
static bool live_with_failure(long n)
{
	unsigned int i;
	long asked;

	env.asked = 0;
	env.fail_at = n;
	for (i = 0; i < 60; i++)
		model_step(n * 100 + i);
	env.fail_at = 0;
	asked = env.asked;
	/* Packs that could not be released then can be released now. */
	env_shrink();
	model_check_all();
	check_nothing_left();
	return asked >= n;
}

/* Let each fallible call fail in turn, together with the @run - 1 following ones. */
static void fail_in_turn(long run)
{
	long before, n = 0;

	check_nothing_left();
	before = env.allocations;
	env.fail_run = run;
	do {
		step = ++n;
	} while (n < 3000 && (live_with_failure(n) || n < 300));

	printf("# %ld times %ld failures; %ld pieces of metadata, %ld before\n", n - 1, run,
	       env.allocations, before);
	if (env.allocations != before)
		die("metadata is lost");
}

void test_failures(void)
{
	fail_in_turn(1);
	fail_in_turn(4);
}

/* Text must not be reused before it can be filled with traps. */
void test_fill_fails(void)
{
	void *a = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 5000, 1);
	void *b = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 5000, 1);
	struct execmem_stats s;
	unsigned int i;
	void *text;

	env.no_writes = true;
	if (execmem_slab_free(a) || execmem_slab_free(a) != -EINVAL)
		die("freeing text did not succeed exactly once");
	execmem_slab_retire(b);
	for (i = 0; i < 10; i++)
		execmem_retire_barrier();
	execmem_get_stats(EXECMEM_BPF, EXECMEM_TRUSTED, &s);
	if (s.nr_objects || s.used != 2 * ALIGN(5000, 16))
		die("%lu objects, %zu bytes used", s.nr_objects, s.used);

	for (i = 0; i < 100; i++) {
		text = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 1000, 1);
		if ((text >= a && text < a + 5000) || (text >= b && text < b + 5000))
			die("text without traps is allocated");
		execmem_slab_retire(text);
	}
	env.no_writes = false;
	check_nothing_left();
}

static size_t reserved_for(size_t size)
{
	void *text = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, size, 1);
	size_t mapped = env.mapped;

	execmem_slab_free(text);
	check_nothing_left();
	return mapped;
}

/* The address of the fifth object in a new pool must depend on the seed. */
static void check_entropy(void)
{
	unsigned int i, j, different = 0;
	void *text[5], *places[64];

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		env.rng = (i + 1) * 0x9e3779b97f4a7c15ULL;
		for (j = 0; j < 5; j++)
			text[j] = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 200, 1);
		places[i] = text[4];
		for (j = 0; j < i && places[j] != places[i]; j++)
			;
		different += j == i;
		for (j = 0; j < 5; j++)
			execmem_slab_free(text[j]);
		check_nothing_left();
	}
	printf("# the fifth function was in %u places, of %zu pools\n", different,
	       ARRAY_SIZE(places));
	if (different < 48)
		die("placement does not depend on the seed");
}

static void check_waste(void)
{
	unsigned long asked = 0, given = 0;
	unsigned int i;

	for (i = 0; i < 4000; i++) {
		size_t size = 40 + get_random_u32() % 3961;
		void *text = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, size, 1);

		asked += size;
		given += execmem_text_size(text);
		execmem_slab_free(text);
	}
	printf("# %lu bytes given for %lu: %.2f %% more\n", given, asked,
	       100.0 * (given - asked) / asked);
	if ((given - asked) * 8 > asked)
		die("more than 12.5 %% waste");
	check_nothing_left();
}

/* Fill a pack completely, then allocate and free one more object repeatedly. */
static void check_edge(void)
{
	void *text[4096];
	unsigned long maps;
	unsigned int i, n = 0;

	do {
		text[n++] = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 4000, 1);
	} while (env.mapped == EXECMEM_PACK_MIN);
	maps = env.maps;
	for (i = 0; i < 1000; i++) {
		execmem_slab_free(text[n - 1]);
		env_do_works();
		text[n - 1] = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 4000, 1);
	}
	if (env.maps != maps)
		die("%lu packs mapped by alternating allocations and frees", env.maps - maps);
	while (n)
		execmem_slab_free(text[--n]);
	check_nothing_left();
}

void test_placement(void)
{
	size_t mapped = reserved_for(100);

	if (mapped > SZ_64K)
		die("%zu bytes for one small function", mapped);
	check_entropy();
	check_waste();
	check_edge();
}

/* Threads use two pools under memory pressure. All of them share one of the pools. */
#define MAX_THREADS	128

static unsigned long thread_ops[MAX_THREADS];
static bool stop;

static void *work_on_text(void *data)
{
	unsigned long *ops = data;
	unsigned int me = ops - thread_ops, n = 0, i;
	u8 code[512], *text[64];
	u64 random = me + seed;

	for (; !__atomic_load_n(&stop, __ATOMIC_RELAXED); ++*ops) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		if (n < ARRAY_SIZE(text) && random >> 63) {
			size_t size = 1 + (random >> 40) % sizeof(code);

			text[n] = execmem_text_alloc(EXECMEM_BPF, me % 2, size, 1);
			if (!text[n])
				die("no text");
			memset(code, me + 1, size);
			if (execmem_text_copy(text[n], 0, code, size))
				die("text cannot be written");
			n++;
		} else if (n) {
			i = (random >> 40) % n;
			if (*text[i] != me + 1)
				die("text of another thread");
			if (random >> 62 & 1)
				execmem_slab_free(text[i]);
			else
				execmem_slab_retire(text[i]);
			text[i] = text[--n];
		}
	}
	while (n)
		execmem_slab_free(text[--n]);
	return NULL;
}

/* The double-free test itself decides when freed text is reused. */
static bool racing;

static void *be_short_of_memory(void *data)
{
	struct execmem_stats s;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		execmem_get_stats(EXECMEM_BPF, EXECMEM_TRUSTED, &s);
		if (s.used > s.reserved)
			die("more bytes are used than reserved");
		if (!racing) {
			env_shrink();
			env_do_works();
		}
		usleep(100);
	}
	return NULL;
}

typedef void *(*worker_t)(void *);

/* Run threads: each of the functions in turn. Return the number of operations. */
static unsigned long run_for(unsigned int seconds, const worker_t fn[4])
{
	pthread_t threads[MAX_THREADS], memory;
	unsigned long ops = 0;
	unsigned int i;

	__atomic_store_n(&stop, false, __ATOMIC_RELAXED);
	memset(thread_ops, 0, sizeof(thread_ops));
	for (i = 0; i < nr_threads; i++)
		if (pthread_create(&threads[i], NULL, fn[i % 4], &thread_ops[i]))
			die("no thread");
	if (pthread_create(&memory, NULL, be_short_of_memory, NULL))
		die("no thread");
	sleep(seconds);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < nr_threads; i++) {
		pthread_join(threads[i], NULL);
		ops += thread_ops[i];
	}
	pthread_join(memory, NULL);
	execmem_retire_barrier();
	env_do_works();
	return ops;
}

void test_threads(unsigned int seconds)
{
	unsigned long ops;

	ops = run_for(seconds, (worker_t[]) {
		work_on_text, work_on_text, work_on_text, work_on_text });
	printf("# %u threads, %lu operations in %u s, %lu maps\n", nr_threads, ops, seconds,
	       env.maps);
	check_nothing_left();
}

/*
 * Concurrent double free. Two threads free the same text, and only one may succeed. Other
 * threads allocate and free meanwhile. No text is reused before both have tried.
 */
#define RACES		64
#define RACE_ALIGN	256

static struct race {
	u8 *text;
	size_t size;
	int ret[2];
} races[RACES];

static unsigned int arrived;

/* Barrier: wait until both threads have reached @round. */
static void meet(unsigned int round)
{
	unsigned int spins = 0;

	__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < 2 * round)
		if (!(++spins % 256))
			sched_yield();
}

static void start_race(u64 random)
{
	struct race *r;

	for (r = races; r < races + RACES; r++) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		r->size = ALIGN(1 + (random >> 40) % (random >> 63 ? 64 : 1500), RACE_ALIGN);
		r->text = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, r->size, RACE_ALIGN);
		if (!r->text)
			die("no text");
	}
}

static void finish_race(void)
{
	static unsigned int rounds;
	struct race *r;

	for (r = races; r < races + RACES; r++)
		if (!r->ret[0] == !r->ret[1])
			die("concurrent frees of a text returned %d and %d", r->ret[0], r->ret[1]);
	if (!(++rounds % 64))
		env_do_works();
}

static void *race(void *data)
{
	unsigned int me = (unsigned long *)data - thread_ops, round = 0;
	struct race *r;

	if (me > 1)
		return work_on_text(data);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED) || me) {
		if (!me)
			start_race(++thread_ops[0]);
		meet(++round);
		if (!races[0].text)
			break;
		for (r = races; r < races + RACES; r++) {
			if (execmem_text_size(r->text) > r->size)
				die("text has grown");
			r->ret[me] = execmem_slab_free(r->text);
			if (r->size > RACE_ALIGN &&
			    !execmem_slab_free(r->text + RACE_ALIGN))
				die("freed from the inside");
		}
		meet(++round);
		if (!me)
			finish_race();
	}
	if (!me) {
		races[0].text = NULL;
		meet(++round);
	}
	return NULL;
}

/* Buggy users: all threads write and free any text that they know, any number of times. */
static void *slots[64];

/* A large alignment leaves few places, so that freed addresses are reused soon. */
#define WRONG_ALIGN	512

static void free_slots(void)
{
	void *text, **slot;

	for (slot = slots; slot < slots + ARRAY_SIZE(slots); slot++) {
		text = __atomic_exchange_n(slot, NULL, __ATOMIC_ACQ_REL);
		if (text)
			execmem_slab_free(text);
	}
}

/* Mostly small objects, and some that share their pages with no other text. */
static size_t wrong_size(u64 random)
{
	if (!(random >> 54 & 0x7f))
		return EXECMEM_PACK_MAX / 2 + 1;
	return 1 + (random >> 40) % (random >> 62 & 1 ? 100 : 2000);
}

static void write_wrongly(void *text)
{
	static const u8 code[1000];
	int ret = execmem_text_copy(text, 0, code, sizeof(code));

	if (ret && ret != -EFAULT && ret != -ERANGE)
		die("a write returned %d", ret);
}

static void *free_wrongly(void *data)
{
	unsigned long *ops = data;
	u64 random = ops - thread_ops + seed;
	void *text, **slot;

	for (; !__atomic_load_n(&stop, __ATOMIC_RELAXED); ++*ops) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		slot = &slots[(random >> 33) % ARRAY_SIZE(slots)];
		text = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
		if (random >> 63) {
			text = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, wrong_size(random),
						  WRONG_ALIGN);
			if (!text)
				die("no text");
			text = __atomic_exchange_n(slot, text, __ATOMIC_ACQ_REL);
		}
		/* Empty the packs from time to time: they are then released. */
		if (!(random >> 20 & 0xff))
			free_slots();
		if (!text)
			continue;
		if (execmem_text_size(text) > EXECMEM_PACK_MAX)
			die("an object is larger than a pack");
		/* Free text that is in no slot anymore. */
		if (random >> 61 == 1)
			write_wrongly(text);
		else
			execmem_slab_free(text);
	}
	return NULL;
}

/* Free all possible addresses, allocated or not, while other threads allocate. */
static void *free_everywhere(void *data)
{
	unsigned long *ops = data;
	u8 *text;

	for (; !__atomic_load_n(&stop, __ATOMIC_RELAXED); ++*ops) {
		text = __atomic_load_n(&slots[*ops % ARRAY_SIZE(slots)], __ATOMIC_ACQUIRE);
		if (!text)
			continue;
		text -= (unsigned long)text % SZ_64K;
		do {
			execmem_slab_free(text);
			text += WRONG_ALIGN;
		} while ((unsigned long)text % SZ_64K);
	}
	return NULL;
}

void test_double_free(unsigned int seconds)
{
	struct execmem_stats s;
	unsigned long ops;

	racing = true;
	ops = run_for(DIV_ROUND_UP(seconds, 2),
		      (worker_t[]) { race, race, work_on_text, work_on_text });
	racing = false;
	printf("# %lu races, %lu other operations\n", thread_ops[0] * RACES,
	       ops - thread_ops[0]);
	check_nothing_left();

	ops = run_for(DIV_ROUND_UP(seconds, 2), (worker_t[]) {
		free_wrongly, free_wrongly, free_wrongly, free_everywhere });
	printf("# %u threads, %lu wrong frees and writes\n", nr_threads, ops);
	model_check_packs();
	/* The slots contain all text that is still allocated. */
	free_slots();
	execmem_retire_barrier();
	execmem_get_stats(EXECMEM_BPF, EXECMEM_TRUSTED, &s);
	if (s.nr_objects || s.used)
		die("%lu objects and %zu bytes are left", s.nr_objects, s.used);
	check_nothing_left();
}

/*
 * Functions that may sleep must say so in each call, even if they need not sleep in it.
 */
static void *context_text;

static void alloc_in_context(void)
{
	context_text = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 100, 1);
}

static void refuse_alloc_in_context(void)
{
	execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 0, 1);
}

static void copy_in_context(void)
{
	execmem_text_copy(context_text, 0, "", 1);
}

static void refuse_copy_in_context(void)
{
	execmem_text_copy(context_text + 1, 0, "", 1);
}

static void look_up_in_context(void)
{
	struct execmem_stats s;

	execmem_text_size(context_text);
	execmem_is_slab(context_text, 1);
	execmem_is_text(EXECMEM_BPF, EXECMEM_TRUSTED, (unsigned long)context_text);
	execmem_get_stats(EXECMEM_BPF, EXECMEM_TRUSTED, &s);
}

static void free_in_context(void)
{
	execmem_slab_free(context_text);
}

static void retire_in_context(void)
{
	execmem_slab_retire(context_text);
}

void test_context(void)
{
	static const struct {
		void (*fn)(void);
		const char *name;
		bool may_sleep;
	} calls[] = {
		{ alloc_in_context, "allocation", true },
		{ refuse_alloc_in_context, "refused allocation", true },
		{ copy_in_context, "copy", true },
		{ refuse_copy_in_context, "refused copy", true },
		{ look_up_in_context, "lookup", false },
		{ free_in_context, "free", true },
		{ free_in_context, "double free", true },
		{ alloc_in_context, "allocation", true },
		{ retire_in_context, "retire", false },
		{ execmem_retire_barrier, "barrier", true },
	};
	static DEFINE_SPINLOCK(lock);
	unsigned int i;

	/* Allocate memory in a context in which this is permitted. */
	alloc_in_context();
	free_in_context();
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		env.sleeps = 0;
		env.count_sleeps = true;
		spin_lock(&lock);
		calls[i].fn();
		spin_unlock(&lock);
		env.count_sleeps = false;
		if (!env.sleeps == calls[i].may_sleep)
			die("a %s with a spinlock held is %sreported", calls[i].name,
			    env.sleeps ? "" : "not ");
	}
	check_nothing_left();
}

/*
 * The memory for freed text is limited, even if the worker gets no CPU: a user can load and
 * free programs on all CPUs.
 */
static void test_backlog(void)
{
	const size_t size = SZ_64K, total = SZ_128M, most = 20 * SZ_1M;
	struct execmem_stats s;
	void *text;

	for (size_t freed = 0; freed < total; freed += size) {
		text = execmem_text_alloc(EXECMEM_BPF, EXECMEM_UNTRUSTED, size, 64);
		if (!text || execmem_slab_free(text))
			die("64 KiB cannot be allocated or freed");
		execmem_get_stats(EXECMEM_BPF, EXECMEM_UNTRUSTED, &s);
		if (s.reserved > most)
			die("%zu bytes are mapped for one object of %zu", s.reserved, size);
	}
	check_nothing_left();
}

static void run_random(void)
{
	test_random(steps);
}

static void run_threads(void)
{
	test_threads(seconds);
}

static void run_double_free(void)
{
	test_double_free(seconds);
}

static const struct test {
	const char *name;
	void (*fn)(void);
} all_tests[] = {
	{ "context", test_context },
	{ "placement", test_placement },
	{ "random", run_random },
	{ "failures", test_failures },
	{ "threads", run_threads },
	{ "double-free", run_double_free },
	{ "fill_fails", test_fill_fails },
	{ "backlog", test_backlog },
};

static bool is_wanted(const char *name, char **wanted)
{
	if (!*wanted)
		return true;
	for (; *wanted; wanted++)
		if (!strcmp(*wanted, name))
			return true;
	return false;
}

static const char usage[] =
	"usage: tests [--steps N] [--seconds N] [--threads N] [--seed N] [NAME...]\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "steps", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' },
		{ "threads", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{ }
	};
	unsigned int i, planned = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			steps = strtoul(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			nr_threads = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (nr_threads < 4 || nr_threads > MAX_THREADS) {
		fprintf(stderr, "tests: 4 to %u threads\n", MAX_THREADS);
		return 2;
	}
	for (i = 0; i < ARRAY_SIZE(all_tests); i++)
		planned += is_wanted(all_tests[i].name, argv + optind);
	if (!planned) {
		fprintf(stderr, "tests: no test has this name\n");
		return 2;
	}

	printf("KTAP version 1\n1..%u\n", planned);
	env_init();
	env.rng = seed * 0x9e3779b97f4a7c15ULL | 1;
	model_seed(seed);
	for (i = 0; i < ARRAY_SIZE(all_tests); i++) {
		if (!is_wanted(all_tests[i].name, argv + optind))
			continue;
		running = all_tests[i].name;
		number++;
		step = 0;
		all_tests[i].fn();
		printf("ok %u - %s\n", number, running);
		fflush(stdout);
	}
	return 0;
}

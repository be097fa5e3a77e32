// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of mm/execmem_*.c, as KTAP:
 *
 *	tests [--steps N] [--seconds N] [--seed N] [NAME...]
 *
 * A fault ends the program at once, with the step that it was found after.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "execmem_slab.h"
#include "test.h"

static unsigned long seed = 1, step;
static unsigned long steps = 300000;
static unsigned int seconds = 5;
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
	if (!env.fresh)
		die("CPUs were told of all text");
	check_nothing_left();
}

/* A short life, in which the @n-th thing that may fail does. Return: whether it came to that. */
static bool live_with_failure(long n)
{
	unsigned int i;

	env.asked = 0;
	env.fail_at = n;
	for (i = 0; i < 60; i++)
		model_step(n * 100 + i);
	env.fail_at = 0;
	/* What could not be released may be by now. */
	env_shrink();
	model_check_all();
	check_nothing_left();
	return env.asked >= n;
}

/* Each thing that may fail does in turn, and what is asked for when it has. */
static void fail_in_turn(long run)
{
	long before, n = 0;

	check_nothing_left();
	synchronize_rcu();
	synchronize_rcu();
	before = env.allocations;
	env.fail_run = run;
	do {
		step = ++n;
	} while (n < 3000 && (live_with_failure(n) || n < 300));

	synchronize_rcu();
	synchronize_rcu();
	printf("# %ld times %ld failures; %ld pieces of metadata, %ld before\n", n - 1, run,
	       env.allocations, before);
	if (env.allocations != before)
		die("metadata is lost");
}

void test_failures(void)
{
	/* The maple tree tries twice to get a node. */
	fail_in_turn(1);
	fail_in_turn(4);
}

static size_t reserved_for(size_t size)
{
	void *text = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, size, 1);
	size_t mapped = env.mapped;

	execmem_slab_free(text);
	check_nothing_left();
	return mapped;
}

/* Where the fifth function of a new pool is, for some seeds. */
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
		die("placement follows from the order");
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

/* A pack that is filled to the last, and then one object more, by turns. */
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
		die("%lu packs mapped by going to and fro at the edge", env.maps - maps);
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

/* Threads on two pools, one of them shared by all; memory gets short meanwhile. */
static unsigned long thread_ops[4];
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
				execmem_retire(text[i], EXECMEM_RCU);
			text[i] = text[--n];
		}
	}
	while (n)
		execmem_slab_free(text[--n]);
	return NULL;
}

static void *be_short_of_memory(void *data)
{
	struct execmem_stats s;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		env_shrink();
		execmem_get_stats(EXECMEM_BPF, EXECMEM_TRUSTED, &s);
		if (s.used > s.reserved)
			die("more used than there is");
		env_do_works();
		usleep(100);
	}
	return NULL;
}

void test_threads(unsigned int seconds)
{
	pthread_t threads[5];
	unsigned long ops = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work_on_text, &thread_ops[i]);
	pthread_create(&threads[4], NULL, be_short_of_memory, NULL);
	sleep(seconds);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < 5; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < 4; i++)
		ops += thread_ops[i];
	printf("# %lu operations in %u s, %lu maps\n", ops, seconds, env.maps);
	execmem_retire_barrier();
	env_do_works();
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

static const struct test {
	const char *name;
	void (*fn)(void);
} all_tests[] = {
	{ "placement", test_placement },
	{ "random", run_random },
	{ "failures", test_failures },
	{ "threads", run_threads },
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

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "steps", required_argument, NULL, 'n' },
		{ "seconds", required_argument, NULL, 't' },
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
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		default:
			fputs("usage: tests [--steps N] [--seconds N] [--seed N] [NAME...]\n",
			      stderr);
			return 2;
		}
	}
	for (i = 0; i < ARRAY_SIZE(all_tests); i++)
		planned += is_wanted(all_tests[i].name, argv + optind);
	if (!planned) {
		fprintf(stderr, "tests: no test is called so\n");
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

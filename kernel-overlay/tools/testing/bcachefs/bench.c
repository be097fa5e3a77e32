// SPDX-License-Identifier: GPL-2.0
/*
 * Measure the time to unpack a key, in nanoseconds: sequences of one shape, mixes of shapes,
 * and traces of a kernel.
 *
 * Usage: bench [TRACES]
 *
 * Implementations:
 *   stream	the decoder of the base
 *   table	the table
 *   code	generated code for whole keys, the table for positions
 *   pointer	the same, through a pointer instead of the dispatcher
 *   policy	as in the kernel: generated code in loops over a whole node, and for the next key
 *		of an iterator if it is expected to be faster; the table otherwise
 *
 * Keys are stored where the kernel stored them. In the lines "used", a consumer copies each
 * key, as many callers do. The members of a position are always used, as for a comparison.
 */
#include <float.h>

#include "bench.h"

enum { MAX_CALLS = 1 << 16, CHUNK = 128, SHAPES = 8 };

static const struct {
	const char *what;
	struct bkey_format f;
} formats[SHAPES] = {
	{ "inode, offset, snapshot in bytes", { 2, 6, { 32, 40, 32 } } },
	{ "extents, with a size", { 3, 6, { 32, 48, 32, 16 } } },
	{ "dirents, 63 bits of hash", { 2, 6, { 9, 63, 32 } } },
	{ "freespace, unaligned", { 1, 6, { 0, 19, 1, 16 } } },
	{ "alloc, mostly constant", { 1, 6, { 0, 24, 0, 12 } } },
	{ "backpointers, two whole words", { 3, 6, { 64, 64, 32 } } },
	{ "with a version", { 4, 6, { 40, 40, 32, 16, 32, 64 } } },
	{ "a wide field across words", { 3, 6, { 37, 61, 32, 9 } } },
};

enum { MAX_CHUNKS = MAX_CALLS / CHUNK };

struct times {
	double median, p95;
};

/* By implementation: the least factor by which the policy is faster. */
static struct {
	double ratio;
	char name[50];
} worst[ALL];

static void measure_chunks(double *chunk, void (*run)(const struct call *c, size_t nr),
			   const struct call *calls, size_t chunks)
{
	size_t i;

	for (i = 0; i < chunks; i++) {
		double began = now();

		run(calls + i * CHUNK, CHUNK);
		chunk[i] = min(chunk[i], (now() - began) / CHUNK);
	}
}

static struct times times_of(double *chunk, const double *loop, size_t chunks)
{
	struct times t;
	size_t i;

	for (i = 0; i < chunks; i++)
		chunk[i] -= loop[i];
	t.median = median_of(chunk, chunks);
	t.p95 = chunk[chunks * 95 / 100];
	return t;
}

/* Positions and keys that are looked up are always unpacked with the table. */
static bool has_loops(const struct call *calls, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (strchr("wn", calls[i].what))
			return true;
	return false;
}

/* Print how much faster the policy is than implementation @i, and remember the least factor. */
static void print_ratio(unsigned int i, const char *name, bool loops, double ratio)
{
	printf(" %5.2f", ratio);
	if (i == TABLE_DECODER && !loops)
		return;
	if (!worst[i].ratio || ratio < worst[i].ratio) {
		worst[i].ratio = ratio;
		snprintf(worst[i].name, sizeof(worst[i].name), "%s", name);
	}
}

void compare(const char *name, const struct call *calls, size_t nr)
{
	static double chunk[ALL][MAX_CHUNKS];
	size_t chunks = nr / CHUNK, use, i, r;
	bool loops = has_loops(calls, nr);

	if (!chunks)
		return;
	for (use = 0; use < 2; use++) {
		struct times t[ALL];

		for (i = 0; i < ALL; i++)
			for (r = 0; r < chunks; r++)
				chunk[i][r] = DBL_MAX;
		/* Take turns: other work on the machine shall disturb all implementations. */
		for (r = 0; r < RUNS; r++)
			for (i = 0; i < ALL; i++)
				measure_chunks(chunk[i], implementations[i].run[use], calls,
					       chunks);
		for (i = 1; i < ALL; i++)
			t[i] = times_of(chunk[i], chunk[NOTHING], chunks);
		printf("%-34s %-8s", name, use ? "used" : "only");
		for (i = 1; i < ALL; i++)
			printf(" %6.2f %6.2f", t[i].median, t[i].p95);
		for (i = STREAM_DECODER; i <= TABLE_DECODER; i++)
			print_ratio(i, name, loops, t[i].median / t[POLICY].median);
		printf("\n");
	}
}

static void print_head(void)
{
	size_t i;

	printf("%-43s", "");
	for (i = 1; i < ALL; i++)
		printf(" %13s", implementations[i].name);
	printf("  policy: stream/, table/\n%-43s", "");
	for (i = 1; i < ALL; i++)
		printf(" %6s %6s", "median", "p95");
	printf("\n");
}

/* A sequence of calls: repeatedly choose one of @shapes shapes and unpack @run keys of it. */
static void synthetic(const char *name, char what, unsigned int first, unsigned int shapes,
		      unsigned int run)
{
	static struct call calls[1 << 14];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i] = (struct call) {
			.slot = i % run ? calls[i - 1].slot : first + rand() % shapes,
			.what = what, .key = i % KEYS, .place = 1024,
		};
	compare(name, calls, ARRAY_SIZE(calls));
}

int main(int argc, char **argv)
{
	static const unsigned int runs[] = { 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 32, 100, 256 };
	unsigned int i;
	char name[50];

	srand(1);
	for (i = 0; i < SHAPES; i++)
		add_node(i + 1, &formats[i].f);
	generate_all();
	printf("# ns a key; indirect calls %s\n",
	       IS_ENABLED(CONFIG_MITIGATION_RETPOLINE) ? "by retpolines" : "as they are");
	print_head();
	for (i = 0; i < SHAPES; i++)
		synthetic(formats[i].what, 'w', i + 1, 1, 1);
	for (i = 0; i < SHAPES; i++)
		synthetic(formats[i].what, 'p', i + 1, 1, 1);
	synthetic("5 shapes, lookups", 'k', 1, 5, 1);
	synthetic("5 shapes, positions", 'p', 1, 5, 1);
	for (i = 0; i < ARRAY_SIZE(runs); i++) {
		snprintf(name, sizeof(name), "5 shapes, iterators, runs of %u", runs[i]);
		synthetic(name, 'n', 1, 5, runs[i]);
	}
	if (argc > 1)
		replay(argv[1]);
	for (i = STREAM_DECODER; i <= TABLE_DECODER; i++)
		printf("# least factor of the policy: %s/ %.2f (%s)\n", implementations[i].name,
		       worst[i].ratio, worst[i].name);
	return 0;
}

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
 *   policy	as in the kernel: generated code for the next key of a loop over a node, the
 *		table for all other keys and positions
 *
 * Keys are stored where the kernel stored them. In the lines "used", a consumer copies each
 * key, as many callers do. The members of a position are always used, as for a comparison.
 */
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

/* Measure each chunk several times, and take the time with the least disturbance. */
static void measure_chunks(double *chunk, void (*run)(const struct call *c, size_t nr),
			   const struct call *calls, size_t chunks)
{
	unsigned int r;
	size_t i;

	for (r = 0; r < RUNS; r++)
		for (i = 0; i < chunks; i++) {
			double began = now(), took;

			run(calls + i * CHUNK, CHUNK);
			took = (now() - began) / CHUNK;
			if (!r || took < chunk[i])
				chunk[i] = took;
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

void compare(const char *name, const struct call *calls, size_t nr)
{
	static double chunk[MAX_CHUNKS], loop[MAX_CHUNKS];
	size_t chunks = nr / CHUNK, use, i;

	if (!chunks)
		return;
	for (use = 0; use < 2; use++) {
		struct times t[ALL];

		measure_chunks(loop, implementations[NOTHING].run[use], calls, chunks);
		for (i = 1; i < ALL; i++) {
			measure_chunks(chunk, implementations[i].run[use], calls, chunks);
			t[i] = times_of(chunk, loop, chunks);
		}
		printf("%-34s %-8s", name, use ? "used" : "only");
		for (i = 1; i < ALL; i++)
			printf(" %6.2f %6.2f", t[i].median, t[i].p95);
		printf("  %5.2f %5.2f\n", t[STREAM_DECODER].median / t[POLICY].median,
		       t[TABLE_DECODER].median / t[POLICY].median);
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
	unsigned int i;

	srand(1);
	for (i = 0; i < SHAPES; i++)
		add_node(i + 1, &formats[i].f);
	generate_all();
	printf("# ns a key; indirect calls %s\n",
	       IS_ENABLED(CONFIG_MITIGATION_RETPOLINE) ? "by retpolines" : "as they are");
	print_head();
	for (i = 0; i < SHAPES; i++)
		synthetic(formats[i].what, 'n', i + 1, 1, 1);
	for (i = 0; i < SHAPES; i++)
		synthetic(formats[i].what, 'p', i + 1, 1, 1);
	synthetic("5 shapes, lookups", 'k', 1, 5, 1);
	synthetic("5 shapes, positions", 'p', 1, 5, 1);
	synthetic("5 shapes, in loops", 'n', 1, 5, 1);
	synthetic("5 shapes, in loops of 8 keys", 'n', 1, 5, 8);
	synthetic("5 shapes, in loops of 100 keys", 'n', 1, 5, 100);
	if (argc > 1)
		replay(argv[1]);
	return 0;
}

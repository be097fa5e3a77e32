// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark that compares the execmem slab with two other allocators.
 *
 * It measures a pair of calls in a steady state: free one of N objects at random,
 * then allocate an object of random size. Each combination of allocator, size mix,
 * N and number of threads runs in a separate process. The process allocates N
 * objects, shuffles them with N pairs, measures several batches of pairs and
 * reports the median batch.
 *
 * To keep the cost of the harness out of the figures, it selects the objects and
 * sizes before each batch, and prefetches the array of objects.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NSEC		1000000000.0
#define BPF_ALIGN	64

#define MAX_BATCHES	101
/* Target duration of a batch, and limits for its number of pairs. */
#define BATCH_NS	20e6
#define BATCH_MIN	200
#define BATCH_MAX	100000

/* Limits that the slab must meet. */
#define FLAT_MAX	2.0	/* ratio of the times for N and for FLAT_FROM objects */
#define LARGE_MAX	2.5	/* the same if N is larger than FLAT_TO */
#define EXCESS_MAX	150	/* ns more than prog_pack if N is small */
#define META_MAX	0.03	/* ratio of metadata to text, plus META_CONST bytes */
#define META_CONST	4096
#define WASTE_MAX	0.01	/* ratio of rounding to requested bytes */

static const struct bench_ops *const allocators[] = {
	&bench_slab, &bench_stock, &bench_cache,
};

enum { SLAB, STOCK, CACHE, NR_ALLOCATORS };

enum { BPF, UNPACK, UNIFORM, NR_MIXES };

static const char *const mix_names[] = { "bpf", "unpack", "uniform" };
static const char *const mix_texts[] = {
	"half 64..500, quarter 500..2000, quarter 2000..16384 bytes, mean about 1.6 kB,\n"
	"           and what BPF adds: a header, a gap, and rounding to lines of 64 bytes",
	"50..200 bytes",
	"40..4000 bytes",
};

static const unsigned int counts[] = { 1, 10, 100, 1000, 10000, 100000, 1000000 };
/* From here, the time should hardly depend on N. */
#define FLAT_FROM	1000
#define FLAT_TO		100000
/* From here, the slab should not be slower than prog_pack. Smaller N: with 1 thread only. */
#define FASTER_FROM	100

#define NR_COUNTS	ARRAY_SIZE(counts)
/* The waste of uniform sizes hardly depends on the number of objects: check one. */
#define UNIFORM_COUNT	10000

static struct {
	unsigned int batches;
	double fill_ns, shuffle_ns;
	unsigned int min_objects, max_objects;
	uint64_t age;		/* pairs before the measurement; 0 for one per object */
	bool json, full;
	int allocator, mix, threads;	/* run only this one; -1 for all */
} opts = {
	.batches = 15,
	.fill_ns = 1.5e9,
	.shuffle_ns = 2.5e9,
	.max_objects = 1000000,
	.allocator = -1,
	.mix = -1,
	.threads = -1,
};

/**
 * struct cell - one combination and its results
 * @allocator:	index in allocators[]
 * @mix:	index in mix_names[]
 * @objects:	number of live objects
 * @threads:	number of threads
 * @median:	time of a pair in the median batch, in ns
 * @min:	time of a pair in the fastest batch
 * @max:	time of a pair in the slowest batch
 * @pairs:	number of pairs of each thread in a batch
 * @shuffled:	number of pairs before the first batch
 * @filled:	number of objects allocated before @fill_fast of struct bench_ops
 * @fill_s:	duration of the filling phase, in seconds
 * @asked:	requested bytes of all live objects
 * @given:	allocated bytes of all live objects
 * @reserved:	bytes of text that the allocator has mapped
 * @metadata:	bytes of metadata that the allocator has allocated
 * @done:	the cell has been measured
 */
struct cell {
	unsigned int allocator, mix, objects, threads;
	double median, min, max;
	uint64_t pairs, shuffled, filled;
	double fill_s;
	uint64_t asked, given, reserved, metadata;
	bool done;
};

/* Packed into one word, to leave more cache to the allocators. */
struct object {
	uint64_t text : 48, size : 16;
};

struct worker {
	const struct bench_ops *ops;
	unsigned int nr, mix, pairs;
	struct object *objects;	/* objects of this thread */
	unsigned int nr_objects;
	uint32_t *which, *sizes;	/* choices for the next batch */
	uint64_t random;
	double ns;		/* duration of the last batch */
};

static pthread_barrier_t barrier;
static bool stop, timed_by_cpu;

static void fatal(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		fatal("calloc");
	return p;
}

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

static uint64_t random64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint32_t below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(random64(state) >> 32) * (uint64_t)n >> 32;
}

/* The size that BPF requests for a program of @size bytes. */
static uint32_t size_with_gap(uint32_t size)
{
	return (size + 8 + 16 + BPF_ALIGN - 1) & -BPF_ALIGN;
}

/* Random x with uniform 1 / x: many small sizes and a long tail. */
static uint32_t tail(uint64_t *state, double from, double to)
{
	double u = (random64(state) >> 11) * 0x1p-53;

	return 1 / (1 / from - u * (1 / from - 1 / to));
}

static uint32_t random_size(uint64_t *state, unsigned int mix)
{
	if (mix == UNPACK)
		return 50 + below(state, 151);
	if (mix == UNIFORM)
		return 40 + below(state, 3961);

	switch (below(state, 4)) {
	case 0:
	case 1:
		return size_with_gap(64 + below(state, 436));
	case 2:
		return size_with_gap(tail(state, 500, 2000));
	default:
		return size_with_gap(tail(state, 2000, 16384));
	}
}

static void *allocate(const struct bench_ops *ops, unsigned int mix, uint32_t size)
{
	void *text = ops->alloc(size, mix == BPF ? BPF_ALIGN : 1);

	if (__builtin_expect(!text, 0)) {
		fprintf(stderr, "bench: %s cannot allocate %u bytes\n", ops->name, size);
		exit(2);
	}
	return text;
}

static void prepare(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < w->pairs; i++) {
		w->which[i] = below(&w->random, w->nr_objects);
		w->sizes[i] = random_size(&w->random, w->mix);
	}
}

static void run_batch(struct worker *w)
{
	clockid_t clock = timed_by_cpu ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
	const struct bench_ops *ops = w->ops;
	double start = now(clock);
	unsigned int i;

	for (i = 0; i < w->pairs; i++) {
		struct object *o = &w->objects[w->which[i]];

		if (i + 8 < w->pairs)
			__builtin_prefetch(&w->objects[w->which[i + 8]], 1);
		ops->free((void *)(uintptr_t)o->text, o->size);
		o->size = w->sizes[i];
		o->text = (uintptr_t)allocate(ops, w->mix, o->size);
	}
	w->ns = now(clock) - start;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	bench_env_thread(w->nr);
	for (;;) {
		pthread_barrier_wait(&barrier);
		if (stop)
			return NULL;
		prepare(w);
		pthread_barrier_wait(&barrier);
		run_batch(w);
		pthread_barrier_wait(&barrier);
	}
}

/* Run @pairs in each thread. Return the time of one pair per thread, in ns. */
static double batch(struct worker *workers, unsigned int threads, unsigned int pairs)
{
	double ns = 0;
	unsigned int i;

	for (i = 0; i < threads; i++)
		workers[i].pairs = pairs;

	if (threads > 1)
		pthread_barrier_wait(&barrier);
	prepare(&workers[0]);
	if (threads > 1)
		pthread_barrier_wait(&barrier);
	run_batch(&workers[0]);
	if (threads > 1)
		pthread_barrier_wait(&barrier);

	bench_env_quiesce();
	for (i = 0; i < threads; i++)
		ns += workers[i].ns;
	return ns / threads / pairs;
}

/* Allocate the objects. After opts.fill_ns, call fill_fast if the allocator has it. */
static void fill(struct cell *cell, const struct bench_ops *ops, struct object *objects,
		 uint64_t *random)
{
	double start = now(CLOCK_MONOTONIC);
	bool fast = false;
	unsigned int i;

	for (i = 0; i < cell->objects; i++) {
		if (!fast && !opts.full && ops->fill_fast && !(i % 256) &&
		    now(CLOCK_MONOTONIC) - start > opts.fill_ns) {
			ops->fill_fast(true);
			fast = true;
		}
		objects[i].size = random_size(random, cell->mix);
		objects[i].text = (uintptr_t)allocate(ops, cell->mix, objects[i].size);
		cell->filled += !fast;
	}
	if (fast)
		ops->fill_fast(false);
	cell->fill_s = (now(CLOCK_MONOTONIC) - start) / NSEC;
	bench_env_quiesce();
}

/* Give each thread objects of the whole address range. */
static void mix_up(struct object *objects, unsigned int n, uint64_t *random)
{
	struct object tmp;
	unsigned int i, j;

	for (i = n - 1; i; i--) {
		j = below(random, i + 1);
		tmp = objects[i];
		objects[i] = objects[j];
		objects[j] = tmp;
	}
}

/* Run one pair per object, or as many as fit in opts.shuffle_ns. */
static double shuffle(struct cell *cell, struct worker *workers)
{
	double start = now(CLOCK_MONOTONIC), ns = 0;
	unsigned int pairs = 16;

	while (cell->shuffled < (opts.age ?: cell->objects)) {
		if (!opts.full && !opts.age && now(CLOCK_MONOTONIC) - start > opts.shuffle_ns)
			break;
		ns = batch(workers, cell->threads, pairs);
		cell->shuffled += (uint64_t)pairs * cell->threads;
		/* Steps of at most a tenth of the time limit. */
		pairs *= 2;
		if (pairs > opts.shuffle_ns / 10 / ns)
			pairs = opts.shuffle_ns / 10 / ns;
		if (pairs < 16)
			pairs = 16;
		if (pairs > BATCH_MAX)
			pairs = BATCH_MAX;
	}
	return ns;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void time_batches(struct cell *cell, struct worker *workers, double estimate)
{
	double ns[MAX_BATCHES];
	unsigned int i;

	cell->pairs = BATCH_NS / estimate;
	if (cell->pairs < BATCH_MIN)
		cell->pairs = BATCH_MIN;
	if (cell->pairs > BATCH_MAX)
		cell->pairs = BATCH_MAX;

	for (i = 0; i < opts.batches; i++)
		ns[i] = batch(workers, cell->threads, cell->pairs);

	qsort(ns, opts.batches, sizeof(ns[0]), compare);
	cell->median = opts.batches % 2 ? ns[opts.batches / 2] :
		(ns[opts.batches / 2 - 1] + ns[opts.batches / 2]) / 2;
	cell->min = ns[0];
	cell->max = ns[opts.batches - 1];
}

static void account(struct cell *cell, const struct bench_ops *ops, const struct object *objects)
{
	unsigned int i;
	size_t given;

	for (i = 0; i < cell->objects; i++) {
		given = ops->given((void *)(uintptr_t)objects[i].text, objects[i].size);
		if (given < objects[i].size) {
			errno = EFAULT;
			fatal("the allocator lost an object");
		}
		cell->asked += objects[i].size;
		cell->given += given;
	}
	cell->reserved = bench_env_mapped();
	cell->metadata = bench_env_metadata();
}

/* Use huge pages: otherwise the harness itself would cause TLB misses. */
static struct object *alloc_objects(unsigned int n)
{
	size_t huge = 2 << 20, size = (n * sizeof(struct object) + huge - 1) & -huge;
	void *p;

	errno = posix_memalign(&p, huge, size);
	if (errno)
		fatal("posix_memalign");
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	return p;
}

/* Runs in a child process. */
static void measure(struct cell *cell)
{
	const struct bench_ops *ops = allocators[cell->allocator];
	struct object *objects = alloc_objects(cell->objects);
	struct worker workers[BENCH_MAX_THREADS] = { };
	pthread_t threads[BENCH_MAX_THREADS];
	uint64_t random = 1;
	double estimate;
	unsigned int i;

	bench_env_init();
	ops->init();
	fill(cell, ops, objects, &random);
	mix_up(objects, cell->objects, &random);

	timed_by_cpu = cell->threads == 1;
	pthread_barrier_init(&barrier, NULL, cell->threads);
	for (i = 0; i < cell->threads; i++) {
		struct worker *w = &workers[i];

		w->nr = i;
		w->ops = ops;
		w->mix = cell->mix;
		w->nr_objects = cell->objects / cell->threads;
		w->objects = objects + i * w->nr_objects;
		w->which = xcalloc(BATCH_MAX, sizeof(*w->which));
		w->sizes = xcalloc(BATCH_MAX, sizeof(*w->sizes));
		w->random = random64(&random);
		if (i && pthread_create(&threads[i], NULL, work, w))
			fatal("pthread_create");
	}

	estimate = shuffle(cell, workers);
	time_batches(cell, workers, estimate);
	account(cell, ops, objects);
	cell->done = true;

	stop = true;
	if (cell->threads > 1)
		pthread_barrier_wait(&barrier);
	for (i = 1; i < cell->threads; i++)
		pthread_join(threads[i], NULL);
}

static void measure_in_child(struct cell *cell)
{
	int fds[2], status;
	pid_t pid;

	fflush(NULL);
	if (pipe(fds))
		fatal("pipe");
	pid = fork();
	if (pid < 0)
		fatal("fork");
	if (!pid) {
		measure(cell);
		_exit(write(fds[1], cell, sizeof(*cell)) != sizeof(*cell));
	}

	close(fds[1]);
	if (read(fds[0], cell, sizeof(*cell)) != sizeof(*cell))
		cell->done = false;
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || status || !cell->done) {
		fprintf(stderr, "bench: %s with %u objects did not finish\n",
			allocators[cell->allocator]->name, cell->objects);
		exit(2);
	}
}

static struct cell cells[NR_ALLOCATORS * (2 * NR_COUNTS * 3 + 1)];
static unsigned int nr_cells;

static const struct cell *find(unsigned int allocator, unsigned int mix, unsigned int objects,
			       unsigned int threads)
{
	const struct cell *c;

	for (c = cells; c < cells + nr_cells; c++)
		if (c->allocator == allocator && c->mix == mix && c->objects == objects &&
		    c->threads == threads)
			return c;
	return NULL;
}

static const char *notes(const struct cell *c)
{
	static char text[128];
	int n = 0;

	text[0] = 0;
	if (c->filled < c->objects)
		n = snprintf(text, sizeof(text), " filled %.1f%% plainly;",
			     100.0 * c->filled / c->objects);
	if (c->shuffled < c->objects)
		snprintf(text + n, sizeof(text) - n, " shuffled %.2f%%",
			 100.0 * c->shuffled / c->objects);
	return text;
}

static void print_intro(void)
{
	unsigned int i;

	printf("Time in ns to free a random object and to allocate one of random size: median,\n"
	       "minimum and maximum of %u batches. With 1 thread this is CPU time, with 2 and 4\n"
	       "threads wall time per thread, with waiting for locks.\n\n"
	       "Measured: searching, allocating and freeing, locks, and metadata (on huge pages,\n"
	       "as in the kernel). Not measured, for any allocator: writing traps, synchronising\n"
	       "CPUs, mapping and unmapping, permissions, predictor flushes, tracepoints, the end\n"
	       "of grace periods, and the worker that frees empty packs. No text is accessed.\n\n"
	       "slab       mm/execmem/*.c, domain of unprivileged BPF\n"
	       "prog_pack  kernel/bpf/core.c of the base, 2 MiB packs\n"
	       "page_cache two maple trees of page ranges, first fit, one mutex\n\n",
	       opts.batches);
	for (i = 0; i < NR_MIXES; i++)
		printf("%-10s %s\n", mix_names[i], mix_texts[i]);
	if (!opts.full)
		printf("\n"
		       "To limit the run time, filling and shuffling (one pair per object) stop after\n"
		       "%.1f and %.1f s. The rest of prog_pack is then filled with its full packs\n"
		       "hidden until the end of this phase. It has fewer and larger holes than after\n"
		       "aging, and its search is faster. The notes mark such lines. No figure is\n"
		       "extrapolated. --full removes the limits.\n",
		       opts.fill_ns / NSEC, opts.shuffle_ns / NSEC);
	printf("\n%-8s%9s %2s %-10s %10s %10s %10s %7s %6s %6s %6s  notes\n", "sizes", "objects",
	       "th", "allocator", "ns median", "min", "max", "pairs", "meta%", "waste%", "res/us");
}

/* The last columns: metadata / allocated, rounding / requested, mapped / allocated. */
static void print_cell(const struct cell *c)
{
	printf("%-8s%9u %2u %-10s %10.0f %10.0f %10.0f %7" PRIu64 " %6.2f %6.1f %6.2f %s\n",
	       mix_names[c->mix], c->objects, c->threads, allocators[c->allocator]->name,
	       c->median, c->min, c->max, c->pairs, 100.0 * c->metadata / c->reserved,
	       100.0 * (c->given - c->asked) / c->asked, (double)c->reserved / c->given, notes(c));
	fflush(stdout);
}

static void print_json(const struct cell *c, bool last)
{
	printf("  {\"allocator\": \"%s\", \"sizes\": \"%s\", \"objects\": %u, \"threads\": %u, "
	       "\"ns_median\": %.1f, \"ns_min\": %.1f, \"ns_max\": %.1f, \"batches\": %u, "
	       "\"pairs\": %" PRIu64 ", \"filled_plainly\": %" PRIu64 ", \"shuffled\": %" PRIu64
	       ", \"fill_s\": %.3f, \"asked\": %" PRIu64 ", \"given\": %" PRIu64
	       ", \"reserved\": %" PRIu64 ", \"metadata\": %" PRIu64 "}%s\n",
	       allocators[c->allocator]->name, mix_names[c->mix], c->objects, c->threads,
	       c->median, c->min, c->max, opts.batches, c->pairs, c->filled, c->shuffled,
	       c->fill_s, c->asked, c->given, c->reserved, c->metadata, last ? "" : ",");
}

static bool wanted(int only, unsigned int what)
{
	return only < 0 || what == (unsigned int)only;
}

static void run_cell(unsigned int allocator, unsigned int mix, unsigned int objects,
		     unsigned int threads)
{
	struct cell *c;

	if (objects < opts.min_objects || objects > opts.max_objects ||
	    (threads > 1 && objects < FLAT_FROM) ||
	    !wanted(opts.allocator, allocator) || !wanted(opts.mix, mix) ||
	    !wanted(opts.threads, threads))
		return;

	c = &cells[nr_cells++];
	*c = (struct cell) {
		.allocator = allocator, .mix = mix, .objects = objects, .threads = threads,
	};
	measure_in_child(c);
	if (!opts.json)
		print_cell(c);
}

static void run_all(void)
{
	unsigned int mix, count, threads, a;

	for (mix = 0; mix <= UNPACK; mix++)
		for (threads = 1; threads <= BENCH_MAX_THREADS; threads *= 2)
			for (count = 0; count < NR_COUNTS; count++)
				for (a = 0; a < NR_ALLOCATORS; a++)
					run_cell(a, mix, counts[count], threads);
	for (a = 0; a < NR_ALLOCATORS; a++)
		run_cell(a, UNIFORM, UNIFORM_COUNT, 1);
}

/* Latency of dependent loads from random cache lines, in ns. */
static double latency(size_t bytes)
{
	const size_t line = 64, huge = 2 << 20;
	unsigned int n = bytes / line, at = 0, i, loads = 1000000;
	uint64_t random = 1;
	uint32_t *order = xcalloc(n, sizeof(*order));
	double start;
	char *p;

	errno = posix_memalign((void **)&p, huge, (bytes + huge - 1) & -huge);
	if (errno)
		fatal("posix_memalign");
	madvise(p, (bytes + huge - 1) & -huge, MADV_HUGEPAGE);

	/* One cycle through all lines. */
	for (i = 0; i < n; i++) {
		uint32_t j = below(&random, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (i = 0; i < n; i++)
		*(uint32_t *)(p + line * order[i]) = order[(i + 1) % n];

	start = now(CLOCK_THREAD_CPUTIME_ID);
	for (i = 0; i < loads; i++)
		at = *(volatile uint32_t *)(p + line * at);
	start = now(CLOCK_THREAD_CPUTIME_ID) - start;

	free(p);
	free(order);
	return start / loads;
}

/* Part of the increase with N comes from the caches of the machine: show it. */
static void print_latency(void)
{
	const struct cell *few = find(SLAB, BPF, FLAT_FROM, 1);
	const struct cell *many = find(SLAB, BPF, counts[NR_COUNTS - 1], 1);

	if (!few || !many)
		return;
	printf("For comparison: one load that misses takes %.0f ns here in as much memory as the\n"
	       "slab's metadata has with %u objects (bpf), and %.0f ns with %u.\n\n",
	       latency(few->metadata), few->objects, latency(many->metadata), many->objects);
}

static unsigned int nr_failed;

static void verdict(bool ok, const char *target, const char *details)
{
	fprintf(opts.json ? stderr : stdout, "%s: %s: %s\n", ok ? "PASS" : "FAIL", target, details);
	nr_failed += !ok;
}

static double min_speedup(unsigned int threads)
{
	static const double speedups[] = { [1] = 100, [2] = 75, [4] = 10 };

	return speedups[threads];
}

/* Print a verdict on the times of a mix with a number of threads. */
static void judge(unsigned int mix, unsigned int threads, bool ok, const char *format, ...)
{
	char where[64], text[128];
	va_list args;

	snprintf(where, sizeof(where), "%s sizes, %u thread%s", mix_names[mix], threads,
		 threads > 1 ? "s" : "");
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	verdict(ok, where, text);
}

/*
 * Almost the same time for all large N. The wall time of several threads includes other
 * load and is not judged.
 */
static void check_flat(unsigned int mix)
{
	const struct cell *few = find(SLAB, mix, FLAT_FROM, 1);
	unsigned int i;

	for (i = 0; few && i < NR_COUNTS; i++) {
		const struct cell *slab = find(SLAB, mix, counts[i], 1);
		double limit = counts[i] > FLAT_TO ? LARGE_MAX : FLAT_MAX;

		if (slab && counts[i] > FLAT_FROM)
			judge(mix, 1, slab->median / few->median <= limit,
			      "%u objects: %.2f times as long as with %u, at most %.1f", counts[i],
			      slab->median / few->median, FLAT_FROM, limit);
	}
}

/*
 * Not slower than prog packs for N from 100, hardly for smaller N, much faster for large
 * N. Prog packs serve BPF only, so that small differences with other sizes do not matter.
 */
static void check_faster(unsigned int mix, unsigned int threads)
{
	double ratio = 0, excess = -INFINITY, speedup = 0;
	unsigned int i, ratio_at = 0, excess_at = 0;

	for (i = 0; i < NR_COUNTS; i++) {
		const struct cell *slab = find(SLAB, mix, counts[i], threads);
		const struct cell *stock = find(STOCK, mix, counts[i], threads);

		if (!slab || !stock)
			continue;
		if (counts[i] < FASTER_FROM && slab->median - stock->median > excess) {
			excess = slab->median - stock->median;
			excess_at = counts[i];
		}
		if (counts[i] >= FASTER_FROM && slab->median / stock->median > ratio) {
			ratio = slab->median / stock->median;
			ratio_at = counts[i];
		}
		if (i == NR_COUNTS - 1)
			speedup = stock->median / slab->median;
	}
	if (excess_at && mix == BPF)
		judge(mix, threads, excess <= EXCESS_MAX,
		      "slab takes %.0f ns more than prog_pack (%u objects), at most %d", excess,
		      excess_at, EXCESS_MAX);
	if (ratio_at && mix == BPF)
		judge(mix, threads, ratio <= 1,
		      "slab takes at most %.2f of the time of prog_pack (%u objects)", ratio,
		      ratio_at);
	if (speedup)
		judge(mix, threads, speedup >= min_speedup(threads),
		      "%.0f times faster than prog_pack at %u objects, at least %.0f", speedup,
		      counts[NR_COUNTS - 1], min_speedup(threads));
}

static void check_memory(void)
{
	const struct cell *c, *meta = NULL, *waste = find(SLAB, UNIFORM, UNIFORM_COUNT, 1);
	double excess, most = 0;
	char text[128];

	for (c = cells; c < cells + nr_cells; c++) {
		if (c->allocator != SLAB)
			continue;
		excess = ((double)c->metadata - META_CONST) / c->reserved;
		if (!meta || excess > most) {
			most = excess;
			meta = c;
		}
	}
	if (meta) {
		snprintf(text, sizeof(text), "%.2f%% of the text and %u bytes (%s, %u objects), at most %.1f%%",
			 100 * most, META_CONST, mix_names[meta->mix], meta->objects,
			 100 * META_MAX);
		verdict(most <= META_MAX, "metadata of the slab", text);
	}
	if (waste) {
		most = (double)(waste->given - waste->asked) / waste->asked;
		snprintf(text, sizeof(text), "%.2f%% more given than asked for, at most %.1f%%",
			 100 * most, 100 * WASTE_MAX);
		verdict(most <= WASTE_MAX, "rounding of the slab, uniform sizes", text);
	}
}

static void usage(FILE *file)
{
	fprintf(file, "usage: bench [OPTION]...\n"
		"  -j, --json            print results as JSON; PASS and FAIL go to stderr\n"
		"  -f, --full            fill and shuffle completely, however long that takes\n"
		"  -b, --batches=N       how many are timed, 10 to %u\n"
		"  -p, --pairs=N         first free and allocate N times, to fragment the text\n"
		"Only a part of all combinations:\n"
		"  -n, --objects=N[-M]   that many live objects\n"
		"  -t, --threads=N       1, 2 or 4\n"
		"  -s, --sizes=NAME      bpf, unpack or uniform\n"
		"  -a, --allocator=NAME  slab, prog_pack or page_cache\n"
		"Exit status: 0 if all targets are met, 1 if not, 2 if it could not be measured.\n",
		MAX_BATCHES);
}

/* Parse "N" or "N-M". Return false if the text is anything else. */
static bool parse_range(const char *arg, unsigned int *min, unsigned int *max)
{
	int end = 0;

	if (sscanf(arg, "%u%n-%u%n", min, &end, max, &end) == 1)
		*max = *min;
	return end && !arg[end] && *min <= *max;
}

static bool parse_option(int opt, const char *arg)
{
	unsigned int i;

	switch (opt) {
	case 'j':
		opts.json = true;
		return true;
	case 'f':
		opts.full = true;
		return true;
	case 'b':
		opts.batches = atoi(arg);
		return opts.batches >= 10 && opts.batches <= MAX_BATCHES;
	case 'p':
		opts.age = strtoull(arg, NULL, 10);
		return opts.age;
	case 'n':
		return parse_range(arg, &opts.min_objects, &opts.max_objects);
	case 't':
		opts.threads = atoi(arg);
		return opts.threads == 1 || opts.threads == 2 || opts.threads == 4;
	case 's':
		for (i = 0; i < NR_MIXES; i++)
			if (!strcmp(arg, mix_names[i]))
				opts.mix = i;
		return opts.mix >= 0;
	case 'a':
		for (i = 0; i < NR_ALLOCATORS; i++)
			if (!strcmp(arg, allocators[i]->name))
				opts.allocator = i;
		return opts.allocator >= 0;
	default:
		return false;
	}
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "full", no_argument, NULL, 'f' },
		{ "batches", required_argument, NULL, 'b' },
		{ "pairs", required_argument, NULL, 'p' },
		{ "objects", required_argument, NULL, 'n' },
		{ "threads", required_argument, NULL, 't' },
		{ "sizes", required_argument, NULL, 's' },
		{ "allocator", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "jfb:p:n:t:s:a:h", options, NULL)) >= 0) {
		if (opt == 'h') {
			usage(stdout);
			exit(0);
		}
		if (!parse_option(opt, optarg)) {
			if (opt != '?')
				fprintf(stderr, "bench: -%c does not take '%s'\n", opt, optarg);
			usage(stderr);
			exit(2);
		}
	}
	if (optind != argc) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	unsigned int mix, threads, i;
	double start = now(CLOCK_MONOTONIC);

	parse(argc, argv);
	if (!opts.json)
		print_intro();
	run_all();
	if (!nr_cells) {
		fprintf(stderr, "bench: nothing is measured with so many objects: see --help\n");
		return 2;
	}

	if (opts.json) {
		printf("[\n");
		for (i = 0; i < nr_cells; i++)
			print_json(&cells[i], i == nr_cells - 1);
		printf("]\n");
	} else {
		printf("\n");
		print_latency();
	}

	for (mix = 0; mix <= UNPACK; mix++) {
		check_flat(mix);
		for (threads = 1; threads <= BENCH_MAX_THREADS; threads *= 2)
			check_faster(mix, threads);
	}
	check_memory();
	if (!opts.json)
		printf("\n%u failed, %.0f s\n", nr_failed, (now(CLOCK_MONOTONIC) - start) / NSEC);

	return nr_failed ? 1 : 0;
}

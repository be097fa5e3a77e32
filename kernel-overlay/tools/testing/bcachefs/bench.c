// SPDX-License-Identifier: GPL-2.0
/*
 * What unpacking a key costs, in nanoseconds: the median of some runs. Formats are
 * such as images have; for each, all keys of a node, one after the other.
 */
#include <time.h>

#include "bcachefs.h"
#include "bkey.h"

enum { KEYS = 1024, RUNS = 31, ROUNDS = 20 };

static const struct {
	const char *what;
	struct bkey_format f;
} formats[] = {
	{ "inode, offset, snapshot in bytes", { 2, 6, { 32, 40, 32 } } },
	{ "extents, with a size", { 3, 6, { 32, 48, 32, 16 } } },
	{ "dirents, 63 bits of hash", { 2, 6, { 9, 63, 32 } } },
	{ "freespace, unaligned", { 1, 6, { 0, 19, 1, 16 } } },
	{ "alloc, mostly constant", { 1, 6, { 0, 24, 0, 12 } } },
	{ "backpointers, two whole words", { 3, 6, { 64, 64, 32 } } },
	{ "with a version", { 4, 6, { 40, 40, 32, 16, 32, 64 } } },
	{ "a wide field across words", { 3, 6, { 37, 61, 32, 9 } } },
};

static u64 keys[KEYS][BKEY_U64s];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b);
}

#define MEASURE(call)	({								\
	double runs[RUNS];								\
	int r, round, k;								\
											\
	for (r = 0; r < RUNS; r++) {							\
		double began = now();							\
											\
		for (round = 0; round < ROUNDS; round++)				\
			for (k = 0; k < KEYS; k++) {					\
				const struct bkey_packed *key = (void *)keys[k];	\
											\
				call;							\
				asm volatile("" : : "r" (&out) : "memory");		\
			}								\
		runs[r] = (now() - began) / (ROUNDS * KEYS);				\
	}										\
	qsort(runs, RUNS, sizeof(*runs), compare_doubles);				\
	runs[RUNS / 2];									\
})

/* As those who compare it do, not by a copy. */
static inline void use(struct bpos pos)
{
	asm volatile("" : : "r" (pos.inode), "r" (pos.offset), "r" (pos.snapshot));
}

int main(void)
{
	struct bkey_table t;
	struct bkey out;
	size_t i, k;

	srand(1);
	for (k = 0; k < KEYS; k++)
		for (i = 0; i < BKEY_U64s; i++)
			keys[k][i] = (u64)rand() << 42 ^ (u64)rand() << 21 ^ rand();

	printf("%-34s %8s %8s %6s   %8s %8s %6s\n", "ns a key", "stream", "table", "times",
	       "stream", "table", "times");
	printf("%-34s %-24s   %-24s\n", "", "    the whole key", "    its position");
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct bkey_format *f = &formats[i].f;
		double stream, table;

		if (!bch2_bkey_table_init(&t, f))
			return 1;
		stream = MEASURE(out = __bch2_bkey_unpack_key(f, key));
		table = MEASURE(bch2_bkey_table_unpack(&out, &t, f, key));
		printf("%-34s %8.2f %8.2f %6.2f", formats[i].what, stream, table, stream / table);
		stream = MEASURE(use(__bkey_unpack_pos(f, key)));
		table = MEASURE(use(bch2_bkey_table_unpack_pos(&t, f, key)));
		printf("   %8.2f %8.2f %6.2f\n", stream, table, stream / table);
	}
	return 0;
}

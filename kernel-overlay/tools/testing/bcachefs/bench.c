// SPDX-License-Identifier: GPL-2.0
/*
 * Measure the time to unpack a key, in nanoseconds: the median of several runs. Formats are
 * taken from images. Keys of one format follow each other, as in a btree node.
 *
 * Generated code is called as in the kernel, through a dispatcher that is called directly:
 * the linker gets its address. For comparison, it is also called through a pointer.
 */
#include <sys/mman.h>

#include "bcachefs.h"
#include "bkey.h"
#include "bkey_shape.h"
#include "../record_unpack/timing.h"

#include <linux/record_emit.h>

enum { KEYS = 1024, RUNS = 31, ROUNDS = 20, CODE = 1 << 16, SLOTS = 64 };

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
	median_of(runs, RUNS);								\
})

/* Use the members like a comparison does, without a copy in memory. */
static inline void use(struct bpos pos)
{
	asm volatile("" : : "r" (pos.inode), "r" (pos.offset), "r" (pos.snapshot));
}

/* The Makefile defines their addresses. */
extern char bench_code[];
void bench_unpack(void *dst, const void *src, const void *format, unsigned int slot);
void bench_unpack_pos(void *dst, const void *src, const void *format, unsigned int slot);

static record_unpack_t unpack[SLOTS], unpack_pos[SLOTS];
static size_t code_used;

static void fail(const char *what)
{
	printf("bench: %s\n", what);
	exit(2);
}

static record_unpack_t put_code(const struct record_code *c, size_t at)
{
	if (at + c->pos > CODE)
		fail("no room for code");
	memcpy(bench_code + at, c->buf, c->pos);
	return (record_unpack_t)(bench_code + at + c->entry);
}

static record_unpack_t generate(const struct record_shape *shape)
{
	u8 buf[RECORD_MAX_CODE];
	struct record_code c = { .buf = buf, .len = sizeof(buf), .ip = bench_code + code_used };
	struct record_prog prog;
	size_t at = code_used;

	if (record_compile(&prog, shape, arch_record_any_byte()) || arch_record_emit(&c, &prog))
		fail("a format is refused");
	/* The granularity of the slab. */
	code_used += round_up(c.pos, 16);
	return put_code(&c, at);
}

static void generate_select(const record_unpack_t *target, size_t at)
{
	u8 buf[RECORD_MAX_CODE];
	struct record_code c = { .buf = buf, .len = sizeof(buf), .ip = bench_code + at };

	if (arch_record_emit_select(&c, target, SLOTS, target[1]))
		fail("no dispatcher");
	put_code(&c, at);
}

/* The dispatchers are at the beginning, at the addresses that the Makefile defines. */
static void generate_all(void)
{
	char *code = mmap(bench_code, CODE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	struct record_shape whole, pos;
	size_t i;

	if (code != bench_code)
		fail("mmap");
	code_used = 2 * RECORD_MAX_CODE;
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		whole = bch2_bkey_record_shape(bch2_bkey_shape(&formats[i].f));
		if (bch2_bkey_record_shape_pos(&pos, bch2_bkey_shape(&formats[i].f)))
			fail("no position");
		unpack[i + 1] = generate(&whole);
		unpack_pos[i + 1] = generate(&pos);
	}
	generate_select(unpack, 0);
	generate_select(unpack_pos, RECORD_MAX_CODE);
	if (mprotect(bench_code, CODE, PROT_READ | PROT_EXEC))
		fail("mprotect");
}

struct times {
	double stream, table, select, pointer;
};

static struct times measure(const struct bkey_format *f, unsigned int slot)
{
	record_unpack_t volatile *fn = &unpack[slot];
	struct bkey_table t;
	struct bkey out;

	if (!bch2_bkey_table_init(&t, f))
		fail("a format is refused");
	return (struct times) {
		.stream	 = MEASURE(out = __bch2_bkey_unpack_key(f, key)),
		.table	 = MEASURE(bch2_bkey_table_unpack(&out, &t, f, key)),
		.select	 = MEASURE(bench_unpack(&out, key, f, slot)),
		.pointer = MEASURE((*fn)(&out, key, f, slot)),
	};
}

static struct times measure_pos(const struct bkey_format *f, unsigned int slot)
{
	record_unpack_t volatile *fn = &unpack_pos[slot];
	struct bkey_table t;
	struct bpos out;

	bch2_bkey_table_init(&t, f);
	return (struct times) {
		.stream	 = MEASURE(use(__bkey_unpack_pos(f, key))),
		.table	 = MEASURE(use(bch2_bkey_table_unpack_pos(&t, f, key))),
		.select	 = MEASURE((bench_unpack_pos(&out, key, f, slot), use(out))),
		.pointer = MEASURE(((*fn)(&out, key, f, slot), use(out))),
	};
}

static void print_all(const char *what, struct times (*measure_one)(const struct bkey_format *f,
								    unsigned int slot))
{
	double table[ARRAY_SIZE(formats)], code[ARRAY_SIZE(formats)], both[ARRAY_SIZE(formats)];
	size_t i;

	printf("%-34s %7s %7s %7s %7s   %s\n", what, "stream", "table", "code", "pointer",
	       "times: table/stream, code/stream, code/table");
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		struct times t = measure_one(&formats[i].f, i + 1);

		table[i] = t.stream / t.table;
		code[i] = t.stream / t.select;
		both[i] = t.table / t.select;
		printf("%-34s %7.2f %7.2f %7.2f %7.2f   %5.2f %5.2f %5.2f\n", formats[i].what,
		       t.stream, t.table, t.select, t.pointer, table[i], code[i], both[i]);
	}
	printf("%-34s %31s   %5.2f %5.2f %5.2f\n", "median", "",
	       median_of(table, ARRAY_SIZE(formats)), median_of(code, ARRAY_SIZE(formats)),
	       median_of(both, ARRAY_SIZE(formats)));
}

int main(void)
{
	size_t i, k;

	srand(1);
	for (k = 0; k < KEYS; k++)
		for (i = 0; i < BKEY_U64s; i++)
			keys[k][i] = (u64)rand() << 42 ^ (u64)rand() << 21 ^ rand();

	generate_all();
	printf("# ns a key; indirect calls %s\n",
	       IS_ENABLED(CONFIG_MITIGATION_RETPOLINE) ? "by retpolines" : "as they are");
	print_all("the whole key", measure);
	print_all("its position", measure_pos);
	printf("%zu bytes of text for %zu shapes, and %u to select\n",
	       code_used - 2 * RECORD_MAX_CODE, ARRAY_SIZE(formats), 2 * RECORD_MAX_CODE);
	return 0;
}

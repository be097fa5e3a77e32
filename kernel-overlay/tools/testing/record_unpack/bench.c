// SPDX-License-Identifier: GPL-2.0
/*
 * Measure the time to unpack a record, in nanoseconds: the median of several runs. Shapes
 * are taken from bcachefs images. Records of one shape follow each other, as the keys of a
 * btree node do. Functions are called through a pointer, or through a dispatcher that is
 * called directly: the linker gets its address.
 */
#include <string.h>
#include <sys/mman.h>
#include <linux/kernel.h>

#include "check.h"
#include "env.h"
#include "timing.h"
#include "shapes.h"

enum { RUNS = 21, ROUNDS = 40, SETS = 560, IN_SET = 50, CODE = 1 << 16 };

/* The Makefile defines their address. */
extern char bench_code[];
void bench_select(void *dst, const void *src, const void *consts, unsigned int slot);

static const u8 shapes[][KEY_FIELDS] = {
	{ 32, 40, 32 }, { 32, 48, 32, 16 }, { 9, 63, 32 }, { 0, 19, 1, 16 },
	{ 0, 24, 0, 12 }, { 64, 64, 32 }, { 40, 40, 32, 16, 32, 64 }, { 37, 61, 32, 9 },
	{ 16, 24 }, { 8, 32, 32 }, { 32, 32, 32 }, { 0, 32, 8 }, { 24, 33, 5, 7 }, { 1, 58, 1 },
};

static record_unpack_t functions[ARRAY_SIZE(shapes)];
static size_t sizes[ARRAY_SIZE(shapes)];
static struct record_shape made[ARRAY_SIZE(shapes)];
static u8 *code_end, records[SETS][IN_SET][8 * RECORD_MAX_U64S], consts[16 * 8];
static u8 slots[SETS];

static record_unpack_t put_function(const struct record_code *c)
{
	record_unpack_t fn = (record_unpack_t)(code_end + c->entry);

	memcpy(code_end, c->buf, c->pos);
	__builtin___clear_cache((char *)code_end, (char *)code_end + c->pos);
	code_end += (c->pos + 63) & ~63UL;
	return fn;
}

static void make_functions(unsigned int nr)
{
	static u8 buf[RECORD_MAX_CODE];
	struct record_code c;
	unsigned int i;

	/* The dispatcher is at the beginning: leave room for it. */
	code_end = (u8 *)bench_code + RECORD_MAX_CODE;
	for (i = 0; i < nr; i++) {
		struct record_prog prog;

		made[i] = key_shape(shapes[i], true);
		c = (struct record_code) { .buf = buf, .len = sizeof(buf), .ip = code_end };
		if (record_compile(&prog, &made[i], arch_record_any_byte()) ||
		    arch_record_emit(&c, &prog))
			exit(1);
		sizes[i] = c.pos;
		functions[i] = put_function(&c);
	}

	code_end = (u8 *)bench_code;
	c = (struct record_code) { .buf = buf, .len = sizeof(buf), .ip = code_end };
	if (arch_record_emit_select(&c, functions, nr, functions[0]) || c.entry) {
		printf("# SKIP no dispatchers on this architecture\n");
		exit(0);
	}
	put_function(&c);
}

static void make_records(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < SETS; i++)
		slots[i] = below(nr);
	for (i = 0; i < sizeof(records); i++)
		((u8 *)records)[i] = random_u64();
}

static noinline void by_pointer(u8 *result)
{
	unsigned int i, j;

	for (i = 0; i < SETS; i++)
		for (j = 0; j < IN_SET; j++)
			((record_unpack_t volatile *)functions)[slots[i]](result, records[i][j],
									  consts, slots[i]);
}

static noinline void by_select(u8 *result)
{
	unsigned int i, j;

	for (i = 0; i < SETS; i++)
		for (j = 0; j < IN_SET; j++)
			bench_select(result, records[i][j], consts, slots[i]);
}

static double measure(void (*loop)(u8 *result))
{
	static u64 result[KEY_BYTES / 8];
	double runs[RUNS];
	unsigned int r, i;

	for (r = 0; r < RUNS; r++) {
		double began = now();

		for (i = 0; i < ROUNDS; i++)
			loop((u8 *)result);
		runs[r] = (now() - began) / ((double)ROUNDS * SETS * IN_SET);
	}
	return median_of(runs, RUNS);
}

static void bench(unsigned int nr)
{
	make_functions(nr);
	make_records(nr);
	printf("%2u shapes: %5.2f ns by pointer, %5.2f ns by select\n", nr,
	       measure(by_pointer), measure(by_select));
}

int main(void)
{
	unsigned int i, j;
	size_t page = 4096;
	u8 *p = mmap(bench_code, CODE, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != (u8 *)bench_code) {
		perror("mmap");
		return 1;
	}
	seed_random(1);
	env_init(p + CODE - page, p + CODE - page);
	env_choose(0);
	bench(1);
	bench(ARRAY_SIZE(shapes));
	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		printf("%3zu bytes:", sizes[i]);
		for (j = 0; j < KEY_FIELDS; j++)
			printf(" %u", shapes[i][j]);
		printf("\n");
	}
	return 0;
}

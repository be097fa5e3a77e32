// SPDX-License-Identifier: GPL-2.0
/*
 * Test shapes of all kinds. The results of the steps and of the generated functions must
 * equal those of the oracle in all bytes. Records, constants and results lie next to
 * unmapped pages, so accesses outside them fault.
 *
 * Usage: unpack [SHAPES [RECORDS [SEED [U64S]]]]
 *
 * First tests every width of a field at every bit of records of up to U64S u64s. Then tests
 * SHAPES random shapes with RECORDS records each.
 */
#include <stdlib.h>
#include <time.h>
#include <linux/errno.h>
#include <linux/kernel.h>

#include "check.h"
#include "oracle.h"
#include "shapes.h"

static unsigned long valid;

static void test(const struct record_shape *s, unsigned int records)
{
	const char *wrong = check(s, records);

	valid += oracle_accepts(s);
	if (!wrong)
		return;
	printf("# wrong: %s, after %lu shapes\n", wrong, counts.shapes);
	print_shape(stdout, s);
	exit(1);
}

static void test_shape_with(const struct place *p)
{
	struct record_shape s = shape_with(p);

	test(&s, 2);
	move_to_end(&s);
	test(&s, 2);
}

static void test_place(struct place p)
{
	for (p.dst_size = p.bits > 32 ? 8 : 4; p.dst_size <= 8; p.dst_size += 4) {
		p.add = false;
		test_shape_with(&p);
		p.add = true;
		test_shape_with(&p);
	}
}

static void test_places(unsigned int u64s)
{
	struct place p;

	for (p.u64s = 1; p.u64s <= u64s; p.u64s++)
		for (p.pos = 0; p.pos <= 64 * p.u64s; p.pos++)
			for (p.bits = 0; p.bits <= 64 && p.pos + p.bits <= 64 * p.u64s; p.bits++)
				test_place(p);
}

static void test_random(unsigned long shapes, unsigned int records)
{
	unsigned long i;

	for (i = 0; i < shapes; i++) {
		struct record_shape s = i % 4 < 2 ? random_shape() :
					i % 4 == 2 ? random_key_shape() : hostile_shape();

		test(&s, records);
	}
}

static bool something_was_tested(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counts.op); i++)
		if (!counts.op[i])
			return false;
	return valid && counts.refused && counts.mutants_refused && counts.calls &&
	       counts.mutated > counts.mutants_refused &&
	       counts.size[1] && counts.size[2] && counts.size[4] && counts.size[8];
}

int main(int argc, char **argv)
{
	unsigned long shapes = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000;
	unsigned int records = argc > 2 ? strtoul(argv[2], NULL, 0) : 4;
	u64 seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (u64)time(NULL);
	unsigned int u64s = argc > 4 ? strtoul(argv[4], NULL, 0) : RECORD_MAX_U64S;

	printf("# seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	seed_random(seed);
	check_init();
	report_crashes();
	test_places(u64s);
	test_random(shapes, records);

	printf("# %lu shapes, %lu refused; %lu records, %lu calls of %lu functions\n",
	       counts.shapes, counts.refused, counts.records, counts.calls, counts.functions);
	printf("# steps: %lu zero, %lu constant, %lu load, %lu pair; %lu of %lu mutants refused\n",
	       counts.op[RECORD_ZERO], counts.op[RECORD_CONST], counts.op[RECORD_LOAD],
	       counts.op[RECORD_PAIR], counts.mutants_refused, counts.mutated);
	if (!something_was_tested()) {
		printf("# wrong: nothing was tested\n");
		return 1;
	}
	return 0;
}

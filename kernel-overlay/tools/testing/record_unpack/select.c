// SPDX-License-Identifier: GPL-2.0
/*
 * Test dispatchers with any number of slots, with and without empty slots. A dispatcher
 * must jump to the function of the slot and leave the arguments unchanged.
 *
 * Usage: select [ROUNDS [SEED]]
 *
 * The exit status is 4 if the architecture has no dispatchers.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/errno.h>
#include <linux/kernel.h>

#include "check.h"
#include "env.h"
#include "oracle.h"
#include "shapes.h"

/* Up to SLOTS slots, each may have a function; of up to LARGE slots, only FEW have one. */
enum { SLOTS = 64, LARGE = 300, FEW = 8, SKIP = 4 };

struct choice {
	record_unpack_t target[LARGE], other;
	unsigned int nr;
};

static unsigned long calls;

static void fail(const char *wrong, unsigned int nr, unsigned int slot)
{
	printf("# wrong: %s, slot %u of %u\n", wrong, slot, nr);
	exit(1);
}

/* The result depends on @number and on all arguments. */
static struct record_shape numbered_shape(unsigned int number)
{
	return (struct record_shape) {
		.u64s = 2, .nr_fields = 2, .dst_size = 16, .dst_align = 8, .low_bits = 24,
		.header = { .keep = 0xffff0000, .set = 1 + number, .present = true },
		.field = {
			{ .bits = 64, .dst = 8, .dst_size = 8, .add = true },
			{ .bits = 0, .dst = 4, .dst_size = 4, .add = true },
		},
	};
}

static record_unpack_t make_numbered(unsigned int number)
{
	struct record_shape s = numbered_shape(number);
	struct record_prog prog;
	record_unpack_t fn;
	const char *wrong;

	if (record_compile(&prog, &s, arch_record_any_byte()))
		fail("record_compile", 0, number);
	wrong = make_function(&fn, &prog);
	if (wrong)
		fail(wrong, 0, number);
	return fn;
}

static int emit_choice(struct record_code *c, const void *what)
{
	const struct choice *choice = what;

	return arch_record_emit_select(c, choice->target, choice->nr, choice->other);
}

static struct choice make_choice(unsigned int nr)
{
	struct choice choice = { .nr = nr };
	unsigned int holes = below(3), i, slot;

	env_choose(below(env_variants()));
	for (i = 0; nr > SLOTS && i < FEW; i++) {
		slot = below(2) ? below(nr) : min(126 + below(4), nr - 1);
		choice.target[slot] = make_numbered(slot);
	}
	for (i = 0; nr <= SLOTS && i < nr; i++)
		if (!holes || below(holes == 1 ? 8 : 2))
			choice.target[i] = make_numbered(i);
	choice.other = make_numbered(LARGE);
	return choice;
}

static void check_slot(const struct choice *choice, record_unpack_t fn, unsigned int slot)
{
	bool has = slot < choice->nr && choice->target[slot];
	struct record_shape s = numbered_shape(has ? slot : LARGE);
	u8 record[16], consts[16], want[16], got[16];

	random_bytes(record, sizeof(record));
	random_bytes(consts, sizeof(consts));
	oracle_unpack(want, &s, record, consts);
	fn(got, record, consts, slot);
	if (memcmp(got, want, sizeof(got)))
		fail("wrong function, or changed arguments", choice->nr, slot);
	calls++;
}

static void check_reach(const struct choice *choice)
{
	u8 buf[RECORD_MAX_CODE];
	struct record_code c = {
		.buf = buf, .len = sizeof(buf), .ip = code_next() + (1UL << 40),
	};

	if (emit_choice(&c, choice) != -ERANGE)
		fail("no -ERANGE for distant functions", choice->nr, 0);
}

static void check_choice(unsigned int nr)
{
	static const unsigned int far[] = { 127, 128, 255, 256, 1U << 16, 1U << 31, ~0U };
	struct choice choice = make_choice(nr);
	u8 *ip = code_next();
	struct record_code c;
	const char *wrong = emit_checked(&c, emit_choice, &choice);
	record_unpack_t fn = (record_unpack_t)(ip + c.entry);
	unsigned int i;

	if (wrong)
		fail(wrong, nr, 0);
	check_reach(&choice);
	code_put(ip, c.buf, c.pos);
	for (i = 0; i < nr + 4; i++)
		check_slot(&choice, fn, i);
	for (i = 0; i < ARRAY_SIZE(far); i++)
		check_slot(&choice, fn, far[i]);
}

static bool supported(void)
{
	u8 none[1];
	struct record_code c = { .buf = none, .ip = code_next() };
	struct choice choice = { .other = make_numbered(LARGE) };

	return emit_choice(&c, &choice) != -EOPNOTSUPP;
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 100, i;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (u64)time(NULL);
	unsigned int nr;

	printf("# seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	seed_random(seed);
	check_init();
	if (!supported())
		return SKIP;
	for (i = 0; i < rounds; i++) {
		for (nr = 0; nr <= SLOTS; nr++)
			check_choice(nr);
		for (; nr <= LARGE; nr += 1 + below(8))
			check_choice(nr);
	}
	printf("# %lu calls\n", calls);
	return !calls;
}

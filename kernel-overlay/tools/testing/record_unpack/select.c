// SPDX-License-Identifier: GPL-2.0
/*
 * Test dispatchers with any number of slots, with and without empty slots. A dispatcher
 * must jump to the function of the slot and leave the arguments unchanged. Each slot must
 * have its own jump, so that record_unpack_reselect() can rewrite it.
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

enum { SLOTS = 80, JUMP = 5, SKIP = 4 };

struct choice {
	record_unpack_t target[SLOTS], other;
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
		.u64s = 2, .nr_fields = 2, .dst_size = 16, .low_bits = 24,
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
	unsigned int holes = below(3), i;

	env_choose(below(env_variants()));
	for (i = 0; i < nr; i++)
		if (!holes || below(holes == 1 ? 8 : 2))
			choice.target[i] = make_numbered(i);
	choice.other = make_numbered(SLOTS);
	return choice;
}

static void check_slot(const struct choice *choice, record_unpack_t fn, unsigned int slot)
{
	struct record_shape s = numbered_shape(choice->target[slot] ? slot : SLOTS);
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

/*
 * Another function for a slot must change only the jump of the slot, which no call with
 * another slot may execute: replace it with traps.
 */
static void check_jump(const struct choice *choice, const struct record_code *c, u8 *ip)
{
	unsigned int slot = below(choice->nr), i, first = 0, last = c->pos - 1;
	struct choice changed = *choice;
	u8 buf[RECORD_MAX_CODE];
	struct record_code again = { .buf = buf, .len = sizeof(buf), .ip = ip };

	changed.target[slot] = choice->target[slot] ? NULL : make_numbered(slot);
	if (emit_choice(&again, &changed) || again.pos != c->pos)
		fail("the size depends on the functions", choice->nr, slot);
	while (first < last && buf[first] == ip[first])
		first++;
	while (last > first && buf[last] == ip[last])
		last--;
	if (last - first >= JUMP - 1)
		fail("not only one jump depends on the function", choice->nr, slot);

	memset(ip + first, 0xcc, last - first + 1);
	for (i = 0; i < choice->nr; i++)
		if (i != slot)
			check_slot(choice, (record_unpack_t)(ip + c->entry), i);
}

static void check_choice(unsigned int nr)
{
	struct choice choice = make_choice(nr);
	u8 *ip = code_next();
	struct record_code c;
	const char *wrong = emit_checked(&c, emit_choice, &choice);
	unsigned int i;

	if (wrong)
		fail(wrong, nr, 0);
	check_reach(&choice);
	code_put(ip, c.buf, c.pos);
	for (i = 0; i < nr; i++)
		check_slot(&choice, (record_unpack_t)(ip + c.entry), i);
	check_jump(&choice, &c, ip);
}

static bool supported(void)
{
	u8 none[1];
	struct record_code c = { .buf = none, .ip = code_next() };
	struct choice choice = { .nr = 1, .other = make_numbered(SLOTS) };

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
	report_crashes();
	if (!supported())
		return SKIP;
	for (i = 0; i < rounds; i++)
		for (nr = 1; nr <= SLOTS; nr++)
			check_choice(nr);
	printf("# %lu calls\n", calls);
	return !calls;
}

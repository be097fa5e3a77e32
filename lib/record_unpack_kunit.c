// SPDX-License-Identifier: GPL-2.0
/*
 * Test generated functions on the running kernel: in real text, with the configuration
 * and mitigations of this machine. The userspace tests in tools/testing/record_unpack
 * cover many more shapes.
 */
#include <kunit/test.h>
#include <linux/kallsyms.h>
#include <linux/prandom.h>
#include <linux/record_emit.h>
#include <linux/static_call.h>
#include <linux/unaligned.h>
#include <linux/vmalloc.h>

#define SHAPES		300
#define RECORDS		8
#define MAX_RESULT	128
#define MAX_CONSTS	(128 + RECORD_MAX_FIELDS * 8)

static const u8 widths[] = { 0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 57, 58, 60, 63, 64 };

static struct rnd_state rnd;

static void other(void *dst, const void *src, const void *consts, unsigned int slot)
{
	*(u64 *)dst = 1000 + slot;
}

/* On x86, functions must not be called through pointers. */
DEFINE_STATIC_CALL(record_unpack_kunit, other);

static u32 below(u32 n)
{
	return prandom_u32_state(&rnd) % n;
}

static bool bit_of(const u8 *bytes, unsigned int bit)
{
	return bytes[bit / 8] >> (bit % 8) & 1;
}

/* Compute the expected result bit by bit, from the shape alone. */
static void work_out(u8 *result, const struct record_shape *s, const u8 *record,
		     const u8 *consts)
{
	unsigned int top = s->u64s * 64, i, b;

	memset(result, 0, s->dst_size);
	if (s->header.present) {
		u32 v = (get_unaligned_le32(record) & s->header.keep) | s->header.set;

		put_unaligned_le32(v, result);
		result[0] += s->header.add;
	}
	for (i = 0; i < s->nr_fields; i++) {
		const struct record_field *f = &s->field[i];
		u64 v = 0;

		for (b = 0; b < f->bits; b++)
			v = v << 1 | bit_of(record, --top);
		if (f->add)
			v += get_unaligned_le64(consts + s->consts + i * 8);
		for (b = 0; b < f->dst_size; b++)
			result[f->dst + b] = v >> (8 * b);
	}
}

static struct record_shape some_shape(void)
{
	struct record_shape s = {
		.u64s = 1 + below(RECORD_MAX_U64S), .nr_fields = 1 + below(RECORD_MAX_FIELDS),
		.low_bits = 24, .consts = 8 * below(17),
	};
	unsigned int left = s.u64s * 64 - s.low_bits, at = 0, i;

	if (below(2)) {
		s.header = (struct record_header) {
			.keep = 0xff80ff, .set = 0x100, .add = below(6), .present = true,
		};
		at = 4;
	}
	for (i = 0; i < s.nr_fields; i++) {
		struct record_field *f = &s.field[i];

		f->bits = below(2) ? widths[below(ARRAY_SIZE(widths))] : below(65);
		f->bits = min_t(unsigned int, f->bits, left);
		f->dst_size = f->bits > 32 || below(2) ? 8 : 4;
		f->dst = at + 4 * below(3);
		f->add = below(2);
		at = f->dst + f->dst_size;
		left -= f->bits;
	}
	s.dst_size = round_up(at, 8);
	return s;
}

/* A field of @bits bits that begins at bit @phase of a u64, with other fields above it. */
static struct record_shape shape_at(unsigned int bits, unsigned int phase)
{
	unsigned int above = 192 - 64 - phase - bits;

	return (struct record_shape) {
		.u64s = 3, .low_bits = 64 + phase, .nr_fields = 4, .dst_size = 32,
		.field = {
			{ min(above, 64U), 8, 0 }, { above - min(above, 64U), 8, 8 },
			{ bits, 8, 16, true }, { 0, 8, 24, true },
		},
	};
}

KUNIT_DEFINE_ACTION_WRAPPER(free_page_of, vfree, const void *);

/* An unmapped guard page follows, so accesses beyond the end fault. */
static void *page_of(struct kunit *test)
{
	void *p = vmalloc(PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_page_of, p), 0);
	return p;
}

static bool same(struct kunit *test, const char *what, const struct record_shape *s,
		 const u8 *got, const u8 *want)
{
	unsigned int i;

	if (!memcmp(got, want, MAX_RESULT))
		return true;

	KUNIT_FAIL(test, "%s: u64s %u low %u consts %u", what, s->u64s, s->low_bits,
		   s->consts);
	for (i = 0; i < s->nr_fields; i++)
		kunit_info(test, "%u bits%s to %u..%u", s->field[i].bits,
			   s->field[i].add ? " +" : "", s->field[i].dst,
			   s->field[i].dst + s->field[i].dst_size);
	return false;
}

static bool check_record(struct kunit *test, const struct record_shape *s, const u8 *record,
			 const u8 *consts)
{
	u8 want[MAX_RESULT] __aligned(8), got[MAX_RESULT] __aligned(8);
	struct record_prog prog;

	memset(want, 0x5a, sizeof(want));
	work_out(want, s, record, consts);

	memset(got, 0x5a, sizeof(got));
	if (!record_compile(&prog, s, arch_record_any_byte()))
		record_prog_run(&prog, got, record, consts);
	if (!same(test, "steps", s, got, want))
		return false;

	memset(got, 0x5a, sizeof(got));
	static_call(record_unpack_kunit)(got, record, consts, 0);
	return same(test, "function", s, got, want);
}

/* Alternate between records at the end of the page and records at its beginning. */
static bool check_shape(struct kunit *test, const struct record_shape *s, u8 *page, u8 *consts)
{
	struct record_unpack *u = record_unpack_create(s, "record_unpack_kunit");
	size_t size = s->u64s * 8, i;
	bool ok = true;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, u);
	record_unpack_sync();
	static_call_update(record_unpack_kunit, u->fn);
	for (i = 0; i < RECORDS && ok; i++) {
		u8 *record = i % 2 ? page : page + PAGE_SIZE - size;

		prandom_bytes_state(&rnd, record, size);
		if (i < 2)
			memset(record, 0xff, size);
		prandom_bytes_state(&rnd, consts, MAX_CONSTS);
		if (i % 4 == 3)
			memset(consts, 0xff, MAX_CONSTS);
		ok = check_record(test, s, record, consts);
	}
	static_call_update(record_unpack_kunit, other);
	record_unpack_free(u);
	return ok;
}

static void test_random(struct kunit *test)
{
	u8 *page = page_of(test), *consts = page_of(test);
	unsigned int i;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < SHAPES; i++) {
		struct record_shape s = some_shape();

		if (!check_shape(test, &s, page, consts))
			break;
	}
}

static void test_phases(struct kunit *test)
{
	u8 *page = page_of(test), *consts = page_of(test);
	unsigned int i, phase;

	prandom_seed_state(&rnd, 2);
	for (i = 0; i < ARRAY_SIZE(widths); i++)
		for (phase = 0; phase < 64; phase += 1 + below(3)) {
			struct record_shape s = shape_at(widths[i], phase);

			if (!check_shape(test, &s, page, consts))
				return;
		}
}

/* Invalid shapes are refused. */
static void test_refused(struct kunit *test)
{
	static const struct record_shape good = {
		.u64s = 2, .low_bits = 24, .nr_fields = 2, .dst_size = 16,
		.field = { { 64, 8, 0 }, { 32, 4, 8 } },
	};
	struct record_shape bad[] = {
		good, good, good, good, good, good, good, good, good, good,
	};
	struct record_unpack *u;
	unsigned int i;

	bad[0].u64s = 0;
	bad[1].u64s = RECORD_MAX_U64S + 1;
	bad[2].low_bits = 33;			/* more bits than the record */
	bad[3].nr_fields = RECORD_MAX_FIELDS + 1;
	bad[4].field[1].bits = 33;		/* wider than its 4 bytes of the result */
	bad[5].field[1].dst = 10;		/* not aligned */
	bad[6].field[1].dst = 16;		/* beyond the result */
	bad[7].field[1].dst = 4;		/* overlaps field 0 */
	bad[8].consts = 4;
	bad[9].dst_size = 20;

	u = record_unpack_create(&good, "record_unpack_kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, u);
	record_unpack_free(u);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		u = record_unpack_create(&bad[i], "record_unpack_kunit");
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR_OR_ZERO(u), -EINVAL, "shape %u", i);
		if (!IS_ERR(u))
			record_unpack_free(u);
	}
}

/* Whether /proc/kallsyms lists a function. */
static bool is_listed(const char *name)
{
	char found[KSYM_NAME_LEN], type;
	unsigned long value;
	unsigned int nr;

	for (nr = 0; !record_unpack_get_kallsym(nr, &value, &type, found); nr++)
		if (!strcmp(found, name))
			return true;
	return false;
}

static void test_seen(struct kunit *test)
{
	struct record_shape s = shape_at(33, 5);
	struct record_unpack *u = record_unpack_create(&s, "record_unpack_kunit_seen");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, u);
	KUNIT_EXPECT_TRUE(test, is_listed("record_unpack_kunit_seen"));
	KUNIT_EXPECT_TRUE(test, kernel_text_address((unsigned long)u->fn));
	record_unpack_free(u);
	KUNIT_EXPECT_FALSE(test, is_listed("record_unpack_kunit_seen"));
	record_unpack_barrier();
}

#define SLOTS	20

/* Each slot has a different function, so a jump to a wrong one is detected. */
static struct record_shape shape_of(unsigned int slot)
{
	return (struct record_shape) {
		.u64s = 1, .low_bits = 32, .nr_fields = 1, .dst_size = 8,
		.header = { .set = slot, .present = true }, .field = { { 32, 4, 4, true } },
	};
}

KUNIT_DEFINE_ACTION_WRAPPER(free_function, record_unpack_free, struct record_unpack *);

static record_unpack_t function_of(struct kunit *test, unsigned int slot)
{
	struct record_shape s = shape_of(slot);
	struct record_unpack *u = record_unpack_create(&s, "record_unpack_kunit_slot");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, u);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_function, u), 0);
	return u->fn;
}

static void check_slot(struct kunit *test, unsigned int slot, bool own)
{
	struct record_shape s = shape_of(slot);
	u64 record, consts, got = 0, want = 1000 + slot;

	prandom_bytes_state(&rnd, &record, sizeof(record));
	prandom_bytes_state(&rnd, &consts, sizeof(consts));
	if (own)
		work_out((u8 *)&want, &s, (u8 *)&record, (u8 *)&consts);

	static_call(record_unpack_kunit)(&got, &record, &consts, slot);
	KUNIT_EXPECT_EQ_MSG(test, got, want, "slot %u", slot);
}

/* First every third slot has a function, then every other one. */
static void test_select(struct kunit *test)
{
	record_unpack_t function[SLOTS], target[SLOTS] = {};
	struct record_unpack *u;
	unsigned int i, each;

	prandom_seed_state(&rnd, 3);
	for (i = 0; i < SLOTS; i++) {
		function[i] = function_of(test, i);
		if (i % 3 == 0)
			target[i] = function[i];
	}
	u = record_unpack_select(target, SLOTS, other, "record_unpack_kunit_select");
	if (u == ERR_PTR(-EOPNOTSUPP)) {
		KUNIT_ASSERT_FALSE(test, IS_ENABLED(CONFIG_HAVE_STATIC_CALL));
		kunit_skip(test, "functions are called through pointers here");
	}
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, u);

	record_unpack_sync();
	static_call_update(record_unpack_kunit, u->fn);
	for (each = 3; each >= 2; each--) {
		for (i = 0; i < SLOTS; i++)
			target[i] = i % each ? NULL : function[i];
		KUNIT_EXPECT_EQ(test, record_unpack_reselect(u, target, SLOTS, other), 0);
		record_unpack_sync();
		for (i = 0; i < SLOTS; i++)
			check_slot(test, i, i % each == 0);
	}
	static_call_update(record_unpack_kunit, other);
	record_unpack_free(u);
	record_unpack_barrier();
}

static struct kunit_case record_unpack_cases[] = {
	KUNIT_CASE(test_refused),
	KUNIT_CASE(test_random),
	KUNIT_CASE(test_phases),
	KUNIT_CASE(test_seen),
	KUNIT_CASE(test_select),
	{ }
};

static struct kunit_suite record_unpack_suite = {
	.name = "record_unpack",
	.test_cases = record_unpack_cases,
};

kunit_test_suite(record_unpack_suite);

MODULE_DESCRIPTION("KUnit tests of functions that unpack records");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0
/*
 * Test keys of all kinds of formats. The results of the table, of the stream decoder and of
 * a decoder that works bit by bit must be equal in all 40 bytes. Keys lie next to unmapped
 * pages, so accesses outside them fault.
 *
 * Iterators call generated code if the slots of their keys are expected; test this prediction
 * for regular and irregular sequences of slots.
 *
 * Usage: unpack [FORMATS [SEED]]
 */
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bkey_predict.h"
#include "bkey_shape.h"
#include "oracle.h"

enum { FIELDS = 6, KEYS = 8 };

static const u8 widest[FIELDS] = { 64, 64, 32, 32, 32, 64 };
static const u8 edges[] = {
	0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 57, 58, 59, 60, 61, 62, 63, 64,
};

static u64 rng;
static unsigned long keys, wide, narrow, refused;

/* Begin and end of a page between unmapped pages. */
static u8 *first, *last;
static size_t page;

static u64 random_u64(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dULL;
}

static unsigned int below(unsigned int n)
{
	return (random_u64() >> 32) % n;
}

static void map_keys(void)
{
	u8 *p;

	page = sysconf(_SC_PAGESIZE);
	p = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p + page, page, PROT_READ | PROT_WRITE)) {
		perror("mmap");
		exit(1);
	}
	first = p + page;
	last = p + 2 * page;
}

static u8 random_width(unsigned int field)
{
	u8 bits = below(2) ? edges[below(ARRAY_SIZE(edges))] : below(65);

	return min(bits, widest[field]);
}

static u64 random_offset(void)
{
	static const u64 fixed[] = { 0, 1, U32_MAX, U64_MAX, U64_MAX - 1 };
	unsigned int kind = below(8);

	return kind < ARRAY_SIZE(fixed) ? fixed[kind] : random_u64() >> below(64);
}

/* A valid format, sometimes with unused bits. */
static struct bkey_format random_format(void)
{
	struct bkey_format f = { .nr_fields = FIELDS };
	unsigned int bits = 24, i;

	for (i = 0; i < FIELDS; i++) {
		/* Most formats on disk have no version. */
		f.bits_per_field[i] = i > 3 && below(2) ? 0 : random_width(i);
		f.field_offset[i] = cpu_to_le64(random_offset());
		bits += f.bits_per_field[i];
	}
	f.key_u64s = DIV_ROUND_UP(bits, 64);
	if (!below(8))
		f.key_u64s += below(6 - f.key_u64s);
	return f;
}

static void print_format(const struct bkey_format *f)
{
	unsigned int i;

	printf("# u64s %u", f->key_u64s);
	for (i = 0; i < FIELDS; i++)
		printf(" %u:%#llx", f->bits_per_field[i],
		       (unsigned long long)le64_to_cpu(f->field_offset[i]));
	printf("\n");
}

static void fail(const char *what, const struct bkey_format *f)
{
	printf("not ok 1 unpack: %s, after %lu keys\n", what, keys);
	print_format(f);
	exit(1);
}

static void random_key(u8 *key, size_t size)
{
	/* All bits set, none, or random ones: reveals bits that leak from an adjacent field. */
	unsigned int kind = below(4);
	u64 word = random_u64();
	size_t i;

	for (i = 0; i < size; i++, word = i % 8 ? word >> 8 : random_u64())
		key[i] = kind == 0 ? 0xff : kind == 1 ? 0 : word;
}

static void test_format(void)
{
	struct bkey_format f = random_format();
	size_t size = f.key_u64s * 8, i;
	const char *wrong;

	for (i = 0; i < KEYS; i++, keys++) {
		u8 *key = i % 2 ? first : last - size;

		random_key(key, size);
		wrong = compare(&f, (struct bkey_packed *)key);
		if (!wrong && i < 2)
			wrong = compare_steps(&f, (struct bkey_packed *)key);
		if (wrong)
			fail(wrong, &f);
	}
	for (i = 0; i < FIELDS; i++) {
		wide += f.bits_per_field[i] > 57;
		narrow += !f.bits_per_field[i];
	}
}

/* A random format, or a valid one with a small fault. */
static struct bkey_format hostile_format(void)
{
	struct bkey_format f = random_format();
	unsigned int i;

	switch (below(4)) {
	case 0:
		for (i = 0; i < sizeof(f); i++)
			((u8 *)&f)[i] = random_u64();
		break;
	case 1:
		f.key_u64s += below(16);
		break;
	case 2:
		f.key_u64s--;
		break;
	default:
		f.bits_per_field[below(FIELDS)] += 1 + below(8);
	}
	return f;
}

/* Invalid formats must be refused, and unpacking with them must not read outside the key. */
static void test_hostile_format(void)
{
	struct bkey_format f = hostile_format();
	struct record_shape shape;
	struct record_prog prog;
	struct bkey_table t;
	struct bkey out;
	struct bpos pos;
	size_t size;
	unsigned int i;

	if (bch2_bkey_table_init(&t, &f) != oracle_accepts(&f))
		fail("the wrong formats are refused", &f);
	shape = bch2_bkey_record_shape(bch2_bkey_shape(&f));
	if (!record_compile(&prog, &shape, true) != oracle_accepts(&f))
		fail("the wrong shapes are refused", &f);
	if (oracle_accepts(&f))
		return;

	refused++;
	size = 8;
	bch2_bkey_table_unpack(&out, &t, &f, (struct bkey_packed *)(last - size));
	bch2_bkey_table_unpack(&out, &t, &f, (struct bkey_packed *)first);
	for (i = 0; i < 2; i++) {
		void *k = i ? last - size : first;

		bch2_bkey_table_unpack_pos(&pos, &t, &f, k);
		if (pos.inode != le64_to_cpu(f.field_offset[0]))
			fail("an invalid format uses bits of the key", &f);
	}
}

/* Sequences of slots, and for how many keys in a hundred code is expected to be faster. */
static const struct {
	const char *name;
	unsigned int slots;
	unsigned int run;	/* keys of a slot before the next random one; 0: slots in turn */
	unsigned int least;
	unsigned int most;
} sequences[] = {
	{ "one slot", 1, 1, 99, 100 },
	{ "three slots in turn", 3, 0, 99, 100 },
	{ "runs of 100 keys", 5, 100, 95, 100 },
	{ "runs of 16 keys", 5, 16, 80, 100 },
	{ "runs of 3 keys", 5, 3, 0, 4 },
	{ "slots at random", 5, 1, 0, 1 },
};

static int test_prediction(void)
{
	enum { KEYS_IN_SEQUENCE = 100000 };
	unsigned int i, j, percent;
	struct bkey_prediction *cpu = raw_cpu_ptr(&bch2_bkey_prediction);
	struct btree b = { .unpack_slot = 1 };

	for (i = 0; i < ARRAY_SIZE(sequences); i++) {
		unsigned int expected = 0;

		for (j = 0; j < KEYS_IN_SEQUENCE; j++) {
			if (!sequences[i].run)
				b.unpack_slot = 1 + j % sequences[i].slots;
			else if (j % sequences[i].run == 0)
				b.unpack_slot = 1 + below(sequences[i].slots);
			expected += bch2_bkey_prefer_code(&cpu, &b);
		}
		percent = expected / (KEYS_IN_SEQUENCE / 100);
		if (percent < sequences[i].least || percent > sequences[i].most) {
			printf("not ok 2 prediction: code for %u %% of the keys: %s\n", percent,
			       sequences[i].name);
			return 1;
		}
	}
	printf("ok 2 prediction\n");
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long formats = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000, i;

	rng = argc > 2 ? strtoull(argv[2], NULL, 0) : (u64)time(NULL);
	printf("1..2\n# seed %llu\n", (unsigned long long)rng);
	rng = rng * 2 + 1;
	map_keys();
	for (i = 0; i < formats; i++) {
		test_format();
		if (i % 8 == 0)
			test_hostile_format();
	}
	if (!keys || !wide || !narrow || !refused) {
		printf("not ok 1 unpack: nothing was tested\n");
		return 1;
	}
	printf("ok 1 unpack\n# %lu formats, %lu keys, %lu fields of more than 57 bits\n",
	       formats, keys, wide);
	printf("# %lu fields without bits, %lu formats refused\n", narrow, refused);
	return test_prediction();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Unpack a key bit by bit, from the description of the format alone. Byte 0 is the number
 * of u64s. Byte 1 is the kind of format, with a flag in bit 7. Byte 2 is the type. The
 * fields follow from the most significant bit of the key down. The format adds a constant
 * to each.
 */
#include "oracle.h"
#include "bkey_shape.h"

enum { FIELDS = 6 };

/* Offset and size of each field in an unpacked key, in bytes. */
static const struct {
	unsigned int at, size;
} to[FIELDS] = {
	{ 32, 8 }, { 24, 8 }, { 20, 4 }, { 16, 4 }, { 12, 4 }, { 4, 8 },
};

bool oracle_accepts(const struct bkey_format *f)
{
	unsigned int bits = 24, i;

	for (i = 0; i < FIELDS; i++) {
		if (f->bits_per_field[i] > 8 * to[i].size)
			return false;
		bits += f->bits_per_field[i];
	}
	return f->key_u64s <= 5 && bits <= 64u * f->key_u64s;
}

static bool get_bit(const u8 *key, unsigned int bit)
{
	return key[bit / 8] >> (bit % 8) & 1;
}

void oracle_unpack(struct bkey *out, const struct bkey_format *f, const u8 *key)
{
	unsigned int top = 64 * f->key_u64s, i, b;
	u8 *bytes = (u8 *)out;

	bytes[0] = 5 + key[0] - f->key_u64s;
	bytes[1] = (key[1] & 0x80) | 1;
	bytes[2] = key[2];
	bytes[3] = 0;

	for (i = 0; i < FIELDS; i++) {
		u64 v = 0;

		for (b = 0; b < f->bits_per_field[i]; b++)
			v = v << 1 | get_bit(key, --top);
		v += le64_to_cpu(f->field_offset[i]);
		for (b = 0; b < to[i].size; b++)
			bytes[to[i].at + b] = v >> 8 * b;
	}
}

static bool same_pos(const struct bpos *l, const struct bpos *r)
{
	return l->inode == r->inode && l->offset == r->offset && l->snapshot == r->snapshot;
}

const char *compare(const struct bkey_format *f, const struct bkey_packed *key)
{
	struct bkey want, got;
	struct bkey_table t;
	struct bpos pos;

	memset(&t, 0xa5, sizeof(t));
	if (!bch2_bkey_table_init(&t, f))
		return "a valid format is refused";

	memset(&want, 0x5a, sizeof(want));
	oracle_unpack(&want, f, (const u8 *)key);

	memset(&got, 0xa5, sizeof(got));
	bch2_bkey_table_unpack(&got, &t, f, key);
	if (memcmp(&got, &want, sizeof(got)))
		return "bch2_bkey_table_unpack";

	bch2_bkey_table_unpack_pos(&pos, &t, f, key);
	if (!same_pos(&pos, &want.p))
		return "bch2_bkey_table_unpack_pos";

	got = __bch2_bkey_unpack_key(f, key);
	if (memcmp(&got, &want, sizeof(got)))
		return "__bch2_bkey_unpack_key";

	pos = __bkey_unpack_pos(f, key);
	return same_pos(&pos, &want.p) ? NULL : "__bkey_unpack_pos";
}

static bool run_steps(void *result, const struct record_shape *shape, bool any_byte,
		      const struct bkey_format *f, const struct bkey_packed *key)
{
	struct record_prog prog;

	if (record_compile(&prog, shape, any_byte))
		return false;
	record_prog_run(&prog, result, key, f);
	return true;
}

const char *compare_steps(const struct bkey_format *f, const struct bkey_packed *key)
{
	struct record_shape shape = bch2_bkey_record_shape(bch2_bkey_shape(f));
	struct bkey want, got;
	int any_byte;

	oracle_unpack(&want, f, (const u8 *)key);
	for (any_byte = false; any_byte <= true; any_byte++) {
		memset(&got, 0xa5, sizeof(got));
		if (!run_steps(&got, &shape, any_byte, f, key) ||
		    memcmp(&got, &want, sizeof(got)))
			return "bch2_bkey_record_shape";
	}
	return NULL;
}

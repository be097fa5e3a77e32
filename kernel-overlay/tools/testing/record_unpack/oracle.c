// SPDX-License-Identifier: GPL-2.0
/* A second implementation: it shares only struct record_shape with lib/. */
#include "oracle.h"

static bool get_bit(const u8 *bytes, unsigned int bit)
{
	return bytes[bit / 8] >> (bit % 8) & 1;
}

static void set_bit_to(u8 *bytes, unsigned int bit, bool to)
{
	bytes[bit / 8] = (bytes[bit / 8] & ~(1u << bit % 8)) | (unsigned int)to << bit % 8;
}

/* Reserve bytes of the result. Fields must not overlap. */
static bool take_bytes(bool *taken, unsigned int limit, unsigned int from, unsigned int nr)
{
	while (nr--) {
		if (from >= limit || taken[from])
			return false;
		taken[from++] = true;
	}
	return true;
}

static bool accepts_result(const struct record_shape *s)
{
	bool taken[256] = {};
	unsigned int i;

	if (s->header.present && !take_bytes(taken, s->dst_size, 0, 4))
		return false;
	for (i = 0; i < s->nr_fields; i++) {
		const struct record_field *f = &s->field[i];

		if (f->dst & 3 || !(f->dst_size == 4 || f->dst_size == 8))
			return false;
		if (!take_bytes(taken, s->dst_size, f->dst, f->dst_size))
			return false;
	}
	return true;
}

bool oracle_accepts(const struct record_shape *s)
{
	int bits = 64 * s->u64s - s->low_bits;
	unsigned int i;

	if (s->u64s < 1 || s->u64s > 5 || s->nr_fields < 1 || s->nr_fields > 8)
		return false;
	if (s->consts & 7 || s->consts > 128)
		return false;
	if (s->dst_size < 8 || s->dst_size > 128 || s->dst_size & 7)
		return false;
	if (s->header.present && s->low_bits > 32)
		return false;
	for (i = 0; i < s->nr_fields; i++) {
		if (s->field[i].bits > s->field[i].dst_size * 8)
			return false;
		bits -= s->field[i].bits;
	}
	return bits >= 0 && accepts_result(s);
}

static void unpack_header(u8 *result, const struct record_header *h, const u8 *record)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++)
		set_bit_to(result, bit, h->set >> bit & 1 ||
			   (h->keep >> bit & 1 && get_bit(record, bit)));
	result[0] += h->add;
}

/* Add bit by bit, with a carry. */
static void add_bits(u8 *to, const u8 *what, unsigned int nr)
{
	unsigned int carry = 0, i;

	for (i = 0; i < nr; i++) {
		carry += get_bit(to, i) + get_bit(what, i);
		set_bit_to(to, i, carry & 1);
		carry >>= 1;
	}
}

void oracle_unpack(u8 *result, const struct record_shape *s, const u8 *record,
		   const u8 *consts)
{
	unsigned int top = 64 * s->u64s, i, bit;

	for (i = 0; i < s->dst_size; i++)
		result[i] = 0;
	if (s->header.present)
		unpack_header(result, &s->header, record);

	for (i = 0; i < s->nr_fields; i++) {
		const struct record_field *f = &s->field[i];
		u8 *to = result + f->dst;

		top -= f->bits;
		for (bit = 0; bit < f->dst_size * 8; bit++)
			set_bit_to(to, bit, bit < f->bits && get_bit(record, top + bit));
		if (f->add)
			add_bits(to, consts + s->consts + 8 * i, f->dst_size * 8);
	}
}

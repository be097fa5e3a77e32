// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <linux/kernel.h>

#include "shapes.h"

static const u8 edges[] = {
	0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 57, 58, 59, 60, 61, 62, 63, 64,
};

enum { MAX_RESULT = 128 };

static u64 random_state;

void seed_random(u64 seed)
{
	random_state = seed;
}

u64 random_u64(void)
{
	u64 x = random_state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

unsigned int below(unsigned int n)
{
	return (random_u64() >> 32) % n;
}

/* All bits set, none, or random ones: reveals bits that leak from an adjacent field. */
void random_bytes(u8 *to, size_t size)
{
	unsigned int kind = below(4);
	size_t i;

	for (i = 0; i < size; i += 8) {
		u64 v = kind == 0 ? 0 : kind == 1 ? ~0ULL : random_u64();

		memcpy(to + i, &v, min(size - i, (size_t)8));
	}
}

struct record_shape key_shape(const u8 *bits, bool add)
{
	static const struct { u8 dst, size; } to[KEY_FIELDS] = {
		{ 32, 8 }, { 24, 8 }, { 20, 4 }, { 16, 4 }, { 12, 4 }, { 4, 8 },
	};
	struct record_shape s = {
		.low_bits = 24, .nr_fields = KEY_FIELDS, .dst_size = KEY_BYTES,
		.consts = 8, .header = { .keep = 0xff80ff, .set = 0x100, .present = true },
	};
	unsigned int total = s.low_bits, i;

	for (i = 0; i < KEY_FIELDS; i++) {
		s.field[i] = (struct record_field) {
			.bits = min(bits[i], (u8)(to[i].size * 8)), .dst_size = to[i].size,
			.dst = to[i].dst, .add = add,
		};
		total += s.field[i].bits;
	}
	s.u64s = (total + 63) / 64;
	s.header.add = 5 - s.u64s;
	return s;
}

static u8 random_width(void)
{
	return below(2) ? edges[below(ARRAY_SIZE(edges))] : below(65);
}

struct record_shape random_key_shape(void)
{
	u8 bits[KEY_FIELDS];
	struct record_shape s;
	unsigned int i;

	/* Most keys on disk have no version. */
	for (i = 0; i < KEY_FIELDS; i++)
		bits[i] = i > 2 && below(2) ? 0 : random_width();
	s = key_shape(bits, below(2));
	for (i = 0; i < KEY_FIELDS; i++)
		if (!below(4))
			s.field[i].add = below(2);
	if (!below(8))
		s.u64s += below(6 - s.u64s);
	return s;
}

static struct record_header random_header(void)
{
	static const u32 masks[] = { 0, U32_MAX, 0xff80ff, 0x100, 0xff, 0xffffff00, 1U << 31 };
	struct record_header h = { .present = below(2) };

	if (!h.present)
		return h;
	h.keep = below(2) ? masks[below(ARRAY_SIZE(masks))] : random_u64();
	h.set = below(2) ? masks[below(ARRAY_SIZE(masks))] : random_u64();
	h.add = below(2) ? below(3) - 1 : random_u64();
	return h;
}

static unsigned int random_gap(unsigned int *left)
{
	unsigned int gap = below(4) ? 0 : min(4 * below(5), *left);

	*left -= gap;
	return gap;
}

/* Place the fields in the result in random order, with random gaps. */
static void random_places(struct record_shape *s)
{
	u8 order[RECORD_MAX_FIELDS];
	unsigned int at = s->header.present ? 4 : 0, gaps = MAX_RESULT - at, i, j;

	for (i = 0; i < s->nr_fields; i++) {
		j = below(i + 1);
		order[i] = order[j];
		order[j] = i;
		gaps -= s->field[i].dst_size;
	}
	for (i = 0; i < s->nr_fields; i++) {
		struct record_field *f = &s->field[order[i]];

		at += random_gap(&gaps);
		f->dst = at;
		at += f->dst_size;
	}
	at += random_gap(&gaps);
	s->dst_size = max((at + 7) & ~7U, 8U);
}

struct record_shape random_shape(void)
{
	struct record_shape s = {
		.u64s = 1 + below(RECORD_MAX_U64S), .nr_fields = 1 + below(RECORD_MAX_FIELDS),
		.consts = 8 * below(17),
		.header = random_header(),
	};
	unsigned int left, i;

	s.low_bits = below(2) ? 24 : below(s.header.present ? 33 : 64 * s.u64s + 1);
	left = 64 * s.u64s - s.low_bits;
	for (i = 0; i < s.nr_fields; i++) {
		struct record_field *f = &s.field[i];

		f->bits = min_t(unsigned int, random_width(), left);
		if (i + 1 == s.nr_fields && left <= 64 && below(2))
			f->bits = left;
		f->dst_size = f->bits > 32 || below(2) ? 8 : 4;
		f->add = below(2);
		left -= f->bits;
	}
	random_places(&s);
	return s;
}

/* A random byte of the shape. All members but bool accept any value, see fix_bools(). */
static u8 *random_byte(struct record_shape *s)
{
	return (u8 *)s + below(sizeof(*s));
}

void fix_bools(struct record_shape *s)
{
	unsigned int i;

	*(u8 *)&s->header.present &= 1;
	for (i = 0; i < RECORD_MAX_FIELDS; i++)
		*(u8 *)&s->field[i].add &= 1;
}

/* A random shape, or a valid one with a small fault. */
struct record_shape hostile_shape(void)
{
	struct record_shape s = below(2) ? random_shape() : random_key_shape();
	unsigned int i;

	switch (below(8)) {
	case 0:
		for (i = 0; i < sizeof(s); i++)
			((u8 *)&s)[i] = random_u64();
		break;
	case 1:
		s.u64s--;
		break;
	case 2:
		s.field[below(s.nr_fields)].bits += 1 + below(8);
		break;
	case 3:
		s.field[below(s.nr_fields)].dst = 4 * below(34);
		break;
	case 4:
		s.dst_size -= 4 << below(2);
		break;
	case 5:
		s.low_bits = 31 + below(3);
		break;
	default:
		for (i = 0; i < 1 + below(3); i++)
			*random_byte(&s) = below(2) ? below(16) : random_u64();
	}
	fix_bools(&s);
	return s;
}

/* A record with the field at its place, and other fields above it. */
struct record_shape shape_with(const struct place *p)
{
	struct record_shape s = {
		.u64s = p->u64s, .consts = 8,
	};
	unsigned int above = 64 * p->u64s - p->pos - p->bits;

	for (; above; s.nr_fields++) {
		struct record_field *f = &s.field[s.nr_fields];

		*f = (struct record_field) {
			.bits = min(above, 64U), .dst_size = 8, .dst = 8 * s.nr_fields,
		};
		above -= f->bits;
	}
	s.field[s.nr_fields] = (struct record_field) {
		.bits = p->bits, .dst_size = p->dst_size, .dst = 8 * s.nr_fields, .add = p->add,
	};
	s.nr_fields++;
	s.dst_size = 8 * s.nr_fields;
	return s;
}

void move_to_end(struct record_shape *s)
{
	const struct record_field *last = &s->field[s->nr_fields - 1];
	unsigned int by = MAX_RESULT - last->dst - last->dst_size, i;

	for (i = 0; i < s->nr_fields; i++)
		s->field[i].dst += by;
	s->dst_size = MAX_RESULT;
}

void print_shape(FILE *to, const struct record_shape *s)
{
	unsigned int i;

	fprintf(to, "# u64s %u low %u dst %u consts %u", s->u64s, s->low_bits,
		s->dst_size, s->consts);
	if (s->header.present)
		fprintf(to, " header & %#x | %#x + %u", s->header.keep, s->header.set,
			s->header.add);
	fprintf(to, "\n#");
	for (i = 0; i < s->nr_fields && i < RECORD_MAX_FIELDS; i++)
		fprintf(to, " %u%s->%u:%u", s->field[i].bits, s->field[i].add ? "+" : "",
			s->field[i].dst, s->field[i].dst_size);
	fprintf(to, "\n");
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Compile the shape of a record into the steps that unpack it.
 *
 * An architecture encodes these steps, and the header of the shape. record_compile() chooses
 * the steps.
 * record_prog_verify() then checks the result without knowledge of how it was found: no
 * load leaves the record, no store leaves the result, and each step extracts exactly the
 * bits of its field. The check matters because shapes may come from a crafted disk image.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/record_shape.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#define WORD_BITS	64
#define WORD_BYTES	8

static bool overlaps(unsigned int a, unsigned int a_size, unsigned int b, unsigned int b_size)
{
	return a < b + b_size && b < a + a_size;
}

static int check_field(const struct record_shape *s, unsigned int i)
{
	const struct record_field *f = &s->field[i];
	unsigned int j;

	if ((f->dst_size != 4 && f->dst_size != 8) || f->bits > f->dst_size * 8)
		return -EINVAL;
	if (f->dst % 4 || f->dst + f->dst_size > s->dst_size)
		return -EINVAL;
	if (s->header.present && f->dst < 4)
		return -EINVAL;
	for (j = 0; j < i; j++)
		if (overlaps(f->dst, f->dst_size, s->field[j].dst, s->field[j].dst_size))
			return -EINVAL;
	return 0;
}

static int check_shape(const struct record_shape *s)
{
	unsigned int bits = s->low_bits, i;

	if (!s->u64s || s->u64s > RECORD_MAX_U64S || !s->nr_fields ||
	    s->nr_fields > RECORD_MAX_FIELDS)
		return -EINVAL;
	if (!s->dst_size || s->dst_size % 8 || s->dst_size > RECORD_MAX_RESULT ||
	    s->consts % 8 || s->consts > 128)
		return -EINVAL;
	if (s->header.present && s->low_bits > 32)
		return -EINVAL;

	for (i = 0; i < s->nr_fields; i++) {
		int err = check_field(s, i);

		if (err)
			return err;
		bits += s->field[i].bits;
	}

	return bits <= s->u64s * WORD_BITS ? 0 : -EINVAL;
}

/*
 * Cover the field with one load of @size bytes. Prefer a load that ends with the last bit
 * of the field: one shift then extracts the field.
 */
static bool load_bytes(struct record_step *step, unsigned int pos, unsigned int size,
		       unsigned int len)
{
	unsigned int end = pos + step->bits, src = pos / 8;

	if (step->bits != size * 8 && end % 8 == 0 && end / 8 >= size)
		src = end / 8 - size;
	src = min(src, len - size);
	if (src * 8 + size * 8 < end)
		return false;

	step->op = RECORD_LOAD;
	step->src = src;
	step->size = size;
	step->lsb = pos - src * 8;
	return true;
}

static void load_words(struct record_step *step, unsigned int pos)
{
	step->src = round_down(pos / 8, WORD_BYTES);
	step->size = WORD_BYTES;
	step->lsb = pos % WORD_BITS;
	step->op = step->lsb + step->bits > WORD_BITS ? RECORD_PAIR : RECORD_LOAD;
}

/* Find the load for a field that begins at bit @pos of a record of @len bytes. */
static void find_load(struct record_step *step, unsigned int pos, unsigned int len, bool any_byte)
{
	unsigned int size;

	if (!step->bits) {
		step->op = step->add ? RECORD_CONST : RECORD_ZERO;
		return;
	}
	for (size = 1; any_byte && size <= WORD_BYTES; size *= 2)
		if (step->bits <= size * 8 && load_bytes(step, pos, size, len))
			return;

	load_words(step, pos);
}

static u8 words_of(const struct record_step *step)
{
	switch (step->op) {
	case RECORD_LOAD:
		return GENMASK((step->src + step->size - 1) / WORD_BYTES, step->src / WORD_BYTES);
	case RECORD_PAIR:
		return GENMASK(step->src / WORD_BYTES + 1, step->src / WORD_BYTES);
	default:
		return 0;
	}
}

/**
 * record_compile - find the steps that unpack records of a shape
 * @prog:	filled with the steps
 * @shape:	the shape, which may be invalid
 * @any_byte:	whether unaligned loads of 1 to 8 bytes are fast
 *
 * With @any_byte, each step uses the shortest load that covers its field. Otherwise, all
 * loads are whole aligned u64s.
 *
 * Return: 0 on success, -EINVAL if the shape is invalid
 */
int record_compile(struct record_prog *prog, const struct record_shape *shape, bool any_byte)
{
	unsigned int pos = shape->u64s * WORD_BITS, i;
	int err = check_shape(shape);

	memset(prog, 0, sizeof(*prog));
	if (err)
		return err;

	prog->shape = *shape;
	for (i = 0; i < shape->nr_fields; i++) {
		const struct record_field *f = &shape->field[i];
		struct record_step *step = &prog->step[prog->nr++];

		*step = (struct record_step) {
			.bits = f->bits, .field = i, .add = f->add,
			.dst = f->dst, .dst_size = f->dst_size,
		};
		pos -= f->bits;
		find_load(step, pos, shape->u64s * WORD_BYTES, any_byte);
		prog->words |= words_of(step);
	}

	return record_prog_verify(prog);
}

/* Check that a step extracts the bits from @pos on and loads nothing outside the record. */
static bool step_loads(const struct record_step *step, unsigned int pos, unsigned int len)
{
	unsigned int loaded = step->size * 8;

	switch (step->op) {
	case RECORD_ZERO:
		return !step->bits && !step->add;
	case RECORD_CONST:
		return !step->bits && step->add;
	case RECORD_PAIR:
		/* A pair straddles two u64s, so it never shifts by 0 or by 64. */
		if (step->size != WORD_BYTES || step->src % WORD_BYTES || !step->lsb ||
		    step->lsb >= WORD_BITS || step->lsb + step->bits <= WORD_BITS)
			return false;
		loaded *= 2;
		break;
	case RECORD_LOAD:
		if (step->size != 1 && step->size != 2 && step->size != 4 && step->size != 8)
			return false;
		break;
	default:
		return false;
	}

	return step->bits && step->src * 8 + step->lsb == pos &&
	       step->lsb + step->bits <= loaded && step->src + loaded / 8 <= len;
}

/**
 * record_prog_verify - check the steps against their shape
 * @prog:	the steps
 *
 * Return: 0 if the steps unpack exactly the fields of the shape, -EINVAL otherwise
 */
int record_prog_verify(const struct record_prog *prog)
{
	const struct record_shape *s = &prog->shape;
	unsigned int pos = s->u64s * WORD_BITS, i;

	if (check_shape(s) || prog->nr != s->nr_fields)
		return -EINVAL;

	for (i = 0; i < prog->nr; i++) {
		const struct record_step *step = &prog->step[i];
		const struct record_field *f = &s->field[i];

		pos -= f->bits;
		if (step->field != i || step->bits != f->bits || step->add != f->add ||
		    step->dst != f->dst || step->dst_size != f->dst_size ||
		    !step_loads(step, pos, s->u64s * WORD_BYTES) ||
		    words_of(step) & ~prog->words)
			return -EINVAL;
	}

	return prog->words >> s->u64s ? -EINVAL : 0;
}

static u64 load(const u8 *p, unsigned int size)
{
	u64 v = 0;

	while (size--)
		v = v << 8 | p[size];
	return v;
}

static u64 run_step(const struct record_step *step, const u8 *src)
{
	u64 v;

	if (!step->bits)
		return 0;

	v = load(src + step->src, step->size) >> step->lsb;
	if (step->op == RECORD_PAIR)
		v |= load(src + step->src + WORD_BYTES, WORD_BYTES) << (WORD_BITS - step->lsb);
	return v & (U64_MAX >> (WORD_BITS - step->bits));
}

/**
 * record_prog_run - unpack a record by interpreting its steps
 * @prog:	the steps
 * @dst:	the result
 * @src:	the record
 * @consts:	the structure that contains the constants, see struct record_shape
 *
 * Tests compare generated functions with this one.
 */
void record_prog_run(const struct record_prog *prog, void *dst, const void *src,
		     const void *consts)
{
	const struct record_shape *s = &prog->shape;
	const struct record_header *h = &s->header;
	unsigned int i;

	memset(dst, 0, s->dst_size);
	if (h->present) {
		u32 v = (get_unaligned_le32(src) & h->keep) | h->set;

		put_unaligned_le32((v & ~0xff) | ((v + h->add) & 0xff), dst);
	}

	for (i = 0; i < prog->nr; i++) {
		const struct record_step *step = &prog->step[i];
		u64 v = run_step(step, src);

		if (step->add)
			v += get_unaligned_le64(consts + s->consts + step->field * sizeof(u64));
		if (step->dst_size == sizeof(u64))
			put_unaligned_le64(v, dst + step->dst);
		else
			put_unaligned_le32(v, dst + step->dst);
	}
}

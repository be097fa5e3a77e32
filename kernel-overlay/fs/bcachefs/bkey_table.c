// SPDX-License-Identifier: GPL-2.0
/*
 * Unpack keys with a table.
 *
 * A packed key is one little-endian integer of a few u64s. It contains the fields from the
 * most significant bit down; the format defines their widths. A decoder that extracts one
 * field after the other must finish a field to know where the next one begins. These places
 * are the same for all keys of a format. A table of them is computed once per format. The
 * CPU can then load, shift and mask all fields in parallel.
 *
 * On big-endian machines, the words of a key and the fields of struct bkey have the opposite
 * order. Keys are decoded one field after the other there.
 */

#include "bcachefs.h"
#include "bkey.h"
#include "bkey_table.h"

#include <linux/unaligned.h>

#define WORD_BITS	64

/* Whether unaligned loads of 8 bytes are fast. */
#define ANY_BYTE	IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS)

/* Validate a format: it may come from a crafted disk image. */
static bool format_fits(const struct bkey_format *f)
{
	unsigned int bits = KEY_PACKED_BITS_START, i;

	for (i = 0; i < BKEY_NR_FIELDS; i++) {
		if (f->bits_per_field[i] > bch2_bkey_format_current.bits_per_field[i])
			return false;
		bits += f->bits_per_field[i];
	}

	return f->key_u64s <= BKEY_U64s && bits <= f->key_u64s * WORD_BITS;
}

/* Enter a field of @bits bits that begins at bit @pos of a key of @u64s u64s. */
static void set_field(struct bkey_table *t, unsigned int i, unsigned int pos, unsigned int bits,
		      unsigned int u64s)
{
	unsigned int byte = pos / 8, aligned = round_down(byte, sizeof(u64));

	/* The entry stays 0: the first word is loaded, and the mask clears it. */
	if (!bits)
		return;

	t->mask[i] = U64_MAX >> (WORD_BITS - bits);
	t->byte[i] = ANY_BYTE ? min_t(unsigned int, byte, (u64s - 1) * sizeof(u64)) : aligned;
	t->shift[i] = pos - t->byte[i] * 8;
	if (t->shift[i] + bits > WORD_BITS) {
		t->next[i] = sizeof(u64);
		t->wide = ANY_BYTE;
	}
}

/**
 * bch2_bkey_table_init - compute the table for a format
 * @t:		filled with the table
 * @f:		the format of the keys, which may be invalid
 *
 * Return: true on success, false if the format is invalid. With the resulting table, each
 *	   unpacked field has the value of its constant, and no bit of the key is used.
 */
bool bch2_bkey_table_init(struct bkey_table *t, const struct bkey_format *f)
{
	unsigned int pos = f->key_u64s * WORD_BITS, i;
	bool fits = format_fits(f);

	*t = (struct bkey_table) { .u64s = BKEY_U64s - f->key_u64s };

	for (i = 0; i < BKEY_NR_FIELDS && fits; i++) {
		pos -= f->bits_per_field[i];
		set_field(t, i, pos, f->bits_per_field[i], f->key_u64s);
	}

	return fits;
}

static __always_inline u64 load(const struct bkey_table *t, const u8 *key, unsigned int i,
				bool wide)
{
	const u8 *p = key + t->byte[i];
	unsigned int shift = t->shift[i];
	u64 v;

	if (ANY_BYTE) {
		v = get_unaligned_le64(p) >> shift;
		/* The field ends in the ninth byte. It does not begin at bit 0. */
		if (wide && t->next[i])
			v |= (u64)p[t->next[i]] << (WORD_BITS - shift);
		return v;
	}

	/* Two shifts: with @shift 0, a single shift by 64 would be undefined. */
	return le64_to_cpup((const __le64 *)p) >> shift |
	       le64_to_cpup((const __le64 *)(p + t->next[i])) << 1 << (WORD_BITS - 1 - shift);
}

static __always_inline u64 get_field(const struct bkey_table *t, const struct bkey_format *f,
				     const struct bkey_packed *in, unsigned int i, bool wide)
{
	return (load(t, (const u8 *)in, i, wide) & t->mask[i]) + le64_to_cpu(f->field_offset[i]);
}

static __always_inline void unpack(struct bkey *out, const struct bkey_table *t,
				   const struct bkey_format *f, const struct bkey_packed *in,
				   bool wide)
{
	/* Load all fields before the first store: the compiler must assume that they alias. */
	u64 inode	= get_field(t, f, in, BKEY_FIELD_INODE, wide);
	u64 offset	= get_field(t, f, in, BKEY_FIELD_OFFSET, wide);
	u32 snapshot	= get_field(t, f, in, BKEY_FIELD_SNAPSHOT, wide);
	u32 size	= get_field(t, f, in, BKEY_FIELD_SIZE, wide);
	u32 version_hi	= get_field(t, f, in, BKEY_FIELD_VERSION_HI, wide);
	u64 version_lo	= get_field(t, f, in, BKEY_FIELD_VERSION_LO, wide);
	u8 u64s		= in->u64s + t->u64s, type = in->type;
	bool whiteout	= in->needs_whiteout;

	out->u64s		= u64s;
	out->format		= KEY_FORMAT_CURRENT;
	out->needs_whiteout	= whiteout;
	out->type		= type;
	out->pad[0]		= 0;
	out->bversion.lo	= version_lo;
	out->bversion.hi	= version_hi;
	out->size		= size;
	out->p.snapshot		= snapshot;
	out->p.offset		= offset;
	out->p.inode		= inode;
}

static noinline void unpack_wide(struct bkey *out, const struct bkey_table *t,
				 const struct bkey_format *f, const struct bkey_packed *in)
{
	unpack(out, t, f, in, true);
}

/**
 * bch2_bkey_table_unpack - unpack a key
 * @out:	filled with the unpacked key
 * @t:		table that bch2_bkey_table_init() computed for @f
 * @f:		the format
 * @in:		the packed key
 */
void bch2_bkey_table_unpack(struct bkey *out, const struct bkey_table *t,
			    const struct bkey_format *f, const struct bkey_packed *in)
{
	if (CPU_BIG_ENDIAN)
		*out = __bch2_bkey_unpack_key(f, in);
	else if (unlikely(t->wide))
		unpack_wide(out, t, f, in);
	else
		unpack(out, t, f, in, false);
}

static __always_inline struct bpos unpack_pos(const struct bkey_table *t,
					      const struct bkey_format *f,
					      const struct bkey_packed *in, bool wide)
{
	return (struct bpos) {
		.inode		= get_field(t, f, in, BKEY_FIELD_INODE, wide),
		.offset		= get_field(t, f, in, BKEY_FIELD_OFFSET, wide),
		.snapshot	= get_field(t, f, in, BKEY_FIELD_SNAPSHOT, wide),
	};
}

static noinline struct bpos unpack_pos_wide(const struct bkey_table *t,
					    const struct bkey_format *f,
					    const struct bkey_packed *in)
{
	return unpack_pos(t, f, in, true);
}

/**
 * bch2_bkey_table_unpack_pos - unpack the position of a key
 * @t:		table that bch2_bkey_table_init() computed for @f
 * @f:		the format
 * @in:		the packed key
 *
 * Return: the position
 */
struct bpos bch2_bkey_table_unpack_pos(const struct bkey_table *t, const struct bkey_format *f,
				       const struct bkey_packed *in)
{
	if (CPU_BIG_ENDIAN)
		return __bkey_unpack_pos(f, in);
	if (unlikely(t->wide))
		return unpack_pos_wide(t, f, in);
	return unpack_pos(t, f, in, false);
}

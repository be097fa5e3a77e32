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

/* The type and the bit needs_whiteout, in the first u64 of a packed key. */
#define KEEP_HEADER	0xff8000

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
	if (t->shift[i] + bits > WORD_BITS)
		t->wide |= BIT(i);
	if (i > BKEY_FIELD_SNAPSHOT)
		t->more = true;
}

/**
 * bch2_bkey_table_init - compute the table for a format
 * @t:		filled with the table
 * @f:		the format of the keys, which may be invalid
 *
 * Return: true on success, false if the format is invalid: each unpacked field then has the
 *	   value of its constant, and only the header of the key is used.
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
	const u8 *p = key + t->byte[i], *next = p + sizeof(u64);
	unsigned int shift = t->shift[i];
	u64 v = (ANY_BYTE ? get_unaligned_le64(p) : le64_to_cpup((const __le64 *)p)) >> shift;

	/* The rest of the field is in the next word or, if words begin at any byte, in one byte. */
	if (wide && t->wide & BIT(i))
		v |= (ANY_BYTE ? *next : le64_to_cpup((const __le64 *)next)) << (WORD_BITS - shift);
	return v;
}

static __always_inline u64 get_field(const struct bkey_table *t, const struct bkey_format *f,
				     const struct bkey_packed *in, unsigned int i, bool wide)
{
	return (load(t, (const u8 *)in, i, wide) & t->mask[i]) + le64_to_cpu(f->field_offset[i]);
}

/*
 * Most formats have no bits for the size and the version. Where the assembly of a field takes
 * many instructions, a branch skips it.
 */
static __always_inline u64 get_more(const struct bkey_table *t, const struct bkey_format *f,
				    const struct bkey_packed *in, unsigned int i, bool wide)
{
	if (ANY_BYTE || t->more)
		return get_field(t, f, in, i, wide);
	return le64_to_cpu(f->field_offset[i]);
}

static __always_inline void unpack(struct bkey *out, const struct bkey_table *t,
				   const struct bkey_format *f, const struct bkey_packed *in,
				   bool wide)
{
	/* Load all fields before the first store: the compiler must assume that they alias. */
	u64 inode	= get_field(t, f, in, BKEY_FIELD_INODE, wide);
	u64 offset	= get_field(t, f, in, BKEY_FIELD_OFFSET, wide);
	u64 snapshot	= get_field(t, f, in, BKEY_FIELD_SNAPSHOT, wide);
	u32 size	= get_more(t, f, in, BKEY_FIELD_SIZE, wide);
	u64 version_hi	= get_more(t, f, in, BKEY_FIELD_VERSION_HI, wide);
	u64 version_lo	= get_more(t, f, in, BKEY_FIELD_VERSION_LO, wide);
	u32 header	= le64_to_cpup((const __le64 *)in) & KEEP_HEADER;
	u64 *words	= (u64 *)out;

	header |= KEY_FORMAT_CURRENT << 8 | (u8)(in->u64s + t->u64s);

	/*
	 * Callers copy keys in u64s: a load that spans several preceding stores would wait for
	 * them. A store of bversion.lo, which is not aligned, may cross a cache line.
	 */
	words[0] = header | version_lo << 32;
	words[1] = version_lo >> 32 | version_hi << 32;
	words[2] = size | snapshot << 32;
	words[3] = offset;
	words[4] = inode;
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

static __always_inline void unpack_pos(struct bpos *out, const struct bkey_table *t,
				       const struct bkey_format *f,
				       const struct bkey_packed *in, bool wide)
{
	u64 inode	= get_field(t, f, in, BKEY_FIELD_INODE, wide);
	u64 offset	= get_field(t, f, in, BKEY_FIELD_OFFSET, wide);
	u32 snapshot	= get_field(t, f, in, BKEY_FIELD_SNAPSHOT, wide);

	out->snapshot	= snapshot;
	out->offset	= offset;
	out->inode	= inode;
}

static noinline void unpack_pos_wide(struct bpos *out, const struct bkey_table *t,
				     const struct bkey_format *f, const struct bkey_packed *in)
{
	unpack_pos(out, t, f, in, true);
}

/**
 * bch2_bkey_table_unpack_pos - unpack the position of a key
 * @out:	filled with the position
 * @t:		table that bch2_bkey_table_init() computed for @f
 * @f:		the format
 * @in:		the packed key
 */
void bch2_bkey_table_unpack_pos(struct bpos *out, const struct bkey_table *t,
				const struct bkey_format *f, const struct bkey_packed *in)
{
	if (CPU_BIG_ENDIAN)
		*out = __bkey_unpack_pos(f, in);
	else if (unlikely(t->wide))
		unpack_pos_wide(out, t, f, in);
	else
		unpack_pos(out, t, f, in, false);
}

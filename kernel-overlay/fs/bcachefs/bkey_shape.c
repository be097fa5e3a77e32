// SPDX-License-Identifier: GPL-2.0
/* Packed keys as records: the shape of those that have one format. */

#include "bcachefs.h"
#include "bkey.h"
#include "bkey_shape.h"

/**
 * bch2_bkey_shape - what keys of a format look like
 * @f:		the format, which need not be valid
 *
 * Returns: the shape, which is not a possible one then
 */
union bkey_shape bch2_bkey_shape(const struct bkey_format *f)
{
	union bkey_shape s = { .u64s = f->key_u64s };
	unsigned int i;

	for (i = 0; i < BKEY_NR_FIELDS; i++) {
		s.bits[i] = f->bits_per_field[i];
		if (!f->bits_per_field[i] && f->field_offset[i])
			s.constants |= BIT(i);
	}

	return s;
}

#define FIELD_TO(s, nr, member)								\
	{ .bits = (s).bits[nr], .dst = offsetof(struct bkey, member),			\
	  .dst_size = sizeof_field(struct bkey, member),				\
	  .add = (s).bits[nr] || (s).constants & BIT(nr) }

/**
 * bch2_bkey_record_shape - how to unpack a whole key, on a little-endian machine
 * @s:		the shape
 *
 * Returns: what <linux/record_unpack.h> calls a shape; constants are those of a format
 */
struct record_shape bch2_bkey_record_shape(union bkey_shape s)
{
	/* u64s, the format with needs_whiteout above it, type, and padding. */
	const u32 whiteout = 0x80 << 8, type = 0xff << 16;

	return (struct record_shape) {
		.u64s		= s.u64s,
		.low_bits	= KEY_PACKED_BITS_START,
		.nr_fields	= BKEY_NR_FIELDS,
		.dst_size	= sizeof(struct bkey),
		.dst_align	= __alignof__(struct bkey),
		.consts		= offsetof(struct bkey_format, field_offset),
		.header		= {
			.keep		= type | whiteout | 0xff,
			.set		= KEY_FORMAT_CURRENT << 8,
			.add		= BKEY_U64s - s.u64s,
			.present	= true,
		},
		.field		= {
			FIELD_TO(s, BKEY_FIELD_INODE, p.inode),
			FIELD_TO(s, BKEY_FIELD_OFFSET, p.offset),
			FIELD_TO(s, BKEY_FIELD_SNAPSHOT, p.snapshot),
			FIELD_TO(s, BKEY_FIELD_SIZE, size),
			FIELD_TO(s, BKEY_FIELD_VERSION_HI, bversion.hi),
			FIELD_TO(s, BKEY_FIELD_VERSION_LO, bversion.lo),
		},
	};
}

/**
 * bch2_bkey_record_shape_pos - how to unpack a key's position alone
 * @pos:	set to that
 * @s:		the shape
 *
 * Returns: 0, or -EINVAL
 */
int bch2_bkey_record_shape_pos(struct record_shape *pos, union bkey_shape s)
{
	struct record_shape whole = bch2_bkey_record_shape(s);

	return record_shape_prefix(pos, &whole, BKEY_FIELD_SNAPSHOT + 1,
				   offsetof(struct bkey, p));
}

// SPDX-License-Identifier: GPL-2.0
/* Derive the shape of packed keys from their format, and describe it as a record. */

#include "bcachefs.h"
#include "bkey.h"
#include "bkey_shape.h"

/**
 * bch2_bkey_shape - derive the shape of keys from their format
 * @f:		the format
 *
 * Return: the shape; it is invalid if the format is invalid
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
 * bch2_bkey_record_shape - describe a whole key as a record, on a little-endian machine
 * @s:		the shape
 *
 * Return: the description; its constants are a member of struct bkey_format
 */
struct record_shape bch2_bkey_record_shape(union bkey_shape s)
{
	/* Bytes: u64s, format (bit 7: needs_whiteout), type, padding. */
	const u32 whiteout = 0x80 << 8, type = 0xff << 16;

	return (struct record_shape) {
		.u64s		= s.u64s,
		.low_bits	= KEY_PACKED_BITS_START,
		.nr_fields	= BKEY_NR_FIELDS,
		.dst_size	= sizeof(struct bkey),
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

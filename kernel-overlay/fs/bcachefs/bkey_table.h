/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BCACHEFS_BKEY_TABLE_H
#define _BCACHEFS_BKEY_TABLE_H

#include "bcachefs_format.h"

/**
 * struct bkey_table - places of the fields in the packed keys of one format
 * @mask:	mask of the field after the shift; 0 if the field has no bits
 * @byte:	offset of the word that contains the field, in bytes
 * @shift:	number of bits to shift the word down
 * @u64s:	length of an unpacked key minus that of a packed one, in u64s
 * @wide:	mask of the fields that end in the word behind the one at @byte
 * @more:	some field after the position has bits
 *
 * The table depends only on the format. No load leaves the u64s of a key.
 */
struct bkey_table {
	u64	mask[BKEY_NR_FIELDS];
	u8	byte[BKEY_NR_FIELDS];
	u8	shift[BKEY_NR_FIELDS];
	u8	u64s;
	u8	wide;
	bool	more;
};

bool bch2_bkey_table_init(struct bkey_table *t, const struct bkey_format *f);
void bch2_bkey_table_unpack(struct bkey *out, const struct bkey_table *t,
			    const struct bkey_format *f, const struct bkey_packed *in);
void bch2_bkey_table_unpack_pos(struct bpos *out, const struct bkey_table *t,
				const struct bkey_format *f, const struct bkey_packed *in);

#endif /* _BCACHEFS_BKEY_TABLE_H */

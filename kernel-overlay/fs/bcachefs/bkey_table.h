/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BCACHEFS_BKEY_TABLE_H
#define _BCACHEFS_BKEY_TABLE_H

#include "bcachefs_format.h"

/**
 * struct bkey_table - where the fields of keys of one format are
 * @mask:	the bits of a field, when it has been shifted down; 0 if it has none
 * @byte:	of the key, that the word with the field begins at
 * @next:	from there to the rest of it, in bytes; 0 if there is none
 * @shift:	how far to shift that word down
 * @u64s:	by how much unpacked keys are longer than packed ones
 * @wide:	some field has more than one word, though these may begin at any byte
 *
 * Follows from the format; no load leaves the u64s that a key of the format has.
 */
struct bkey_table {
	u64	mask[BKEY_NR_FIELDS];
	u8	byte[BKEY_NR_FIELDS];
	u8	next[BKEY_NR_FIELDS];
	u8	shift[BKEY_NR_FIELDS];
	u8	u64s;
	bool	wide;
};

bool bch2_bkey_table_init(struct bkey_table *t, const struct bkey_format *f);
void bch2_bkey_table_unpack(struct bkey *out, const struct bkey_table *t,
			    const struct bkey_format *f, const struct bkey_packed *in);
struct bpos bch2_bkey_table_unpack_pos(const struct bkey_table *t, const struct bkey_format *f,
				       const struct bkey_packed *in);

#endif /* _BCACHEFS_BKEY_TABLE_H */

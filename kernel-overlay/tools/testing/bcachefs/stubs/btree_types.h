/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _STUB_BTREE_TYPES_H
#define _STUB_BTREE_TYPES_H

#include "bkey_table.h"

struct btree {
	u8			nr_key_bits;
	u8			unpack_slot;
	struct bkey_format	format;
	struct bkey_table	table;
};

#endif /* _STUB_BTREE_TYPES_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BCACHEFS_BKEY_SHAPE_H
#define _BCACHEFS_BKEY_SHAPE_H

#include "bcachefs_format.h"

#include <linux/record_unpack.h>

/**
 * union bkey_shape - shape of packed keys
 * @u64s:	length of the key in u64s
 * @constants:	mask of the fields that have no bits but a constant other than 0
 * @bits:	width of each field
 * @all:	all members as one number, for comparisons
 */
union bkey_shape {
	struct {
		u8 u64s;
		u8 constants;
		u8 bits[BKEY_NR_FIELDS];
	};
	u64 all;
};

union bkey_shape bch2_bkey_shape(const struct bkey_format *f);
struct record_shape bch2_bkey_record_shape(union bkey_shape s);

#endif /* _BCACHEFS_BKEY_SHAPE_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Compute the expected result of unpacking a record bit by bit. */
#ifndef _RECORD_TEST_ORACLE_H
#define _RECORD_TEST_ORACLE_H

#include <linux/record_unpack.h>

bool oracle_accepts(const struct record_shape *s);
void oracle_unpack(u8 *result, const struct record_shape *s, const u8 *record,
		   const u8 *consts);

#endif /* _RECORD_TEST_ORACLE_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* What must come out of a packed key, worked out bit by bit. */
#ifndef _BKEY_ORACLE_H
#define _BKEY_ORACLE_H

#include "bcachefs.h"
#include "bkey.h"

enum { KEY_BYTES_MAX = 40 };

bool oracle_accepts(const struct bkey_format *f);
void oracle_unpack(struct bkey *out, const struct bkey_format *f, const u8 *key);

/* The steps that a function would be generated from. */
const char *compare_steps(const struct bkey_format *f, const struct bkey_packed *key);

/* Compare all ways in C to unpack a key; the name of one that is wrong, or NULL. */
const char *compare(const struct bkey_format *f, const struct bkey_packed *key);

#endif /* _BKEY_ORACLE_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Compute the expected result of unpacking a key bit by bit. */
#ifndef _BKEY_ORACLE_H
#define _BKEY_ORACLE_H

#include "bcachefs.h"
#include "bkey.h"

enum { KEY_BYTES_MAX = 40 };

bool oracle_accepts(const struct bkey_format *f);
void oracle_unpack(struct bkey *out, const struct bkey_format *f, const u8 *key);

/* Check the steps for generated code. Return the function with a wrong result, or NULL. */
const char *compare_steps(const struct bkey_format *f, const struct bkey_packed *key);

/* Check all decoders in C. Return the function with a wrong result, or NULL. */
const char *compare(const struct bkey_format *f, const struct bkey_packed *key);

#endif /* _BKEY_ORACLE_H */

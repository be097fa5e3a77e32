/* SPDX-License-Identifier: GPL-2.0 */
/* Shapes to test with, and other random things. */
#ifndef _RECORD_TEST_SHAPES_H
#define _RECORD_TEST_SHAPES_H

#include <stdio.h>
#include <linux/record_unpack.h>

/* Fields of a bcachefs key, and where they are in an unpacked one of 40 bytes. */
enum { KEY_FIELDS = 6, KEY_BYTES = 40 };

void seed_random(u64 seed);
u64 random_u64(void);
unsigned int below(unsigned int n);
void random_bytes(u8 *to, size_t size);

struct record_shape key_shape(const u8 *bits, bool add);
struct record_shape random_key_shape(void);
struct record_shape random_shape(void);
struct record_shape hostile_shape(void);

/* After bytes of all values were written to it. */
void fix_bools(struct record_shape *s);

/* A field, where its least significant bit is, and what becomes of it. */
struct place {
	u8	u64s, bits, dst_size;
	u16	pos;
	bool	add;
};

struct record_shape shape_with(const struct place *p);

/* The same fields, the last one flush with the end of the largest result. */
void move_to_end(struct record_shape *s);

void print_shape(FILE *to, const struct record_shape *s);

#endif /* _RECORD_TEST_SHAPES_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Shapes to test, and random numbers. */
#ifndef _RECORD_TEST_SHAPES_H
#define _RECORD_TEST_SHAPES_H

#include <stdio.h>
#include <linux/record_unpack.h>

/* Number of fields of a bcachefs key, and size of an unpacked key in bytes. */
enum { KEY_FIELDS = 6, KEY_BYTES = 40 };

void seed_random(u64 seed);
u64 random_u64(void);
unsigned int below(unsigned int n);
void random_bytes(u8 *to, size_t size);

struct record_shape key_shape(const u8 *bits, bool add);
struct record_shape random_key_shape(void);
struct record_shape random_shape(void);
struct record_shape hostile_shape(void);

/* Make members of type bool valid after random bytes were written to the shape. */
void fix_bools(struct record_shape *s);

/* A field: length of the record, width, size in the result, lowest bit, constant. */
struct place {
	u8	u64s, bits, dst_size;
	u16	pos;
	bool	add;
};

struct record_shape shape_with(const struct place *p);

/* Move all fields of the result, so that the last one ends with the largest result. */
void move_to_end(struct record_shape *s);

void print_shape(FILE *to, const struct record_shape *s);

#endif /* _RECORD_TEST_SHAPES_H */

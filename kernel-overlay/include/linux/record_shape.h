/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shapes of records of bit fields, and the steps that unpack such records.
 *
 * A record is one little-endian integer of up to RECORD_MAX_U64S u64s. It contains bit
 * fields without gaps, from the most significant bit down. All records of a shape have
 * their fields at the same bits.
 */
#ifndef _LINUX_RECORD_SHAPE_H
#define _LINUX_RECORD_SHAPE_H

#include <linux/types.h>

#define RECORD_MAX_FIELDS	8
#define RECORD_MAX_U64S		5

/* Size limit of a result, in bytes. */
#define RECORD_MAX_RESULT	128

/**
 * struct record_field - a field of a record and its place in the result
 * @bits:	width in the record; may be 0
 * @dst_size:	size in the result, 4 or 8 bytes
 * @dst:	offset in the result in bytes, a multiple of 4
 * @add:	add the constant with the index of this field
 */
struct record_field {
	u8	bits;
	u8	dst_size;
	u8	dst;
	bool	add;
};

/**
 * struct record_header - copy the first 32 bits of the record to the result
 * @keep:	mask of the bits to copy
 * @set:	bits to set after that
 * @add:	value to add to the lowest byte after that, modulo 256
 * @present:	whether the record has a header; if not, nothing is copied
 */
struct record_header {
	u32	keep;
	u32	set;
	u8	add;
	bool	present;
};

/**
 * struct record_shape - layout of a record and of the unpacked result
 * @u64s:	length of the record in u64s
 * @low_bits:	number of least significant bits that belong to no field; at most 32 if
 *		there is a header
 * @nr_fields:	number of fields
 * @dst_size:	size of the result in bytes, a multiple of 8; bytes without a field become 0
 * @consts:	offset of the array of constants (__le64, one per field) from the pointer
 *		that the function is passed, in bytes, a multiple of 8
 * @header:	the first 32 bits
 * @field:	the fields, the most significant one first
 */
struct record_shape {
	u8			u64s;
	u8			low_bits;
	u8			nr_fields;
	u8			dst_size;
	u8			consts;
	struct record_header	header;
	struct record_field	field[RECORD_MAX_FIELDS];
};

/**
 * enum record_op - source of a field
 * @RECORD_ZERO:	the field is 0
 * @RECORD_CONST:	the field is its constant
 * @RECORD_LOAD:	one load contains the field
 * @RECORD_PAIR:	the field straddles two adjacent u64s
 */
enum record_op {
	RECORD_ZERO,
	RECORD_CONST,
	RECORD_LOAD,
	RECORD_PAIR,
};

/**
 * struct record_step - load a field, add its constant and store the sum
 * @op:		source of the field, enum record_op
 * @src:	offset of the load in the record, in bytes
 * @size:	size of the load, 1, 2, 4 or 8 bytes; 8 bytes each for a pair
 * @lsb:	lowest bit of the field in the loaded value
 * @bits:	width of the field
 * @field:	index of the field and of its constant
 * @add:	add the constant to the loaded value
 * @dst:	offset in the result, in bytes
 * @dst_size:	bytes to store
 */
struct record_step {
	u8	op;
	u8	src;
	u8	size;
	u8	lsb;
	u8	bits;
	u8	field;
	bool	add;
	u8	dst;
	u8	dst_size;
};

/**
 * struct record_prog - the steps of a generated function
 * @shape:	the shape that they unpack
 * @words:	mask of the record's u64s that the steps load
 * @nr:		number of steps
 * @step:	the steps, which an architecture may encode in any order
 */
struct record_prog {
	struct record_shape	shape;
	u8			words;
	u8			nr;
	struct record_step	step[RECORD_MAX_FIELDS];
};

int record_compile(struct record_prog *prog, const struct record_shape *shape, bool any_byte);
int record_prog_verify(const struct record_prog *prog);
void record_prog_run(const struct record_prog *prog, void *dst, const void *src,
		     const void *consts);

#endif /* _LINUX_RECORD_SHAPE_H */

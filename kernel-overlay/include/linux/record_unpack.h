/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generated functions that unpack records of fields without gaps.
 *
 * A record is one little-endian integer of a few u64s, with fields in it from the most
 * significant bit down. Where a field is, is the same for all records of a shape: a
 * function made for that shape loads, shifts, adds and stores, and decides nothing.
 * See Documentation/core-api/record-unpack.rst.
 */
#ifndef _LINUX_RECORD_UNPACK_H
#define _LINUX_RECORD_UNPACK_H

#include <linux/errno.h>
#include <linux/types.h>

#define RECORD_MAX_FIELDS	8
#define RECORD_MAX_U64S		5

/* How large a function may get, one that selects from others included, in bytes. */
#define RECORD_MAX_CODE		1024

/**
 * struct record_field - one field, where it is put and what is added to it
 * @bits:	how many it has in the record; may be 0
 * @dst_size:	4 or 8, the bytes it is stored to
 * @dst:	and where, a multiple of 4, in bytes
 * @add:	add the u64 of the same number from the array of constants
 */
struct record_field {
	u8	bits;
	u8	dst_size;
	u8	dst;
	bool	add;
};

/**
 * struct record_header - the first 32 bits of a record, and of what is unpacked
 * @keep:	the bits that are copied
 * @set:	those that are set
 * @add:	added to the lowest byte, modulo 256, after that
 * @present:	there is one; otherwise these bits are not copied
 */
struct record_header {
	u32	keep;
	u32	set;
	u8	add;
	bool	present;
};

/**
 * struct record_shape - what records look like, and what they are unpacked to
 * @u64s:	length of the record
 * @low_bits:	the least significant bits, which no field may have; up to 32 with a header
 * @nr_fields:	how many fields there are
 * @dst_size:	how many bytes the result has; all are written if fields cover them
 * @dst_align:	4 or 8, the alignment of the result; records have that of u64s
 * @consts:	where the array of constants, __le64, begins: so many bytes behind what
 *		the function is passed, a multiple of 8
 * @header:	what becomes of the first 32 bits
 * @field:	the fields, the most significant one first
 */
struct record_shape {
	u8			u64s;
	u8			low_bits;
	u8			nr_fields;
	u8			dst_size;
	u8			dst_align;
	u8			consts;
	struct record_header	header;
	struct record_field	field[RECORD_MAX_FIELDS];
};

/**
 * enum record_op - how to get at a field
 * @RECORD_ZERO:	it is 0
 * @RECORD_CONST:	it is its constant
 * @RECORD_LOAD:	one load, of which a part may be the field
 * @RECORD_PAIR:	two u64s one after the other, both have a part of the field
 */
enum record_op {
	RECORD_ZERO,
	RECORD_CONST,
	RECORD_LOAD,
	RECORD_PAIR,
};

/**
 * struct record_step - load a field, add its constant, and store it
 * @op:		how to load it
 * @src:	from which byte of the record on
 * @size:	how many bytes, 1, 2, 4 or 8; for a pair 8, twice
 * @lsb:	which bit of these the field begins at
 * @bits:	and how many it has
 * @field:	its number, which is also that of its constant
 * @add:	its constant is added to what was loaded
 * @dst:	where to store it
 * @dst_size:	and how many bytes of it
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
 * struct record_prog - what a generated function does
 * @shape:	what it was made for
 * @words:	the u64s of the record that steps load from, one bit each
 * @nr:		how many steps there are
 * @step:	which may be done in any order
 */
struct record_prog {
	struct record_shape	shape;
	u8			words;
	u8			nr;
	struct record_step	step[RECORD_MAX_FIELDS];
};

/*
 * The shortest load is best where loads need not be aligned. Otherwise whole u64s are
 * loaded, once each.
 */
int record_compile(struct record_prog *prog, const struct record_shape *shape, bool any_byte);
int record_prog_verify(const struct record_prog *prog);
void record_prog_run(const struct record_prog *prog, void *dst, const void *src,
		     const void *consts);
int record_shape_prefix(struct record_shape *prefix, const struct record_shape *shape,
			unsigned int nr_fields, unsigned int dst);

/**
 * typedef record_unpack_t - the type of generated functions
 * @dst:	the result
 * @src:	the record, must not overlap the result
 * @consts:	what the constants are in
 * @slot:	which function is meant, for one that selects among several
 */
typedef void (*record_unpack_t)(void *dst, const void *src, const void *consts,
				unsigned int slot);

/**
 * struct record_unpack - a generated function; what it is made of does not change
 * @fn:		the function
 * @text:	its text
 * @size:	and how much of that there is, in bytes
 * @name:	in kallsyms and perf
 * @link:	in the list of all
 * @rcu:	for who still reads it there
 */
struct record_unpack {
	record_unpack_t		fn;
	void			*text;
	size_t			size;
	char			name[64];
	struct list_head	link;
	struct rcu_head		rcu;
};

#ifdef CONFIG_RECORD_UNPACK
struct record_unpack *record_unpack_create(const struct record_shape *shape, const char *name);
struct record_unpack *record_unpack_select(const record_unpack_t *target, unsigned int nr,
					   record_unpack_t other, const char *name);
void record_unpack_free(struct record_unpack *unpack);
void record_unpack_barrier(void);
int record_unpack_get_kallsym(unsigned int nr, unsigned long *value, char *type, char *name);
bool is_record_unpack_text(unsigned long addr);
#else
static inline int record_unpack_get_kallsym(unsigned int nr, unsigned long *value, char *type,
					    char *name)
{
	return -ERANGE;
}

static inline bool is_record_unpack_text(unsigned long addr)
{
	return false;
}
#endif

#endif /* _LINUX_RECORD_UNPACK_H */

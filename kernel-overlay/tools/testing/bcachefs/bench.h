/* SPDX-License-Identifier: GPL-2.0 */
/* Generated code for benchmarks, called as in the kernel. */
#ifndef _BCACHEFS_BENCH_H
#define _BCACHEFS_BENCH_H

#include "bcachefs.h"
#include "bkey.h"
#include "bkey_shape.h"
#include "../record_unpack/timing.h"

/* Number of keys of each node, and rounds of a measurement. */
enum { KEYS = 256, RUNS = 31 };

/* A btree node of each slot, with random keys. Slots without a format are not in use. */
struct node {
	struct btree b;
	u64 keys[KEYS][BKEY_U64s];
};

extern struct node nodes[BKEY_CODE_SLOTS];

void fail(const char *what);

/* Give a slot a format, or let it keep the format that it has. */
void add_node(unsigned int slot, const struct bkey_format *f);

/* Generate code for all nodes. */
void generate_all(void);

/* Replay the traces in a file; replay.c describes its lines. */
void replay(const char *path);

/**
 * struct call - entry of a trace for one unpacked key
 * @slot:	slot of its shape
 * @what:	'k' for a key that was looked up, 'n' for the next key of an iterator, 'w' for a key
 *		in a loop over a whole node, 'p' for a position
 * @key:	number of the key in its node
 * @place:	offset of the result in its page
 */
struct call {
	u8 slot;
	char what;
	u16 key;
	u16 place;
};

enum { NOTHING, STREAM_DECODER, TABLE_DECODER, GENERATED, BY_POINTER, POLICY, ALL };

/**
 * struct implementation - a way to unpack keys
 * @run:	unpack the keys of @nr calls, without and with a consumer of each key
 * @name:	its name
 */
struct implementation {
	void (*run[2])(const struct call *c, size_t nr);
	const char *name;
};

extern const struct implementation implementations[ALL];

/* Measure a sequence of calls, and print the times of all implementations. */
void compare(const char *name, const struct call *calls, size_t nr);

#endif /* _BCACHEFS_BENCH_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* All that is made of a shape, compared with the oracle. */
#ifndef _RECORD_TEST_CHECK_H
#define _RECORD_TEST_CHECK_H

#include <stdio.h>
#include <linux/record_emit.h>

struct counts {
	unsigned long	shapes, refused, records, functions, bytes, calls;
	unsigned long	mutated, mutants_refused, op[4], size[9];
};

extern struct counts counts;

void check_init(void);

/* Say which shape it was that something crashed with. */
void report_crashes(void);

/* What is wrong, or NULL. */
const char *check(const struct record_shape *shape, unsigned int records);

/* Executable memory, all of it for functions in turn: good until there are many others. */
u8 *code_next(void);
void code_put(u8 *ip, const void *code, size_t len);

/* A function at the next place there. */
const char *make_function(record_unpack_t *fn, const struct record_prog *prog);

/* The lengths and the return values of an emitter must fit what it writes, and to where. */
typedef int (*emit_fn)(struct record_code *c, const void *what);
const char *emit_checked(struct record_code *c, emit_fn emit, const void *what);

#endif /* _RECORD_TEST_CHECK_H */

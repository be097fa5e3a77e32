/* SPDX-License-Identifier: GPL-2.0 */
/* Compare the steps and the generated functions of a shape with the oracle. */
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

/* On a crash, print the shape that is being tested. */
void report_crashes(void);

/* Test a shape with a number of records. Return a fault, or NULL. */
const char *check(const struct record_shape *shape, unsigned int records);

/*
 * A ring of executable memory: the place for the next function, and copying a function
 * there. Later functions overwrite old ones.
 */
u8 *code_next(void);
void code_put(u8 *ip, const void *code, size_t len);

/* Encode a function at the next place of the ring. Return a fault, or NULL. */
const char *make_function(record_unpack_t *fn, const struct record_prog *prog);

/* Encode with all checks of sizes, return values and bounds. Return a fault, or NULL. */
typedef int (*emit_fn)(struct record_code *c, const void *what);
const char *emit_checked(struct record_code *c, emit_fn emit, const void *what);

#endif /* _RECORD_TEST_CHECK_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Interface between the tests, the model and the kernel environment. */
#ifndef _EXECMEM_TEST_H
#define _EXECMEM_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct env - state of the kernel environment
 * @rng:	state of get_random_u32()
 * @text:	address range of all text, 1 GiB
 * @mapped:	number of mapped bytes in it
 * @maps:	number of mappings made so far
 * @allocations: number of metadata allocations that were not freed
 * @asked:	number of fallible calls so far
 * @fail_at:	number of the first call that fails; 0 for none
 * @fail_run:	number of consecutive calls that fail
 * @no_writes:	filling text with traps fails
 * @syncs:	number of text_poke_sync() rounds
 * @flushes:	number of predictor flushes
 * @count_sleeps: count calls that may sleep where this is forbidden, instead of aborting
 * @sleeps:	number of these calls
 */
struct env {
	uint64_t rng;
	unsigned char *text;
	size_t mapped;
	unsigned long maps;
	long allocations;
	long asked;
	long fail_at;
	long fail_run;
	bool no_writes;
	unsigned long syncs;
	unsigned long flushes;
	bool count_sleeps;
	unsigned long sleeps;
};

extern struct env env;

void env_init(void);
bool env_is_mapped(const void *p);
unsigned long env_shrink(void);
int initcall_execmem_shrinker_init(void);

/* Report a fault with seed and step, and abort. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* model.c. Random bits select the operation of a step. */
void model_seed(uint64_t seed);
void model_step(uint64_t bits);
void model_check_all(void);
void model_check_packs(void);
void model_free_all(void);
size_t model_objects(void);

/* Tests return on success and call die() on failure. */
void test_context(void);
void test_random(unsigned long steps);
void test_failures(void);
void test_fill_fails(void);
void test_placement(void);
void test_threads(unsigned int seconds);
void test_double_free(unsigned int seconds);

#endif /* _EXECMEM_TEST_H */

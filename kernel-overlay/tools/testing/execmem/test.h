/* SPDX-License-Identifier: GPL-2.0 */
/* Between the tests, the model they compare with, and the kernel around them. */
#ifndef _EXECMEM_TEST_H
#define _EXECMEM_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct env - what the kernel around the allocator knows
 * @rng:	state of get_random_u32()
 * @text:	where all text is, 1 GiB
 * @mapped:	bytes of it that are mapped
 * @maps:	how often any was
 * @allocations: pieces of metadata that have not been freed
 * @asked:	how often something was asked for that may fail
 * @fail_at:	the first one of these that fails; 0 for none
 * @fail_run:	how many fail in a row
 * @no_writes:	whether no text can be filled with traps
 * @syncs:	rounds of synchronisation
 * @flushes:	predictor flushes
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
};

extern struct env env;

void env_init(void);
bool env_is_mapped(const void *p);
unsigned long env_shrink(void);
int initcall_execmem_shrinker_init(void);

/* A fault ends the program, with what is known about how it came to it. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The model: model.c. An operation is chosen by some random bits. */
void model_seed(uint64_t seed);
void model_step(uint64_t bits);
void model_check_all(void);
void model_check_packs(void);
void model_free_all(void);
size_t model_objects(void);

/* Tests: each returns, or dies. */
void test_random(unsigned long steps);
void test_failures(void);
void test_lost(void);
void test_placement(void);
void test_threads(unsigned int seconds);
void test_double_free(unsigned int seconds);

#endif /* _EXECMEM_TEST_H */

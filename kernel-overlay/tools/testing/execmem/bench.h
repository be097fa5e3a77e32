/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the parts of the benchmark: bench.c drives, bench_env.c is the kernel
 * around the allocators, and each bench_<allocator>.c has a struct bench_ops.
 *
 * No kernel header is included here: bench.c is a plain userspace program.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>

#define BENCH_MAX_THREADS	4

/**
 * struct bench_ops - an allocator
 * @name:	in tables
 * @init:	called once, before all others
 * @alloc:	allocate text of that many bytes, at a multiple of @align if the allocator
 *		has a choice; NULL if it cannot
 * @free:	free what @alloc() returned, of that size
 * @given:	how many bytes the object at that address has got
 * @fill_fast:	whether all that is allocated from now on is for filling up, and
 *		what is full may be kept out of sight; NULL if there is no such way
 */
struct bench_ops {
	const char *name;
	void (*init)(void);
	void *(*alloc)(size_t size, size_t align);
	void (*free)(void *text, size_t size);
	size_t (*given)(void *text, size_t size);
	void (*fill_fast)(bool on);
};

extern const struct bench_ops bench_slab, bench_stock, bench_cache;

void bench_env_init(void);
void bench_env_thread(unsigned int thread);
void bench_env_quiesce(void);
size_t bench_env_metadata(void);
size_t bench_env_mapped(void);

#endif /* _BENCH_H */

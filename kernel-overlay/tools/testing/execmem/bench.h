/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interface between the parts of the benchmark. bench.c measures, bench_env.c provides
 * the kernel environment, and each bench_<allocator>.c defines a struct bench_ops.
 *
 * This file includes no kernel header, because bench.c is a plain userspace program.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>

#define BENCH_MAX_THREADS	4

/**
 * struct bench_ops - an allocator
 * @name:	name in tables
 * @init:	initialise the allocator; called first, and once
 * @alloc:	allocate text. Allocators without alignment ignore @align. Return NULL on
 *		failure.
 * @free:	free text of @alloc() with the same size
 * @given:	return the allocated size, with rounding
 * @fill_fast:	start or stop a mode that makes the filling phase faster; optional
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

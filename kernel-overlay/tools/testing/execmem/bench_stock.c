// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark of the prog packs of the base. At build time, extract.sh copies the
 * allocator from kernel/bpf/core.c.
 */
#include "bench.h"

typedef void (*bpf_jit_fill_hole_t)(void *area, unsigned int size);

#define num_possible_nodes()		1
#define bpf_jit_alloc_exec(size)	bench_map(size, PMD_SIZE)
#define bpf_jit_free_exec(p)		vfree(p)
#define bpf_arch_text_invalidate(p, n)	0

#include "bench_prog_pack.h"

static LIST_HEAD(full_packs);
static bool hide_full_packs;

static void no_fill(void *area, unsigned int size)
{
}

static void stock_init(void)
{
}

static void *stock_alloc(size_t size, size_t align)
{
	void *text = bpf_prog_pack_alloc(size, no_fill, false);

	/* The packs before the newest one are almost full. */
	if (unlikely(hide_full_packs))
		while (pack_list.next != pack_list.prev)
			list_move_tail(pack_list.next, &full_packs);

	return text;
}

static void stock_free(void *text, size_t size)
{
	bpf_prog_pack_free(text, size);
}

static size_t stock_given(void *text, size_t size)
{
	return round_up(size, BPF_PROG_CHUNK_SIZE);
}

/*
 * Each allocation first searches all full packs, so that filling takes quadratic time.
 * Hide the full packs during the filling phase to bound the run time of the benchmark.
 */
static void stock_fill_fast(bool on)
{
	hide_full_packs = on;
	if (!on)
		list_splice_init(&full_packs, &pack_list);
}

const struct bench_ops bench_stock = {
	.name = "prog_pack",
	.init = stock_init,
	.alloc = stock_alloc,
	.free = stock_free,
	.given = stock_given,
	.fill_fast = stock_fill_fast,
};

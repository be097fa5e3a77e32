// SPDX-License-Identifier: GPL-2.0
/* Benchmark of the execmem slab: unmodified code of mm/execmem/. */
#include "pages.h"
#include "pool.h"
#include "bench.h"

/* Large pages, as on x86. */
static const struct execmem_range range = {
	.alignment = PAGE_SIZE,
	.flags = EXECMEM_HUGE_PACKS,
};

const struct execmem_range *execmem_range(enum execmem_type type)
{
	return &range;
}

void *execmem_vmalloc(const struct execmem_range *range, size_t size, pgprot_t pgprot,
		      unsigned long vm_flags, const void *caller)
{
	return bench_map(size, vm_flags & VM_ALLOW_HUGE_VMAP ? PMD_SIZE : range->alignment);
}

static void slab_init(void)
{
	maple_tree_init();
	execmem_slab_init();
}

/* Use the domain of unprivileged programs, which also checks for predictor flushes. */
static void *slab_alloc(size_t size, size_t align)
{
	return execmem_text_alloc(EXECMEM_BPF, EXECMEM_UNTRUSTED, size, align);
}

static void slab_free(void *text, size_t size)
{
	execmem_slab_free(text);
}

static size_t slab_given(void *text, size_t size)
{
	return execmem_text_size(text);
}

const struct bench_ops bench_slab = {
	.name = "slab",
	.init = slab_init,
	.alloc = slab_alloc,
	.free = slab_free,
	.given = slab_given,
};

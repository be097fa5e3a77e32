// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for the packs of the execmem slab: read-only and executable from the
 * moment on that it is executable at all.
 *
 * It is mapped writable and not executable, filled with traps, and then made
 * read-only and executable. set_memory_rox() makes the direct map's alias read-only
 * as well, where it does so for modules. From then on it is written through the
 * text-patching layer only. vfree() gives the pages their usual permissions back, and
 * no TLB entry outlives that (VM_FLUSH_RESET_PERMS).
 */

#include "execmem_slab.h"

static noinline void *execmem_map_writable(enum execmem_type type, size_t size)
{
	const struct execmem_range *range = execmem_range(type);
	unsigned long align = max_t(unsigned long, range->alignment, EXECMEM_PACK_MIN);
	unsigned long vm_flags = VM_FLUSH_RESET_PERMS | VM_EXECMEM_TEXT | VM_EXECMEM_PACK;

	/* vmalloc would round other sizes up, by memory that is not ours to seal. */
	if (range->flags & EXECMEM_HUGE_PACKS && !(size % EXECMEM_PACK_MAX))
		vm_flags |= VM_ALLOW_HUGE_VMAP;

	return execmem_vmalloc(range, size, align, execmem_text_pgprot(range), vm_flags,
			       __builtin_return_address(0));
}
ALLOW_ERROR_INJECTION(execmem_map_writable, NULL);

static noinline int execmem_seal(void *base, size_t size)
{
	return set_memory_rox((unsigned long)base, size >> PAGE_SHIFT);
}
ALLOW_ERROR_INJECTION(execmem_seal, ERRNO);

/**
 * execmem_map - get memory that is read-only, executable and full of traps
 * @type:	where it may be
 * @size:	how many bytes, a multiple of PAGE_SIZE
 * @huge:	set to whether it is mapped by larger than base pages
 *
 * Context: May sleep.
 * Return: the memory, aligned to EXECMEM_PACK_MIN, or NULL.
 */
void *execmem_map(enum execmem_type type, size_t size, bool *huge)
{
	void *base = execmem_map_writable(type, size);

	if (!base)
		return NULL;

	memset32(base, TEXT_POKE_TRAP, size / sizeof(u32));
	flush_icache_range((unsigned long)base, (unsigned long)base + size);
	/* Code has no pointers to what kmemleak looks for. */
	kmemleak_ignore(base);

	if (execmem_seal(base, size)) {
		execmem_unmap(base);
		return NULL;
	}

	/* BPF on x86 loads a program without a round, over traps that all CPUs see. */
	text_poke_sync();

	*huge = is_vm_area_hugepages(base);
	return base;
}

/**
 * execmem_unmap - give memory back that execmem_map() returned
 * @base:	the memory; nothing may execute it
 *
 * Context: May sleep.
 */
void execmem_unmap(void *base)
{
	vfree(base);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for the packs of the execmem slab: read-only and executable from the moment
 * that they are executable at all.
 *
 * They are mapped writable and not executable, filled with traps, and then made
 * read-only and executable. Where set_memory_rox() changes the direct map as well, the
 * pages have no writable alias from then on. They are written by the text-patching
 * layer only. vfree() restores the permissions of the direct map, and flushes the TLB
 * of all CPUs (VM_FLUSH_RESET_PERMS).
 */

#include <linux/cacheflush.h>
#include <linux/error-injection.h>
#include <linux/kmemleak.h>
#include <linux/set_memory.h>
#include <linux/vmalloc.h>

#include "pages.h"

static noinline void *execmem_map_writable(enum execmem_type type, size_t size)
{
	const struct execmem_range *range = execmem_range(type);
	unsigned long align = max_t(unsigned long, range->alignment, EXECMEM_PACK_MIN);
	unsigned long vm_flags = VM_FLUSH_RESET_PERMS | VM_EXECMEM_TEXT | VM_EXECMEM_PACK;

	vm_flags |= execmem_huge_flag(range, size);
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
 * execmem_map - map pages that are read-only, executable and full of traps
 * @type:	the type of text that they are for
 * @size:	number of bytes, a multiple of PAGE_SIZE
 * @huge:	set to whether they are mapped by larger than base pages
 *
 * A CPU that fetches from them finds traps: they were not executable before. (Where
 * permissions cannot be changed, whoever publishes text there synchronises all CPUs.)
 *
 * Context: Process context. May sleep.
 * Return: the pages, aligned to EXECMEM_PACK_MIN, or NULL if there is no memory or no
 *	   room within reach of @type.
 */
void *execmem_map(enum execmem_type type, size_t size, bool *huge)
{
	void *base = execmem_map_writable(type, size);

	if (!base)
		return NULL;

	execmem_fill_traps(base, size);
	flush_icache_range((unsigned long)base, (unsigned long)base + size);
	/* Text holds no pointers to what kmemleak looks for. */
	kmemleak_ignore(base);

	if (execmem_seal(base, size)) {
		execmem_unmap(base);
		return NULL;
	}

	*huge = is_vm_area_hugepages(base);
	return base;
}

/**
 * execmem_unmap - free pages of execmem_map()
 * @base:	the pages; no CPU may execute them
 *
 * Context: Process context. May sleep.
 */
void execmem_unmap(void *base)
{
	vfree(base);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for the packs of the execmem slab. No mapping is both writable and executable,
 * with the exceptions that Documentation/core-api/execmem.rst names.
 *
 * execmem_map() maps pages writable and non-executable, fills them with traps and then
 * makes them read-only and executable. If set_memory_rox() also changes the direct map,
 * the pages have no writable alias afterwards. Only the text-patching layer writes to
 * them. vfree() restores the permissions of the direct map and flushes the TLBs of all
 * CPUs (VM_FLUSH_RESET_PERMS).
 */

#include <linux/cacheflush.h>
#include <linux/error-injection.h>
#include <linux/kmemleak.h>
#include <linux/set_memory.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/vmalloc.h>

#include "pages.h"

static noinline void *execmem_map_writable(enum execmem_type type, size_t size)
{
	const struct execmem_range *range = execmem_range(type);
	unsigned long vm_flags = VM_FLUSH_RESET_PERMS | VM_EXECMEM_TEXT | VM_EXECMEM_PACK;
	/* Not executable yet, unless the architecture cannot change permissions later. */
	pgprot_t pgprot = IS_ENABLED(CONFIG_ARCH_HAS_SET_MEMORY) ? PAGE_KERNEL : range->pgprot;

	vm_flags |= execmem_huge_flag(range, size);
	return execmem_vmalloc(range, size, pgprot, vm_flags, __builtin_return_address(0));
}
ALLOW_ERROR_INJECTION(execmem_map_writable, NULL);

static noinline int execmem_seal(void *base, size_t size)
{
	return set_memory_rox((unsigned long)base, size >> PAGE_SHIFT);
}
ALLOW_ERROR_INJECTION(execmem_seal, ERRNO);

/**
 * execmem_map - map read-only executable pages that contain traps
 * @type:	type of text, which selects the address range
 * @size:	number of bytes, a multiple of PAGE_SIZE
 *
 * Needs no synchronisation: no CPU can have fetched from the pages earlier, because they
 * were not executable. On loongarch, and on architectures without set_memory_rox(), the
 * pages are executable from the start. There, the text_poke_sync() of the owner makes the
 * traps visible, too.
 *
 * Context: Process context. May sleep.
 * Return: the pages, or NULL if memory or the address range of @type is exhausted.
 */
void *execmem_map(enum execmem_type type, size_t size)
{
	void *base = execmem_map_writable(type, size);

	if (!base)
		return NULL;

	memset32(base, TEXT_POKE_TRAP, size / sizeof(u32));
	flush_icache_range((unsigned long)base, (unsigned long)base + size);
	/* Text contains no pointers to objects that kmemleak tracks. */
	kmemleak_ignore(base);

	if (execmem_seal(base, size)) {
		execmem_unmap(base);
		return NULL;
	}

	return base;
}

/**
 * execmem_unmap - free pages of execmem_map()
 * @base:	first page; no CPU may execute the pages
 *
 * Context: Process context. May sleep.
 */
void execmem_unmap(void *base)
{
	vfree(base);
}

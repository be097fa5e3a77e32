// SPDX-License-Identifier: GPL-2.0
/*
 * Text patching for architectures that do not select HAVE_TEXT_POKE.
 *
 * A write maps the page a second time at a reserved address. This alias is writable, and not
 * executable unless PAGE_KERNEL is, as on loongarch. The call unmaps it and flushes it from
 * all TLBs before it returns. The permissions of the text do not change, so that several
 * owners can share a page. Mapping and unmapping make each write slow.
 *
 * Where the kernel cannot change permissions, text is writable at its own address.
 */

#include <linux/cacheflush.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "text_poke.h"

#if defined(CONFIG_MMU) && defined(CONFIG_ARCH_HAS_SET_MEMORY)

static struct vm_struct *alias;
static DEFINE_MUTEX(alias_mutex);	/* one page is mapped at a time; innermost */

/* Map a page at the alias. Only the first call allocates memory: page tables are kept. */
static int map_alias(struct page *page)
{
	unsigned long start;

	if (!alias)
		alias = get_vm_area(PAGE_SIZE, VM_MAP);
	if (!alias)
		return -ENOMEM;

	start = (unsigned long)alias->addr;
	return vmap_page_range(start, start + PAGE_SIZE, page_to_phys(page), PAGE_KERNEL);
}

static void unmap_alias(void)
{
	unsigned long start = (unsigned long)alias->addr;

	vunmap_range(start, start + PAGE_SIZE);
}

/*
 * The caller owns the text, which stays mapped until the caller frees it. With a ROX cache,
 * set_memory_rox() of other text in the same 2 MiB may replace the page table by a large page
 * and free the table. It does so under the mmap lock of init_mm.
 */
static struct page *find_page(const void *text)
{
	struct page *page;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_EXECMEM_ROX))
		return vmalloc_to_page(text);

	mmap_read_lock(&init_mm);
	page = vmalloc_to_page(text);
	mmap_read_unlock(&init_mm);

	return page;
}

static int write_page(void *dst, const void *src, size_t len)
{
	struct page *page = find_page(dst);
	int ret;

	if (!page)
		return -EFAULT;

	guard(mutex)(&alias_mutex);

	ret = map_alias(page);
	if (ret)
		return ret;

	memcpy(alias->addr + offset_in_page(dst), src, len);
	/* The data cache may be virtually indexed: flush the lines of the alias. */
	flush_kernel_vmap_range(alias->addr, PAGE_SIZE);
	unmap_alias();

	return 0;
}

/* Freeing text must not need memory. If this fails, the first write tries again. */
void fallback_text_poke_init(void)
{
	guard(mutex)(&alias_mutex);
	if (!map_alias(ZERO_PAGE(0)))
		unmap_alias();
}

#else

static int write_page(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return 0;
}

void fallback_text_poke_init(void)
{
}

#endif

int fallback_text_poke_copy(void *dst, const void *src, size_t len)
{
	size_t done, n;
	int ret;

	for (done = 0; done < len; done += n) {
		n = min_t(size_t, len - done, PAGE_SIZE - offset_in_page(dst + done));
		ret = write_page(dst + done, src + done, n);
		if (ret)
			return ret;
	}

	flush_icache_range((unsigned long)dst, (unsigned long)dst + len);
	return 0;
}

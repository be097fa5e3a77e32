// SPDX-License-Identifier: GPL-2.0
/*
 * Text patching for architectures that provide no hooks.
 *
 * Writes go through a second, writable and never executable mapping of the
 * page, which is gone, with its TLB entries, before the call returns. The
 * permissions of the text itself are not touched, so pages may be shared by
 * owners who do not know of each other. It is slow: mapping and unmapping cost
 * more than the write.
 */

#include <linux/cacheflush.h>
#include <linux/highmem.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/stop_machine.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "text_patching.h"

static struct page *text_page(void *addr)
{
	if (core_kernel_text((unsigned long)addr))
		return pfn_to_page(PHYS_PFN(__pa_symbol(addr)));

	return vmalloc_to_page(addr);
}

static void *alias_map(void *addr)
{
	struct page *page;
	void *alias;

	if (!IS_ENABLED(CONFIG_MMU))
		return addr;

	page = text_page(addr);
	if (!page)
		return NULL;

	alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	return alias ? alias + offset_in_page(addr) : NULL;
}

static void alias_unmap(void *alias, size_t len)
{
	if (!IS_ENABLED(CONFIG_MMU))
		return;

	/* Data caches may be indexed by address: write the alias's lines back. */
	flush_kernel_vmap_range(alias, len);
	vunmap((void *)((unsigned long)alias & PAGE_MASK));
	/* vunmap() leaves the TLB entries for later; here later is too late. */
	vm_unmap_aliases();
}

static void text_flush(void *addr, size_t len)
{
	flush_icache_range((unsigned long)addr, (unsigned long)addr + len);
}

int fallback_text_patch_copy(void *dst, const void *src, size_t len)
{
	size_t done, n;
	void *alias;

	for (done = 0; done < len; done += n) {
		n = min_t(size_t, len - done, PAGE_SIZE - offset_in_page(dst + done));

		alias = alias_map(dst + done);
		if (!alias)
			return -ENOMEM;
		memcpy(alias, src + done, n);
		alias_unmap(alias, n);
	}

	text_flush(dst, len);
	return 0;
}

struct live_write {
	void *alias;
	const void *insn;
	size_t len;
};

static int write_stopped(void *data)
{
	struct live_write *w = data;

	memcpy(w->alias, w->insn, w->len);
	return 0;
}

int fallback_text_patch_insn(void *addr, const void *insn, size_t len)
{
	struct live_write w = { .insn = insn, .len = len };

	/*
	 * No CPU executes it while it is written, but one may keep an old cache
	 * line until the sync: the instruction must not straddle two.
	 */
	if (!is_power_of_2(len) || !IS_ALIGNED((unsigned long)addr, len))
		return -EOPNOTSUPP;

	w.alias = alias_map(addr);
	if (!w.alias)
		return -ENOMEM;

	stop_machine_cpuslocked(write_stopped, &w, NULL);
	alias_unmap(w.alias, len);
	text_flush(addr, len);
	text_patch_sync();

	return 0;
}

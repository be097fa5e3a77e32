// SPDX-License-Identifier: GPL-2.0
/* Text that is prepared before any CPU can execute it. */

#include <kunit/test.h>
#include <linux/cache.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/vmalloc.h>

#include "pages.h"
#include "pool.h"

#define TYPE	EXECMEM_MODULE_TEXT
#define SIZE	100

/* What the slab fills text with, wherever it begins. */
static bool has_traps(const void *at, size_t size)
{
	const u32 trap = TEXT_POKE_TRAP;

	for (size_t i = 0; i + sizeof(trap) <= size; i += sizeof(trap))
		if (memcmp(at + i, &trap, sizeof(trap)))
			return false;

	return true;
}

static void *stage(struct kunit *test, size_t size)
{
	void *text = execmem_stage_alloc(TYPE, size, 1);

	KUNIT_ASSERT_NOT_NULL(test, text);
	return text;
}

static bool is_copy(const void *text)
{
	return execmem_staged(text) != text;
}

static void test_prepare(struct kunit *test)
{
	u8 *text = stage(test, SIZE), *to = execmem_staged(text);
	const u8 zeros[4] = {};
	u32 nr;

	KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)text, L1_CACHE_BYTES),
			      "shares a cache line");
	KUNIT_EXPECT_TRUE(test, has_traps(to, SIZE));
	KUNIT_EXPECT_EQ(test, is_copy(text), !!(execmem_range(TYPE)->flags & EXECMEM_STAGED));

	for (nr = 0; nr < SIZE; nr++)
		*(u8 *)execmem_staged(text + nr) = nr;
	KUNIT_EXPECT_PTR_EQ(test, execmem_staged(text + SIZE - 1), (void *)to + SIZE - 1);
	if (is_copy(text))
		KUNIT_EXPECT_TRUE(test, has_traps(text, SIZE));

	KUNIT_ASSERT_EQ(test, execmem_stage_seal(text, SIZE), 0);
	KUNIT_EXPECT_FALSE(test, is_copy(text));
	for (nr = 0; nr < SIZE && text[nr] == nr;)
		nr++;
	KUNIT_EXPECT_EQ(test, nr, SIZE);
	/* It is text now: this layer writes it, and nothing else. */
	KUNIT_EXPECT_EQ(test, text_poke_copy(text, zeros, sizeof(zeros)), 0);
	KUNIT_EXPECT_EQ(test, text[0], 0);
	execmem_free(text);
}

static void test_alignment(struct kunit *test)
{
	void *text = execmem_stage_alloc(TYPE, SIZE, 1024);

	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)text, 1024));
	execmem_free(text);
}

/* Several at once, and other addresses, do not get in each other's way. */
static void test_several(struct kunit *test)
{
	u8 *a = stage(test, SIZE), *b = stage(test, 3 * PAGE_SIZE), on_stack;

	memset(execmem_staged(a), 1, SIZE);
	memset(execmem_staged(b), 2, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, *(u8 *)execmem_staged(a + SIZE - 1), 1);
	KUNIT_EXPECT_EQ(test, *(u8 *)execmem_staged(b + 2 * PAGE_SIZE), 2);
	KUNIT_EXPECT_PTR_EQ(test, execmem_staged(&on_stack), (void *)&on_stack);
	KUNIT_EXPECT_PTR_EQ(test, execmem_staged(NULL), NULL);

	KUNIT_EXPECT_EQ(test, execmem_stage_seal(b, 3 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, b[PAGE_SIZE], 2);
	KUNIT_EXPECT_EQ(test, *(u8 *)execmem_staged(a), 1);
	execmem_free(b);
	execmem_free(a);
	KUNIT_EXPECT_FALSE(test, is_copy(a));
}

/* What is behind the text may be read, as far as an instruction goes. */
static void test_slack(struct kunit *test)
{
	u8 *text = stage(test, PAGE_SIZE), *to = execmem_staged(text);

	if (is_copy(text))
		KUNIT_EXPECT_TRUE(test, has_traps(to + PAGE_SIZE, 16));
	else
		kunit_mark_skipped(test, "text is prepared in place");
	execmem_free(text);
}

/* Not without CONFIG_HAVE_ARCH_HUGE_VMALLOC or with "nohugevmalloc". */
static bool vmalloc_maps_large(size_t size)
{
	void *mem = vmalloc_huge(size * num_online_nodes(), GFP_KERNEL);
	bool large = mem && is_vm_area_hugepages(mem);

	vfree(mem);
	return large;
}

/* Large text is not copied: it has pages of its own, large ones if they fit. */
static void test_large(struct kunit *test)
{
	const size_t size = 2 * EXECMEM_PACK_MAX;
	u8 *text = stage(test, size);

	KUNIT_EXPECT_FALSE(test, is_copy(text));
	KUNIT_EXPECT_EQ(test, execmem_text_size(text), 0);
	memset(text, 1, size);
	KUNIT_EXPECT_EQ(test, execmem_stage_seal(text, size), 0);
	KUNIT_EXPECT_EQ(test, text[size - 1], 1);
	if (execmem_huge_flag(execmem_range(TYPE), size) && vmalloc_maps_large(size))
		KUNIT_EXPECT_TRUE(test, is_vm_area_hugepages(text));
	execmem_free(text);
}

static void test_wrong_uses(struct kunit *test)
{
	u8 *text = stage(test, SIZE);
	void *slab = execmem_text_alloc(EXECMEM_FTRACE, EXECMEM_TRUSTED, 64, 1);
	void *solo = execmem_text_alloc(TYPE, EXECMEM_TRUSTED, EXECMEM_PACK_MAX, 1);
	void *large = stage(test, EXECMEM_PACK_MAX), *data;

	KUNIT_ASSERT_NOT_NULL(test, slab);
	KUNIT_ASSERT_NOT_NULL(test, solo);
	data = execmem_alloc(EXECMEM_MODULE_DATA, PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(TYPE, 0, 1));
	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(TYPE, SIZE, 3));
	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(TYPE, EXECMEM_TEXT_MAX + 1, 1));

	KUNIT_EXPECT_EQ(test, execmem_stage_seal(slab, 64), -EINVAL);
	KUNIT_EXPECT_EQ(test, execmem_stage_seal(text + PAGE_SIZE, SIZE), -EINVAL);
	if (IS_ENABLED(CONFIG_MMU)) {
		KUNIT_EXPECT_EQ(test, execmem_stage_seal(solo, EXECMEM_PACK_MAX), -EINVAL);
		KUNIT_EXPECT_EQ(test, execmem_stage_seal(data, PAGE_SIZE), -EINVAL);
		KUNIT_EXPECT_EQ(test, execmem_stage_seal(large, EXECMEM_PACK_MAX + 1), -EINVAL);
	}
	KUNIT_EXPECT_EQ(test, execmem_stage_seal(large, 0), -EINVAL);
	execmem_free(data);
	execmem_free(large);
	execmem_free(solo);
	execmem_free(slab);

	if (is_copy(text)) {
		KUNIT_EXPECT_EQ(test, execmem_stage_seal(text + 16, SIZE), -EINVAL);
		KUNIT_EXPECT_EQ(test, execmem_stage_seal(text, SIZE + 1), -EINVAL);
		KUNIT_EXPECT_TRUE(test, has_traps(text, SIZE));
	}
	execmem_free(text);
}

/* What a page may be used for, as a difference from PAGE_KERNEL. */
static int note_permissions(pte_t *pte, unsigned long addr, void *data)
{
	pte_t this = ptep_get(pte);

	*(u64 *)data = pte_val(this) ^ pte_val(pfn_pte(pte_pfn(this), PAGE_KERNEL));
	return 0;
}

static u64 permissions(struct kunit *test, const void *page)
{
	u64 bits = 0;

	KUNIT_ASSERT_EQ(test, 0, apply_to_existing_page_range(&init_mm, (unsigned long)page,
							      PAGE_SIZE, note_permissions,
							      &bits));
	return bits;
}

/* Until it is sealed, text is like any other memory: writable, and not executable. */
static void test_permissions(struct kunit *test)
{
	void *data = vzalloc(PAGE_SIZE), *text = stage(test, PAGE_SIZE);
	void *area = execmem_alloc(TYPE, PAGE_SIZE);
	bool in_place = !is_copy(text);

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_ASSERT_NOT_NULL(test, area);
	if (IS_ENABLED(CONFIG_ARCH_HAS_SET_MEMORY)) {
		KUNIT_EXPECT_EQ(test, permissions(test, execmem_staged(text)),
				permissions(test, data));
		KUNIT_EXPECT_EQ(test, permissions(test, area), permissions(test, data));
		KUNIT_EXPECT_EQ(test, execmem_stage_seal(text, PAGE_SIZE), 0);
		if (in_place)
			KUNIT_EXPECT_NE(test, permissions(test, text),
					permissions(test, data));
	} else {
		kunit_mark_skipped(test, "the architecture cannot change permissions");
	}
	execmem_free(area);
	execmem_free(text);
	vfree(data);
}

static struct kunit_case execmem_stage_cases[] = {
	KUNIT_CASE(test_prepare),
	KUNIT_CASE(test_alignment),
	KUNIT_CASE(test_several),
	KUNIT_CASE(test_slack),
	KUNIT_CASE(test_permissions),
	KUNIT_CASE(test_large),
	KUNIT_CASE(test_wrong_uses),
	{ }
};

static struct kunit_suite execmem_stage_suite = {
	.name = "execmem_stage",
	.test_cases = execmem_stage_cases,
};

kunit_test_suite(execmem_stage_suite);

// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of module text that is prepared in a copy. */

#include <kunit/test.h>
#include <linux/cache.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/memory.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/uaccess.h>

#include "stage.h"

#define TYPE	EXECMEM_MODULE_TEXT
#define SIZE	100

/* Text that was not written contains the trap pattern. */
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

static void *staged(const void *text)
{
	return execmem_staged((const void __staged *)text);
}

static bool is_copy(const void *text)
{
	return staged(text) != text;
}

static void test_prepare(struct kunit *test)
{
	u8 *text = stage(test, SIZE), *to = staged(text);
	const u8 zeros[4] = {};
	u32 nr;

	KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)text, L1_CACHE_BYTES),
			      "shares a cache line");
	KUNIT_EXPECT_NULL(test, memchr_inv(to, 0, SIZE));
	KUNIT_EXPECT_TRUE(test, is_copy(text));

	for (nr = 0; nr < SIZE; nr++)
		*(u8 *)staged(text + nr) = nr;
	KUNIT_EXPECT_PTR_EQ(test, staged(text + SIZE - 1), (void *)to + SIZE - 1);
	KUNIT_EXPECT_TRUE(test, has_traps(text, SIZE));

	KUNIT_ASSERT_EQ(test, execmem_seal_text(text, SIZE), 0);
	KUNIT_EXPECT_FALSE(test, is_copy(text));
	for (nr = 0; nr < SIZE && text[nr] == nr;)
		nr++;
	KUNIT_EXPECT_EQ(test, nr, SIZE);
	/* Only the text-patching layer can write it now. */
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

/* Prepare two texts at the same time, and convert addresses outside of both. */
static void test_several(struct kunit *test)
{
	u8 *a = stage(test, SIZE), *b = stage(test, 3 * PAGE_SIZE), on_stack;

	memset(staged(a), 1, SIZE);
	memset(staged(b), 2, 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, *(u8 *)staged(a + SIZE - 1), 1);
	KUNIT_EXPECT_EQ(test, *(u8 *)staged(b + 2 * PAGE_SIZE), 2);
	KUNIT_EXPECT_PTR_EQ(test, staged(&on_stack), (void *)&on_stack);
	KUNIT_EXPECT_PTR_EQ(test, staged(NULL), NULL);

	KUNIT_EXPECT_EQ(test, execmem_seal_text(b, 3 * PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, b[PAGE_SIZE], 2);
	KUNIT_EXPECT_EQ(test, *(u8 *)staged(a), 1);
	execmem_free(b);
	execmem_free(a);
	KUNIT_EXPECT_FALSE(test, is_copy(a));
}

/* Large text is prepared in place, in separate pages. */
static void test_large(struct kunit *test)
{
	u8 *text = stage(test, SZ_2M);

	KUNIT_EXPECT_FALSE(test, is_copy(text));
	KUNIT_EXPECT_NULL(test, memchr_inv(text, 0, SZ_2M));
	memset(text, 1, SZ_2M);
	KUNIT_EXPECT_EQ(test, execmem_seal_text(text, SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, text[SZ_2M - 1], 1);
	execmem_free(text);
}

/* An instruction decoder may read behind the text. */
static void test_slack(struct kunit *test)
{
	u8 *text = stage(test, PAGE_SIZE), *to = staged(text);

	KUNIT_EXPECT_NULL(test, memchr_inv(to + PAGE_SIZE, 0, 16));
	execmem_free(text);
}

static int seal(void *text)
{
	return execmem_seal_text(text, SIZE);
}

/* The text is written without text_mutex. A change under the mutex is not lost. */
static void test_change_while_sealed(struct kunit *test)
{
	u8 *text = stage(test, SIZE);
	struct task_struct *task;

	memset(staged(text), 1, SIZE);
	mutex_lock(&text_mutex);
	task = kthread_run(seal, text, "execmem-seal");
	if (!IS_ERR(task)) {
		get_task_struct(task);
		for (int tries = 0; tries < 500 && READ_ONCE(text[SIZE - 1]) != 1; tries++)
			msleep(20);
		KUNIT_EXPECT_EQ(test, text[SIZE - 1], 1);
		*(u8 *)staged(text) = 2;
	}
	mutex_unlock(&text_mutex);
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	KUNIT_EXPECT_EQ(test, kthread_stop_put(task), 0);
	KUNIT_EXPECT_FALSE(test, is_copy(text));
	KUNIT_EXPECT_EQ(test, text[0], 2);
	KUNIT_EXPECT_EQ(test, text[1], 1);
	execmem_free(text);
}

/* An access that was not converted to execmem_staged() faults. */
static void test_hide(struct kunit *test)
{
	u8 *text, byte;

	execmem_hide_staged = true;
	text = stage(test, SIZE);
	execmem_hide_staged = false;

	KUNIT_EXPECT_EQ(test, copy_from_kernel_nofault(&byte, text, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, copy_from_kernel_nofault(&byte, text + SIZE - 1, 1), -EFAULT);
	memset(staged(text), 1, SIZE);
	KUNIT_EXPECT_EQ(test, execmem_seal_text(text, SIZE), 0);
	KUNIT_EXPECT_EQ(test, copy_from_kernel_nofault(&byte, text + SIZE - 1, 1), 0);
	KUNIT_EXPECT_EQ(test, byte, 1);
	execmem_free(text);
}

/* Text that was hidden and never sealed is mapped again when it is freed. */
static void test_free_hidden(struct kunit *test)
{
	u8 *text, byte;

	execmem_hide_staged = true;
	text = stage(test, SIZE);
	execmem_hide_staged = false;

	execmem_free(text);
	KUNIT_EXPECT_FALSE(test, is_copy(text));
	KUNIT_EXPECT_EQ(test, copy_from_kernel_nofault(&byte, text, 1), 0);
}

static void test_wrong_uses(struct kunit *test)
{
	u8 *text = stage(test, SIZE);

	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(TYPE, 0, 1));
	KUNIT_EXPECT_EQ(test, execmem_seal_text(text, SIZE + 1), -EINVAL);
	KUNIT_EXPECT_TRUE(test, has_traps(text, SIZE));
	execmem_free(text);
}

static struct kunit_case execmem_stage_cases[] = {
	KUNIT_CASE(test_prepare),
	KUNIT_CASE(test_alignment),
	KUNIT_CASE(test_several),
	KUNIT_CASE(test_large),
	KUNIT_CASE(test_slack),
	KUNIT_CASE(test_change_while_sealed),
	KUNIT_CASE(test_hide),
	KUNIT_CASE(test_free_hidden),
	KUNIT_CASE(test_wrong_uses),
	{ }
};

static struct kunit_suite execmem_stage_suite = {
	.name = "execmem_stage",
	.test_cases = execmem_stage_cases,
};

kunit_test_suite(execmem_stage_suite);

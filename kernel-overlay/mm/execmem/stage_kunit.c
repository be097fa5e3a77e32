// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of module text that is prepared in a copy. */

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/memory.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

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
	task = kthread_create(seal, text, "execmem-seal");
	if (!IS_ERR(task)) {
		get_task_struct(task);
		wake_up_process(task);
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

static void free_hidden(struct kunit *test, void (*fn)(void *text))
{
	u8 *text, byte;

	execmem_hide_staged = true;
	text = stage(test, SIZE);
	execmem_hide_staged = false;

	fn(text);
	KUNIT_EXPECT_FALSE(test, is_copy(text));
	KUNIT_EXPECT_EQ(test, execmem_text_size(text), 0);
	KUNIT_EXPECT_EQ(test, copy_from_kernel_nofault(&byte, text, 1), 0);
}

/* Text that was hidden and never sealed is mapped again when it is freed. */
static void test_free_hidden(struct kunit *test)
{
	free_hidden(test, execmem_free);
	free_hidden(test, execmem_retire);
}

static void test_wrong_allocations(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(TYPE, 0, 1));
	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(TYPE, SIZE_MAX, 1));
	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(TYPE, EXECMEM_TEXT_MAX + 1, 1));
	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(TYPE, SIZE, 3 * PAGE_SIZE / 4));
	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(EXECMEM_MODULE_DATA, SIZE, 1));
	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(EXECMEM_TYPE_MAX, SZ_2M, 1));
	KUNIT_EXPECT_NULL(test, execmem_stage_alloc(-1, SZ_2M, 1));
}

/* Sealing other memory fails, and does not change its contents or permissions. */
static void test_wrong_seals(struct kunit *test)
{
	u8 *text = stage(test, SIZE), *sealed = stage(test, SIZE), *freed = stage(test, SIZE);
	u8 *large = stage(test, SZ_2M), *data = execmem_alloc(EXECMEM_MODULE_DATA, PAGE_SIZE);
	u8 *slab = execmem_text_alloc(TYPE, EXECMEM_TRUSTED, PAGE_SIZE, PAGE_SIZE);
	u8 *vm = vmalloc(PAGE_SIZE), *heap = kmalloc(PAGE_SIZE, GFP_KERNEL), stack[SIZE];
	const struct {
		void *text;
		size_t size;
		const char *what;
	} wrong[] = {
		{ text, 0, "no size" },
		{ text, SIZE - 1, "too short" },
		{ text, SIZE + 1, "too long" },
		{ text, SIZE_MAX, "a size that wraps" },
		{ text + 1, SIZE - 1, "inside" },
		{ text + SIZE, SIZE, "behind" },
		{ staged(text), SIZE, "the copy" },
		{ sealed, SIZE, "sealed" },
		{ freed, SIZE, "freed" },
		{ slab, PAGE_SIZE, "not staged" },
		{ large, 0, "in place, no size" },
		{ large, SZ_2M + 1, "in place, too long" },
		{ large, SIZE_MAX, "in place, a size that wraps" },
		{ large + PAGE_SIZE, PAGE_SIZE, "in place, inside" },
		{ data, PAGE_SIZE, "data" },
		{ vm, PAGE_SIZE, "vmalloc" },
		{ heap, PAGE_SIZE, "heap" },
		{ stack, SIZE, "stack" },
		{ execmem_free, SIZE, "kernel" },
		{ NULL, SIZE, "NULL" },
	};
	int i;

	KUNIT_EXPECT_EQ(test, execmem_seal_text(sealed, SIZE), 0);
	execmem_free(freed);
	for (i = 0; slab && data && vm && heap && i < ARRAY_SIZE(wrong); i++)
		KUNIT_EXPECT_EQ_MSG(test, execmem_seal_text(wrong[i].text, wrong[i].size), -EINVAL,
				    "%s", wrong[i].what);
	KUNIT_EXPECT_EQ(test, i, ARRAY_SIZE(wrong));

	KUNIT_EXPECT_TRUE(test, is_copy(text) && has_traps(text, SIZE));
	KUNIT_EXPECT_EQ(test, execmem_seal_text(text, SIZE), 0);
	KUNIT_EXPECT_TRUE(test, !slab || has_traps(slab, PAGE_SIZE));
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		if (wrong[i].text == large || wrong[i].text == data || wrong[i].text == vm ||
		    wrong[i].text == heap)
			KUNIT_EXPECT_EQ_MSG(test, copy_to_kernel_nofault(wrong[i].text, "", 1), 0,
					    "%s", wrong[i].what);
	execmem_free(text);
	execmem_free(sealed);
	execmem_free(large);
	execmem_free(data);
	execmem_free(slab);
	vfree(vm);
	kfree(heap);
}

static int drop(void *text)
{
	return execmem_stage_drop(text);
}

typedef int (*use_t)(void *text);

/**
 * struct race - two tasks that use the same text at once
 * @text:	staged text
 * @fn:		function of each task
 * @task:	the tasks
 * @ret:	their results
 * @ready:	number of tasks that have started
 * @done:	completed by each task
 */
struct race {
	void *text;
	use_t fn[2];
	struct task_struct *task[2];
	int ret[2];
	atomic_t ready;
	struct completion done;
};

static int run_racer(void *data)
{
	struct race *r = data;
	unsigned int me = current == r->task[1];

	atomic_inc(&r->ready);
	while (atomic_read(&r->ready) < 2)
		cond_resched();
	r->ret[me] = r->fn[me](r->text);
	complete(&r->done);
	return 0;
}

static void run_race(struct kunit *test, struct race *r)
{
	int i;

	atomic_set(&r->ready, 0);
	init_completion(&r->done);
	for (i = 0; i < 2; i++) {
		r->task[i] = kthread_create(run_racer, r, "execmem-race");
		KUNIT_ASSERT_FALSE(test, IS_ERR(r->task[i]));
		get_task_struct(r->task[i]);
	}
	for (i = 0; i < 2; i++)
		wake_up_process(r->task[i]);
	for (i = 0; i < 2; i++)
		wait_for_completion(&r->done);
	for (i = 0; i < 2; i++)
		kthread_stop_put(r->task[i]);
}

static const use_t racers[][2] = {
	{ seal, seal }, { seal, drop }, { drop, drop },
};

/* Of two tasks that seal or free the same text at once, one is refused or finds no copy. */
static void test_races(struct kunit *test)
{
	unsigned int nr, sealed, refused[ARRAY_SIZE(racers)] = { };
	struct race *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	for (nr = 0; nr < 100 * ARRAY_SIZE(racers); nr++) {
		memcpy(r->fn, racers[nr / 100], sizeof(r->fn));
		r->text = stage(test, SIZE);
		run_race(test, r);

		for (int i = 0; i < 2; i++) {
			refused[nr / 100] += !!r->ret[i];
			if (r->ret[i] != -EBUSY && (r->fn[i] == drop || r->ret[i] != -EINVAL))
				KUNIT_EXPECT_EQ(test, r->ret[i], 0);
		}
		KUNIT_EXPECT_FALSE(test, r->ret[0] && r->ret[1]);
		sealed = (r->fn[0] == seal && !r->ret[0]) + (r->fn[1] == seal && !r->ret[1]);
		KUNIT_EXPECT_LE(test, sealed, 1);
		KUNIT_EXPECT_FALSE(test, is_copy(r->text));
		KUNIT_EXPECT_EQ(test, has_traps(r->text, SIZE), !sealed);
		execmem_free(r->text);
	}
	kunit_info(test, "refused: %u seals, %u seals or frees, %u frees", refused[0], refused[1],
		   refused[2]);
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
	KUNIT_CASE(test_wrong_allocations),
	KUNIT_CASE(test_wrong_seals),
	KUNIT_CASE(test_races),
	{ }
};

static struct kunit_suite execmem_stage_suite = {
	.name = "execmem_stage",
	.test_cases = execmem_stage_cases,
};

kunit_test_suite(execmem_stage_suite);

// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the trampolines of ftrace in the execmem slab. */

#include <kunit/test.h>
#include <linux/execmem.h>
#include <linux/ftrace.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <trace/events/text_poke.h>

#if defined(CONFIG_FUNCTION_TRACER) && defined(CONFIG_X86_64)
/**
 * struct pokes - count of writes to text by a task
 * @task:	the task
 * @copies:	number of writes
 * @syncs:	number of text_poke_sync() calls after a write
 */
struct pokes {
	struct task_struct *task;
	unsigned int copies;
	unsigned int syncs;
};

static void count_copy(void *data, void *addr, size_t len, int ret)
{
	struct pokes *p = data;

	p->copies += current == p->task;
}

static void count_sync(void *data, unsigned long round, bool shared)
{
	struct pokes *p = data;

	p->syncs += current == p->task && p->copies;
}

static void notrace do_nothing(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			       struct ftrace_regs *fregs)
{
}

static struct ftrace_ops traced_ops = { .func = do_nothing };

/* A trampoline is written once, and synchronised before functions call it. */
static void test_ftrace_trampoline(struct kunit *test)
{
	struct pokes p = { .task = current };
	char self[] = "test_ftrace_trampoline";		/* ftrace writes to it */
	int ret;

	KUNIT_ASSERT_EQ(test, ftrace_set_filter(&traced_ops, self, strlen(self), 1), 0);
	KUNIT_ASSERT_EQ(test, register_trace_text_poke_copy(count_copy, &p), 0);
	KUNIT_ASSERT_EQ(test, register_trace_text_poke_sync(count_sync, &p), 0);
	ret = register_ftrace_function(&traced_ops);
	unregister_trace_text_poke_copy(count_copy, &p);
	unregister_trace_text_poke_sync(count_sync, &p);
	tracepoint_synchronize_unregister();
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, p.copies, 1);
	KUNIT_EXPECT_EQ(test, p.syncs, 1);
	KUNIT_EXPECT_TRUE(test, execmem_is_text(EXECMEM_FTRACE, EXECMEM_TRUSTED,
						traced_ops.trampoline));
	KUNIT_EXPECT_EQ(test, unregister_ftrace_function(&traced_ops), 0);
}
#else
static void test_ftrace_trampoline(struct kunit *test)
{
	kunit_skip(test, "needs ftrace trampolines");
}
#endif

static struct kunit_case execmem_ftrace_cases[] = {
	KUNIT_CASE(test_ftrace_trampoline),
	{ }
};

static struct kunit_suite execmem_ftrace_suite = {
	.name = "execmem_ftrace",
	.test_cases = execmem_ftrace_cases,
};

kunit_test_suite(execmem_ftrace_suite);

// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of the slots of kprobes in the execmem slab. */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/execmem.h>
#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/trace_events.h>

#ifdef __ARCH_WANT_KPROBES_INSN_SLOT
static const bool has_slots = true;
#else
static const bool has_slots;
#endif

static struct execmem_stats stats_of(enum execmem_type type)
{
	struct execmem_stats s = { };

	execmem_get_stats(type, EXECMEM_TRUSTED, &s);
	return s;
}

static unsigned long nr_slots(void)
{
	return stats_of(EXECMEM_KPROBES).nr_objects + stats_of(EXECMEM_OPTPROBES).nr_objects;
}

/* Not traced: kprobes on ftrace locations have no slot. */
static noinline notrace int probed(int x)
{
	return 3 * READ_ONCE(x) + 1;
}

static unsigned int hits;

static int count_hit(struct kprobe *p, struct pt_regs *regs)
{
	hits++;
	return 0;
}

static void test_kprobe_slots(struct kunit *test)
{
	unsigned long before = nr_slots(), tries;
	struct kprobe kp = { .addr = (kprobe_opcode_t *)probed, .pre_handler = count_hit };
	int (*call)(int x) = probed;

	if (!has_slots)
		kunit_skip(test, "needs kprobes with slots");

	hits = 0;
	KUNIT_ASSERT_EQ(test, register_kprobe(&kp), 0);
	KUNIT_EXPECT_GT(test, nr_slots(), before);
	OPTIMIZER_HIDE_VAR(call);
	KUNIT_EXPECT_EQ(test, call(5), 16);
	KUNIT_EXPECT_EQ(test, hits, 1);
	unregister_kprobe(&kp);

	/* A worker frees optimized probes. */
	for (tries = 0; tries < 500 && nr_slots() != before; tries++) {
		execmem_retire_barrier();
		msleep(20);
	}
	KUNIT_EXPECT_EQ(test, nr_slots(), before);
}

#ifdef __ARCH_WANT_KPROBES_INSN_SLOT
#define SLOT_SIZE	(MAX_INSN_SIZE * sizeof(kprobe_opcode_t))
#define SLOTS		(4 * PAGE_SIZE / SLOT_SIZE)

static void free_slots(kprobe_opcode_t **slots)
{
	while (*slots)
		free_insn_slot(*slots++, 0);
}

/* Slots take few more pages than they fill. */
static void test_slot_pages(struct kunit *test)
{
	struct execmem_stats with;
	kprobe_opcode_t **slots;
	unsigned int i;

	slots = kunit_kcalloc(test, SLOTS + 1, sizeof(*slots), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, slots);
	for (i = 0; i < SLOTS; i++) {
		slots[i] = get_insn_slot();
		if (!slots[i])
			break;
	}
	with = stats_of(EXECMEM_KPROBES);
	free_slots(slots);
	KUNIT_EXPECT_EQ(test, i, SLOTS);
	KUNIT_EXPECT_LT(test, with.reserved - with.used, PAGE_SIZE + with.reserved / 16);
}

#ifdef CONFIG_FUNCTION_TRACER
/**
 * struct watch - count of locks that a task takes with interrupts disabled
 * @task:	the task, or NULL to stop counting
 * @calls:	number of calls that take a lock or record an event
 */
static struct watch {
	struct task_struct *task;
	unsigned int calls;
} watch;

static void notrace count_call(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
			       struct ftrace_regs *fregs)
{
	if (current == READ_ONCE(watch.task))
		watch.calls++;
}

static struct ftrace_ops watch_ops = { .func = count_call };

/* A tracepoint calls nothing unless its event is enabled. */
static int enable_events(int set)
{
	return trace_set_clr_event("execmem", NULL, set) ?:
	       trace_set_clr_event("text_poke", NULL, set);
}

static void stop_watching(void *ops)
{
	unregister_ftrace_function(ops);
	enable_events(0);
}

static void watch_calls(struct kunit *test)
{
	static const char * const functions[] = {
		"_raw_*lock*", "mutex_*", "rt_*lock*", "down_*",
		"trace_event_raw_event_*", "__traceiter_*",
	};
	char pattern[32];
	unsigned int i;

	/* ftrace writes to the pattern. */
	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		strscpy(pattern, functions[i]);
		ftrace_set_filter(&watch_ops, pattern, strlen(pattern), !i);
	}
	KUNIT_ASSERT_EQ(test, register_ftrace_function(&watch_ops), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_watching, &watch_ops), 0);
	KUNIT_ASSERT_EQ(test, enable_events(1), 0);
}

static DEFINE_RAW_SPINLOCK(control_lock);

/* Count the locks of kernel_text_address(). With @control, take one more as a check. */
static unsigned int count_locks(unsigned long addr, bool control, int *answer)
{
	unsigned long flags;

	local_irq_save(flags);
	watch.calls = 0;
	WRITE_ONCE(watch.task, current);
	*answer = kernel_text_address(addr);
	if (control) {
		raw_spin_lock(&control_lock);
		raw_spin_unlock(&control_lock);
	}
	WRITE_ONCE(watch.task, NULL);
	local_irq_restore(flags);
	return watch.calls;
}

/* Unwinders call kernel_text_address() in any context. It must not take locks or trace. */
static void test_text_address(struct kunit *test)
{
	kprobe_opcode_t *slot = get_insn_slot();
	void *text = execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 64, 64);
	int is_text;

	KUNIT_EXPECT_NOT_NULL(test, slot);
	KUNIT_EXPECT_NOT_NULL(test, text);
	watch_calls(test);
	if (!count_locks(0, true, &is_text)) {
		kunit_info(test, "locks are inlined: cannot count them");
		goto out;
	}
	KUNIT_EXPECT_EQ(test, count_locks((unsigned long)slot, false, &is_text), 0);
	KUNIT_EXPECT_TRUE(test, is_text);
	/*
	 * No program owns this text, so that kernel_text_address() searches all kinds of text.
	 * Skip the first byte: it may be the return address of the last call of a program.
	 */
	KUNIT_EXPECT_EQ(test, count_locks((unsigned long)text + 1, false, &is_text), 0);
	KUNIT_EXPECT_FALSE(test, is_text);
out:
	free_insn_slot(slot, 0);
	execmem_free(text);
}
#else
static void test_text_address(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_FUNCTION_TRACER");
}
#endif
#else
static void test_slot_pages(struct kunit *test)
{
	kunit_skip(test, "needs kprobes with slots");
}

static void test_text_address(struct kunit *test)
{
	kunit_skip(test, "needs kprobes with slots");
}
#endif

static struct kunit_case execmem_kprobes_cases[] = {
	KUNIT_CASE(test_kprobe_slots),
	KUNIT_CASE(test_slot_pages),
	KUNIT_CASE(test_text_address),
	{ }
};

static struct kunit_suite execmem_kprobes_suite = {
	.name = "execmem_kprobes",
	.test_cases = execmem_kprobes_cases,
};

kunit_test_suite(execmem_kprobes_suite);

// SPDX-License-Identifier: GPL-2.0
/* The users of the execmem slab: what they take from it they give back. */

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/execmem.h>
#include <linux/kprobes.h>

#ifdef __ARCH_WANT_KPROBES_INSN_SLOT
static const bool has_slots = true;
#else
static const bool has_slots;
#endif

static unsigned long nr_slots(void)
{
	struct execmem_stats s;

	return execmem_get_stats(EXECMEM_KPROBES, EXECMEM_TRUSTED, &s) ? 0 : s.nr_objects;
}

/* Not traced, so that the probe is not one of ftrace's, which have no slot. */
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
		kunit_skip(test, "no kprobes, or they do without slots");

	hits = 0;
	KUNIT_ASSERT_EQ(test, register_kprobe(&kp), 0);
	KUNIT_EXPECT_GT(test, nr_slots(), before);
	OPTIMIZER_HIDE_VAR(call);
	KUNIT_EXPECT_EQ(test, call(5), 16);
	KUNIT_EXPECT_EQ(test, hits, 1);
	unregister_kprobe(&kp);

	/* Probes that were optimized are freed by a worker. */
	for (tries = 0; tries < 500 && nr_slots() != before; tries++) {
		execmem_retire_barrier();
		msleep(20);
	}
	KUNIT_EXPECT_EQ(test, nr_slots(), before);
}

static struct kunit_case execmem_users_cases[] = {
	KUNIT_CASE(test_kprobe_slots),
	{ }
};

static struct kunit_suite execmem_users_suite = {
	.name = "execmem_users",
	.test_cases = execmem_users_cases,
};

kunit_test_suite(execmem_users_suite);

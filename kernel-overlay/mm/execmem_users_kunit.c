// SPDX-License-Identifier: GPL-2.0
/* The users of the execmem slab: what they take from it they give back. */

#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/execmem.h>
#include <linux/filter.h>
#include <linux/kprobes.h>
#include <linux/rcupdate.h>

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

#ifdef CONFIG_BPF_JIT
static long bpf_text_used(void)
{
	struct execmem_stats s;
	enum execmem_domain d;
	long used = 0;

	for (d = 0; d < EXECMEM_NR_DOMAINS; d++)
		if (!execmem_get_stats(EXECMEM_BPF, d, &s))
			used += s.used;

	return used;
}

static void leave_hole(void *area, unsigned int size)
{
}

/* The text of a program that was freed: for some time, CPUs may still be in it. */
static void free_program(struct kunit *test, unsigned int size)
{
	struct bpf_binary_header *rw;
	u8 *image, *rw_image;
	void *text;

	text = bpf_jit_binary_pack_alloc(size, &image, 8, &rw, &rw_image, leave_hole, true);
	KUNIT_ASSERT_NOT_NULL(test, text);
	bpf_jit_binary_pack_free(text, rw);
}

/* As if @limit was that of BPF's text, and a user without privileges came. */
static int charge_as_nobody(const struct cred *nobody, long limit)
{
	const struct cred *old = override_creds(nobody);
	long usual = bpf_jit_limit;
	int ret;

	WRITE_ONCE(bpf_jit_limit, limit);
	ret = bpf_jit_charge_modmem(1);
	WRITE_ONCE(bpf_jit_limit, usual);
	revert_creds(old);
	if (!ret)
		bpf_jit_uncharge_modmem(1);

	return ret;
}

KUNIT_DEFINE_ACTION_WRAPPER(put_nobody, put_cred, const struct cred *);

static void test_bpf_limit(struct kunit *test)
{
	struct cred *nobody = prepare_creds();
	long used, least;
	int tries, ret = 0;

	KUNIT_ASSERT_NOT_NULL(test, nobody);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_nobody, nobody), 0);
	cap_clear(nobody->cap_effective);
	execmem_retire_barrier();
	least = bpf_text_used() + 1000;
	/* Not each JIT takes text from the slab. */
	if (charge_as_nobody(nobody, least - 999))
		kunit_skip(test, "there are programs that the slab does not know");

	for (tries = 0; tries < 10; tries++) {
		free_program(test, 1000);
		rcu_read_lock();
		used = bpf_text_used();
		ret = charge_as_nobody(nobody, used);
		rcu_read_unlock();
		/* It can be reused before there is a reader. */
		if (used >= least)
			break;
	}
	KUNIT_EXPECT_GE(test, used, least);
	KUNIT_EXPECT_EQ_MSG(test, ret, -EPERM, "the text is not free yet");
	execmem_retire_barrier();
	KUNIT_EXPECT_EQ_MSG(test, charge_as_nobody(nobody, used), 0, "the text is free again");
}
#else
static void test_bpf_limit(struct kunit *test)
{
	kunit_skip(test, "no CONFIG_BPF_JIT");
}
#endif

static struct kunit_case execmem_users_cases[] = {
	KUNIT_CASE(test_kprobe_slots),
	KUNIT_CASE(test_bpf_limit),
	{ }
};

static struct kunit_suite execmem_users_suite = {
	.name = "execmem_users",
	.test_cases = execmem_users_cases,
};

kunit_test_suite(execmem_users_suite);

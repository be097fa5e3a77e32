// SPDX-License-Identifier: GPL-2.0
/* KUnit tests of programs and trampolines of BPF in the execmem slab. */

#include <kunit/test.h>
#include <linux/bpf.h>
#include <linux/cfi.h>
#include <linux/cred.h>
#include <linux/execmem.h>
#include <linux/filter.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/text-patching.h>
#include <trace/events/text_poke.h>

#ifdef CONFIG_BPF_JIT
#define PROGRAM_SIZE	1000
#define CHURN		2000	/* programs: more than 1 MiB of text */

static void leave_hole(void *area, unsigned int size)
{
}

static void *alloc_program(struct bpf_binary_header **rw)
{
	u8 *image, *rw_image;

	return bpf_jit_binary_pack_alloc(PROGRAM_SIZE, &image, 8, rw, &rw_image, leave_hole,
					 true);
}

/* Allocate a program with this limit for all programs. NULL if BPF refuses it. */
static void *alloc_within(long limit, struct bpf_binary_header **rw)
{
	long usual = bpf_jit_limit;
	void *text;

	WRITE_ONCE(bpf_jit_limit, limit);
	text = alloc_program(rw);
	WRITE_ONCE(bpf_jit_limit, usual);
	return text;
}

static bool can_charge(long limit)
{
	long usual = bpf_jit_limit;
	int ret;

	WRITE_ONCE(bpf_jit_limit, limit);
	ret = bpf_jit_charge_modmem(1);
	WRITE_ONCE(bpf_jit_limit, usual);
	if (!ret)
		bpf_jit_uncharge_modmem(1);
	return !ret;
}

/* Find the number of charged bytes: with this limit, BPF refuses one more byte. */
static long charged(void)
{
	long least = 0, most = bpf_jit_limit;

	while (least < most) {
		long middle = least + (most - least) / 2;

		if (can_charge(middle + 1))
			most = middle;
		else
			least = middle + 1;
	}
	return least;
}

struct charges {
	long size, with_program, after_free, after_churn;
	unsigned int refused;
	bool beyond_limit;
};

/* Allocate and free a program, one beyond the limit, and many in turn at the limit. */
static void charge_programs(struct charges *c)
{
	struct bpf_binary_header *rw;
	long before = charged();
	unsigned int i;
	void *text;

	*c = (struct charges) { };
	text = alloc_within(bpf_jit_limit, &rw);
	if (!text)
		return;
	c->size = execmem_text_size(text);
	c->with_program = charged() - before;
	bpf_jit_binary_pack_free(text, rw);
	/* Freed text is not charged, although it cannot be reused before a round. */
	c->after_free = charged() - before;

	text = alloc_within(before + PROGRAM_SIZE - 1, &rw);
	c->beyond_limit = text;
	if (text)
		bpf_jit_binary_pack_free(text, rw);

	for (i = 0; i < CHURN; i++) {
		text = alloc_within(before + c->size, &rw);
		if (text)
			bpf_jit_binary_pack_free(text, rw);
		else
			c->refused++;
	}
	c->after_churn = charged() - before;
}

static void test_bpf_limit(struct kunit *test)
{
	struct cred *nobody = prepare_creds();
	const struct cred *old;
	struct charges c;
	int tries;

	KUNIT_ASSERT_NOT_NULL(test, nobody);
	cap_clear(nobody->cap_effective);
	/* No action of KUnit can revert this, because another task executes actions. */
	old = override_creds(nobody);
	/* Other tasks may load or free programs meanwhile: repeat. */
	for (tries = 0; tries < 5; tries++) {
		charge_programs(&c);
		if (c.with_program == c.size && !c.after_free && !c.after_churn && !c.refused)
			break;
	}
	revert_creds(old);
	put_cred(nobody);

	KUNIT_EXPECT_GE(test, c.size, PROGRAM_SIZE);
	KUNIT_EXPECT_EQ(test, c.with_program, c.size);
	KUNIT_EXPECT_EQ(test, c.after_free, 0);
	KUNIT_EXPECT_FALSE(test, c.beyond_limit);
	KUNIT_EXPECT_EQ(test, c.refused, 0);
	KUNIT_EXPECT_EQ(test, c.after_churn, 0);
}

#define PLACED		512
#define IMAGE_ALIGN	4

/**
 * struct places - distribution of the addresses of programs of one size
 * @in_page:	number of programs at each offset modulo 4 KiB
 * @in_16:	number of programs at each offset modulo 16
 * @next:	start of the next chunk, in the model
 */
struct places {
	u16 in_page[SZ_4K];
	u16 in_16[16];
	unsigned long next;
};

static void count_place(struct places *p, unsigned long image)
{
	p->in_page[image % SZ_4K]++;
	p->in_16[image % 16]++;
}

static u16 most(const u16 *counts, size_t n)
{
	u16 most = 0;

	while (n--)
		most = max(most, counts[n]);
	return most;
}

/* Model of Linux 6.12, which fills packs from the beginning. */
static void place_by_model(struct places *p, unsigned int len)
{
	unsigned int used = len + sizeof(struct bpf_binary_header);
	unsigned int size = round_up(used + 16, 64);
	unsigned int hole = min(size - used, 64 - sizeof(struct bpf_binary_header));
	unsigned int start = get_random_u32_below(hole) & ~(IMAGE_ALIGN - 1);

	count_place(p, p->next + sizeof(struct bpf_binary_header) + start);
	p->next += size;
}

static void free_placed(struct bpf_binary_header **text, struct bpf_binary_header **rw)
{
	unsigned int i;

	for (i = 0; i < PLACED && text[i]; i++)
		bpf_jit_binary_pack_free(text[i], rw[i]);
}

/* Return false if memory is exhausted. */
static bool place_programs(struct kunit *test, struct places *p, unsigned int len)
{
	struct bpf_binary_header **text, **rw;
	u8 *image, *rw_image;
	unsigned int i;

	text = kunit_kcalloc(test, 2 * PLACED, sizeof(*text), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	rw = text + PLACED;

	for (i = 0; i < PLACED; i++) {
		text[i] = bpf_jit_binary_pack_alloc(len, &image, IMAGE_ALIGN, &rw[i], &rw_image,
						    leave_hole, true);
		if (!text[i])
			break;
		count_place(p, (unsigned long)image);
		if (image < text[i]->image ||
		    image + len >= (u8 *)text[i] + execmem_text_size(text[i]))
			KUNIT_FAIL(test, "a program has no gap before or behind it");
	}
	free_placed(text, rw);
	return i == PLACED;
}

static void expect_places(struct kunit *test, unsigned int len)
{
	struct places *slab = kunit_kzalloc(test, sizeof(*slab), GFP_KERNEL);
	struct places *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	unsigned int i, here, there;

	KUNIT_ASSERT_NOT_NULL(test, slab);
	KUNIT_ASSERT_NOT_NULL(test, model);
	KUNIT_ASSERT_TRUE(test, place_programs(test, slab, len));
	for (i = 0; i < PLACED; i++)
		place_by_model(model, len);

	/* Both are random. Without a random start, all programs would have one offset. */
	here = most(slab->in_page, ARRAY_SIZE(slab->in_page));
	there = most(model->in_page, ARRAY_SIZE(model->in_page));
	KUNIT_EXPECT_LE_MSG(test, here, there + there / 2 + 8, "%u bytes, in a page", len);
	here = most(slab->in_16, ARRAY_SIZE(slab->in_16));
	there = most(model->in_16, ARRAY_SIZE(model->in_16));
	KUNIT_EXPECT_LE_MSG(test, here, there + there / 2 + 8, "%u bytes, in 16 bytes", len);
}

/* The start of a program must be at least as hard to guess as in Linux 6.12. */
static void test_bpf_places(struct kunit *test)
{
	expect_places(test, 40);
	expect_places(test, 488);
	expect_places(test, 4072);
	expect_places(test, 4096);
}
#else
static void test_bpf_limit(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_BPF_JIT");
}

static void test_bpf_places(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_BPF_JIT");
}
#endif

#if defined(CONFIG_BPF_JIT) && defined(CONFIG_BPF_SYSCALL)
/**
 * struct pokes - count of writes to text by a task
 * @task:	the task
 * @copies:	number of writes
 * @syncs:	number of text_poke_sync() calls after a write
 */
static struct pokes {
	struct task_struct *task;
	unsigned int copies;
	unsigned int syncs;
} pokes;

static void count_copy(void *data, void *addr, size_t len, int ret)
{
	pokes.copies += current == pokes.task;
}

static void count_sync(void *data, unsigned long round, bool shared)
{
	pokes.syncs += current == pokes.task && pokes.copies;
}

static void stop_counting(void *unused)
{
	unregister_trace_text_poke_copy(count_copy, NULL);
	unregister_trace_text_poke_sync(count_sync, NULL);
	tracepoint_synchronize_unregister();
}

/* Count the writes of this task until end_pokes(). */
static void begin_pokes(struct kunit *test)
{
	pokes = (struct pokes) { .task = current };
	KUNIT_ASSERT_EQ(test, register_trace_text_poke_copy(count_copy, NULL), 0);
	KUNIT_ASSERT_EQ(test, register_trace_text_poke_sync(count_sync, NULL), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, stop_counting, NULL), 0);
}

static void end_pokes(struct kunit *test)
{
	kunit_release_action(test, stop_counting, NULL);
}

/* The kernel function that programs are attached to. */
static noinline int operation(int x)
{
	return x;
}

static void free_program(void *prog)
{
	bpf_prog_free(prog);
}

/* A program that adds @n to its argument. */
static struct bpf_prog *jit_adder(struct kunit *test, int n)
{
	struct bpf_insn insns[] = {
		BPF_LDX_MEM(BPF_DW, BPF_REG_0, BPF_REG_1, 0),
		BPF_ALU64_IMM(BPF_ADD, BPF_REG_0, n),
		BPF_EXIT_INSN(),
	};
	struct bpf_prog *prog = bpf_prog_alloc(bpf_prog_size(ARRAY_SIZE(insns)), 0);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, prog);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_program, prog), 0);
	atomic64_set(&prog->aux->refcnt, 1);
	prog->type = BPF_PROG_TYPE_STRUCT_OPS;
	prog->len = ARRAY_SIZE(insns);
	memcpy(prog->insnsi, insns, sizeof(insns));
	prog = bpf_prog_select_runtime(prog, &err);
	KUNIT_ASSERT_EQ(test, err, 0);
	if (!prog->jited)
		kunit_skip(test, "needs net.core.bpf_jit_enable");
	return prog;
}

static const struct btf_func_model operation_model = {
	.ret_size = sizeof(int),
	.nr_args = 1,
	.arg_size = { sizeof(int) },
	.arg_flags = { BTF_FMODEL_SIGNED_ARG },
};

struct adder {
	struct bpf_tramp_link link;
	struct bpf_tramp_links links[BPF_TRAMP_MAX];
	u32 start;
};

/* Fill a page with trampolines, as a struct_ops map does. Return their number. */
static unsigned int fill_image(struct kunit *test, struct adder *adders, unsigned int max,
			       void **image)
{
	unsigned int i;
	u32 end = 0;
	int ret;

	*image = NULL;
	for (i = 0; i < max; i++) {
		adders[i].start = end;
		ret = bpf_struct_ops_prepare_trampoline(adders[i].links, &adders[i].link,
							&operation_model, operation, image,
							&end, !i);
		if (ret == -E2BIG)
			break;
		if (ret == -ENOTSUPP)
			kunit_skip(test, "the JIT makes no trampolines");
		KUNIT_ASSERT_EQ(test, ret, 0);
	}
	return i;
}

static void free_image(void *image)
{
	bpf_struct_ops_image_free(image);
}

/* Some architectures have no kCFI hash in trampolines. */
static __nocfi int call_trampoline(int (*trampoline)(int x), int x)
{
	return trampoline(x);
}

/* The trampolines of a struct_ops map share a page, are written separately, and share a round. */
static void test_struct_ops(struct kunit *test)
{
	/* More than fit into a page. */
	const unsigned int max = PAGE_SIZE / 64;
	struct adder *adders = kunit_kcalloc(test, max, sizeof(*adders), GFP_KERNEL);
	static const u8 beyond[8];
	unsigned int i, n;
	void *image;

	KUNIT_ASSERT_NOT_NULL(test, adders);
	for (i = 0; i < max; i++) {
		adders[i].link.link.type = BPF_LINK_TYPE_STRUCT_OPS;
		adders[i].link.link.prog = jit_adder(test, i);
	}
	begin_pokes(test);
	n = fill_image(test, adders, max, &image);
	end_pokes(test);
	KUNIT_EXPECT_EQ(test, pokes.copies, n);
	KUNIT_EXPECT_EQ(test, pokes.syncs, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_image, image), 0);
	KUNIT_EXPECT_GE(test, n, 8);
	KUNIT_EXPECT_LT(test, n, max);
	text_poke_sync();

	for (i = 0; i < n; i++) {
		void *trampoline = image + adders[i].start + cfi_get_offset();

		KUNIT_EXPECT_EQ(test, call_trampoline(trampoline, 1000), 1000 + i);
	}
	KUNIT_EXPECT_EQ(test, bpf_trampoline_copy(NULL, image + PAGE_SIZE - 4, beyond, 8),
			-ERANGE);
}

static void replace_xdp(struct kunit *test, struct bpf_prog *from, struct bpf_prog *to,
			unsigned int writes)
{
	begin_pokes(test);
	bpf_prog_change_xdp(from, to);
	end_pokes(test);
	KUNIT_EXPECT_EQ(test, pokes.copies, writes);
	KUNIT_EXPECT_EQ(test, pokes.syncs, writes);
}

/* Each update of the dispatcher is one write and one round. */
static void test_dispatcher(struct kunit *test)
{
	struct bpf_prog *a, *b;
	u64 arg = 1000;

	if (!IS_ENABLED(CONFIG_X86_64) || !IS_ENABLED(CONFIG_NET))
		kunit_skip(test, "needs a BPF dispatcher and CONFIG_NET");

	a = jit_adder(test, 1);
	b = jit_adder(test, 2);
	replace_xdp(test, NULL, a, 1);
	replace_xdp(test, NULL, b, 1);
	KUNIT_EXPECT_EQ(test, bpf_dispatcher_xdp_func(&arg, a->insnsi, a->bpf_func), 1001);
	KUNIT_EXPECT_EQ(test, bpf_dispatcher_xdp_func(&arg, b->insnsi, b->bpf_func), 1002);
	replace_xdp(test, a, NULL, 1);
	/* Without programs, nothing is written. */
	replace_xdp(test, b, NULL, 0);
}
#else
static void test_struct_ops(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_BPF_JIT and CONFIG_BPF_SYSCALL");
}

static void test_dispatcher(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_BPF_JIT and CONFIG_BPF_SYSCALL");
}
#endif

static struct kunit_case execmem_bpf_cases[] = {
	KUNIT_CASE(test_bpf_limit),
	KUNIT_CASE(test_bpf_places),
	KUNIT_CASE(test_struct_ops),
	KUNIT_CASE(test_dispatcher),
	{ }
};

static struct kunit_suite execmem_bpf_suite = {
	.name = "execmem_bpf",
	.test_cases = execmem_bpf_cases,
};

kunit_test_suite(execmem_bpf_suite);

// SPDX-License-Identifier: GPL-2.0
/*
 * Unpack bcachefs keys with programs of BPF's JIT, and compare them with the functions of
 * lib/record_unpack: results, instructions, bytes, memory and the cost of their creation.
 *
 * The kernel generates the programs, as it does for classic BPF filters. They use R1 to R3
 * as dst, src and consts. That works because the JITs keep these registers as they are at
 * the entry, but BPF's core has no such prototype.
 *
 * README explains how to run it. One clock tick is one instruction there.
 */
#include <linux/filter.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/record_unpack.h>
#include <linux/vmalloc.h>

/* record_compile() is not exported. */
#include "record_unpack.c"

enum { CALLS = 1000, MAX_INSNS = 128, KEY = 40 };

/* Formats that occur in file systems, as in tools/testing/bcachefs/bench.c. */
static const struct {
	u8 u64s, bits[6];
} formats[] = {
	{ 2, { 32, 40, 32 } }, { 3, { 32, 48, 32, 16 } }, { 2, { 9, 63, 32 } },
	{ 1, { 0, 19, 1, 16 } }, { 1, { 0, 24, 0, 12 } }, { 3, { 64, 64, 32 } },
	{ 4, { 40, 40, 32, 16, 32, 64 } }, { 3, { 37, 61, 32, 9 } },
};

static struct record_shape shape_of(unsigned int nr)
{
	static const u8 dst[] = { 32, 24, 20, 16, 12, 4 }, size[] = { 8, 8, 4, 4, 4, 8 };
	struct record_shape s = {
		.u64s = formats[nr].u64s, .low_bits = 24, .nr_fields = 6, .dst_size = KEY,
		.header = { 0xff80ff, 0x100, 5 - formats[nr].u64s, true },
	};
	unsigned int i;

	for (i = 0; i < 6; i++)
		s.field[i] = (struct record_field) {
			formats[nr].bits[i], size[i], dst[i], formats[nr].bits[i],
		};
	return s;
}

struct code {
	struct bpf_insn insn[MAX_INSNS];
	unsigned int nr;
};

static void put(struct code *c, struct bpf_insn insn)
{
	if (c->nr < MAX_INSNS)
		c->insn[c->nr] = insn;
	c->nr++;
}

static int size_op(unsigned int bytes)
{
	return bytes == 1 ? BPF_B : bytes == 2 ? BPF_H : bytes == 4 ? BPF_W : BPF_DW;
}

static void put_field(struct code *c, const struct record_step *s, int to)
{
	unsigned int top = s->size * 8 - s->lsb - s->bits;

	if (s->op == RECORD_CONST) {
		put(c, BPF_LDX_MEM(BPF_DW, to, BPF_REG_3, s->field * 8));
		return;
	}
	put(c, BPF_LDX_MEM(size_op(s->size), to, BPF_REG_2, s->src));
	if (s->op == RECORD_PAIR) {
		unsigned int high = s->bits + s->lsb - 64;

		put(c, BPF_ALU64_IMM(BPF_RSH, to, s->lsb));
		put(c, BPF_LDX_MEM(BPF_DW, BPF_REG_4, BPF_REG_2, s->src + 8));
		put(c, BPF_ALU64_IMM(BPF_LSH, BPF_REG_4, 64 - high));
		put(c, BPF_ALU64_IMM(BPF_RSH, BPF_REG_4, 64 - s->bits));
		put(c, BPF_ALU64_REG(BPF_OR, to, BPF_REG_4));
	} else if (s->bits < 32 && top) {
		if (s->lsb)
			put(c, BPF_ALU64_IMM(BPF_RSH, to, s->lsb));
		put(c, BPF_ALU32_IMM(BPF_AND, to, GENMASK(s->bits - 1, 0)));
	} else if (top) {
		put(c, BPF_ALU64_IMM(BPF_LSH, to, 64 - s->lsb - s->bits));
		put(c, BPF_ALU64_IMM(BPF_RSH, to, 64 - s->bits));
	} else if (s->lsb) {
		put(c, BPF_ALU64_IMM(BPF_RSH, to, s->lsb));
	}
	if (s->add) {
		put(c, BPF_LDX_MEM(BPF_DW, BPF_REG_4, BPF_REG_3, s->field * 8));
		put(c, BPF_ALU64_REG(BPF_ADD, to, BPF_REG_4));
	}
}

static const struct record_step *step_at(const struct record_prog *p, unsigned int dst)
{
	unsigned int i;

	for (i = 0; i < p->nr; i++)
		if (dst - p->step[i].dst < p->step[i].dst_size)
			return p->step[i].op == RECORD_ZERO ? NULL : &p->step[i];
	return NULL;
}

static void put_header(struct code *c, const struct record_header *h)
{
	put(c, BPF_LDX_MEM(BPF_W, BPF_REG_0, BPF_REG_2, 0));
	put(c, BPF_MOV32_REG(BPF_REG_4, BPF_REG_0));
	put(c, BPF_ALU32_IMM(BPF_ADD, BPF_REG_4, h->add));
	put(c, BPF_ALU32_IMM(BPF_AND, BPF_REG_4, 0xff));
	put(c, BPF_ALU32_IMM(BPF_AND, BPF_REG_0, h->keep & ~0xff));
	put(c, BPF_ALU32_REG(BPF_OR, BPF_REG_0, BPF_REG_4));
	put(c, BPF_ALU32_IMM(BPF_OR, BPF_REG_0, h->set));
}

/* Compute the u64 at @dst in R0, its high half in R5. Return false if it is 0. */
static bool put_word(struct code *c, const struct record_prog *p, unsigned int dst)
{
	const struct record_step *low = step_at(p, dst), *high = step_at(p, dst + 4);

	if (dst && low && low == high) {
		put_field(c, low, BPF_REG_0);
		return true;
	}
	if (high) {
		put_field(c, high, BPF_REG_5);
		put(c, BPF_ALU64_IMM(BPF_LSH, BPF_REG_5, 32));
	}
	if (!dst) {
		put_header(c, &p->shape.header);
	} else if (low) {
		put_field(c, low, BPF_REG_0);
		if (low->dst != dst)
			put(c, BPF_ALU64_IMM(BPF_RSH, BPF_REG_0, 32));
		else
			put(c, BPF_MOV32_REG(BPF_REG_0, BPF_REG_0));
	}
	if (high && (low || !dst))
		put(c, BPF_ALU64_REG(BPF_OR, BPF_REG_0, BPF_REG_5));
	else if (high)
		put(c, BPF_MOV64_REG(BPF_REG_0, BPF_REG_5));
	return low || high || !dst;
}

static struct bpf_prog *create(const struct record_shape *shape)
{
	struct code *c = kzalloc(sizeof(*c), GFP_KERNEL);
	struct bpf_prog *prog = NULL;
	struct record_prog p;
	unsigned int dst;
	int err = -EINVAL;

	if (!c || record_compile(&p, shape, IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS)))
		goto out;
	for (dst = 0; dst < KEY; dst += 8)
		if (put_word(c, &p, dst))
			put(c, BPF_STX_MEM(BPF_DW, BPF_REG_1, BPF_REG_0, dst));
		else
			put(c, BPF_ST_MEM(BPF_DW, BPF_REG_1, dst, 0));
	put(c, BPF_EXIT_INSN());
	if (c->nr > MAX_INSNS)
		goto out;
	prog = bpf_prog_alloc(bpf_prog_size(c->nr), 0);
	if (!prog)
		goto out;
	prog->len = c->nr;
	prog->type = BPF_PROG_TYPE_SOCKET_FILTER;
	memcpy(prog->insnsi, c->insn, c->nr * sizeof(*c->insn));
	prog = bpf_prog_select_runtime(prog, &err);
	if (err || !prog->jited) {
		pr_info("unpack_bpf: no code: %d\n", err);
		bpf_prog_free(prog);
		prog = NULL;
	}
out:
	kfree(c);
	return prog;
}

static noinline void nothing(void *dst, const void *src, const __le64 *consts, unsigned int slot)
{
	barrier();
}

static u64 record[5], got[5], want[5];
static __le64 consts[6];

/* Ticks for one call. */
static unsigned int measure(record_unpack_t fn)
{
	unsigned int i, j, least = U32_MAX;

	for (j = 0; j < 5; j++) {
		u64 began = ktime_get_ns();

		for (i = 0; i < CALLS; i++)
			fn(got, record, consts, 0);
		least = min(least, (unsigned int)(ktime_get_ns() - began));
	}
	return least / (CALLS / 100);
}

static void dump(unsigned int nr, const char *what, const void *code, unsigned int size)
{
	char hex[2 * 512 + 1];

	*bin2hex(hex, code, min(size, 512U)) = 0;
	pr_info("unpack_bpf: code %u %s %s\n", nr, what, hex);
}

static void compare_shape(unsigned int nr)
{
	struct record_shape s = shape_of(nr);
	struct record_unpack *u = record_unpack_create(&s, "unpack_bpf");
	struct bpf_prog *prog = create(&s);
	unsigned int base, i, wrong = 0;
	struct record_prog p;

	if (IS_ERR(u) || !prog) {
		pr_err("unpack_bpf: shape %u has no functions\n", nr);
		goto out;
	}
	record_unpack_sync();
	record_compile(&p, &s, true);
	for (i = 0; i < 100; i++) {
		get_random_bytes(record, sizeof(record));
		get_random_bytes(consts, sizeof(consts));
		record_prog_run(&p, want, record, consts);
		((record_unpack_t)(void *)prog->bpf_func)(got, record, consts, 0);
		wrong += !!memcmp(want, got, KEY);
		u->fn(got, record, consts, 0);
		wrong += !!memcmp(want, got, KEY);
	}
	base = measure((record_unpack_t)(void *)nothing);
	pr_info("unpack_bpf: shape %u wrong %u; instructions/100 record %u bpf %u; bytes record %zu bpf %u; insns %u pages %u\n",
		nr, wrong, measure(u->fn) - base,
		measure((record_unpack_t)(void *)prog->bpf_func) - base,
		u->size, prog->jited_len, prog->len, prog->pages);
	dump(nr, "record", u->text, u->size);
	dump(nr, "bpf", prog->bpf_func, prog->jited_len);
out:
	if (!IS_ERR(u))
		record_unpack_free(u);
	if (prog)
		bpf_prog_free(prog);
}

/* Create functions for all shapes, and publish them once, as a mount does. */
static void compare_creation(void)
{
	static struct record_unpack *u[ARRAY_SIZE(formats)];
	static struct bpf_prog *prog[ARRAY_SIZE(formats)];
	u64 began, record_ns, bpf_ns;
	unsigned int i, j;

	for (j = 0; j < 3; j++) {
		began = ktime_get_ns();
		for (i = 0; i < ARRAY_SIZE(formats); i++) {
			struct record_shape s = shape_of(i);

			u[i] = record_unpack_create(&s, "unpack_bpf");
		}
		record_ns = ktime_get_ns() - began;
		began = ktime_get_ns();
		for (i = 0; i < ARRAY_SIZE(formats); i++) {
			struct record_shape s = shape_of(i);

			prog[i] = create(&s);
		}
		bpf_ns = ktime_get_ns() - began;
		pr_info("unpack_bpf: creation of %zu: instructions record %llu bpf %llu\n",
			ARRAY_SIZE(formats), record_ns, bpf_ns);
		for (i = 0; i < ARRAY_SIZE(formats); i++) {
			record_unpack_free(u[i]);
			bpf_prog_free(prog[i]);
		}
	}
}

static int __init unpack_bpf_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		compare_shape(i);
	compare_creation();
	return 0;
}
module_init(unpack_bpf_init);

static void __exit unpack_bpf_exit(void)
{
}
module_exit(unpack_bpf_exit);
MODULE_DESCRIPTION("Unpack keys with BPF's JIT");
MODULE_IMPORT_NS(RECORD_UNPACK);
MODULE_LICENSE("GPL");

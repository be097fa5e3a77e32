/* SPDX-License-Identifier: GPL-2.0 */
/* riscv code for the test_vmalloc_text module. */
#ifndef _LIB_TEST_VMALLOC_TEXT_RISCV_H
#define _LIB_TEST_VMALLOC_TEXT_RISCV_H

#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/of.h>
#include <linux/ptrace.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#define COUNTER_NAME	"time ticks"

#define RV_COMPRESSED	(TEXT_PATCH_ALIGN == 2)
#define RV_NOP		0x00000013
#define RV_C_NOP	0x0001
#define RV_RET		0x00008067
#define RV_ADDI_A0(v)	(0x00000513 | (u32)((v) & 0xfff) << 20)	/* addi a0, x0, v */
#define RV_C_LI_A0(v)	(0x4501 | ((v) & 0x1f) << 2)

static u8 *emit(u8 *at, u32 insn)
{
	put_unaligned_le32(insn, at);
	return at + 4;
}

static u8 *emit_compressed(u8 *at, u16 insn)
{
	put_unaligned_le16(insn, at);
	return at + 2;
}

static u8 *emit_nop(u8 *at)
{
	return RV_COMPRESSED ? emit_compressed(at, RV_C_NOP) : emit(at, RV_NOP);
}

static size_t gen_func(u8 *buf, u32 value, unsigned int nops)
{
	u32 low = value & 0xfff;
	u8 *at = buf;

	while (nops--)
		at = emit_nop(at);
	/* lui a0 and addiw a0, a0: the latter takes its operand as signed. */
	at = emit(at, 0x00000537 | ((value + 0x800) & 0xfffff000));
	at = emit(at, 0x0005051b | low << 20);
	return emit(at, RV_RET) - buf;
}

/* A function that is at @from and continues at @to, at most 1 MB away. */
static size_t gen_jump(u8 *buf, const void *from, const void *to)
{
	u32 offset = to - from;

	return emit(buf, 0x0000006f |				/* jal x0 */
		    (offset & BIT(20)) << 11 | (offset & GENMASK(10, 1)) << 20 |
		    (offset & BIT(11)) << 9 | (offset & GENMASK(19, 12))) - buf;
}

static const struct {
	const char *name;
	bool compressed, misaligned, across_pages;
} live_codes[] = {
	{ "addi" },
	/* The others are there only if the kernel uses the C extension. */
	{ "addi at 2 modulo 4", .misaligned = true },
	{ "addi across pages", .misaligned = true, .across_pages = true },
	{ "c.li", .compressed = true },
};

static bool gen_live(struct live_code *l, unsigned int nr)
{
	bool compressed;
	u8 *at = l->code;
	int i;

	if (nr >= (RV_COMPRESSED ? ARRAY_SIZE(live_codes) : 1))
		return false;

	compressed = live_codes[nr].compressed;
	l->name = live_codes[nr].name;
	/* What is loaded by one short instruction. */
	l->value[0] = 10;
	l->value[1] = 11;

	if (live_codes[nr].misaligned)
		at = emit_nop(at);
	l->at = at - l->code;
	l->insn_len = compressed ? 2 : 4;
	for (i = 0; i < 2; i++) {
		if (compressed)
			emit_compressed(l->insn[i], RV_C_LI_A0(l->value[i]));
		else
			emit(l->insn[i], RV_ADDI_A0(l->value[i]));
	}
	memcpy(at, l->insn[0], l->insn_len);
	at = emit(at + l->insn_len, RV_RET);
	l->len = at - l->code;
	l->place = live_codes[nr].across_pages ? PAGE_SIZE - l->at - 2 : 0;
	l->in_place = !live_codes[nr].misaligned;
	return true;
}

static bool is_virtual_machine(void)
{
	return of_machine_is_compatible("riscv-virtio");
}

/* Requests for synchronisation by text_patch_insn() that replaces in place. */
#define INSN_SYNCS	1

static const struct bad_insn bad_insns[] = {
	{ "8 bytes", "\x13\x00\x00\x00\x13\x00\x00\x00",
	  "\x13\x00\x00\x00\x67\x80\x00\x00", 8, -EINVAL },
#ifdef CONFIG_RISCV_ISA_C
	{ "6 bytes", "\x01\x00\x01\x00\x01\x00",
	  "\x13\x00\x00\x00\x01\x00", 6, -EINVAL },
	{ "two nops by one", "\x01\x00\x01\x00", "\x13\x00\x00\x00", 4, -EOPNOTSUPP },
	{ "one nop by two", "\x13\x00\x00\x00", "\x01\x00\x01\x00", 4, -EOPNOTSUPP },
	{ "half a nop", "\x13\x00", "\x01\x00", 2, -EOPNOTSUPP },
#endif
};

/*
 * The kernel dies of the trap unless it finds that somebody repairs it: a probe
 * there answers so, having made the function that ran into the trap return.
 */
static int __kprobes catch_illegal(struct kprobe *p, struct pt_regs *regs)
{
	struct pt_regs *trapped = (struct pt_regs *)regs->a0;

	if (!trap_is_ours(trapped->epc))
		return 0;

	trapped->a0 = TRAPPED;
	trapped->epc = trapped->ra;
	regs->a0 = true;
	regs->epc = regs->ra;
	return 1;
}

static struct kprobe trap_probe = {
	.symbol_name	= "fixup_exception",
	/* The first instructions are ftrace's, and may not be probed. */
#ifdef CONFIG_DYNAMIC_FTRACE
	.offset		= MCOUNT_INSN_SIZE,
#endif
	.pre_handler	= catch_illegal,
};

static const char *catch_traps(void)
{
	return set_probe(&trap_probe);
}

static void uncatch_traps(void)
{
	unregister_kprobe(&trap_probe);
}

/* fence.i does it all, and it is not by address. */
static const char *count_maintenance(void)
{
	return "riscv has no maintenance by address, it is in sync_insn";
}

static void uncount_maintenance(void)
{
}

#endif /* _LIB_TEST_VMALLOC_TEXT_RISCV_H */

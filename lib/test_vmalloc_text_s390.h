/* SPDX-License-Identifier: GPL-2.0 */
/* s390 code for the test_vmalloc_text module. */
#ifndef _LIB_TEST_VMALLOC_TEXT_S390_H
#define _LIB_TEST_VMALLOC_TEXT_S390_H

#include <linux/ptrace.h>
#include <linux/unaligned.h>

#include "test_vmalloc_text_die.h"

#define COUNTER_NAME	"TOD ticks"

static u8 *emit_half(u8 *at, u16 insn)
{
	put_unaligned_be16(insn, at);
	return at + sizeof(insn);
}

/* A six-byte instruction that ends with a four-byte operand. */
static u8 *emit_long(u8 *at, u16 insn, u32 operand)
{
	put_unaligned_be32(operand, emit_half(at, insn));
	return at + sizeof(insn) + sizeof(operand);
}

static size_t gen_func(u8 *buf, u32 value, unsigned int nops)
{
	u8 *at = buf;

	while (nops--)
		at = emit_half(at, 0x0700);			/* nopr */
	at = emit_long(at, 0xc02f, value);			/* llilf %r2, value */
	return emit_half(at, 0x07fe) - buf;			/* br %r14 */
}

/* Generate a function for address @from that jumps to @to. */
static size_t gen_jump(u8 *buf, const void *from, const void *to)
{
	return emit_long(buf, 0xc0f4, (to - from) / 2) - buf;	/* jg to */
}

static int catch_trap(struct notifier_block *nb, unsigned long event, void *data)
{
	struct pt_regs *regs = ((struct die_args *)data)->regs;

	/* The PSW contains the address behind the instruction, which has 2 bytes. */
	if (event != DIE_BPT || !trap_is_ours(regs->psw.addr - 2))
		return NOTIFY_DONE;

	/* Make the function that executed the trap return. */
	regs->gprs[2] = TRAPPED;
	regs->psw.addr = regs->gprs[14];
	return NOTIFY_STOP;
}

/* Instruction caches are coherent with stores: there is nothing to maintain. */
static const char *count_maintenance(void)
{
	return "s390 keeps instruction caches coherent with stores";
}

static void uncount_maintenance(void)
{
}

#endif /* _LIB_TEST_VMALLOC_TEXT_S390_H */

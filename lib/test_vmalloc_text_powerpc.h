/* SPDX-License-Identifier: GPL-2.0 */
/*
 * powerpc code for the test_vmalloc_text module. With version 2 of the ELF ABI, a
 * pointer to a function is the address of its code.
 */
#ifndef _LIB_TEST_VMALLOC_TEXT_POWERPC_H
#define _LIB_TEST_VMALLOC_TEXT_POWERPC_H

#include <linux/ptrace.h>
#include <linux/string.h>

#include "test_vmalloc_text_die.h"

#define COUNTER_NAME	"timebase ticks"

static u8 *emit(u8 *at, u32 insn)
{
	memcpy(at, &insn, sizeof(insn));
	return at + sizeof(insn);
}

static size_t gen_func(u8 *buf, u32 value, unsigned int nops)
{
	u8 *at = buf;

	while (nops--)
		at = emit(at, 0x60000000);			/* nop */
	at = emit(at, 0x38600000);				/* li r3, 0 */
	at = emit(at, 0x64630000 | value >> 16);		/* oris r3, r3, value@h */
	at = emit(at, 0x60630000 | (value & 0xffff));		/* ori r3, r3, value@l */
	return emit(at, 0x4e800020) - buf;			/* blr */
}

/* Generate a function for address @from that jumps to @to, at most 32 MB away. */
static size_t gen_jump(u8 *buf, const void *from, const void *to)
{
	return emit(buf, 0x48000000 | ((to - from) & 0x03fffffc)) - buf;	/* b to */
}

static int catch_trap(struct notifier_block *nb, unsigned long event, void *data)
{
	struct pt_regs *regs = ((struct die_args *)data)->regs;

	if (event != DIE_BPT || !trap_is_ours(regs->nip))
		return NOTIFY_DONE;

	/* Make the function that executed the trap return. */
	regs->gpr[3] = TRAPPED;
	regs_set_return_ip(regs, regs->link);
	return NOTIFY_STOP;
}

static const char *count_maintenance(void)
{
	return "powerpc maintains caches by the address of the alias";
}

static void uncount_maintenance(void)
{
}

#endif /* _LIB_TEST_VMALLOC_TEXT_POWERPC_H */

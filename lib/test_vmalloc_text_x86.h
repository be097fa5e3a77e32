/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86 code for the test_vmalloc_text module.
 *
 * Functions begin with ENDBR64, which indirect calls need under IBT, and which is a NOP
 * for 32-bit code. They end with a bare RET. Return thunks protect against attackers,
 * and only the test executes this code.
 */
#ifndef _LIB_TEST_VMALLOC_TEXT_X86_H
#define _LIB_TEST_VMALLOC_TEXT_X86_H

#include <linux/ptrace.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "test_vmalloc_text_die.h"

#define COUNTER_NAME	"TSC cycles"

static u8 *emit(u8 *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static u8 *emit_entry(u8 *at)
{
	return emit(at, "\xf3\x0f\x1e\xfa", 4);		/* endbr64 */
}

static u8 *emit_return(u8 *at, u32 value)
{
	*at++ = 0xb8;					/* mov $value, %eax */
	put_unaligned_le32(value, at);
	return emit(at + 4, "\xc3\xcc", 2);		/* ret; int3 */
}

static size_t gen_func(u8 *buf, u32 value, unsigned int nops)
{
	u8 *at = emit_entry(buf);

	memset(at, 0x90, nops);
	return emit_return(at + nops, value) - buf;
}

/* Generate a function for address @from that jumps to @to. */
static size_t gen_jump(u8 *buf, const void *from, const void *to)
{
	u8 *at = emit_entry(buf);

	*at++ = 0xe9;					/* jmp to */
	put_unaligned_le32(to - from - (at + 4 - buf), at);
	return at + 4 - buf;
}

/* Make the function that executed a trap return @value to its caller. */
static void return_from_trap(struct pt_regs *regs, u32 value)
{
	regs->ax = value;
	regs->ip = *(unsigned long *)regs->sp;
	regs->sp += sizeof(unsigned long);
}

static int catch_trap(struct notifier_block *nb, unsigned long event, void *data)
{
	struct die_args *args = data;

	if (event != DIE_INT3 || !trap_is_ours(args->regs->ip - 1))
		return NOTIFY_DONE;

	return_from_trap(args->regs, TRAPPED);
	return NOTIFY_STOP;
}

/* Instruction caches are coherent with stores and need no maintenance. */
static const char *count_maintenance(void)
{
	return "x86 keeps instruction caches coherent with stores";
}

static void uncount_maintenance(void)
{
}

#endif /* _LIB_TEST_VMALLOC_TEXT_X86_H */

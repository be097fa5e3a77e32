/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86-64 code for the test_vmalloc_text module.
 *
 * Functions begin with ENDBR64, so that they may be called indirectly whatever
 * CET says, and end with a bare RET: return thunks mitigate what mistrained
 * predictors do, and nobody else runs this code.
 */
#ifndef _LIB_TEST_VMALLOC_TEXT_X86_H
#define _LIB_TEST_VMALLOC_TEXT_X86_H

#include <linux/cpufeature.h>
#include <linux/kdebug.h>
#include <linux/ptrace.h>
#include <linux/string.h>
#include <linux/unaligned.h>

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

/* Where code falls to after it has not been diverted, and to where it is. */
#define SIZE_OF_RETURN	7

static size_t gen_func(u8 *buf, u32 value, unsigned int nops)
{
	u8 *at = emit_entry(buf);

	memset(at, 0x90, nops);
	return emit_return(at + nops, value) - buf;
}

/* A function that is at @from and continues at @to. */
static size_t gen_jump(u8 *buf, const void *from, const void *to)
{
	u8 *at = emit_entry(buf);

	*at++ = 0xe9;					/* jmp to */
	put_unaligned_le32(to - from - (at + 4 - buf), at);
	return at + 4 - buf;
}

static const struct {
	const char *name;
	u8 insn[2][6];		/* the first goes on, the second skips a return */
	u8 len;
	bool across_pages;
} live_codes[] = {
	{ "jmp rel8", { "\xeb\x00", "\xeb\x07" }, 2 },
	{ "jmp rel32", { "\xe9\x00\x00\x00\x00", "\xe9\x07\x00\x00\x00" }, 5 },
	{ "jmp rel32 across pages",
	  { "\xe9\x00\x00\x00\x00", "\xe9\x07\x00\x00\x00" }, 5, true },
	{ "nop to jmp rel8", { "\x66\x90", "\xeb\x07" }, 2 },
	{ "nop to jmp rel32",
	  { "\x0f\x1f\x44\x00\x00", "\xe9\x07\x00\x00\x00" }, 5 },
	/* After the xor before it, jne is not taken and je is. */
	{ "jne to je", { "\x75\x07", "\x74\x07" }, 2 },
};

static bool gen_live(struct live_code *l, unsigned int nr)
{
	u8 *at = emit_entry(l->code);

	if (nr >= ARRAY_SIZE(live_codes))
		return false;

	l->name = live_codes[nr].name;
	at = emit(at, "\x31\xc0", 2);			/* xor %eax, %eax */
	l->at = at - l->code;
	l->insn_len = live_codes[nr].len;
	memcpy(l->insn[0], live_codes[nr].insn[0], l->insn_len);
	memcpy(l->insn[1], live_codes[nr].insn[1], l->insn_len);
	at = emit(at, l->insn[0], l->insn_len);
	at = emit_return(at, l->value[0]);
	at = emit_return(at, l->value[1]);
	l->len = at - l->code;
	l->place = live_codes[nr].across_pages ? PAGE_SIZE - l->at - 2 : 0;
	/* Every CPU sees an INT3 first. */
	l->in_place = false;
	return true;
}

static bool is_virtual_machine(void)
{
	return boot_cpu_has(X86_FEATURE_HYPERVISOR);
}

/* Requests for synchronisation by text_patch_insn(): x86's protocol has its own. */
#define INSN_SYNCS	0

/* What text_patch_insn() must refuse as it cannot be emulated. */
static const struct bad_insn bad_insns[] = {
	{ "mov by mov", "\xb8\x01\x00\x00\x00", "\xb8\x02\x00\x00\x00", 5, -EOPNOTSUPP },
	{ "two nops by one", "\x90\x90", "\x66\x90", 2, -EOPNOTSUPP },
	{ "one nop by two", "\x66\x90", "\x90\x90", 2, -EOPNOTSUPP },
	{ "indirect jump", "\x66\x90", "\xff\xe0", 2, -EOPNOTSUPP },
	{ "what has the opcode of a call behind a prefix", "\x0f\x1f\x44\x00\x00",
	  "\xc5\xf9\xe8\x40\x10", 5, -EOPNOTSUPP },
};

/* Make the function that ran into a trap return @value to its caller. */
static void return_from_trap(struct pt_regs *regs, u32 value)
{
	regs->ax = value;
	regs->ip = *(unsigned long *)regs->sp;
	regs->sp += sizeof(unsigned long);
}

static int catch_int3(struct notifier_block *nb, unsigned long event, void *data)
{
	struct die_args *args = data;

	if (event != DIE_INT3 || !trap_is_ours(args->regs->ip - 1))
		return NOTIFY_DONE;

	return_from_trap(args->regs, TRAPPED);
	return NOTIFY_STOP;
}

static struct notifier_block trap_notifier = {
	.notifier_call	= catch_int3,
	.priority	= INT_MAX,
};

static const char *catch_traps(void)
{
	return register_die_notifier(&trap_notifier) ? "no die notifier" : NULL;
}

static void uncatch_traps(void)
{
	unregister_die_notifier(&trap_notifier);
}

/* Instruction caches are coherent with stores: there is nothing to maintain. */
static const char *count_maintenance(void)
{
	return "x86 keeps instruction caches coherent with stores";
}

static void uncount_maintenance(void)
{
}

#endif /* _LIB_TEST_VMALLOC_TEXT_X86_H */

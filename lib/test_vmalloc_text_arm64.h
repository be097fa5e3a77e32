/* SPDX-License-Identifier: GPL-2.0 */
/*
 * arm64 code for the test_vmalloc_text module. Functions begin with BTI C, which
 * indirect calls need if the page is guarded.
 */
#ifndef _LIB_TEST_VMALLOC_TEXT_ARM64_H
#define _LIB_TEST_VMALLOC_TEXT_ARM64_H

#include <linux/kprobes.h>
#include <linux/ptrace.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include <asm/debug-monitors.h>

#define COUNTER_NAME	"CNTVCT ticks"

#define A64_NOP		0xd503201f
#define A64_BTI_C	0xd503245f
#define A64_RET		0xd65f03c0
#define A64_B(offset)	(0x14000000 | (((offset) / 4) & GENMASK(25, 0)))
#define A64_MOVZ_W0(v)	(0x52800000 | ((v) & 0xffff) << 5)
#define A64_MOVK_W0(v)	(0x72a00000 | ((v) & 0xffff) << 5)	/* bits 31 to 16 */

static u8 *emit(u8 *at, u32 insn)
{
	put_unaligned_le32(insn, at);
	return at + 4;
}

static u8 *emit_return(u8 *at, u32 value)
{
	at = emit(at, A64_MOVZ_W0(value));
	at = emit(at, A64_MOVK_W0(value >> 16));
	return emit(at, A64_RET);
}

static size_t gen_func(u8 *buf, u32 value, unsigned int nops)
{
	u8 *at = emit(buf, A64_BTI_C);

	while (nops--)
		at = emit(at, A64_NOP);
	return emit_return(at, value) - buf;
}

/* Generate a function for address @from that jumps to @to. */
static size_t gen_jump(u8 *buf, const void *from, const void *to)
{
	u8 *at = emit(buf, A64_BTI_C);

	return emit(at, A64_B(to - from - 4)) - buf;
}

/*
 * An unhandled BRK is fatal. Probe the function that the kernel calls first. The probe
 * makes the function with the trap return, and reports the BRK as handled.
 */
static int __kprobes catch_brk(struct kprobe *p, struct pt_regs *regs)
{
	struct pt_regs *trapped = (struct pt_regs *)regs->regs[0];

	if (!trap_is_ours(trapped->pc))
		return 0;

	trapped->regs[0] = TRAPPED;
	trapped->pc = trapped->regs[30];
	regs->regs[0] = DBG_HOOK_HANDLED;
	regs->pc = regs->regs[30];
	return 1;
}

static struct kprobe trap_probe = {
	.symbol_name	= "reserved_fault_brk_handler",
	.pre_handler	= catch_brk,
};

static const char *catch_traps(void)
{
	return set_probe(&trap_probe);
}

static void uncatch_traps(void)
{
	unregister_kprobe(&trap_probe);
}

static int __kprobes count_clean_inval(struct kprobe *p, struct pt_regs *regs)
{
	maintained(regs->regs[0], regs->regs[1]);
	return 0;
}

static struct kprobe maintenance_probe = {
	.symbol_name	= "caches_clean_inval_pou",
	.pre_handler	= count_clean_inval,
};

static const char *count_maintenance(void)
{
	return set_probe(&maintenance_probe);
}

static void uncount_maintenance(void)
{
	unregister_kprobe(&maintenance_probe);
}

#endif /* _LIB_TEST_VMALLOC_TEXT_ARM64_H */

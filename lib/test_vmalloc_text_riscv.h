/* SPDX-License-Identifier: GPL-2.0 */
/* riscv code for the test_vmalloc_text module. */
#ifndef _LIB_TEST_VMALLOC_TEXT_RISCV_H
#define _LIB_TEST_VMALLOC_TEXT_RISCV_H

#include <linux/kprobes.h>
#include <linux/ptrace.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#define COUNTER_NAME	"time ticks"

#define RV_COMPRESSED	(TEXT_POKE_ALIGN == 2)
#define RV_NOP		0x00000013
#define RV_C_NOP	0x0001
#define RV_RET		0x00008067

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
	/* lui a0; addiw a0, a0. The immediate of addiw is signed: round lui up. */
	at = emit(at, 0x00000537 | ((value + 0x800) & 0xfffff000));
	at = emit(at, 0x0005051b | low << 20);
	return emit(at, RV_RET) - buf;
}

/* Generate a function for address @from that jumps to @to, at most 1 MiB away. */
static size_t gen_jump(u8 *buf, const void *from, const void *to)
{
	u32 offset = to - from;

	return emit(buf, 0x0000006f |				/* jal x0 */
		    (offset & BIT(20)) << 11 | (offset & GENMASK(10, 1)) << 20 |
		    (offset & BIT(11)) << 9 | (offset & GENMASK(19, 12))) - buf;
}

/*
 * A trap without a fixup is fatal. Probe fixup_exception(). The probe makes the function
 * with the trap return, and reports the exception as fixed.
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
	/* ftrace owns auipc and jalr at the entry. They cannot be probed. */
#ifdef CONFIG_DYNAMIC_FTRACE
	.offset		= 8,
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

/* fence.i covers all addresses. */
static const char *count_maintenance(void)
{
	return "riscv has no maintenance by address, it is in sync_insn";
}

static void uncount_maintenance(void)
{
}

#endif /* _LIB_TEST_VMALLOC_TEXT_RISCV_H */

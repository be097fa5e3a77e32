/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing kernel text that is mapped read-only and executable.
 *
 * One contract for every architecture. The argument why it is kept on each of
 * them, and what each call costs, is in Documentation/core-api/text-patching.rst.
 *
 * Text is either
 *
 *   unused: no CPU can reach it until somebody publishes its address. It is
 *	     written by text_patch_copy() and text_patch_fill(); or
 *   live:   any CPU may run through it at any time. One instruction at a time
 *	     is replaced, by text_patch_insn().
 *
 * No call makes text writable through the address it is executed at, and none
 * returns before the temporary alias it wrote through is unmapped. On riscv other
 * CPUs forget translations of it when they synchronise, hence text_patch_sync()
 * must come before the pages are given back; where an alias is peculiar to one CPU
 * or flushed on all, nobody has any.
 */
#ifndef _LINUX_TEXT_PATCHING_H
#define _LINUX_TEXT_PATCHING_H

#include <linux/compiler.h>
#include <linux/types.h>

#include <asm/barrier.h>

#ifdef CONFIG_HAVE_TEXT_PATCHING
#include <asm/text-patching.h>
#endif

/*
 * Unit of instruction length and alignment, in bytes: what is written must
 * start and end on a multiple of it.
 */
#ifndef TEXT_PATCH_ALIGN
#define TEXT_PATCH_ALIGN	1
#endif

/*
 * What unused text is filled with, as 32 bits in the order they have in
 * memory; a fill may begin and end at any TEXT_PATCH_ALIGN boundary of it.
 * Zeroes are an illegal instruction on most architectures. Those where they do
 * nothing instead (arm, mips) have no traps as long as they do not define them.
 */
#ifndef TEXT_PATCH_TRAP
#define TEXT_PATCH_TRAP		0
#endif

/*
 * Whether CPUs need no synchronisation for what is written where nothing but traps
 * has been since it was mapped.
 */
#ifndef TEXT_PATCH_FRESH_VISIBLE
#define TEXT_PATCH_FRESH_VISIBLE	false
#endif

/* The longest instruction that text_patch_insn() takes, in bytes. */
#define TEXT_PATCH_INSN_MAX	16

/**
 * struct text_patch_stats - what text patching has done since boot
 * @copies:	text_patch_copy() and text_patch_copy_nosync() calls that wrote
 * @fills:	text_patch_fill() and text_patch_fill_nosync() calls that wrote
 * @insns:	text_patch_insn() calls that succeeded
 * @syncs:	requests for synchronisation, by text_patch_sync() or implied
 * @rounds:	rounds of inter-processor interrupts that served them; the
 *		difference to @syncs was shared with another request
 */
struct text_patch_stats {
	unsigned long copies;
	unsigned long fills;
	unsigned long insns;
	unsigned long syncs;
	unsigned long rounds;
};

int text_patch_copy(void *dst, const void *src, size_t len);
int text_patch_copy_nosync(void *dst, const void *src, size_t len);
int text_patch_fill(void *dst, size_t len);
int text_patch_fill_nosync(void *dst, size_t len);
int text_patch_insn(void *addr, const void *old, const void *new, size_t len);
void text_patch_sync(void);
void text_patch_sync_fresh(void);
void text_patch_sync_this_cpu(void *unused);

void text_patch_get_stats(struct text_patch_stats *stats);
unsigned long text_patch_cpu_syncs(unsigned int cpu);
bool text_patch_uses_fallback(void);

/*
 * What an architecture provides if it selects HAVE_TEXT_PATCHING. Arguments
 * have been checked by the caller; only kernel/text_patching.c calls these.
 */

/**
 * arch_text_patch_copy - write unused text through an alias, and no more
 * @dst: where to, inside one execmem area, aligned to TEXT_PATCH_ALIGN
 * @src: what
 * @len: how many bytes, a multiple of TEXT_PATCH_ALIGN; may cross pages
 *
 * Does the cache maintenance that works by address. Does not synchronise other
 * CPUs.
 *
 * Context: May sleep. The caller may hold text_mutex or not: it must not be
 *	    taken, and what serialises the alias must be the architecture's own.
 * Return: 0, or a negative errno if not all of it was written.
 */
int arch_text_patch_copy(void *dst, const void *src, size_t len);

/**
 * arch_text_patch_insn - replace one live instruction
 * @addr: its address
 * @insn: what to put there
 * @len: its length in bytes, the same as that of the instruction it replaces
 *
 * Context: May sleep. cpus_read_lock() and text_mutex are held.
 * Return: 0 once no CPU can execute the old instruction any more, -EINVAL for
 *	   a length that no instruction has, -EOPNOTSUPP for an instruction that
 *	   cannot be replaced safely, -ERANGE if the address is out of reach;
 *	   nothing was written then.
 */
int arch_text_patch_insn(void *addr, const void *insn, size_t len);

/*
 * And arch_text_patch_sync_cpu(), in its <asm/text-patching.h>: after it, this CPU
 * fetches what was written to text before the inter-processor interrupt that
 * called it, and holds no translation of an alias. It is called in hard interrupt
 * or process context, with interrupts disabled, and must be inlined.
 */
#ifndef CONFIG_HAVE_TEXT_PATCHING
static __always_inline void arch_text_patch_sync_cpu(void)
{
	/*
	 * Being called is all that can be asked of a CPU that nothing is known of:
	 * by an interrupt, or on its way out of idle.
	 */
	smp_mb();
}
#endif

#endif /* _LINUX_TEXT_PATCHING_H */

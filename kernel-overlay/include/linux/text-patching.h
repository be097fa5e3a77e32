/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing kernel text that is mapped read-only and executable.
 *
 * The functions have the same contract on every architecture. They write
 * *unused* text: text that no CPU can reach until its owner publishes its
 * address. Documentation/core-api/text-patching.rst explains when other CPUs
 * see a write, and what each call costs.
 *
 * No function makes text writable at the address of execution. The temporary
 * alias is unmapped when a function returns. On riscv, other CPUs may still
 * hold a translation of the alias until text_poke_sync(). The owner must call
 * text_poke_sync() before it frees pages that it has written.
 */
#ifndef _LINUX_TEXT_PATCHING_H
#define _LINUX_TEXT_PATCHING_H

#include <linux/compiler.h>
#include <linux/types.h>

#include <asm/barrier.h>

#ifdef CONFIG_HAVE_TEXT_POKE
#include <asm/text-patching.h>
#endif

/* Writes start and end at a multiple of this many bytes. */
#ifndef TEXT_POKE_ALIGN
#define TEXT_POKE_ALIGN	1
#endif

/*
 * Four bytes of trap instructions, in memory order. A fill may start and end at
 * any multiple of TEXT_POKE_ALIGN within them. The default, zero, is an illegal
 * instruction on most architectures. On arm and mips it is a no-op: they lack
 * traps.
 */
#ifndef TEXT_POKE_TRAP
#define TEXT_POKE_TRAP	0
#endif

int text_poke_copy(void *dst, const void *src, size_t len);
int text_poke_set(void *dst, size_t len);
void text_poke_sync(void);

/**
 * arch_text_poke_copy - write unused text through an alias
 * @dst: destination inside one execmem area, aligned to TEXT_POKE_ALIGN
 * @src: source
 * @len: number of bytes, a multiple of TEXT_POKE_ALIGN; may cross pages
 *
 * Architectures that select HAVE_TEXT_POKE provide this function. It performs
 * the cache maintenance by address and does not synchronise other CPUs.
 *
 * Context: Process context. May sleep. Must not take text_mutex, because the
 *	    caller may hold it. A lock of the architecture protects the alias.
 * Return: 0, or a negative errno if not all bytes were written.
 */
int arch_text_poke_copy(void *dst, const void *src, size_t len);

/*
 * arch_text_poke_sync_cpu(), in <asm/text-patching.h>, is the second hook. After
 * the call, this CPU fetches all text that was written before, and its TLB holds
 * no alias. Callers are in hard interrupt or process context, with interrupts
 * disabled.
 */
#ifndef CONFIG_HAVE_TEXT_POKE
static __always_inline void arch_text_poke_sync_cpu(void)
{
	/* No generic serialising instruction exists: rely on the interrupt. */
	smp_mb();
}
#endif

#endif /* _LINUX_TEXT_PATCHING_H */

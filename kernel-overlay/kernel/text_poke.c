// SPDX-License-Identifier: GPL-2.0
/*
 * Writing read-only executable kernel text: the architecture-independent part.
 *
 * This file checks requests and synchronises CPUs. The architecture or the fallback
 * writes the bytes (arch_text_poke_copy()) and makes a CPU fetch them
 * (arch_text_poke_sync_cpu()).
 *
 * Unused text has one owner. Writing it therefore does not take text_mutex, which
 * kprobe_optimizer() holds across an RCU Tasks grace period. Callers may hold text_mutex.
 */

#include <linux/cpuhotplug.h>
#include <linux/execmem.h>
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/kasan.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/lockdep.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/text-patching.h>

#include "text_poke.h"

#define CREATE_TRACE_POINTS
#include <trace/events/text_poke.h>

#if defined(CONFIG_HAVE_TEXT_POKE) && defined(CONFIG_TEXT_POKE_FALLBACK)
static bool use_fallback __ro_after_init;
core_param(text_poke_fallback, use_fallback, bool, 0444);
#else
#define use_fallback	(!IS_ENABLED(CONFIG_HAVE_TEXT_POKE))
#endif

/* Source of a fill. Most functions are smaller than this, so that one copy suffices. */
static const u32 traps[SZ_4K / sizeof(u32)] = {
	[0 ... SZ_4K / sizeof(u32) - 1] = TEXT_POKE_TRAP,
};

static int check_request(void *addr, size_t len)
{
	unsigned long start = (unsigned long)kasan_reset_tag(addr), end;

	if (!len || check_add_overflow(start, len, &end))
		return -EINVAL;
	if (!IS_ALIGNED(start | len, TEXT_POKE_ALIGN))
		return -EINVAL;
	if (core_kernel_text(start) || core_kernel_text(end - 1))
		return -EPERM;
	if (!execmem_has_text((void *)start, len))
		return -EFAULT;

	return 0;
}

static int do_copy(void *dst, const void *src, size_t len)
{
	if (use_fallback)
		return fallback_text_poke_copy(dst, src, len);

	return arch_text_poke_copy(dst, src, len);
}

static int do_set(void *dst, size_t len)
{
	size_t n;
	int ret;

	for (; len; dst += n, len -= n) {
		/* The pattern repeats at multiples of its size: no piece crosses a page. */
		size_t skip = (unsigned long)dst % sizeof(traps);

		n = min(len, sizeof(traps) - skip);
		ret = do_copy(dst, (const u8 *)traps + skip, n);
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * text_poke_copy - copy code to unused text
 * @dst: destination, aligned to %TEXT_POKE_ALIGN
 * @src: source, which must not change meanwhile
 * @len: number of bytes, a multiple of %TEXT_POKE_ALIGN; may cross pages
 *
 * Data reads see the code when this returns. Instruction fetches of any CPU may
 * see old bytes, new bytes or a mixture until text_poke_sync() returns. One
 * text_poke_sync() serves any number of writes before it.
 *
 * The caller must own [@dst, @dst + @len) and prevent it from being freed. No CPU may
 * execute the range during the call, or its old contents afterwards.
 *
 * Context: Process context, interrupts enabled. May sleep. text_mutex may be held; it is
 *	    not taken.
 * Return: 0 on success;
 *	   -EINVAL if @len is 0, @dst or @len is misaligned, or the range wraps;
 *	   -EPERM if the range touches the text of the kernel image;
 *	   -EFAULT if no single text area of execmem contains the range (not checked
 *	   without an MMU);
 *	   -EAGAIN if text cannot be written yet during boot;
 *	   -ENOMEM if the fallback cannot map the alias;
 *	   another errno of the architecture.
 *	   After -ENOMEM and errors of the architecture, part of the range may have been
 *	   written. It is still unused text of the caller.
 */
int text_poke_copy(void *dst, const void *src, size_t len)
{
	int ret;

	might_sleep();

	ret = check_request(dst, len);
	if (!ret)
		ret = do_copy(dst, src, len);

	trace_text_poke_copy(dst, len, ret);
	return ret;
}

/**
 * text_poke_set - fill unused text with trap instructions
 * @dst: destination, aligned to %TEXT_POKE_ALIGN
 * @len: number of bytes, a multiple of %TEXT_POKE_ALIGN; may cross pages
 *
 * After the next text_poke_sync(), a CPU that executes the range traps, except on
 * architectures on which %TEXT_POKE_TRAP is not a trap.
 *
 * Context: As text_poke_copy().
 * Return: As text_poke_copy().
 */
int text_poke_set(void *dst, size_t len)
{
	int ret;

	might_sleep();

	ret = check_request(dst, len);
	if (!ret)
		ret = do_set(dst, len);

	trace_text_poke_set(dst, len, ret);
	return ret;
}

static void text_poke_sync_this_cpu(void *unused)
{
	arch_text_poke_sync_cpu();
}
NOKPROBE_SYMBOL(text_poke_sync_this_cpu);

/*
 * Rounds of interrupts begun since boot. The owner of round_lock increments the
 * counter before its round and releases the lock after it.
 *
 * The lock is raw, so that its owner cannot be preempted. CPUs that spin on it take the
 * interrupt of the round. No caller therefore waits for a task that is not running.
 */
static unsigned long rounds;
static DEFINE_RAW_SPINLOCK(round_lock);

static void run_round(void)
{
	WRITE_ONCE(rounds, rounds + 1);
	/*
	 * Pairs with the barrier in text_poke_sync(): the writes of a caller that read the
	 * old value precede the interrupts. Orders device accesses too, because a write to
	 * a device may send the interrupt.
	 */
	mb();
	on_each_cpu(text_poke_sync_this_cpu, NULL, true);
}

/**
 * text_poke_sync - make earlier writes to text visible to every CPU
 *
 * When this returns, no CPU executes bytes that earlier text_poke_copy() and
 * text_poke_set() calls of the caller have replaced. This holds for addresses that
 * held other code before, and for all CPUs except CPUs that are going offline, see
 * Documentation/core-api/text-patching.rst. The caller may then publish the address of
 * new code.
 *
 * Without CONFIG_HAVE_TEXT_POKE the call only interrupts each CPU. The architecture
 * decides whether an interrupt has this effect.
 *
 * Interrupts all online CPUs once. A round that another caller begins meanwhile serves
 * this caller too. Two rounds serve any number of concurrent callers.
 *
 * Context: Process context, interrupts enabled. Does not sleep. The caller may hold
 *	    text_mutex, but no lock that another CPU takes with interrupts disabled.
 */
void text_poke_sync(void)
{
	unsigned long seen;
	bool shared;

	/* A caller that waits with interrupts disabled would block the round: deadlock. */
	lockdep_assert(early_boot_irqs_disabled || !irqs_disabled());

	/* Pairs with the barrier in run_round(). */
	smp_mb();
	seen = READ_ONCE(rounds);

	raw_spin_lock(&round_lock);
	shared = rounds != seen;
	if (!shared)
		run_round();
	raw_spin_unlock(&round_lock);

	trace_text_poke_sync(seen + 1, shared);
}

/*
 * A round that misses this CPU has read cpu_online_mask before the CPU was marked online.
 * The writes of its callers therefore precede this callback. The switch to the hotplug
 * thread is the full barrier that pairs with mb() in run_round().
 */
static int sync_cpu_online(unsigned int cpu)
{
	return smp_call_function_single(cpu, text_poke_sync_this_cpu, NULL, true);
}

static int __init text_poke_init(void)
{
	if (use_fallback)
		fallback_text_poke_init();
	return cpuhp_setup_state_nocalls(CPUHP_AP_TEXT_POKE_ONLINE, "text_poke:online",
					 sync_cpu_online, NULL);
}
early_initcall(text_poke_init);

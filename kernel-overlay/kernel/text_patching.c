// SPDX-License-Identifier: GPL-2.0
/*
 * Writing read-only executable kernel text: the generic part.
 *
 * Here is what every architecture has in common: which requests are refused,
 * when other CPUs are synchronised, and how concurrent requests share the cost
 * of that. How bytes get behind a read-only mapping, how a live instruction is
 * replaced and what a CPU must execute to fetch afresh is the architecture's
 * (arch_text_patch_*()), or the fallback's where it offers nothing.
 *
 * Lock order, outermost first:
 *
 *   cpus_read_lock()
 *     text_mutex		live text: verify and replace are one step
 *       the architecture's	the one writable alias
 *
 * A round of interrupts runs under none of them but the outermost two, and only
 * where the caller holds these anyway.
 *
 * Unused text belongs to whoever allocated it, so copying and filling take no
 * text_mutex: they may be called with it held, and do not wait for those who
 * hold it across an RCU grace period.
 */

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/kasan.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/memory.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "text_patching.h"

#define CREATE_TRACE_POINTS
#include <trace/events/text_patching.h>

#if defined(CONFIG_HAVE_TEXT_PATCHING) && defined(CONFIG_TEXT_PATCHING_FALLBACK)
static bool force_fallback __ro_after_init;
core_param(text_patching_fallback, force_fallback, bool, 0444);
#else
#define force_fallback	false
#endif

static bool use_fallback(void)
{
	return !IS_ENABLED(CONFIG_HAVE_TEXT_PATCHING) || force_fallback;
}

/* A fill is a copy of these: long enough that small functions take one write. */
static const u32 traps[SZ_4K / sizeof(u32)] = {
	[0 ... SZ_4K / sizeof(u32) - 1] = TEXT_PATCH_TRAP,
};

static struct {
	atomic_long_t copies;
	atomic_long_t fills;
	atomic_long_t insns;
	atomic_long_t syncs;
} stats;

static DEFINE_PER_CPU(unsigned long, cpu_syncs);

/*
 * Odd while a round runs. Who makes it odd runs the round and makes it even;
 * the others sleep until that is done, and one of them runs the next.
 */
static unsigned long round_seq;
static DECLARE_WAIT_QUEUE_HEAD(round_wait);

/* What every CPU does in a round. Not static, so that a test can look into it. */
void text_patch_sync_this_cpu(void *unused)
{
	arch_text_patch_sync_cpu();
	this_cpu_inc(cpu_syncs);
}
NOKPROBE_SYMBOL(text_patch_sync_this_cpu);

/*
 * A round may have missed a CPU that was on its way online. By now it is seen by
 * those that begin. What it has executed so far: Documentation/core-api/text-patching.rst.
 */
static int sync_cpu_online(unsigned int cpu)
{
	guard(irqsave)();
	text_patch_sync_this_cpu(NULL);
	return 0;
}

static int __init text_patching_init(void)
{
	return cpuhp_setup_state_nocalls(CPUHP_AP_TEXT_PATCHING_ONLINE, "text_patching:online",
					 sync_cpu_online, NULL);
}
early_initcall(text_patching_init);

static bool round_is_over(unsigned long end)
{
	/* Pairs with the release in run_round(). */
	return (long)(smp_load_acquire(&round_seq) - end) >= 0;
}

static bool start_round(void)
{
	unsigned long seq = READ_ONCE(round_seq);

	return !(seq & 1) && cmpxchg(&round_seq, seq, seq + 1) == seq;
}

static void run_round(void)
{
	/*
	 * Pairs with the barrier in text_patch_sync(): a request that read the
	 * round_seq of before start_round() has its writes ordered before the
	 * interrupts. A full barrier for devices too, as an interrupt may be
	 * sent by writing one.
	 */
	mb();
	on_each_cpu(text_patch_sync_this_cpu, NULL, true);

	/* Before the round is over: whoever probes the event can keep it from ending. */
	trace_text_patch_sync(round_seq / 2 + 1, false);
	/* Pairs with the acquire in round_is_over(). */
	smp_store_release(&round_seq, round_seq + 1);
	if (wq_has_sleeper(&round_wait))
		wake_up_all(&round_wait);
}

/**
 * text_patch_sync - make text written earlier visible to every CPU
 *
 * When it returns, no CPU executes bytes that were in memory before the
 * caller's earlier text_patch_*_nosync() calls, be it running, idle, in a guest
 * or offline now, and whatever the addresses held before. The address of the
 * new code may be published.
 *
 * Costs one round of inter-processor interrupts to the online CPUs; requests
 * that arrive while a round runs share the next, so that any number of
 * concurrent callers need about two.
 *
 * Context: Process context, interrupts enabled; sleeps for other requests. May
 *	    be called with text_mutex held.
 */
void text_patch_sync(void)
{
	bool mine = false;
	unsigned long end;

	might_sleep();
	atomic_long_inc(&stats.syncs);

	/* Pairs with the barrier in run_round(). */
	smp_mb();
	/* The end of the first round that has not begun yet. */
	end = (READ_ONCE(round_seq) + 3) & ~1UL;

	wait_event(round_wait, round_is_over(end) || (mine = start_round()));
	if (mine)
		run_round();
	else
		trace_text_patch_sync(end / 2, true);
}

/**
 * text_patch_sync_fresh - make text visible where nothing has been executed
 *
 * As text_patch_sync(), for writes to text that has had nothing but traps in it since
 * every CPU has seen that it is mapped. Does nothing where instruction fetches are
 * coherent with stores (x86): then no CPU can have older bytes than it had when it got
 * to know the address.
 *
 * Context: As text_patch_sync().
 */
void text_patch_sync_fresh(void)
{
	if (TEXT_PATCH_FRESH_VISIBLE && !use_fallback())
		smp_wmb();	/* before the address is published */
	else
		text_patch_sync();
}

static bool is_execmem(unsigned long start, unsigned long end)
{
	struct vm_struct *area;
	unsigned long base;

	if (!IS_ENABLED(CONFIG_MMU))
		return true;

	area = find_vm_area((void *)start);
	if (!area || !(area->flags & VM_EXECMEM_TEXT))
		return false;

	base = (unsigned long)kasan_reset_tag(area->addr);
	return end <= base + get_vm_area_size(area);
}

/* Whether [addr, addr + len) may be written as unused text. */
static int check_unused(void *addr, size_t len)
{
	unsigned long start = (unsigned long)addr, end;

	if (!len || check_add_overflow(start, len, &end))
		return -EINVAL;
	if (!IS_ALIGNED(start | len, TEXT_PATCH_ALIGN))
		return -EINVAL;
	if (core_kernel_text(start) || core_kernel_text(end - 1))
		return -EPERM;
	if (!is_execmem(start, end))
		return -EFAULT;

	return 0;
}

static int do_copy(void *dst, const void *src, size_t len)
{
	if (use_fallback())
		return fallback_text_patch_copy(dst, src, len);

	return arch_text_patch_copy(dst, src, len);
}

/**
 * text_patch_copy_nosync - copy code to unused text, visible after a sync
 * @dst: where to, aligned to %TEXT_PATCH_ALIGN
 * @src: what to copy; must not change meanwhile
 * @len: how many bytes, a multiple of %TEXT_PATCH_ALIGN; may cross pages
 *
 * For batches: any number of these, and of text_patch_fill_nosync(), need one
 * text_patch_sync() before their text may be executed. Until then an
 * instruction fetch from it may see the old bytes, the new ones or a mixture;
 * data reads see the new ones.
 *
 * Nothing may execute [@dst, @dst + @len), or be about to, during the call: the
 * caller owns it, keeps it from being freed, and has waited for those who ran
 * what it held before.
 *
 * Until text_patch_sync() another CPU may also hold a translation of the alias
 * that was written through (riscv): it must come before the pages are given to
 * somebody else.
 *
 * Context: Process context, interrupts enabled. May sleep. Takes no text_mutex,
 *	    may be called with it held.
 * Return: 0;
 *	   -EINVAL if @len is 0, @dst or @len is misaligned, or the range wraps;
 *	   -EPERM if it touches the kernel image's own text;
 *	   -EFAULT if it is not inside one area of text handed out by execmem;
 *	   -EAGAIN if it is too early in boot: nothing was written then;
 *	   -ENOMEM where the fallback could not map an alias, or another error of
 *	   the architecture's: part of it may have been written then. It stays
 *	   owned by the caller, and unused.
 */
int text_patch_copy_nosync(void *dst, const void *src, size_t len)
{
	int ret;

	might_sleep();

	ret = check_unused(dst, len);
	if (!ret)
		ret = do_copy(dst, src, len);
	if (!ret)
		atomic_long_inc(&stats.copies);

	trace_text_patch_copy(dst, len, ret);
	return ret;
}

/**
 * text_patch_copy - copy code to unused text and make it visible
 * @dst: where to, aligned to %TEXT_PATCH_ALIGN
 * @src: what to copy; must not change meanwhile
 * @len: how many bytes, a multiple of %TEXT_PATCH_ALIGN; may cross pages
 *
 * text_patch_copy_nosync() followed by text_patch_sync().
 *
 * Context: As text_patch_copy_nosync().
 * Return: 0 when every CPU may execute the new code; else as
 *	   text_patch_copy_nosync().
 */
int text_patch_copy(void *dst, const void *src, size_t len)
{
	int ret = text_patch_copy_nosync(dst, src, len);

	if (!ret)
		text_patch_sync();

	return ret;
}

static int do_fill(void *dst, size_t len)
{
	size_t n;
	int ret;

	for (; len; dst += n, len -= n) {
		/* Keep the phase of the pattern: it begins at multiples of it. */
		size_t skip = (unsigned long)dst % sizeof(u32);

		n = min(len, sizeof(traps) - skip);
		ret = do_copy(dst, (const u8 *)traps + skip, n);
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * text_patch_fill_nosync - fill unused text with traps, visible after a sync
 * @dst: where, aligned to %TEXT_PATCH_ALIGN
 * @len: how many bytes, a multiple of %TEXT_PATCH_ALIGN; may cross pages
 *
 * The traps catch whoever executes freed code. Before other code is put there
 * no sync is needed in between: that of the new code covers both.
 *
 * Context: As text_patch_copy_nosync().
 * Return: As text_patch_copy_nosync().
 */
int text_patch_fill_nosync(void *dst, size_t len)
{
	int ret;

	might_sleep();

	ret = check_unused(dst, len);
	if (!ret)
		ret = do_fill(dst, len);
	if (!ret)
		atomic_long_inc(&stats.fills);

	trace_text_patch_fill(dst, len, ret);
	return ret;
}

/**
 * text_patch_fill - fill unused text with traps that every CPU sees
 * @dst: where, aligned to %TEXT_PATCH_ALIGN
 * @len: how many bytes, a multiple of %TEXT_PATCH_ALIGN; may cross pages
 *
 * text_patch_fill_nosync() followed by text_patch_sync().
 *
 * Context: As text_patch_copy_nosync().
 * Return: 0 when any CPU that executes the range traps; else as
 *	   text_patch_copy_nosync().
 */
int text_patch_fill(void *dst, size_t len)
{
	int ret = text_patch_fill_nosync(dst, len);

	if (!ret)
		text_patch_sync();

	return ret;
}

static int check_live(void *addr, size_t len)
{
	unsigned long start = (unsigned long)addr, end;

	if (!len || len > TEXT_PATCH_INSN_MAX || check_add_overflow(start, len, &end))
		return -EINVAL;
	if (!IS_ALIGNED(start | len, TEXT_PATCH_ALIGN))
		return -EINVAL;
	if (core_kernel_text(start) && core_kernel_text(end - 1))
		return 0;

	return is_execmem(start, end) ? 0 : -EFAULT;
}

static int replace_insn(void *addr, const void *old, const void *new, size_t len)
{
	u8 found[TEXT_PATCH_INSN_MAX];
	int ret;

	lockdep_assert_held(&text_mutex);

	/* Here, as getting the lock may have taken long. */
	ret = check_live(addr, len);
	if (ret)
		return ret;
	if (copy_from_kernel_nofault(found, addr, len))
		return -EFAULT;
	if (memcmp(found, old, len))
		return -EBUSY;
	if (!memcmp(found, new, len))
		return 0;

	if (use_fallback())
		return fallback_text_patch_insn(addr, new, len);

	return arch_text_patch_insn(addr, new, len);
}

/**
 * text_patch_insn - replace one live instruction by another
 * @addr: its address
 * @old: what must be there now
 * @new: what to put there
 * @len: length of both, in bytes; each must be exactly one instruction
 *
 * A CPU that runs through @addr meanwhile executes either @old or @new as a
 * whole. When the call returns, every CPU executes @new.
 *
 * Which instructions can be replaced is the architecture's: x86 takes what its
 * breakpoint handler can emulate (CALL, JMP, Jcc, RET, INT3, and NOPs of 2 and 5
 * bytes); arm64 and riscv take any, by stopping the machine where it cannot be
 * done in place; the fallback takes one that is naturally aligned.
 *
 * The caller keeps the text from being freed.
 *
 * Context: Process context, interrupts enabled. Takes cpus_read_lock() and
 *	    text_mutex, and may wait long for the latter.
 * Return: 0, also if @old and @new are the same and nothing had to be done;
 *	   -EINVAL if @len is 0, too long or no instruction's length, or @addr is
 *	   misaligned;
 *	   -EFAULT if @addr is neither kernel nor execmem text;
 *	   -EBUSY if something else than @old is there;
 *	   -EOPNOTSUPP if the architecture cannot replace the one by the other;
 *	   -ERANGE if @addr is out of the architecture's reach;
 *	   -EAGAIN if it is too early in boot;
 *	   -ENOMEM where the fallback could not map an alias; or an error of the
 *	   architecture's. Whatever it is, @old is still there.
 */
int text_patch_insn(void *addr, const void *old, const void *new, size_t len)
{
	int ret;

	might_sleep();

	cpus_read_lock();
	mutex_lock(&text_mutex);
	ret = replace_insn(addr, old, new, len);
	mutex_unlock(&text_mutex);
	cpus_read_unlock();
	if (!ret)
		atomic_long_inc(&stats.insns);

	trace_text_patch_insn(addr, len, ret);
	return ret;
}

/**
 * text_patch_get_stats - read the counters
 * @s: filled in; each counter is exact, but they are not read at one instant
 *
 * Context: Any.
 */
void text_patch_get_stats(struct text_patch_stats *s)
{
	s->copies = atomic_long_read(&stats.copies);
	s->fills = atomic_long_read(&stats.fills);
	s->insns = atomic_long_read(&stats.insns);
	s->syncs = atomic_long_read(&stats.syncs);
	s->rounds = READ_ONCE(round_seq) / 2;
}

/**
 * text_patch_cpu_syncs - how many rounds a CPU took part in
 * @cpu: its number
 *
 * Context: Any.
 * Return: the number of rounds since boot.
 */
unsigned long text_patch_cpu_syncs(unsigned int cpu)
{
	return per_cpu(cpu_syncs, cpu);
}

/**
 * text_patch_uses_fallback - whether the architecture's hooks are not used
 *
 * For tests, which expect less of the fallback.
 *
 * Context: Any.
 * Return: true if text is written by the generic fallback.
 */
bool text_patch_uses_fallback(void)
{
	return use_fallback();
}

/* Writing text is nothing for modules, but for the one that tests it. */
#if IS_MODULE(CONFIG_TEST_VMALLOC_TEXT)
EXPORT_SYMBOL_NS_GPL(text_patch_copy, TEXT_PATCHING);
EXPORT_SYMBOL_NS_GPL(text_patch_copy_nosync, TEXT_PATCHING);
EXPORT_SYMBOL_NS_GPL(text_patch_fill, TEXT_PATCHING);
EXPORT_SYMBOL_NS_GPL(text_patch_fill_nosync, TEXT_PATCHING);
EXPORT_SYMBOL_NS_GPL(text_patch_insn, TEXT_PATCHING);
EXPORT_SYMBOL_NS_GPL(text_patch_sync, TEXT_PATCHING);
EXPORT_SYMBOL_NS_GPL(text_patch_get_stats, TEXT_PATCHING);
EXPORT_SYMBOL_NS_GPL(text_patch_cpu_syncs, TEXT_PATCHING);
EXPORT_SYMBOL_NS_GPL(text_patch_uses_fallback, TEXT_PATCHING);
#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * Freeing of execmem slab text.
 *
 * Freed text passes these steps before it can be allocated again:
 *
 *   1. Condemn it: it loses its owner, so that a second free fails.
 *   2. Wait for a grace period if CPUs may still execute it (execmem_retire() only).
 *   3. Bury it: fill it with traps. If this fails, go back to step 2.
 *   4. Synchronise all CPUs with text_poke_sync(): no CPU executes the old code anymore.
 *
 * All frees share the rounds of step 4. A round runs ROUND_DELAY after the first burial,
 * or as soon as 1 MiB is buried. There are at most ten rounds per second plus one per
 * MiB, for any number of callers. Otherwise unprivileged users could cause an IPI storm
 * by attaching and detaching socket filters. Nobody is charged for text that waits for a
 * round. Its amount is limited: if the worker is behind, the tasks that free text do its work.
 *
 * Freeing allocates no memory. Instead of queueing objects, it marks leaves. Freed text
 * waits for an event: the grace period (step 2) or the round (step 4). Each pack has two
 * bitmaps of leaves per event, and each pool selects one of them (the phase):
 *
 *   - A free sets the bit of the leaf in the selected bitmap.
 *   - The start of an event flips the phase. Later frees set the other bit.
 *   - The end of the event completes the leaves that have only the old bit. Leaves with
 *     both bits wait for the next event, because the bits do not tell the objects apart.
 *
 * A leaf cannot wait forever: each repetition needs another free in the leaf, and
 * condemned objects cannot be freed again.
 */

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/cpu.h>
#include <linux/execmem.h>
#include <linux/rcupdate.h>
#include <linux/text-patching.h>
#include <linux/workqueue.h>

#include <trace/events/execmem.h>

#include "pool.h"

#define ROUND_DELAY	(HZ / 10)
#define ROUND_BYTES	SZ_1M
#define BACKLOG_BYTES	SZ_16M

/*
 * execmem_write_lock is held while execmem_slab_free() condemns and buries an object, while
 * retired objects are buried, and while a leaf is released. A leaf without an EXECMEM_GRACE
 * mark therefore contains no condemned object that still lacks its traps.
 */

/* Held during an event, because events of one kind must not overlap. */
static DEFINE_MUTEX(grace_lock);
static DEFINE_MUTEX(sync_lock);

/* Bytes buried since a round was last requested, and since a round last began. */
static atomic_long_t buried, backlog;

static void grace_work_fn(struct work_struct *unused);
static void sync_work_fn(struct work_struct *unused);
static DECLARE_DELAYED_WORK(grace_work, grace_work_fn);
static DECLARE_DELAYED_WORK(sync_work, sync_work_fn);

/* Leaves with text that was freed after the last event began. */
static struct execmem_dying *fresh(struct execmem_pack *pack, enum execmem_event event)
{
	return &pack->dying[event][pack->pool->phase[event]];
}

/* Leaves with text that waits for the running event. */
static struct execmem_dying *waiting(struct execmem_pack *pack, enum execmem_event event)
{
	return &pack->dying[event][!pack->pool->phase[event]];
}

/* Mark leaves in which text was freed. Called with the pool lock held. */
static void mark_leaves(struct execmem_pack *pack, enum execmem_event event, unsigned int first,
			unsigned int last)
{
	struct execmem_dying *dying = fresh(pack, event);
	struct execmem_pool *pool = pack->pool;

	bitmap_set(dying->leaves, first, last - first + 1);
	if (list_empty(&dying->link))
		list_add_tail(&dying->link, &pool->dying[event][pool->phase[event]]);
}

/* Begin an event. Return true if any text waits for it. */
static bool begin_event(enum execmem_event event)
{
	struct execmem_pool *pool;
	bool any = false;

	for_each_execmem_pool(pool) {
		guard(spinlock)(&pool->lock);
		any |= !list_empty(&pool->dying[event][pool->phase[event]]);
		pool->phase[event] = !pool->phase[event];
	}

	return any;
}

/* Remove a pack from the list of packs with waiting leaves. NULL if none is left. */
static struct execmem_pack *next_pack(struct execmem_pool *pool, enum execmem_event event)
{
	unsigned int phase = !pool->phase[event];
	struct execmem_pack *pack;

	guard(spinlock)(&pool->lock);
	pack = list_first_entry_or_null(&pool->dying[event][phase], struct execmem_pack,
					dying[event][phase].link);
	if (pack)
		list_del_init(&pack->dying[event][phase].link);
	return pack;
}

/*
 * Complete an event: call @fn for each waiting leaf. @fn clears the mark. Other
 * tasks do not change these marks. The last call for a pack may free the pack.
 *
 * Visit the leaves in descending order. A buried object may extend into the next leaf.
 * In ascending order, its granules there would look like condemned objects.
 */
static void end_event(enum execmem_event event,
		      void (*fn)(struct execmem_pack *pack, unsigned int leaf))
{
	const unsigned long *leaves;
	struct execmem_pool *pool;
	struct execmem_pack *pack;
	unsigned int leaf, n;

	for_each_execmem_pool(pool) {
		while ((pack = next_pack(pool, event))) {
			leaves = waiting(pack, event)->leaves;
			/* Prefetch all of them first: their cache misses then overlap. */
			for_each_set_bit(leaf, leaves, EXECMEM_LEAVES_MAX)
				execmem_pack_prefetch(pack, leaf);
			for (n = bitmap_weight(leaves, EXECMEM_LEAVES_MAX); n; n--)
				fn(pack, find_last_bit(leaves, EXECMEM_LEAVES_MAX));
		}
	}
}

/* Release the dead granules of a leaf after a round. They contained traps before it began. */
static void reuse_leaf(struct execmem_pack *pack, unsigned int leaf)
{
	guard(mutex)(&execmem_write_lock);
	guard(spinlock)(&pack->pool->lock);
	__clear_bit(leaf, waiting(pack, EXECMEM_ROUND)->leaves);
	if (test_bit(leaf, fresh(pack, EXECMEM_GRACE)->leaves) ||
	    test_bit(leaf, waiting(pack, EXECMEM_GRACE)->leaves)) {
		/* Retired text begins in this leaf. Its burial will start another round. */
		mark_leaves(pack, EXECMEM_ROUND, leaf, leaf);
	} else if (!test_bit(leaf, fresh(pack, EXECMEM_ROUND)->leaves)) {
		execmem_reuse_leaf(pack, leaf);
	}
}

/* Called with sync_lock held. */
static void run_round(void)
{
	atomic_long_set(&buried, 0);
	atomic_long_set(&backlog, 0);
	if (!begin_event(EXECMEM_ROUND))
		return;

	text_poke_sync();
	end_event(EXECMEM_ROUND, reuse_leaf);
}

static void sync_work_fn(struct work_struct *unused)
{
	guard(mutex)(&sync_lock);
	run_round();
}

static void limit_backlog(void)
{
	if (atomic_long_read(&backlog) <= BACKLOG_BYTES)
		return;

	guard(mutex)(&sync_lock);
	/* Others have waited for the lock, too. */
	if (atomic_long_read(&backlog) > BACKLOG_BYTES)
		run_round();
}

static void kick_round(void)
{
	if (atomic_long_read(&buried) < ROUND_BYTES) {
		queue_delayed_work(system_dfl_wq, &sync_work, ROUND_DELAY);
		return;
	}
	/* Once per ROUND_BYTES: each call moves the work to the end of its queue. */
	atomic_long_set(&buried, 0);
	mod_delayed_work(system_dfl_wq, &sync_work, 0);
}

/* Text that waits for a grace period begins in @leaf. Called with the pool lock held. */
static void wait_for_grace(struct execmem_pack *pack, unsigned int leaf)
{
	mark_leaves(pack, EXECMEM_GRACE, leaf, leaf);
	queue_delayed_work(system_dfl_wq, &grace_work, ROUND_DELAY);
}

/*
 * Fill condemned text with traps and bury it. Called with execmem_write_lock and the pool
 * lock held. Releases the pool lock meanwhile.
 */
static void bury(struct execmem_pack *pack, const struct execmem_extent *dead)
{
	void *text = execmem_pack_addr(pack, dead->start);
	size_t size = execmem_pack_bytes(pack, dead);
	int ret = 0;

	/* A solo pack needs no traps: its pages are unmapped. */
	if (!execmem_pack_is_solo(pack)) {
		spin_unlock(&pack->pool->lock);
		ret = text_poke_set(text, size);
		spin_lock(&pack->pool->lock);
	}
	/* -EAGAIN: text cannot be written yet during boot, so it still contains traps. */
	if (ret && ret != -EAGAIN) {
		pr_warn_once("execmem: %zu bytes at %p cannot be filled with traps\n", size, text);
		/* Try again after the next grace period. */
		wait_for_grace(pack, dead->start / EXECMEM_LEAF);
		return;
	}
	execmem_pack_bury(pack, dead);
	mark_leaves(pack, EXECMEM_ROUND, dead->start / EXECMEM_LEAF,
		    (dead->end - 1) / EXECMEM_LEAF);
	atomic_long_add(size, &buried);
	atomic_long_add(size, &backlog);
}

/*
 * Bury the condemned objects that begin in a leaf, after a grace period. If another object
 * of the leaf is retired meanwhile, stop: the rest waits for the next grace period.
 */
static void bury_leaf(struct execmem_pack *pack, unsigned int leaf)
{
	struct execmem_extent e = { };

	guard(mutex)(&execmem_write_lock);
	guard(spinlock)(&pack->pool->lock);
	while (!test_bit(leaf, fresh(pack, EXECMEM_GRACE)->leaves) &&
	       execmem_pack_next(pack, leaf, &e)) {
		if (!e.live)
			bury(pack, &e);
	}
	__clear_bit(leaf, waiting(pack, EXECMEM_GRACE)->leaves);
}

static DEFINE_PER_CPU(struct work_struct, leave_work);

static void leave_text(struct work_struct *work)
{
}

/* Wait for a context switch on each online CPU: the kworker runs only after one. */
static void wait_for_cpus(void)
{
	unsigned int cpu;

	guard(cpus_read_lock)();
	for_each_online_cpu(cpu) {
		INIT_WORK(per_cpu_ptr(&leave_work, cpu), leave_text);
		schedule_work_on(cpu, per_cpu_ptr(&leave_work, cpu));
	}
	for_each_online_cpu(cpu)
		flush_work(per_cpu_ptr(&leave_work, cpu));
}

/* Wait until no CPU executes retired text and no task is preempted in it. */
static void wait_grace(void)
{
	synchronize_rcu();
	synchronize_rcu_tasks();
	/*
	 * Without CONFIG_TASKS_RCU tasks are not preempted, but RCU may report a quiescent
	 * state from an interrupt that occurred in the text.
	 */
	if (!IS_ENABLED(CONFIG_TASKS_RCU))
		wait_for_cpus();
}

static void grace_work_fn(struct work_struct *unused)
{
	guard(mutex)(&grace_lock);
	if (!begin_event(EXECMEM_GRACE))
		return;

	wait_grace();
	end_event(EXECMEM_GRACE, bury_leaf);
	kick_round();
}

/* Remove the owner of an object. As execmem_lock_object(), return its pack and lock the pool. */
static struct execmem_pack *condemn(void *text, struct execmem_extent *object)
{
	struct execmem_pack *pack = execmem_lock_object(text, object);

	if (IS_ERR(pack))
		return pack;

	trace_execmem_free(pack->pool->type, pack->pool->domain, text,
			   execmem_pack_bytes(pack, object));
	execmem_pack_condemn(pack, object);
	return pack;
}

/**
 * execmem_slab_free - free text that no CPU executes
 * @text:	address returned by execmem_text_alloc()
 *
 * Fills the text with traps. The text can be allocated again after the next shared round.
 * Waits for this round only if 16 MiB of freed text wait. Allocates no memory.
 *
 * Context: Process context. May sleep. text_mutex may be held; it is not taken.
 * Return: 0 on success;
 *	   -ENOENT if @text is outside the slab;
 *	   -EINVAL if no allocated text begins at @text, after a double free for example.
 */
int execmem_slab_free(void *text)
{
	struct execmem_extent object;
	struct execmem_pack *pack;

	scoped_guard(mutex, &execmem_write_lock) {
		pack = condemn(text, &object);
		if (IS_ERR(pack))
			return PTR_ERR(pack);
		bury(pack, &object);
		spin_unlock(&pack->pool->lock);
	}
	kick_round();
	limit_backlog();
	return 0;
}

/**
 * execmem_slab_retire - free text that CPUs may still execute
 * @text:	address returned by execmem_text_alloc()
 *
 * A worker does the work of execmem_slab_free() after a grace period. Concurrent calls
 * share the grace period.
 *
 * Context: Process context. Does not sleep.
 * Return: as execmem_slab_free().
 */
int execmem_slab_retire(void *text)
{
	struct execmem_extent object;
	struct execmem_pack *pack = condemn(text, &object);

	if (IS_ERR(pack))
		return PTR_ERR(pack);

	wait_for_grace(pack, object.start / EXECMEM_LEAF);
	spin_unlock(&pack->pool->lock);
	return 0;
}

/**
 * execmem_retire_barrier - wait until freed text can be allocated again
 *
 * Completes the grace period and the round for all earlier calls of execmem_free() and
 * execmem_retire(), without the usual delay. Afterwards no CPU executes this text, except as
 * described at execmem_retire(). Text stays unavailable if other tasks free text in the
 * same leaf meanwhile.
 *
 * Context: Process context. May sleep for several grace periods. Takes the lock of CPU
 * hotplug: do not hold text_mutex.
 */
void execmem_retire_barrier(void)
{
	/* flush_delayed_work() would miss work that another task is just queueing. */
	cancel_delayed_work(&grace_work);
	grace_work_fn(NULL);
	cancel_delayed_work(&sync_work);
	sync_work_fn(NULL);
}

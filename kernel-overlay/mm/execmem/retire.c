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
 * by attaching and detaching socket filters.
 *
 * Freeing allocates no memory. Instead of queueing objects, it marks leaves. Freed text
 * waits for an event: the grace period (step 2) or the round (step 4). Each leaf has two
 * mark bits per event, and each pool selects one of them (the phase):
 *
 *   - A free sets the selected bit of the leaf.
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
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/workqueue.h>

#include <trace/events/execmem.h>

#include "pool.h"

#define ROUND_DELAY	(HZ / 10)
#define ROUND_BYTES	SZ_1M

/*
 * execmem_write_lock is held while execmem_slab_free() condemns and buries an object, while
 * retired objects are buried, and while a leaf is released. A leaf without an EXECMEM_GRACE
 * mark therefore contains no condemned object that still lacks its traps.
 */

/* Bytes buried since the last round began. */
static atomic_long_t buried;

static void grace_work_fn(struct work_struct *work);
static void sync_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(grace_work, grace_work_fn);
static DECLARE_DELAYED_WORK(sync_work, sync_work_fn);

static unsigned int leaf_of(unsigned int granule)
{
	return granule / EXECMEM_LEAF;
}

static u8 *marks_of(struct execmem_pack *pack, unsigned int leaf)
{
	return &pack->level[0][leaf / EXECMEM_FANOUT].dying[leaf % EXECMEM_FANOUT];
}

static u8 mark(enum execmem_event event, unsigned int phase)
{
	return BIT(2 * event + phase);
}

/* Mark of leaves with text that was freed after the last event began. */
static u8 fresh_mark(const struct execmem_pool *pool, enum execmem_event event)
{
	return mark(event, pool->phase[event]);
}

/* Mark of leaves with text that waits for the running event. */
static u8 waiting_mark(const struct execmem_pool *pool, enum execmem_event event)
{
	return mark(event, !pool->phase[event]);
}

/* Mark leaves in which text was freed. Called with the pool lock held. */
static void mark_leaves(struct execmem_pack *pack, enum execmem_event event, unsigned int first,
			unsigned int last)
{
	struct execmem_dying *dying = &pack->dying[event];
	struct execmem_pool *pool = pack->pool;
	unsigned int leaf;

	for (leaf = first; leaf <= last; leaf++) {
		*marks_of(pack, leaf) |= fresh_mark(pool, event);
		__set_bit(leaf / EXECMEM_FANOUT, dying->nodes[pool->phase[event]]);
	}
	if (list_empty(&dying->link))
		list_add_tail(&dying->link, &pool->dying[event]);
}

/* Begin an event. Return true if any text waits for it. */
static bool begin_event(enum execmem_event event)
{
	struct execmem_pool *pool;
	bool any = false;

	for_each_execmem_pool(pool) {
		guard(spinlock)(&pool->lock);
		pool->phase[event] = !pool->phase[event];
		any |= !list_empty(&pool->dying[event]);
	}

	return any;
}

/* Get a pack with waiting leaves and the bitmap of their parents. NULL if none is left. */
static struct execmem_pack *next_pack(struct execmem_pool *pool, enum execmem_event event,
				      unsigned long *nodes)
{
	unsigned int waiting = !pool->phase[event];
	struct list_head *list = &pool->dying[event];
	struct execmem_dying *dying;

	guard(spinlock)(&pool->lock);
	dying = list_first_entry_or_null(list, struct execmem_dying, link);
	/* Packs with later frees only are at the end of the list. */
	if (!dying || bitmap_empty(dying->nodes[waiting], EXECMEM_BOTTOM_MAX))
		return NULL;

	bitmap_copy(nodes, dying->nodes[waiting], EXECMEM_BOTTOM_MAX);
	bitmap_zero(dying->nodes[waiting], EXECMEM_BOTTOM_MAX);
	list_del_init(&dying->link);
	if (!bitmap_empty(dying->nodes[!waiting], EXECMEM_BOTTOM_MAX))
		list_add_tail(&dying->link, list);
	return dying->pack;
}

typedef void (*leaf_fn_t)(struct execmem_pack *pack, unsigned int leaf);

/* Do not use the pack after the last call of @fn, which may free it. */
static void for_waiting_leaves(struct execmem_pack *pack, unsigned int node,
			       enum execmem_event event, leaf_fn_t fn)
{
	u8 marks[EXECMEM_FANOUT], waiting = waiting_mark(pack->pool, event);
	unsigned int i;

	spin_lock(&pack->pool->lock);
	memcpy(marks, pack->level[0][node].dying, sizeof(marks));
	spin_unlock(&pack->pool->lock);

	/* Prefetch all of them first: their cache misses then overlap. */
	for (i = 0; i < EXECMEM_FANOUT; i++)
		if (marks[i] & waiting)
			execmem_pack_prefetch(pack, node * EXECMEM_FANOUT + i);
	while (i--)
		if (marks[i] & waiting)
			fn(pack, node * EXECMEM_FANOUT + i);
}

/*
 * Complete an event: call @fn for each waiting leaf.
 *
 * Visit the leaves in descending order. A buried object may extend into the next leaf.
 * In ascending order, its granules there would look like condemned objects.
 */
static void end_event(enum execmem_event event, leaf_fn_t fn)
{
	DECLARE_BITMAP(nodes, EXECMEM_BOTTOM_MAX);
	struct execmem_pool *pool;
	struct execmem_pack *pack;
	unsigned int node;

	for_each_execmem_pool(pool) {
		while ((pack = next_pack(pool, event, nodes))) {
			while (!bitmap_empty(nodes, EXECMEM_BOTTOM_MAX)) {
				node = find_last_bit(nodes, EXECMEM_BOTTOM_MAX);
				__clear_bit(node, nodes);
				for_waiting_leaves(pack, node, event, fn);
			}
		}
	}
}

/* Release the dead granules of a leaf after a round. They contained traps before it began. */
static void reuse_leaf(struct execmem_pack *pack, unsigned int leaf)
{
	const u8 retired = mark(EXECMEM_GRACE, 0) | mark(EXECMEM_GRACE, 1);
	struct execmem_pool *pool = pack->pool;
	u8 *marks = marks_of(pack, leaf);

	guard(mutex)(&execmem_write_lock);
	guard(spinlock)(&pool->lock);
	*marks &= ~waiting_mark(pool, EXECMEM_ROUND);
	if (*marks & retired) {
		/* Retired text begins in this leaf. Its burial will start another round. */
		mark_leaves(pack, EXECMEM_ROUND, leaf, leaf);
	} else if (!*marks) {
		execmem_reuse_leaf(pack, leaf);
		execmem_put_pack(pack);
	}
}

static void sync_work_fn(struct work_struct *work)
{
	atomic_long_set(&buried, 0);
	if (!begin_event(EXECMEM_ROUND))
		return;

	text_poke_sync();
	end_event(EXECMEM_ROUND, reuse_leaf);
}

static void kick_round(void)
{
	if (atomic_long_read(&buried) >= ROUND_BYTES)
		mod_delayed_work(system_unbound_wq, &sync_work, 0);
	else
		queue_delayed_work(system_unbound_wq, &sync_work, ROUND_DELAY);
}

static bool fill_traps(void *text, size_t size)
{
	int ret = text_poke_set(text, size);

	/* -EAGAIN: text cannot be written yet during boot, so it still contains traps. */
	return !ret || ret == -EAGAIN;
}

/* Text that waits for a grace period begins in @leaf. Called with the pool lock held. */
static void wait_for_grace(struct execmem_pack *pack, unsigned int leaf)
{
	mark_leaves(pack, EXECMEM_GRACE, leaf, leaf);
	queue_delayed_work(system_unbound_wq, &grace_work, ROUND_DELAY);
}

/* Fill condemned text with traps and bury it. Called with execmem_write_lock held. */
static void bury(struct execmem_pack *pack, const struct execmem_extent *dead)
{
	size_t size = execmem_pack_bytes(pack, dead);
	bool solo = execmem_pack_is_solo(pack), full;

	/* A solo pack needs no traps: its pages are unmapped. */
	full = solo || fill_traps(execmem_pack_addr(pack, dead->start), size);

	guard(spinlock)(&pack->pool->lock);
	if (!full) {
		pr_warn_once("execmem: %zu bytes at %p cannot be filled with traps\n", size,
			     execmem_pack_addr(pack, dead->start));
		/* Try again after the next grace period. */
		wait_for_grace(pack, leaf_of(dead->start));
		return;
	}
	execmem_pack_bury(pack, dead);
	if (solo) {
		execmem_reuse_leaf(pack, 0);
		return;
	}
	mark_leaves(pack, EXECMEM_ROUND, leaf_of(dead->start), leaf_of(dead->end - 1));
	atomic_long_add(size, &buried);
}

/*
 * Bury the condemned objects that begin in a leaf, after a grace period. If another object
 * of the leaf is retired meanwhile, stop: the rest waits for the next grace period.
 */
static void bury_leaf(struct execmem_pack *pack, unsigned int leaf)
{
	struct execmem_pool *pool = pack->pool;
	struct execmem_extent e = { };
	u8 *marks = marks_of(pack, leaf);

	guard(mutex)(&execmem_write_lock);
	spin_lock(&pool->lock);
	while (!(*marks & fresh_mark(pool, EXECMEM_GRACE)) &&
	       execmem_pack_next(pack, leaf, &e)) {
		if (e.live)
			continue;
		spin_unlock(&pool->lock);
		bury(pack, &e);
		spin_lock(&pool->lock);
	}
	*marks &= ~waiting_mark(pool, EXECMEM_GRACE);
	execmem_put_pack(pack);
	spin_unlock(&pool->lock);
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

static void grace_work_fn(struct work_struct *work)
{
	if (!begin_event(EXECMEM_GRACE))
		return;

	wait_grace();
	end_event(EXECMEM_GRACE, bury_leaf);
	kick_round();
}

/* Remove the owner of an object. Return its pack or an error of execmem_lock_object(). */
static struct execmem_pack *condemn(void *text, struct execmem_extent *object, bool executed)
{
	struct execmem_pack *pack = execmem_lock_object(text, object);
	struct execmem_pool *pool;

	if (IS_ERR(pack))
		return pack;

	pool = pack->pool;
	trace_execmem_free(pool->type, pool->domain, text, execmem_pack_bytes(pack, object));
	execmem_pack_condemn(pack, object);
	pool->stats.nr_objects--;
	if (executed)
		wait_for_grace(pack, leaf_of(object->start));
	execmem_unlock_object(pack);
	return pack;
}

/**
 * execmem_slab_free - free text that no CPU executes
 * @text:	address returned by execmem_text_alloc()
 *
 * Fills the text with traps. The text can be allocated again after the next shared round.
 * Allocates no memory.
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

	if (!execmem_prefetch_object(text))
		return -ENOENT;

	mutex_lock(&execmem_write_lock);
	pack = condemn(text, &object, false);
	if (!IS_ERR(pack)) {
		bury(pack, &object);
		/* Dead granules keep other packs in use until the next round. */
		if (execmem_pack_is_solo(pack)) {
			guard(spinlock)(&pack->pool->lock);
			execmem_put_pack(pack);
		}
	}
	mutex_unlock(&execmem_write_lock);
	if (IS_ERR(pack))
		return PTR_ERR(pack);

	kick_round();
	return 0;
}

/**
 * execmem_retire - free text that CPUs may still execute
 * @text:	address returned by execmem_text_alloc(), or NULL
 *
 * The caller must have unpublished the text, so that no CPU enters it anymore. A worker
 * waits for a grace period of RCU and RCU Tasks, then fills the text with traps. The text
 * can be allocated again after the next shared round. Concurrent calls share the grace
 * period. Allocates no memory.
 *
 * The grace period does not cover tasks that sleep in the text or CPUs that execute it
 * while RCU is not watching. Warns if no allocated text begins at @text.
 *
 * Context: Process context. Does not sleep.
 */
void execmem_retire(void *text)
{
	struct execmem_extent object;

	if (!text)
		return;
	WARN(IS_ERR(condemn(text, &object, true)), "execmem: %p is not allocated\n", text);
}

/**
 * execmem_retire_barrier - wait until freed text can be allocated again
 *
 * Completes the grace period and the round for all earlier calls of execmem_free() and
 * execmem_retire(). Starts them without the usual delay. Text stays unavailable if other
 * tasks free text in the same leaf meanwhile. For tests and for statistics.
 *
 * Context: Process context. May sleep for several grace periods.
 */
void execmem_retire_barrier(void)
{
	flush_delayed_work(&grace_work);
	flush_delayed_work(&sync_work);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Freeing text of the execmem slab.
 *
 * Freed text takes these steps before it can be allocated again:
 *
 *   1. It is condemned: it has no owner, so that a second free is refused.
 *   2. If CPUs may still execute it, a grace period passes (execmem_retire()).
 *   3. It is filled with traps, and buried.
 *   4. All CPUs are synchronised: none can execute what the text held before.
 *
 * All frees share the rounds of step 4. A round runs ROUND_DELAY after the first text
 * was filled with traps, or once there is 1 MiB of it. So the number of rounds does not
 * depend on the number of callers, who may be unprivileged users that attach and detach
 * socket filters: at most ten per second, and one per MiB.
 *
 * Freeing needs no memory. A leaf of a pack in which text was freed is marked, by one of
 * two marks for each of the two events that text waits for, the grace period and the
 * round. When an event begins, the other mark is used from then on. When the event has
 * ended, all text is done with that was freed in the leaves with the first mark, unless
 * a leaf has the other mark as well: then it waits for the next event. That cannot go on
 * forever, because freed text cannot be freed again: each time, the leaf has fewer
 * objects.
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
 * Held from when an object is condemned until it is buried, by execmem_free() and by
 * the worker that buries retired objects; and while leaves are released. So a leaf that
 * is released has no object that is not yet full of traps.
 */
static DEFINE_MUTEX(trap_lock);

/* Bytes that were buried since the last round began. */
static atomic_long_t buried;

static void grace_work_fn(struct work_struct *work);
static void round_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(grace_work, grace_work_fn);
static DECLARE_DELAYED_WORK(round_work, round_work_fn);

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

/* The mark of leaves whose text was freed since the last event began. */
static u8 fresh_mark(const struct execmem_pool *pool, enum execmem_event event)
{
	return mark(event, pool->phase[event]);
}

/* The mark of leaves whose text waits for the event that has begun. */
static u8 waiting_mark(const struct execmem_pool *pool, enum execmem_event event)
{
	return mark(event, !pool->phase[event]);
}

/* Note that text was freed in some leaves. Called with the pool's lock held. */
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

/* An event begins. Return whether anything waits for it. */
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

/* A pack that waits for an event, and the parents of its waiting leaves, or NULL. */
static struct execmem_pack *next_pack(struct execmem_pool *pool, enum execmem_event event,
				      unsigned long *nodes)
{
	unsigned int waiting = !pool->phase[event];
	struct list_head *list = &pool->dying[event];
	struct execmem_dying *dying;

	guard(spinlock)(&pool->lock);
	dying = list_first_entry_or_null(list, struct execmem_dying, link);
	/* Packs in which text was freed since the event began are at the end of the list. */
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

/* The pack may be gone when @fn has removed the mark of the last waiting leaf. */
static void for_waiting_leaves(struct execmem_pack *pack, unsigned int node,
			       enum execmem_event event, leaf_fn_t fn)
{
	u8 marks[EXECMEM_FANOUT], waiting = waiting_mark(pack->pool, event);
	unsigned int i;

	spin_lock(&pack->pool->lock);
	memcpy(marks, pack->level[0][node].dying, sizeof(marks));
	spin_unlock(&pack->pool->lock);

	/* All at once: then their cache misses overlap. */
	for (i = 0; i < EXECMEM_FANOUT; i++)
		if (marks[i] & waiting)
			execmem_pack_prefetch(pack, node * EXECMEM_FANOUT + i);
	while (i--)
		if (marks[i] & waiting)
			fn(pack, node * EXECMEM_FANOUT + i);
}

/*
 * From the highest leaf to the lowest: an object that is buried may reach into the next
 * leaf, where its granules would look like condemned objects.
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

/* The text in a leaf was full of traps when the round began. */
static void reuse_leaf(struct execmem_pack *pack, unsigned int leaf)
{
	const u8 retired = mark(EXECMEM_GRACE, 0) | mark(EXECMEM_GRACE, 1);
	struct execmem_pool *pool = pack->pool;
	u8 *marks = marks_of(pack, leaf);

	guard(mutex)(&trap_lock);
	guard(spinlock)(&pool->lock);
	*marks &= ~waiting_mark(pool, EXECMEM_ROUND);
	if (*marks & retired) {
		/* Retired text begins there. Whoever buries it causes another round. */
		mark_leaves(pack, EXECMEM_ROUND, leaf, leaf);
	} else if (!*marks) {
		execmem_reuse_leaf(pack, leaf);
		execmem_put_pack(pack);
	}
}

static void round_work_fn(struct work_struct *work)
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
		mod_delayed_work(system_unbound_wq, &round_work, 0);
	else
		queue_delayed_work(system_unbound_wq, &round_work, ROUND_DELAY);
}

static bool fill_traps(void *text, size_t size)
{
	int ret = text_poke_set(text, size);

	/* Text cannot be written so early in boot: it still contains traps. */
	return !ret || ret == -EAGAIN;
}

/* Text that is not full of traps is never reused. Called with the pool's lock held. */
static void lose(struct execmem_pack *pack, const struct execmem_extent *dead)
{
	size_t size = execmem_pack_bytes(pack, dead);

	execmem_pack_revive(pack, dead);
	pack->pool->stats.nr_objects++;
	pack->pool->stats.lost += size;
	pr_warn_once("execmem: %zu bytes at %p cannot be filled with traps\n", size,
		     execmem_pack_addr(pack, dead->start));
}

/* Fill condemned text with traps, and bury it. Called with trap_lock held. */
static void bury(struct execmem_pack *pack, const struct execmem_extent *dead)
{
	size_t size = execmem_pack_bytes(pack, dead);
	bool solo = execmem_pack_is_solo(pack), full;

	/* What has its own pages is unmapped. */
	full = solo || fill_traps(execmem_pack_addr(pack, dead->start), size);

	guard(spinlock)(&pack->pool->lock);
	if (!full) {
		lose(pack, dead);
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

/* A grace period has passed: no CPU executes the objects that begin in a leaf. */
static void bury_leaf(struct execmem_pack *pack, unsigned int leaf)
{
	struct execmem_pool *pool = pack->pool;
	struct execmem_extent e = { };
	u8 *marks = marks_of(pack, leaf);

	guard(mutex)(&trap_lock);
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

/* Work runs on a CPU after the task there has left. */
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

/* Afterwards no CPU is in the text, and no task was preempted there. */
static void wait_grace(void)
{
	synchronize_rcu();
	synchronize_rcu_tasks();
	/*
	 * Without CONFIG_TASKS_RCU tasks are not preempted, but an interrupt may be a
	 * quiescent state of RCU.
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

/* Take an object from its owner. Returns as execmem_lock_object(), but unlocked. */
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
		mark_leaves(pack, EXECMEM_GRACE, leaf_of(object->start), leaf_of(object->start));
	execmem_unlock_object(pack);
	return pack;
}

/**
 * execmem_slab_free - free text that no CPU executes
 * @text:	address returned by execmem_text_alloc()
 *
 * Fills the text with traps. It can be allocated again after the next shared round.
 * Needs no memory.
 *
 * Context: Process context. May sleep. Does not take text_mutex, which may be held.
 * Return: 0 on success;
 *	   -ENOENT if @text is not an address of the slab;
 *	   -EINVAL if no allocated text begins at @text: it was freed before, or
 *	   never allocated.
 */
int execmem_slab_free(void *text)
{
	struct execmem_extent object;
	struct execmem_pack *pack;

	if (!execmem_prefetch_object(text))
		return -ENOENT;

	mutex_lock(&trap_lock);
	pack = condemn(text, &object, false);
	if (!IS_ERR(pack)) {
		bury(pack, &object);
		/* Other packs are not empty: the dead granules are in them. */
		if (execmem_pack_is_solo(pack)) {
			guard(spinlock)(&pack->pool->lock);
			execmem_put_pack(pack);
		}
	}
	mutex_unlock(&trap_lock);
	if (IS_ERR(pack))
		return PTR_ERR(pack);

	kick_round();
	return 0;
}

/**
 * execmem_retire - free text that CPUs may still execute
 * @text:	address returned by execmem_text_alloc(), or NULL
 *
 * The caller has unpublished the text: no CPU enters it any more. When no CPU executes
 * it and no task was preempted in it, the text is filled with traps. It can be
 * allocated again after the next shared round. Text that is retired meanwhile shares
 * the grace period and the round. Needs no memory.
 *
 * The grace period is one of RCU and of RCU Tasks. It does not cover text that sleeps,
 * or that runs where RCU is not watching.
 *
 * Context: Process context. Does not sleep.
 */
void execmem_retire(void *text)
{
	struct execmem_extent object;

	if (!text)
		return;
	if (WARN(IS_ERR(condemn(text, &object, true)), "execmem: %p is not allocated\n", text))
		return;

	queue_delayed_work(system_unbound_wq, &grace_work, ROUND_DELAY);
}

/**
 * execmem_retire_barrier - wait for a grace period and a round of freed text
 *
 * Afterwards text that was passed to execmem_free() or execmem_retire() before can be
 * allocated again, unless other tasks free text beside it meanwhile. For tests and for
 * whoever counts text. Runs the round at once.
 *
 * Context: Process context. May sleep for several grace periods.
 */
void execmem_retire_barrier(void)
{
	flush_delayed_work(&grace_work);
	flush_delayed_work(&round_work);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Freeing text.
 *
 * Freed text takes these steps before it can be allocated again:
 *
 *   1. It is condemned: it has no owner, so that a second free is refused.
 *   2. If CPUs may still execute it, a grace period passes (execmem_retire()).
 *   3. It is filled with traps.
 *   4. All CPUs are synchronised: none can execute what the text held before.
 *
 * All frees share the rounds of step 4. A round runs QUEUE_DELAY after the first
 * text was filled with traps, or once there is 1 MiB of it. So the number of rounds
 * does not depend on the number of callers, who may be unprivileged users that
 * attach and detach socket filters: at most ten per second, and one per MiB.
 */

#include "execmem_slab.h"

struct retired {
	struct list_head link;
	struct execmem_condemned c;
};

/**
 * struct retire_queue - freed text that waits for the same event
 * @lock:	protects @list and @bytes; innermost
 * @list:	the text
 * @bytes:	size of the text
 * @enough:	at this size, do not wait for more text
 * @work:	handles all text in @list; runs QUEUE_DELAY after the first was added
 * @wait:	waits for the event, or causes it
 * @next:	what happens to each text then
 */
struct retire_queue {
	spinlock_t lock;		/* see above */
	struct list_head list;
	size_t bytes;
	size_t enough;
	struct delayed_work work;
	void (*wait)(void);
	void (*next)(struct retired *r);
};

#define QUEUE_DELAY	(HZ / 10)

static void add_to_queue(struct retire_queue *q, struct retired *r)
{
	bool enough;

	spin_lock(&q->lock);
	list_add_tail(&r->link, &q->list);
	q->bytes += r->c.size;
	enough = q->bytes >= q->enough;
	spin_unlock(&q->lock);

	if (enough)
		mod_delayed_work(system_unbound_wq, &q->work, 0);
	else
		queue_delayed_work(system_unbound_wq, &q->work, QUEUE_DELAY);
}

static void retire_work(struct work_struct *work)
{
	struct retire_queue *q = container_of(work, struct retire_queue, work.work);
	struct retired *r, *next;
	LIST_HEAD(list);

	spin_lock(&q->lock);
	list_splice_init(&q->list, &list);
	q->bytes = 0;
	spin_unlock(&q->lock);

	q->wait();
	list_for_each_entry_safe(r, next, &list, link)
		q->next(r);
}

#define RETIRE_QUEUE(name, _enough, _wait, _next)				\
	{									\
		.lock	= __SPIN_LOCK_UNLOCKED(name.lock),			\
		.list	= LIST_HEAD_INIT(name.list),				\
		.enough	= _enough,						\
		.work	= __DELAYED_WORK_INITIALIZER(name.work, retire_work, 0), \
		.wait	= _wait,						\
		.next	= _next,						\
	}

static void reuse(struct retired *r)
{
	execmem_slab_reuse(&r->c);
	kfree(r);
}

/* Text that contains traps, and waits for a round. */
static struct retire_queue trapped = RETIRE_QUEUE(trapped, SZ_1M, text_poke_sync, reuse);

/* The fallback needs memory for its alias. */
static int fill_traps(const struct execmem_condemned *c)
{
	unsigned int tries;
	int ret;

	for (tries = 0; tries < 10; tries++) {
		ret = text_poke_set(c->text, c->size);
		if (ret != -ENOMEM)
			break;
		msleep(20);
	}

	/* Text cannot be written so early in boot: it still contains traps. */
	return ret == -EAGAIN ? 0 : ret;
}

static void trap(struct retired *r)
{
	if (!fill_traps(&r->c)) {
		add_to_queue(&trapped, r);
		return;
	}
	execmem_slab_lose(&r->c);
	kfree(r);
}

#ifndef CONFIG_TASKS_RUDE_RCU
#define synchronize_rcu_tasks_rude	synchronize_rcu
#endif
#ifndef CONFIG_TASKS_TRACE_RCU
#define synchronize_rcu_tasks_trace	synchronize_rcu
#endif

/* Some are macros. */
static void wait_rcu(void)
{
	synchronize_rcu();
}

static void wait_rcu_tasks(void)
{
	synchronize_rcu_tasks();
	/* Without CONFIG_TASKS_RCU that is synchronize_rcu(), which does not wait for tasks. */
	if (!IS_ENABLED(CONFIG_TASKS_RCU))
		synchronize_rcu_tasks_rude();
}

static void wait_rcu_tasks_rude(void)
{
	synchronize_rcu_tasks_rude();
}

static void wait_rcu_tasks_trace(void)
{
	synchronize_rcu_tasks_trace();
}

#define GRACE_QUEUE(grace, wait) \
	[grace] = RETIRE_QUEUE(queues[grace], SZ_64K, wait, trap)

/* Text that CPUs may execute, and that waits for a grace period. */
static struct retire_queue queues[] = {
	GRACE_QUEUE(EXECMEM_RCU, wait_rcu),
	GRACE_QUEUE(EXECMEM_RCU_TASKS, wait_rcu_tasks),
	GRACE_QUEUE(EXECMEM_RCU_TASKS_RUDE, wait_rcu_tasks_rude),
	GRACE_QUEUE(EXECMEM_RCU_TASKS_TRACE, wait_rcu_tasks_trace),
};

/**
 * execmem_slab_free - free text that no CPU executes
 * @text:	address returned by execmem_text_alloc()
 *
 * Fills the text with traps. It can be allocated again after the next shared
 * round. If there is no memory to remember it until then, runs a round at once.
 *
 * Context: Process context. May sleep. Does not take text_mutex, which may be held.
 * Return: 0 on success;
 *	   -ENOENT if @text is not an address of the slab;
 *	   -EINVAL if no allocated text starts at @text: it was freed before, or
 *	   never allocated.
 */
int execmem_slab_free(void *text)
{
	struct execmem_condemned c;
	struct retired *r;
	int ret;

	ret = execmem_slab_condemn(text, &c);
	if (ret)
		return ret;

	/* Do not reclaim: the caller may hold locks that reclaim takes. */
	r = kmalloc(sizeof(*r), GFP_NOWAIT | __GFP_NOWARN);
	if (r) {
		r->c = c;
		trap(r);
	} else if (!fill_traps(&c)) {
		text_poke_sync();
		execmem_slab_reuse(&c);
	} else {
		execmem_slab_lose(&c);
	}

	return 0;
}

/**
 * execmem_retire - free text that CPUs may still execute
 * @text:	address returned by execmem_text_alloc(), or NULL
 * @grace:	the flavour of RCU that protects its execution
 *
 * The caller has unpublished the text: no CPU enters it any more. After a grace
 * period the text is filled with traps, and after the next shared round it can be
 * allocated again. Text that is retired meanwhile shares both.
 *
 * Context: Process context. May sleep. Does not take text_mutex, which may be held.
 */
void execmem_retire(void *text, enum execmem_grace grace)
{
	struct execmem_condemned c;
	struct retired *r;

	might_sleep();
	if (!text || WARN_ON(grace >= ARRAY_SIZE(queues)))
		return;
	if (WARN(execmem_slab_condemn(text, &c), "execmem: %p is not allocated\n", text))
		return;

	/* Waiting here instead could deadlock on a lock of the caller. */
	r = kmalloc(sizeof(*r), GFP_KERNEL | __GFP_NOFAIL);
	r->c = c;
	add_to_queue(&queues[grace], r);
}

/**
 * execmem_retire_barrier - wait until freed text can be allocated again
 *
 * Waits for all text that was passed to execmem_free() or execmem_retire() before.
 * Runs a round for it at once.
 *
 * Context: Process context. May sleep for several grace periods.
 */
void execmem_retire_barrier(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queues); i++)
		flush_delayed_work(&queues[i].work);
	flush_delayed_work(&trapped.work);
}

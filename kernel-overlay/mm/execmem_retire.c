// SPDX-License-Identifier: GPL-2.0
/*
 * Freeing text: at once, or when no CPU can be in it any more.
 *
 * Either way the text is taken from its owner first, so that a second free is
 * found out; then it is filled with traps, every CPU is made to see them, and only
 * then may it be allocated again.
 *
 * Text that is retired waits in a queue for its flavour of RCU. A worker takes
 * what there is, waits for one grace period, fills all of it and synchronises once.
 * It begins a little later, unless there is much to free: who frees one after the
 * other would otherwise have a round of interrupts for each.
 */

#include "execmem_slab.h"

#define RETIRE_DELAY	(HZ / 10)
#define RETIRE_BYTES	SZ_64K

struct retired {
	struct list_head link;
	struct execmem_condemned c;
	int ret;
};

/**
 * struct retire_queue - text that waits for one flavour of RCU
 * @lock:	protects @list and @bytes; nests in nothing
 * @list:	the text
 * @bytes:	how much that is
 * @work:	takes all of it
 * @synchronize: waits until no CPU can be in text that was unpublished before
 */
struct retire_queue {
	spinlock_t lock;		/* see above */
	struct list_head list;
	size_t bytes;
	struct delayed_work work;
	void (*synchronize)(void);
};

static void retire_work(struct work_struct *work);

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
	/* That was synchronize_rcu(), which a task may be in the text through. */
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

#define RETIRE_QUEUE(grace, wait)							\
	[grace] = {									\
		.lock		= __SPIN_LOCK_UNLOCKED(queues[grace].lock),		\
		.list		= LIST_HEAD_INIT(queues[grace].list),			\
		.work		= __DELAYED_WORK_INITIALIZER(queues[grace].work,	\
							     retire_work, 0),		\
		.synchronize	= wait,							\
	}

static struct retire_queue queues[] = {
	RETIRE_QUEUE(EXECMEM_RCU, wait_rcu),
	RETIRE_QUEUE(EXECMEM_RCU_TASKS, wait_rcu_tasks),
	RETIRE_QUEUE(EXECMEM_RCU_TASKS_RUDE, wait_rcu_tasks_rude),
	RETIRE_QUEUE(EXECMEM_RCU_TASKS_TRACE, wait_rcu_tasks_trace),
};

/* Without hooks of the architecture, a write needs memory for an alias. */
static int fill_traps(void *text, size_t size)
{
	unsigned int tries;
	int ret;

	for (tries = 0; tries < 10; tries++) {
		ret = text_poke_set(text, size);
		if (ret != -ENOMEM)
			break;
		msleep(20);
	}

	/* Too early for text to be written at all: the traps are there still. */
	return ret == -EAGAIN ? 0 : ret;
}

/* Fill a list of condemned text with traps, and let it be reused. */
static void bury(struct list_head *list)
{
	struct retired *r;

	list_for_each_entry(r, list, link)
		r->ret = fill_traps(r->c.text, r->c.size);

	text_poke_sync();

	list_for_each_entry(r, list, link) {
		if (r->ret)
			execmem_slab_lose(&r->c);
		else
			execmem_slab_reuse(&r->c);
	}
}

static void bury_one(const struct execmem_condemned *c)
{
	struct retired one = { .c = *c };
	LIST_HEAD(list);

	list_add(&one.link, &list);
	bury(&list);
}

/**
 * execmem_slab_free - free text that no CPU executes
 * @text:	what execmem_text_alloc() returned
 *
 * Context: Process context, may sleep. text_mutex may be held, is not taken.
 * Return: 0 when every CPU that executes the text traps, and it may be reused;
 *	   -ENOENT if it is not of the slab; -EINVAL if no allocated text begins
 *	   at @text, as it was freed before, or never allocated.
 */
int execmem_slab_free(void *text)
{
	struct execmem_condemned c;
	int ret = execmem_slab_condemn(text, &c);

	if (!ret)
		bury_one(&c);

	return ret;
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

	q->synchronize();
	bury(&list);

	list_for_each_entry_safe(r, next, &list, link)
		kfree(r);
}

/**
 * execmem_retire - free text that CPUs may still execute
 * @text:	what execmem_text_alloc() returned; may be NULL
 * @grace:	what those who execute it do so under
 *
 * The caller has made sure that no CPU enters it any more. It is filled with traps
 * and may be reused after a grace period; that and the synchronisation are shared
 * with others that are retired meanwhile.
 *
 * Context: Process context, may sleep. text_mutex may be held, is not taken.
 */
void execmem_retire(void *text, enum execmem_grace grace)
{
	struct retire_queue *q = &queues[grace];
	struct execmem_condemned c;
	struct retired *r;
	bool much;

	might_sleep();
	if (!text || WARN_ON(grace >= ARRAY_SIZE(queues)))
		return;
	if (WARN(execmem_slab_condemn(text, &c), "execmem: %p is not allocated\n", text))
		return;

	/* To wait here instead, with the caller's locks, could deadlock. */
	r = kmalloc(sizeof(*r), GFP_KERNEL | __GFP_NOFAIL);
	r->c = c;
	spin_lock(&q->lock);
	list_add_tail(&r->link, &q->list);
	q->bytes += c.size;
	much = q->bytes > RETIRE_BYTES;
	spin_unlock(&q->lock);

	if (much)
		mod_delayed_work(system_unbound_wq, &q->work, 0);
	else
		queue_delayed_work(system_unbound_wq, &q->work, RETIRE_DELAY);
}

/**
 * execmem_retire_barrier - wait for all text that was retired before
 *
 * When it returns that has been freed, and may be allocated again.
 *
 * Context: Process context, may sleep for several grace periods.
 */
void execmem_retire_barrier(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(queues); i++)
		flush_delayed_work(&queues[i].work);
}

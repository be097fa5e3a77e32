// SPDX-License-Identifier: GPL-2.0
/*
 * The execmem slab: text of any size, read-only and executable all its life.
 *
 * Generated functions are small. A page for each wastes memory and TLB entries. The
 * slab puts them side by side into packs of pages, which are read-only, executable and
 * full of traps when they are made (pages.c). Only the text-patching layer writes to
 * them. Freed text is full of traps again before it is reused (retire.c).
 *
 * A pool has the packs of one type (where text may be), trust domain (whose text may
 * be in the same pages) and granule. Sizes are rounded up to the granule, and
 * addresses are multiples of it. It is 8 bytes for objects of that size, such as the
 * slots of kprobes, and 16 for others, unless the caller asks for more by the
 * alignment: whoever must not share a cache line asks for 64. Large objects have
 * larger granules, so that no object has more than 4096. So the time that a lock is
 * held is bounded.
 *
 * A pool finds a pack by lists: two per power of two, by the length of the longest free
 * run. The first pack of the lowest list in which all packs have room serves.
 *
 * The first pack of a pool has 64 KiB. Each pack after it has as many bytes as the pool
 * has, up to 2 MiB, which are mapped as one where the architecture can. Pools for kprobes
 * begin with a page and grow by a sixteenth: most systems have few probes. Objects of more
 * than half of 2 MiB get a pack of their own. A pool keeps one empty pack. A worker
 * frees the others, and the shrinker (shrink.c) that one as well.
 *
 * Limits: text is not allocated or freed in atomic context. Packs are not compacted:
 * one object keeps a pack. NUMA nodes are not told apart.
 *
 * Lock order, outermost first:
 *
 *   text_mutex		held by callers such as the kprobe optimizer; never taken here
 *     pool->grow_lock	making a pack; allocates, under memalloc_noio_save()
 *     trap_lock	freeing an object (retire.c)
 *       pool->lock	objects and packs; a spinlock, for a bounded time
 *         packs_lock	changes of the tree of packs, and the list of packs to release
 *
 * Text is written, filled with traps, mapped and unmapped with no spinlock held.
 * Readers of the tree of packs hold the RCU read lock.
 */

#include <linux/bitmap.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/perf_event.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/static_call.h>
#include <linux/text-patching.h>
#include <linux/workqueue.h>

#include "pages.h"
#include "pool.h"

#define CREATE_TRACE_POINTS
#include <trace/events/execmem.h>

struct execmem_pool execmem_pools[EXECMEM_NR_POOLS];

/* Packs that are in no pool any more, and wait for release_packs(). */
static LIST_HEAD(doomed);

/* All packs, by address. */
static struct latch_tree_root packs_by_addr;
static DEFINE_SPINLOCK(packs_lock);

static struct execmem_pack *pack_of(struct latch_tree_node *node)
{
	return container_of(node, struct execmem_pack, node);
}

static bool pack_less(struct latch_tree_node *a, struct latch_tree_node *b)
{
	return pack_of(a)->base < pack_of(b)->base;
}

static int pack_comp(void *addr, struct latch_tree_node *node)
{
	const struct execmem_pack *pack = pack_of(node);

	if (addr < pack->base)
		return -1;
	return addr >= pack->base + pack->size;
}

static const struct latch_tree_ops pack_ops = {
	.less = pack_less,
	.comp = pack_comp,
};

/* The pack that an address is in, or NULL. Called with the RCU read lock held. */
static struct execmem_pack *find_pack_of(const void *addr)
{
	struct latch_tree_node *node = latch_tree_find((void *)addr, &packs_by_addr, &pack_ops);

	return node ? pack_of(node) : NULL;
}

/* The first pack after an address, or NULL. Called with the RCU read lock held. */
struct execmem_pack *execmem_next_pack(const void *addr)
{
	struct execmem_pack *pack, *next = NULL;
	struct rb_node *node;

	guard(spinlock)(&packs_lock);
	node = packs_by_addr.tree[0].rb_node;
	while (node) {
		pack = container_of(node, struct execmem_pack, node.node[0]);
		if (pack->base > addr)
			next = pack;
		node = pack->base > addr ? node->rb_left : node->rb_right;
	}

	return next;
}

/**
 * execmem_is_slab - check if a range is in the slab
 * @addr:	the first byte
 * @len:	number of bytes
 *
 * Context: Any, NMI too, where RCU is watching.
 * Return: whether all of it is in one pack, allocated or not.
 */
bool execmem_is_slab(const void *addr, size_t len)
{
	struct execmem_pack *pack;

	guard(rcu)();
	pack = find_pack_of(addr);
	return pack && len <= pack->size - (addr - pack->base);
}

/*
 * Predictors: a CPU may remember indirect branches to text that was freed. Text that an
 * attacker wrote must not be put where they lead to.
 */
DEFINE_STATIC_CALL_NULL(execmem_pred_flush, execmem_pred_flush);
DEFINE_STATIC_KEY_FALSE(execmem_pred_flush_enabled);

static DEFINE_MUTEX(flush_lock);	/* innermost; one flush serves all who wait for it */

/* The text of @pack may have been other code before. */
static void mark_dirty(struct execmem_pack *pack)
{
	struct execmem_pool *pool = pack->pool;

	WRITE_ONCE(pool->dirt, pool->dirt + 1);
	pack->dirtied = pool->dirt;
}

static bool needs_flush(const struct execmem_pool *pool, unsigned long dirtied)
{
	return (long)(dirtied - READ_ONCE(pool->flushed)) > 0;
}

static void flush_predictors(struct execmem_pool *pool, unsigned long dirtied)
{
	unsigned long covers;

	if (!needs_flush(pool, dirtied))
		return;

	guard(mutex)(&flush_lock);
	if (!needs_flush(pool, dirtied))
		return;

	covers = READ_ONCE(pool->dirt);
	static_call_cond(execmem_pred_flush)();
	WRITE_ONCE(pool->flushed, covers);
}

/* The list for packs whose longest run has @run granules. */
static unsigned int room_of(unsigned int run)
{
	unsigned int order = fls(run);

	return order < 2 ? 2 * order : 2 * order + (run >> (order - 2) & 1);
}

/* A pack for one large object never serves others. */
static unsigned int room_for(const struct execmem_pack *pack)
{
	return execmem_pack_is_solo(pack) ? 0 : room_of(pack->run);
}

static void leave_room(struct execmem_pack *pack)
{
	struct execmem_pool *pool = pack->pool;

	list_del(&pack->room_link);
	if (list_empty(&pool->room[pack->room]))
		__clear_bit(pack->room, pool->rooms);
}

static void enter_room(struct execmem_pack *pack)
{
	struct execmem_pool *pool = pack->pool;

	pack->room = room_for(pack);
	list_add_tail(&pack->room_link, &pool->room[pack->room]);
	__set_bit(pack->room, pool->rooms);
}

/* To be called after the longest run of a pack may have changed. */
static void update_room(struct execmem_pack *pack)
{
	if (pack->room == room_for(pack))
		return;

	leave_room(pack);
	enter_room(pack);
}

/* How many packs are looked at that need not have enough room. */
#define MAX_LOOKS	32

/* A pack with a run of @n granules, or NULL. */
static struct execmem_pack *find_pack(struct execmem_pool *pool, unsigned int n)
{
	unsigned int looks = 0, room = room_of(n - 1) + 1;
	struct execmem_pack *pack;

	room = find_next_bit(pool->rooms, EXECMEM_NR_ROOMS, room);
	if (room < EXECMEM_NR_ROOMS)
		return list_first_entry(&pool->room[room], struct execmem_pack, room_link);

	list_for_each_entry(pack, &pool->room[room_of(n)], room_link) {
		if (pack->run >= n)
			return pack;
		if (++looks == MAX_LOOKS)
			break;
	}

	return NULL;
}

static void insert_pack(struct execmem_pack *pack)
{
	struct execmem_pool *pool = pack->pool;

	list_add_tail(&pack->link, &pool->packs);
	enter_room(pack);
	pool->stats.nr_packs++;
	pool->stats.nr_huge += pack->huge;
	pool->stats.reserved += pack->size;
	pool->shared += execmem_pack_is_solo(pack) ? 0 : pack->size;
}

static void remove_pack(struct execmem_pack *pack)
{
	struct execmem_pool *pool = pack->pool;

	list_del(&pack->link);
	leave_room(pack);
	pool->stats.nr_packs--;
	pool->stats.nr_huge -= pack->huge;
	pool->stats.reserved -= pack->size;
	pool->shared -= execmem_pack_is_solo(pack) ? 0 : pack->size;
}

static void *take_from_pack(struct execmem_pack *pack, size_t size, unsigned long *dirtied)
{
	struct execmem_pool *pool = pack->pool;
	unsigned int before = pack->used;
	/* A pack has 2^17 granules at most, and random bytes are costly. */
	void *text = execmem_pack_take(pack, size, get_random_u16() * 0x10001U);
	size_t given = execmem_granule_bytes(pack, pack->used - before);

	if (pool->empty == pack)
		pool->empty = NULL;
	*dirtied = pack->dirtied;

	pool->stats.used += given;
	pool->stats.nr_objects++;
	pool->stats.allocs++;
	pool->stats.asked += size;
	pool->stats.given += given;
	return text;
}

/* Take from the packs that are there. */
static void *take(struct execmem_pool *pool, size_t size, unsigned long *dirtied)
{
	struct execmem_pack *pack;
	void *text;

	guard(spinlock)(&pool->lock);
	pack = find_pack(pool, DIV_ROUND_UP(size, 1UL << pool->shift));
	if (!pack)
		return NULL;

	text = take_from_pack(pack, size, dirtied);
	update_room(pack);
	return text;
}

static bool is_for_probes(const struct execmem_pool *pool)
{
	return pool->type == EXECMEM_KPROBES || pool->type == EXECMEM_OPTPROBES;
}

/* A pool doubles, up to a limit. */
static size_t next_pack_size(struct execmem_pool *pool, size_t size)
{
	/* A pack's tree has room for so many granules. */
	size_t most = EXECMEM_LEAVES_MAX * EXECMEM_LEAF << pool->shift;
	size_t least = EXECMEM_PACK_MIN, shared;

	if (execmem_is_solo(size))
		return execmem_solo_size(execmem_range(pool->type), size);

	spin_lock(&pool->lock);
	shared = pool->shared;
	spin_unlock(&pool->lock);

	if (is_for_probes(pool)) {
		least = PAGE_SIZE;
		shared = rounddown_pow_of_two(shared / 16 | 1);
	}
	shared = clamp(shared, least, min(most, EXECMEM_PACK_MAX));
	return roundup_pow_of_two(max(shared, size));
}

/* Symbols of packs, for kallsyms and perf, where the objects in them have none. */
static const char *symbol_of(const struct execmem_pack *pack)
{
	static const char * const symbols[EXECMEM_NR_TEXT_TYPES] = {
		[EXECMEM_KPROBES]	= "kprobe_insn_page",
		[EXECMEM_OPTPROBES]	= "kprobe_optinsn_page",
	};

	return symbols[pack->pool->type];
}

static void report_symbol(const struct execmem_pack *pack, bool gone)
{
	const char *symbol = symbol_of(pack);

	if (symbol)
		perf_event_ksymbol(PERF_RECORD_KSYMBOL_TYPE_OOL, (unsigned long)pack->base,
				   pack->size, gone, symbol);
}

static struct execmem_pack *make_pack(struct execmem_pool *pool, size_t size, bool solo)
{
	unsigned int shift = solo ? order_base_2(size) : pool->shift;
	struct execmem_pack *pack;
	bool huge;
	void *base;

	base = execmem_map(pool->type, size, &huge);
	if (!base)
		return NULL;

	pack = execmem_pack_create(base, size, shift);
	if (!pack) {
		execmem_unmap(base);
		return NULL;
	}

	pack->pool = pool;
	pack->huge = huge;
	spin_lock(&packs_lock);
	latch_tree_insert(&pack->node, &packs_by_addr, &pack_ops);
	spin_unlock(&packs_lock);

	trace_execmem_grow(pool->type, pool->domain, base, size, huge);
	report_symbol(pack, false);
	return pack;
}

/* There may be no room for a large pack, and yet for a smaller one. */
static struct execmem_pack *grow(struct execmem_pool *pool, size_t need)
{
	size_t size = next_pack_size(pool, need);
	struct execmem_pack *pack;

	for (;;) {
		pack = make_pack(pool, size, execmem_is_solo(need));
		if (pack || size / 2 < max(need, EXECMEM_PACK_MIN))
			return pack;
		size /= 2;
	}
}

static void *grow_and_take(struct execmem_pool *pool, size_t size, unsigned long *dirtied)
{
	/* Whoever waits for the lock may hold what reclaim waits for. */
	unsigned int noio = memalloc_noio_save();
	struct execmem_pack *pack;
	void *text;

	mutex_lock(&pool->grow_lock);
	/* The pack that another task waited for may do. */
	text = execmem_is_solo(size) ? NULL : take(pool, size, dirtied);
	pack = text ? NULL : grow(pool, size);
	if (pack) {
		guard(spinlock)(&pool->lock);
		mark_dirty(pack);
		text = take_from_pack(pack, size, dirtied);
		insert_pack(pack);
	}
	mutex_unlock(&pool->grow_lock);

	memalloc_noio_restore(noio);
	return text;
}

/* No object has more granules, unless it has a pack of its own. */
#define GRANULES_MAX	4096

static const u8 shifts[EXECMEM_NR_SHIFTS] = { EXECMEM_SHIFT_MIN, 4, 6, 8, PAGE_SHIFT };

static struct execmem_pool *pool_for(enum execmem_type type, enum execmem_domain domain,
				     size_t size, size_t align)
{
	unsigned int i = size > BIT(EXECMEM_SHIFT_MIN);

	if (!execmem_is_solo(size))
		align = max(align, DIV_ROUND_UP(size, GRANULES_MAX));
	while (1UL << shifts[i] < align)
		i++;

	return &execmem_pools[(type * EXECMEM_NR_DOMAINS + domain) * EXECMEM_NR_SHIFTS + i];
}

static bool is_kind_of_text(enum execmem_type type, enum execmem_domain domain)
{
	return execmem_is_text_type(type) && (unsigned int)domain < EXECMEM_NR_DOMAINS;
}

/**
 * execmem_text_alloc - allocate text
 * @type:	where it may be; not %EXECMEM_MODULE_DATA
 * @domain:	whose text may be in the same pages
 * @size:	number of bytes, up to %EXECMEM_TEXT_MAX
 * @align:	alignment in bytes: a power of two, up to %PAGE_SIZE
 *
 * The text is read-only and executable, and full of traps. Only execmem_text_copy()
 * writes to it. It belongs to the caller until execmem_free() or execmem_retire(). Its
 * address does not follow from what was allocated before.
 *
 * The size is rounded up to a multiple of @align, and to one of 16 if it is above 8. So
 * text that is aligned to a cache line shares no line with other text.
 *
 * If the domain is not %EXECMEM_TRUSTED and the CPU needs it, branch predictions that
 * earlier text left at the address are flushed.
 *
 * Context: Process context. May sleep, for memory too, but not for I/O: the caller may
 *	    hold locks that reclaim takes, and text_mutex.
 * Return: the text, or NULL if an argument is not valid, if there is no memory, or if
 *	   there is no room within reach of @type.
 */
void *execmem_text_alloc(enum execmem_type type, enum execmem_domain domain, size_t size,
			 size_t align)
{
	struct execmem_pool *pool;
	unsigned long dirtied;
	void *text = NULL;

	might_sleep();
	if (!is_kind_of_text(type, domain) || !size || size > EXECMEM_TEXT_MAX ||
	    !is_power_of_2(align) || align > PAGE_SIZE)
		return NULL;

	pool = pool_for(type, domain, size, align);
	if (!execmem_is_solo(size))
		text = take(pool, size, &dirtied);
	if (!text)
		text = grow_and_take(pool, size, &dirtied);
	if (!text)
		return NULL;

	if (domain != EXECMEM_TRUSTED && static_branch_unlikely(&execmem_pred_flush_enabled))
		flush_predictors(pool, dirtied);

	trace_execmem_alloc(type, domain, text, size);
	return text;
}

/**
 * execmem_prefetch_object - load what is needed to free an object
 * @text:	the object's address
 *
 * Return: whether it is in a pack.
 */
bool execmem_prefetch_object(const void *text)
{
	struct execmem_pack *pack;

	guard(rcu)();
	pack = find_pack_of(text);
	if (pack)
		execmem_pack_prefetch(pack, execmem_pack_leaf(pack, text));
	return pack;
}

/**
 * execmem_lock_object - find an object and lock its pool
 * @text:	the object's address
 * @object:	set to its granules in the pack that is returned
 *
 * Context: Process context. Does not sleep. Enters an RCU read-side critical section.
 * Return: the object's pack, to be passed to execmem_unlock_object(); an error pointer
 *	   with -ENOENT if @text is not in a pack, or -EINVAL if no object that is
 *	   allocated begins there.
 */
struct execmem_pack *execmem_lock_object(const void *text, struct execmem_extent *object)
{
	struct execmem_pack *pack;

	rcu_read_lock();
	pack = find_pack_of(text);
	if (!pack) {
		rcu_read_unlock();
		return ERR_PTR(-ENOENT);
	}

	spin_lock(&pack->pool->lock);
	if (!execmem_pack_find(pack, text, object)) {
		execmem_unlock_object(pack);
		return ERR_PTR(-EINVAL);
	}
	return pack;
}

/**
 * execmem_unlock_object - undo execmem_lock_object()
 * @pack:	the pack
 */
void execmem_unlock_object(struct execmem_pack *pack)
{
	spin_unlock(&pack->pool->lock);
	rcu_read_unlock();
}

/**
 * execmem_text_size - get the size of allocated text
 * @text:	address returned by execmem_text_alloc()
 *
 * Context: Process context. Does not sleep.
 * Return: number of bytes, at least as many as were asked for, or 0 if no allocated
 *	   text begins at @text.
 */
size_t execmem_text_size(const void *text)
{
	struct execmem_extent object;
	struct execmem_pack *pack;
	size_t size;

	pack = execmem_lock_object(text, &object);
	if (IS_ERR(pack))
		return 0;

	size = execmem_pack_bytes(pack, &object);
	execmem_unlock_object(pack);
	return size;
}

/**
 * execmem_text_copy - write to allocated text
 * @text:	address returned by execmem_text_alloc()
 * @offset:	offset of the write in the text, in bytes
 * @src:	source
 * @len:	number of bytes
 *
 * text_poke_copy() within the bounds of the caller's text. Other CPUs may not see
 * the write before text_poke_sync().
 *
 * Context: As text_poke_copy().
 * Return: 0 on success;
 *	   -EFAULT if no allocated text begins at @text;
 *	   -ERANGE if the write is not inside it; or as text_poke_copy().
 */
int execmem_text_copy(void *text, size_t offset, const void *src, size_t len)
{
	size_t size = execmem_text_size(text);

	if (!size)
		return -EFAULT;
	if (len > size || offset > size - len)
		return -ERANGE;

	return text_poke_copy_unchecked(text + offset, src, len);
}

/**
 * execmem_is_text - check if an address is in the slab's text of a type and domain
 * @type:	the type
 * @domain:	the domain
 * @addr:	the address
 *
 * Whether the text is allocated is not checked: freed text may be on a stack.
 *
 * Context: Any, NMI too, where RCU is watching.
 * Return: whether the address is in one of their packs.
 */
bool execmem_is_text(enum execmem_type type, enum execmem_domain domain, unsigned long addr)
{
	struct execmem_pack *pack;
	bool found;

	rcu_read_lock();
	pack = find_pack_of((void *)addr);
	found = pack && pack->pool->type == type && pack->pool->domain == domain;
	rcu_read_unlock();

	return found;
}

/**
 * execmem_get_symbol - find a pack that is a symbol
 * @nr:		number of the pack; if there are fewer, their number is subtracted
 * @start:	set to the pack's address, if it is found
 *
 * For listings: packs come and go between two calls.
 *
 * Context: Process context. Does not sleep.
 * Return: the name of the symbol, or NULL if there is no such pack.
 */
const char *execmem_get_symbol(unsigned int *nr, unsigned long *start)
{
	struct execmem_pack *pack = NULL;

	guard(rcu)();
	while ((pack = execmem_next_pack(pack ? pack->base : NULL))) {
		if (!symbol_of(pack) || (*nr)--)
			continue;
		*start = (unsigned long)pack->base;
		return symbol_of(pack);
	}

	return NULL;
}

/* Packs without objects that nobody takes text from. */
static void release_packs(struct work_struct *work)
{
	struct execmem_pack *pack, *next;
	bool solo = false;
	LIST_HEAD(packs);

	spin_lock(&packs_lock);
	list_splice_init(&doomed, &packs);
	list_for_each_entry(pack, &packs, link) {
		latch_tree_erase(&pack->node, &packs_by_addr, &pack_ops);
		solo |= execmem_pack_is_solo(pack);
	}
	spin_unlock(&packs_lock);
	/* For those who found a pack before. */
	synchronize_rcu();
	/*
	 * Other CPUs may hold a translation of the alias that wrote the text. Where there
	 * were several objects, there was a round since.
	 */
	if (solo)
		text_poke_sync();

	list_for_each_entry_safe(pack, next, &packs, link) {
		trace_execmem_shrink(pack->pool->type, pack->pool->domain, pack->base, pack->size,
				     pack->huge);
		report_symbol(pack, true);
		execmem_unmap(pack->base);
		execmem_pack_destroy(pack);
	}
}

static DECLARE_WORK(release_work, release_packs);

static void doom_pack(struct execmem_pack *pack)
{
	remove_pack(pack);

	spin_lock(&packs_lock);
	list_add_tail(&pack->link, &doomed);
	spin_unlock(&packs_lock);
	queue_work(system_unbound_wq, &release_work);
}

/**
 * execmem_put_pack - release a pack if it has no objects
 * @pack:	the pack, with its pool's lock held
 *
 * Each pool keeps one empty pack, the largest, so that freeing and allocating by turns
 * does not make packs. The pack must not be used after the call.
 */
void execmem_put_pack(struct execmem_pack *pack)
{
	struct execmem_pool *pool = pack->pool;

	if (pack->used)
		return;
	if (!execmem_pack_is_solo(pack) && (!pool->empty || pool->empty->size < pack->size))
		swap(pool->empty, pack);
	if (pack)
		doom_pack(pack);
}

/**
 * execmem_reuse_leaf - let freed text be allocated again
 * @pack:	the pack, with its pool's lock held
 * @leaf:	number of the leaf whose dead granules become free
 */
void execmem_reuse_leaf(struct execmem_pack *pack, unsigned int leaf)
{
	unsigned int n = execmem_pack_release(pack, leaf);

	mark_dirty(pack);
	update_room(pack);
	pack->pool->stats.used -= execmem_granule_bytes(pack, n);
}

/**
 * execmem_drop_empty - release the empty pack that a pool keeps
 * @pool:	the pool
 *
 * Context: Process context. Does not sleep: a worker does the rest.
 * Return: how many pages the pack has, or 0 if there is none.
 */
unsigned long execmem_drop_empty(struct execmem_pool *pool)
{
	struct execmem_pack *pack;

	guard(spinlock)(&pool->lock);
	pack = pool->empty;
	if (!pack)
		return 0;

	pool->empty = NULL;
	doom_pack(pack);
	return pack->size >> PAGE_SHIFT;
}

/**
 * execmem_flush_packs - wait until packs without objects are freed
 *
 * Context: Process context. May sleep.
 */
void execmem_flush_packs(void)
{
	flush_work(&release_work);
}

static void add_stats(struct execmem_stats *sum, const struct execmem_stats *s)
{
	sum->allocs += s->allocs;
	sum->asked += s->asked;
	sum->given += s->given;
	sum->used += s->used;
	sum->nr_objects += s->nr_objects;
	sum->reserved += s->reserved;
	sum->lost += s->lost;
	sum->nr_packs += s->nr_packs;
	sum->nr_huge += s->nr_huge;
}

/**
 * execmem_get_stats - get statistics of a type and domain
 * @type:	the type
 * @domain:	the domain
 * @stats:	filled in
 *
 * Context: Process context. Does not sleep.
 * Return: 0, or -EINVAL if there is no text of that kind.
 */
int execmem_get_stats(enum execmem_type type, enum execmem_domain domain,
		      struct execmem_stats *stats)
{
	struct execmem_pool *pool;

	if (!is_kind_of_text(type, domain))
		return -EINVAL;

	*stats = (struct execmem_stats) { };
	for_each_execmem_pool(pool) {
		if (pool->type != type || pool->domain != domain)
			continue;
		guard(spinlock)(&pool->lock);
		add_stats(stats, &pool->stats);
	}
	return 0;
}

static void init_pool(struct execmem_pool *pool, unsigned int nr)
{
	unsigned int i;

	spin_lock_init(&pool->lock);
	mutex_init(&pool->grow_lock);
	INIT_LIST_HEAD(&pool->packs);
	for (i = 0; i < EXECMEM_NR_ROOMS; i++)
		INIT_LIST_HEAD(&pool->room[i]);
	for (i = 0; i < EXECMEM_NR_EVENTS; i++)
		INIT_LIST_HEAD(&pool->dying[i]);
	pool->type = nr / EXECMEM_NR_SHIFTS / EXECMEM_NR_DOMAINS;
	pool->domain = nr / EXECMEM_NR_SHIFTS % EXECMEM_NR_DOMAINS;
	pool->shift = shifts[nr % EXECMEM_NR_SHIFTS];
}

/* Called by mm_core_init(), before ftrace may need text. */
void __init execmem_slab_init(void)
{
	unsigned int nr;

	for (nr = 0; nr < EXECMEM_NR_POOLS; nr++)
		init_pool(&execmem_pools[nr], nr);
}

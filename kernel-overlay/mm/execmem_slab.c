// SPDX-License-Identifier: GPL-2.0
/*
 * The execmem slab: text of any size, read-only and executable all its life.
 *
 * Generated functions are small: a page each is waste, of memory and of TLB. The
 * slab puts them side by side into packs of pages that are read-only, executable
 * and full of traps when they are made (execmem_map.c), that are written by the
 * text-patching layer alone, and whose bytes are traps again before they are
 * free. There is a pool of packs for each type (where text may be) and trust
 * domain (whose text may be beside it).
 *
 * Sizes are rounded up to 16 bytes. Which of them are free is kept outside of the
 * text, in bitmaps with a tree above (execmem_pack.c). A pool has its packs in a
 * tree by address that knows the longest free run below each node, and takes the
 * lowest pack that has room. Only if CPUs contend for the pool has each of them a pack
 * of its own, as what they wait for is each other's cache lines. A maple tree finds
 * the pack of an address. So all operations are O(log n) in packs and in the size of a
 * pack.
 *
 * A pool's first pack has 64 KiB; it grows by as much as it has, up to 2 MiB at a
 * time, which are mapped as one where the architecture can. What is larger than
 * half of that gets a solo pack, without bitmaps to speak of. One empty pack is
 * kept by each pool, others are given back by a worker, and so is that one when
 * memory is short.
 *
 * Limits: no text is handed out or freed in atomic context. Packs are not
 * compacted: one object keeps a pack. NUMA nodes are not told apart.
 *
 * Lock order, outermost first:
 *
 *   text_mutex, by callers such as the kprobe optimizer; never taken here
 *     pool->grow_lock	making a pack: allocates, under memalloc_noio_save()
 *       pool->lock	objects and packs, a spinlock held for O(log n) only
 *
 * It is taken once to allocate, and once to free, for text that is full of traps to be
 * allocated again. Text is written, trapped, mapped and unmapped with no pool->lock
 * held. To find an object, and to take it from its owner, RCU and atomic operations do
 * (execmem_pack.c).
 */

#include "execmem_slab.h"

#define CREATE_TRACE_POINTS
#include <trace/events/execmem.h>

static struct execmem_pool pools[EXECMEM_TYPE_MAX * EXECMEM_NR_DOMAINS];

#define for_each_pool(pool)	for (pool = pools; pool < pools + ARRAY_SIZE(pools); pool++)

/* The pack of each address. Read under RCU. */
static struct maple_tree packs_by_addr = MTREE_INIT(packs_by_addr, MT_FLAGS_USE_RCU);

/* Packs that are in no pool any more, and wait for release_packs(). */
static LIST_HEAD(doomed);
static DEFINE_SPINLOCK(doomed_lock);	/* nests inside pool->lock */

/**
 * execmem_pool - find a pool
 * @type:	where its text may be
 * @domain:	who may share its packs
 *
 * Return: the pool, or NULL if there is no text of that kind.
 */
struct execmem_pool *execmem_pool(enum execmem_type type, enum execmem_domain domain)
{
	if (type >= EXECMEM_TYPE_MAX || type == EXECMEM_MODULE_DATA || domain >= EXECMEM_NR_DOMAINS)
		return NULL;

	return &pools[type * EXECMEM_NR_DOMAINS + domain];
}

/*
 * Predictors: a CPU may remember indirect branches to code that has been freed.
 * Code that was written by an attacker must not be put where they lead to.
 */
DEFINE_STATIC_CALL_NULL(execmem_pred_flush, execmem_pred_flush);
DEFINE_STATIC_KEY_FALSE(execmem_pred_flush_enabled);

static DEFINE_MUTEX(flush_lock);	/* one flush serves all who wait for it */

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

#define PACK_RUN(pack)	((pack)->run)
RB_DECLARE_CALLBACKS_MAX(static, pack_callbacks, struct execmem_pack, node, unsigned int, longest,
			 PACK_RUN)

static struct execmem_pack *pack_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct execmem_pack, node);
}

static void insert_pack(struct execmem_pool *pool, struct execmem_pack *pack)
{
	struct rb_node **link = &pool->packs.rb_node, *parent = NULL;

	pack->longest = pack->run;
	while (*link) {
		struct execmem_pack *p = pack_of(*link);

		parent = *link;
		p->longest = max(p->longest, pack->longest);
		link = pack->base < p->base ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&pack->node, parent, link);
	rb_insert_augmented(&pack->node, &pool->packs, &pack_callbacks);

	pool->stats.nr_packs++;
	pool->stats.nr_huge += pack->huge;
	pool->stats.reserved += pack->size;
}

static void remove_pack(struct execmem_pool *pool, struct execmem_pack *pack)
{
	unsigned int i;

	rb_erase_augmented(&pack->node, &pool->packs, &pack_callbacks);
	for (i = 0; i < EXECMEM_HINTS; i++)
		if (pool->hints[i] == pack)
			pool->hints[i] = NULL;

	pool->stats.nr_packs--;
	pool->stats.nr_huge -= pack->huge;
	pool->stats.reserved -= pack->size;
}

/* The longest run of @pack was @run, and may be another one now. */
static void pack_changed(struct execmem_pack *pack, unsigned int run)
{
	if (pack->run != run)
		pack_callbacks_propagate(&pack->node, NULL);
}

/* The lowest pack from @node on downwards with a run of @granules, if there is one. */
static struct execmem_pack *find_below(struct rb_node *node, unsigned int granules)
{
	if (!node || pack_of(node)->longest < granules)
		return NULL;

	for (;;) {
		if (node->rb_left && pack_of(node->rb_left)->longest >= granules) {
			node = node->rb_left;
			continue;
		}
		if (pack_of(node)->run >= granules)
			return pack_of(node);
		node = node->rb_right;
	}
}

/* The next one by address with a run of @granules. */
static struct execmem_pack *find_next(struct execmem_pack *pack, unsigned int granules)
{
	struct rb_node *node = &pack->node, *child;

	do {
		pack = find_below(node->rb_right, granules);
		if (pack)
			return pack;
		do {
			child = node;
			node = rb_parent(child);
		} while (node && child == node->rb_right);
	} while (node && pack_of(node)->run < granules);

	return pack_of(node);
}

static bool is_hint(const struct execmem_pool *pool, const struct execmem_pack *pack)
{
	unsigned int i;

	for (i = 0; i < EXECMEM_HINTS; i++)
		if (pool->hints[i] == pack)
			return true;

	return false;
}

/* A pack with a run of @granules. Solo packs in a pool are never free. */
static struct execmem_pack *find_pack(struct execmem_pool *pool, unsigned int granules)
{
	struct execmem_pack **hint = &pool->hints[smp_processor_id() % EXECMEM_HINTS];
	struct execmem_pack *lowest, *pack;

	if (!pool->crowded)
		return find_below(pool->packs.rb_node, granules);

	pool->crowded--;
	if (*hint && (*hint)->run >= granules)
		return *hint;

	lowest = find_below(pool->packs.rb_node, granules);
	for (pack = lowest; pack && is_hint(pool, pack);)
		pack = find_next(pack, granules);
	*hint = pack ?: lowest;
	return *hint;
}

/* For taking text and giving it back, which is where CPUs meet. */
static void lock_pool(struct execmem_pool *pool) __acquires(&pool->lock)
{
	if (spin_trylock(&pool->lock))
		return;

	spin_lock(&pool->lock);
	pool->crowded = EXECMEM_CROWDED;
}

static void *take_from_pack(struct execmem_pool *pool, struct execmem_pack *pack, size_t size,
			    size_t align, u32 random)
{
	void *text = execmem_pack_take(pack, size, align, random);
	size_t given = pack->solo ? pack->size : round_up(size, EXECMEM_GRANULE);

	if (pool->empty == pack)
		pool->empty = NULL;

	pool->stats.used += given;
	pool->stats.nr_objects++;
	pool->stats.allocs++;
	pool->stats.asked += size;
	pool->stats.given += given;
	return text;
}

/* Take from the packs that are there. Sets @dirtied to what its bytes may be. */
static void *take(struct execmem_pool *pool, size_t size, size_t align, unsigned long *dirtied)
{
	size_t slack = max(align, EXECMEM_GRANULE) - EXECMEM_GRANULE;
	unsigned int granules = DIV_ROUND_UP(size + slack, EXECMEM_GRANULE);
	u32 random = get_random_u32();
	struct execmem_pack *pack;
	void *text = NULL;
	unsigned int run;

	lock_pool(pool);
	pack = find_pack(pool, granules);
	if (pack) {
		run = pack->run;
		text = take_from_pack(pool, pack, size, align, random);
		pack_changed(pack, run);
		*dirtied = pack->dirtied;
	}
	spin_unlock(&pool->lock);

	return text;
}

static bool is_solo(size_t size)
{
	return size > EXECMEM_PACK_MAX / 2;
}

static size_t next_pack_size(struct execmem_pool *pool, size_t size)
{
	size_t reserved;

	if (is_solo(size))
		return PAGE_ALIGN(size);

	spin_lock(&pool->lock);
	reserved = pool->stats.reserved;
	spin_unlock(&pool->lock);

	return roundup_pow_of_two(max(clamp(reserved, EXECMEM_PACK_MIN, EXECMEM_PACK_MAX), size));
}

static struct execmem_pack *make_pack(struct execmem_pool *pool, size_t size, bool solo)
{
	struct execmem_pack *pack;
	bool huge;
	void *base;

	base = execmem_map(pool->type, size, &huge);
	if (!base)
		return NULL;

	pack = execmem_pack_create(base, size, solo);
	if (!pack)
		goto unmap;

	pack->pool = pool;
	pack->huge = huge;
	if (mtree_insert_range(&packs_by_addr, (unsigned long)base, (unsigned long)base + size - 1,
			       pack, GFP_KERNEL))
		goto destroy;

	trace_execmem_grow(pool->type, pool->domain, base, size, huge);
	return pack;

destroy:
	execmem_pack_destroy(pack);
unmap:
	execmem_unmap(base);
	return NULL;
}

/* A large pack may be more than there is room for; a smaller one does. */
static struct execmem_pack *grow(struct execmem_pool *pool, size_t need)
{
	size_t size = next_pack_size(pool, need);
	struct execmem_pack *pack;

	for (;;) {
		pack = make_pack(pool, size, is_solo(need));
		if (pack || size / 2 < max(need, EXECMEM_PACK_MIN))
			return pack;
		size /= 2;
	}
}

static void *grow_and_take(struct execmem_pool *pool, size_t size, size_t align,
			   unsigned long *dirtied)
{
	/* Whoever waits for the lock may hold what reclaim waits for. */
	unsigned int noio = memalloc_noio_save();
	struct execmem_pack *pack;
	void *text;

	mutex_lock(&pool->grow_lock);
	/* The pack that another one waited for may do. */
	text = is_solo(size) ? NULL : take(pool, size, align, dirtied);
	pack = text ? NULL : grow(pool, size + align - 1);
	if (pack) {
		u32 random = get_random_u32();

		guard(spinlock)(&pool->lock);
		text = take_from_pack(pool, pack, size, align, random);
		insert_pack(pool, pack);
		mark_dirty(pack);
		*dirtied = pack->dirtied;
	}
	mutex_unlock(&pool->grow_lock);

	memalloc_noio_restore(noio);
	return text;
}

/**
 * execmem_text_alloc - allocate text
 * @type:	where it may be; not %EXECMEM_MODULE_DATA
 * @domain:	who may have text in the same pages
 * @size:	how many bytes, up to %EXECMEM_TEXT_MAX
 * @align:	what the address is to be a multiple of: a power of two up to
 *		%PAGE_SIZE; it is a multiple of 16 anyway
 *
 * The text is read-only and executable, and full of traps. It is written by
 * execmem_text_copy() alone, belongs to the caller until execmem_free() or
 * execmem_retire(), and has unknown neighbours. Where it is does not follow from
 * what was allocated before.
 *
 * Branch predictions left by what was at that address before are flushed if the
 * domain is not %EXECMEM_TRUSTED and the CPU needs it.
 *
 * Context: Process context. May sleep, for memory too, but not for I/O: locks
 *	    that reclaim takes may be held. So may text_mutex.
 * Return: the text, or NULL if there is no memory, no room within the reach of
 *	   @type, or an argument is not valid.
 */
void *execmem_text_alloc(enum execmem_type type, enum execmem_domain domain, size_t size,
			 size_t align)
{
	struct execmem_pool *pool = execmem_pool(type, domain);
	unsigned long dirtied;
	void *text = NULL;

	might_sleep();
	if (!pool || !size || size > EXECMEM_TEXT_MAX || !is_power_of_2(align) || align > PAGE_SIZE)
		return NULL;

	if (!is_solo(size))
		text = take(pool, size, align, &dirtied);
	if (!text)
		text = grow_and_take(pool, size, align, &dirtied);
	if (!text)
		return NULL;

	if (domain != EXECMEM_TRUSTED && static_branch_unlikely(&execmem_pred_flush_enabled))
		flush_predictors(pool, dirtied);

	trace_execmem_alloc(type, domain, text, size);
	return text;
}

/*
 * The pack that an address is in, or NULL. It is there as long as an object in it is
 * live or condemned, and for who does not know whether one is, as long as RCU says.
 */
static struct execmem_pack *find_pack_of(const void *addr)
{
	return mtree_load(&packs_by_addr, (unsigned long)addr);
}

/**
 * execmem_text_size - how much text belongs to a caller
 * @text:	what execmem_text_alloc() returned
 *
 * Context: Any, NMI too, where RCU is watching.
 * Return: its bytes, at least as many as were asked for, or 0 if no text that is
 *	   allocated begins at @text.
 */
size_t execmem_text_size(const void *text)
{
	struct execmem_pack *pack;
	size_t size;

	rcu_read_lock();
	pack = find_pack_of(text);
	size = pack ? execmem_pack_object(pack, text) : 0;
	rcu_read_unlock();

	return size;
}

/**
 * execmem_is_text - whether an address is in the slab's text of a type and domain
 * @type:	the type
 * @domain:	the domain
 * @addr:	the address
 *
 * That it is allocated is not checked: text that was freed may be on a stack.
 *
 * Context: Any, NMI too, where RCU is watching.
 * Return: whether the address is in a pack of theirs.
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
 * execmem_text_area - find one of the areas that the slab has for a type
 * @type:	the type
 * @nr:		which of them; less by their number if there are not so many
 * @start:	set to its address, if it is found
 *
 * For listings: areas come and go between two calls.
 *
 * Context: Any but NMI.
 * Return: whether it was found.
 */
bool execmem_text_area(enum execmem_type type, unsigned int *nr, unsigned long *start)
{
	struct execmem_pack *pack;
	unsigned long index = 0;

	rcu_read_lock();
	mt_for_each(&packs_by_addr, pack, index, ULONG_MAX) {
		if (pack->pool->type != type || (*nr)--)
			continue;
		*start = (unsigned long)pack->base;
		break;
	}
	rcu_read_unlock();

	return pack;
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
 *	   -EFAULT if no allocated text starts at @text;
 *	   -ERANGE if the write is not inside it; or as text_poke_copy().
 */
int execmem_text_copy(void *text, size_t offset, const void *src, size_t len)
{
	size_t size = execmem_text_size(text);

	if (!size)
		return -EFAULT;
	if (len > size || offset > size - len)
		return -ERANGE;

	return text_poke_copy(text + offset, src, len);
}

/* Take a pack without objects out of its pool; release_packs() does the rest. */
static void doom_pack(struct execmem_pack *pack)
{
	remove_pack(pack->pool, pack);

	guard(spinlock)(&doomed_lock);
	list_add_tail(&pack->link, &doomed);
}

/* Whether nobody can find the pack any more: that takes memory. */
static bool forget_pack(struct execmem_pack *pack)
{
	mtree_erase(&packs_by_addr, (unsigned long)pack->base);

	return !mtree_load(&packs_by_addr, (unsigned long)pack->base);
}

/* Leave it for the next time: memory is short now. */
static void doom_again(struct execmem_pack *pack)
{
	guard(spinlock)(&doomed_lock);
	list_move_tail(&pack->link, &doomed);
}

static void release_packs(struct work_struct *work)
{
	struct execmem_pack *pack, *next;
	LIST_HEAD(packs);

	spin_lock(&doomed_lock);
	list_splice_init(&doomed, &packs);
	spin_unlock(&doomed_lock);

	list_for_each_entry_safe(pack, next, &packs, link)
		if (!forget_pack(pack))
			doom_again(pack);
	/* For those who found a pack before. */
	synchronize_rcu();

	list_for_each_entry_safe(pack, next, &packs, link) {
		trace_execmem_shrink(pack->pool->type, pack->pool->domain, pack->base, pack->size,
				     pack->huge);
		execmem_unmap(pack->base);
		execmem_pack_destroy(pack);
	}
}

static DECLARE_WORK(release_work, release_packs);

/*
 * Keep one empty pack, the larger, for whoever allocates next: freeing and
 * allocating by turns at the edge of a pack makes none.
 */
static void pack_is_empty(struct execmem_pack *pack)
{
	struct execmem_pool *pool = pack->pool;

	if (!pack->solo && (!pool->empty || pool->empty->size < pack->size))
		swap(pool->empty, pack);
	if (!pack)
		return;

	doom_pack(pack);
	queue_work(system_unbound_wq, &release_work);
}

/**
 * execmem_slab_condemn - take text from its owner, but do not reuse it yet
 * @text:	what execmem_text_alloc() returned
 * @c:		what to pass to execmem_slab_reuse() or execmem_slab_lose(); set if 0
 *		is returned
 *
 * No lock is taken: of all who do that to an object at once, one succeeds.
 *
 * Context: Any but NMI.
 * Return: 0, -ENOENT if @text is not in a pack, or -EINVAL if no live object
 *	   begins there.
 */
int execmem_slab_condemn(void *text, struct execmem_condemned *c)
{
	struct execmem_pack *pack;
	size_t size = 0;

	rcu_read_lock();
	pack = find_pack_of(text);
	if (pack) {
		execmem_pack_prefetch(pack, text);
		size = execmem_pack_condemn(pack, text);
	}
	rcu_read_unlock();

	if (!size)
		return pack ? -EINVAL : -ENOENT;

	trace_execmem_free(pack->pool->type, pack->pool->domain, text, size);
	*c = (struct execmem_condemned) { pack, text, size };
	return 0;
}

/**
 * execmem_slab_reuse - let condemned text be allocated again
 * @c:		the text, full of traps
 *
 * Context: Any that may take a spinlock.
 */
void execmem_slab_reuse(const struct execmem_condemned *c)
{
	struct execmem_pack *pack = c->pack;
	struct execmem_pool *pool = pack->pool;
	unsigned int run;

	lock_pool(pool);
	run = pack->run;
	execmem_pack_release(pack, c->text, c->size);
	mark_dirty(pack);
	pack_changed(pack, run);
	pool->stats.used -= c->size;
	pool->stats.nr_objects--;
	if (!pack->nr_objects)
		pack_is_empty(pack);
	spin_unlock(&pool->lock);
}

/**
 * execmem_slab_lose - give up condemned text that cannot be filled with traps
 * @c:		the text
 *
 * Context: Any that may take a spinlock.
 */
void execmem_slab_lose(const struct execmem_condemned *c)
{
	struct execmem_pool *pool = c->pack->pool;

	spin_lock(&pool->lock);
	pool->stats.lost += c->size;
	spin_unlock(&pool->lock);
	pr_warn_once("execmem: %zu bytes at %p cannot be filled with traps\n", c->size, c->text);
}

static unsigned long count_empty(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long pages = 0;
	struct execmem_pack *pack;
	struct execmem_pool *pool;

	for_each_pool(pool) {
		guard(spinlock)(&pool->lock);
		pack = pool->empty;
		pages += pack ? pack->size >> PAGE_SHIFT : 0;
	}

	return pages ?: SHRINK_EMPTY;
}

static unsigned long release_empty(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long pages = 0;
	struct execmem_pool *pool;

	for_each_pool(pool) {
		guard(spinlock)(&pool->lock);
		if (!pool->empty)
			continue;
		pages += pool->empty->size >> PAGE_SHIFT;
		doom_pack(pool->empty);
		pool->empty = NULL;
	}
	/* There may also be some that could not be released the last time. */
	queue_work(system_unbound_wq, &release_work);

	return pages ?: SHRINK_STOP;
}

/**
 * execmem_slab_flush - give all empty packs back, and wait for that
 *
 * Context: Process context, may sleep.
 */
void execmem_slab_flush(void)
{
	release_empty(NULL, NULL);
	flush_work(&release_work);
}

/**
 * execmem_get_stats - what the slab has of a type and domain, and has done
 * @type:	the type
 * @domain:	the domain
 * @stats:	filled in, all of one instant
 *
 * Context: Any that may take a spinlock.
 * Return: 0, or -EINVAL if there is no text of that kind.
 */
int execmem_get_stats(enum execmem_type type, enum execmem_domain domain,
		      struct execmem_stats *stats)
{
	struct execmem_pool *pool = execmem_pool(type, domain);

	if (!pool)
		return -EINVAL;

	guard(spinlock)(&pool->lock);
	*stats = pool->stats;
	return 0;
}

void execmem_slab_init(void)
{
	struct execmem_pool *pool;

	for_each_pool(pool) {
		spin_lock_init(&pool->lock);
		mutex_init(&pool->grow_lock);
		pool->type = (pool - pools) / EXECMEM_NR_DOMAINS;
		pool->domain = (pool - pools) % EXECMEM_NR_DOMAINS;
		pool->packs = RB_ROOT;
	}
}

static int __init execmem_shrinker_init(void)
{
	struct shrinker *shrinker = shrinker_alloc(0, "execmem");

	if (!shrinker)
		return -ENOMEM;

	shrinker->count_objects = count_empty;
	shrinker->scan_objects = release_empty;
	shrinker_register(shrinker);
	return 0;
}
subsys_initcall(execmem_shrinker_init);

// SPDX-License-Identifier: GPL-2.0
/*
 * The execmem slab: an allocator of kernel text in units smaller than a page.
 *
 * Generated functions are small. A page for each wastes memory and TLB entries. The
 * slab puts many functions (objects) into a pack of pages. The pages are read-only,
 * executable and full of traps from the start (pages.c). Only the text-patching layer
 * writes to them. Freed text is filled with traps before it is reused (retire.c).
 *
 * A pool holds the packs of one type (address range), trust domain and granule. Object
 * sizes are rounded up to the granule, and addresses are multiples of it. The granule is
 * 8 bytes for objects up to that size, such as kprobe slots of arm64, and 16 bytes for
 * larger ones. Callers that must not share a cache line request a larger granule through the
 * alignment. Objects above 64 KiB have larger granules: at most 4096 per object. This
 * bounds the time under the pool lock.
 *
 * To find a pack with room, a pool keeps its packs in lists by the longest free run: two
 * lists per power of two. Allocation uses the first pack of the lowest list that contains
 * only packs with room. If there is none, it looks at some packs of the next lower list.
 *
 * The first pack of a pool has 64 KiB. Each later pack is as large as the pool already
 * is, up to 2 MiB. One large page maps such a pack if the architecture supports this.
 * Pools for kprobes start with a page and grow by a sixteenth, because most systems have
 * few probes. An object above 1 MiB gets a solo pack. A pool keeps one empty pack for
 * reuse. A worker frees further empty packs, and the shrinker (shrink.c) the kept one.
 *
 * Limitations: no allocation or execmem_free() in atomic context, and no execmem_retire()
 * in interrupts; no compaction, so one object keeps its pack allocated; no NUMA placement.
 *
 * Lock order, outermost first:
 *
 *   grace_lock		a grace period, see retire.c; outermost, never with text_mutex
 *   text_mutex		callers such as the kprobe optimizer hold it; not taken here
 *     sync_lock		a round, see retire.c; a free takes it if much text waits
 *     pool->grow_lock	adding a pack; allocates memory under memalloc_noio_save()
 *     execmem_write_lock	writing and freeing objects
 *       pool->lock	objects and packs of the pool; a spinlock
 *         packs_lock	the tree of all packs and the list of doomed packs; a spinlock
 *     flush_lock	branch predictor flush; no other lock nests inside
 *
 * No spinlock is held while text is mapped, written, filled with traps or unmapped.
 * Lookups by address use the tree under the RCU read lock, without packs_lock.
 */

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

/* Empty packs, removed from their pools, that wait for release_packs(). */
static LIST_HEAD(doomed);

/* All packs by address, doomed packs included. A latch tree, for lookups in NMI context. */
static struct latch_tree_root packs_by_addr;
static DEFINE_SPINLOCK(packs_lock);	/* doomed, and changes of packs_by_addr */

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

/* Find the pack that contains an address. Called under the RCU read lock. */
static struct execmem_pack *find_pack_of(const void *addr)
{
	struct latch_tree_node *node = latch_tree_find((void *)addr, &packs_by_addr, &pack_ops);

	return node ? pack_of(node) : NULL;
}

/* Find the first pack that ends behind @addr. Called under the RCU read lock. */
struct execmem_pack *execmem_next_pack(const void *addr)
{
	struct execmem_pack *pack, *next = NULL;
	struct rb_node *node;

	guard(spinlock)(&packs_lock);
	node = packs_by_addr.tree[0].rb_node;
	while (node) {
		pack = container_of(node, struct execmem_pack, node.node[0]);
		if (pack->base + pack->size > addr)
			next = pack;
		node = next == pack ? node->rb_left : node->rb_right;
	}

	return next;
}

/**
 * execmem_is_slab - check if a range belongs to the slab
 * @addr:	first byte
 * @len:	number of bytes
 *
 * Context: Any context in which RCU is watching, NMI included.
 * Return: true if one pack contains the whole range, allocated or not.
 */
bool execmem_is_slab(const void *addr, size_t len)
{
	struct execmem_pack *pack;

	guard(rcu)();
	pack = find_pack_of(addr);
	return pack && len <= pack->size - (addr - pack->base);
}

/*
 * Branch predictors may hold indirect branches with targets in freed text. Flush them
 * before untrusted text reuses these addresses: otherwise the predicted branches of
 * other code would speculate into text that an attacker has chosen.
 */
DEFINE_STATIC_CALL_NULL(execmem_pred_flush, execmem_pred_flush);
DEFINE_STATIC_KEY_FALSE(execmem_pred_flush_enabled);

/* Serialises flushes and protects pool->flushed. One flush serves all waiting tasks. */
static DEFINE_MUTEX(flush_lock);

/* Wait for a flush after the last time that text of the pool became reusable. */
static void flush_predictors(struct execmem_pool *pool)
{
	unsigned long covers;

	if (READ_ONCE(pool->flushed) == READ_ONCE(pool->dirt))
		return;

	guard(mutex)(&flush_lock);
	covers = READ_ONCE(pool->dirt);
	if (pool->flushed == covers)
		return;

	static_call_cond(execmem_pred_flush)();
	WRITE_ONCE(pool->flushed, covers);
}

/* Number of the list for packs with a longest free run of @run granules. */
static unsigned int room_of(unsigned int run)
{
	unsigned int order = fls(run);

	return order < 2 ? 2 * order : 2 * order + (run >> (order - 2) & 1);
}

/* Move a pack to the list for its longest free run. Call this after each change of the run. */
static void update_room(struct execmem_pack *pack)
{
	unsigned int room = room_of(pack->free.longest);

	if (pack->room == room)
		return;
	pack->room = room;
	list_move_tail(&pack->link, &pack->pool->room[room]);
}

/* How many packs to check in a list that also contains packs without enough room. */
#define MAX_LOOKS	32

/* Find a pack with a free run of @n granules. NULL if there is none. */
static struct execmem_pack *find_pack(struct execmem_pool *pool, unsigned int n)
{
	unsigned int looks = 0, room;
	struct execmem_pack *pack;

	for (room = room_of(n - 1) + 1; room < EXECMEM_NR_ROOMS; room++)
		if (!list_empty(&pool->room[room]))
			return list_first_entry(&pool->room[room], struct execmem_pack, link);

	list_for_each_entry(pack, &pool->room[room_of(n)], link) {
		if (pack->free.longest >= n)
			return pack;
		if (++looks == MAX_LOOKS)
			break;
	}

	return NULL;
}

static void *take_from_pack(struct execmem_pack *pack, size_t size)
{
	if (pack->pool->empty == pack)
		pack->pool->empty = NULL;

	/* 16 random bits, repeated: random bytes are costly. */
	return execmem_pack_take(pack, size, get_random_u16() * 0x10001U);
}

/* Allocate from the existing packs. */
static void *take(struct execmem_pool *pool, size_t size)
{
	struct execmem_pack *pack;
	void *text;

	if (execmem_is_solo(size))
		return NULL;

	guard(spinlock)(&pool->lock);
	pack = find_pack(pool, DIV_ROUND_UP(size, 1UL << pool->shift));
	if (!pack)
		return NULL;

	text = take_from_pack(pack, size);
	update_room(pack);
	return text;
}

static bool is_for_probes(const struct execmem_pool *pool)
{
	return pool->type == EXECMEM_KPROBES || pool->type == EXECMEM_OPTPROBES;
}

/* Double the pool, up to the size limit of a pack. */
static size_t next_pack_size(struct execmem_pool *pool, size_t size)
{
	size_t least = EXECMEM_PACK_MIN, shared = READ_ONCE(pool->shared);
	/* The tree of a pack holds a limited number of granules. */
	size_t most = min_t(size_t, EXECMEM_LEAVES_MAX * EXECMEM_LEAF,
			    EXECMEM_PACK_MAX >> pool->shift) << pool->shift;

	if (execmem_is_solo(size))
		return execmem_solo_size(execmem_range(pool->type), size);

	if (is_for_probes(pool)) {
		least = PAGE_SIZE;
		shared = rounddown_pow_of_two(shared / 16 | 1);
	}
	shared = clamp(shared, least, most);
	return roundup_pow_of_two(max(shared, size));
}

/* Kprobes does not name its slots: the packs of slots are the symbols in kallsyms and perf. */
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
	void *base = execmem_map(pool->type, size);
	struct execmem_pack *pack;

	if (!base)
		return NULL;

	pack = execmem_pack_create(base, size, shift);
	if (!pack) {
		execmem_unmap(base);
		return NULL;
	}

	pack->pool = pool;
	pack->huge = is_vm_area_hugepages(base);
	spin_lock(&packs_lock);
	latch_tree_insert(&pack->node, &packs_by_addr, &pack_ops);
	spin_unlock(&packs_lock);

	trace_execmem_grow(pool->type, pool->domain, base, size, pack->huge);
	report_symbol(pack, false);
	return pack;
}

static struct execmem_pack *grow(struct execmem_pool *pool, size_t need)
{
	size_t size = next_pack_size(pool, need);
	struct execmem_pack *pack;

	/* If the address range has no room for the preferred size, try smaller packs. */
	do {
		pack = make_pack(pool, size, execmem_is_solo(need));
		size /= 2;
	} while (!pack && size >= max(need, EXECMEM_PACK_MIN));

	return pack;
}

static void *grow_and_take(struct execmem_pool *pool, size_t size)
{
	struct execmem_pack *pack;
	void *text;

	guard(mutex)(&pool->grow_lock);
	/* Another task may have added a pack while this one waited for the lock. */
	text = take(pool, size);
	if (text)
		return text;

	pack = grow(pool, size);
	if (!pack)
		return NULL;

	guard(spinlock)(&pool->lock);
	WRITE_ONCE(pool->dirt, pool->dirt + 1);
	text = take_from_pack(pack, size);
	pack->room = room_of(pack->free.longest);
	list_add_tail(&pack->link, &pool->room[pack->room]);
	if (!execmem_pack_is_solo(pack))
		WRITE_ONCE(pool->shared, pool->shared + pack->size);
	return text;
}

/* Limits the time under pool->lock. A solo pack has a single granule. */
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
 * @type:	selects the address range; not %EXECMEM_MODULE_DATA
 * @domain:	trust domain; domains do not share pages
 * @size:	number of bytes, up to %EXECMEM_TEXT_MAX
 * @align:	alignment in bytes: a power of two, up to %PAGE_SIZE
 *
 * The text is read-only, executable and filled with traps. Write it with
 * execmem_text_copy(). The caller owns it until execmem_free() or execmem_retire(). The
 * address is randomised.
 *
 * The size is rounded up to a multiple of the granule: 8, 16, 64 or 256 bytes or a page,
 * not less than @align, and at least 16 bytes for sizes above 8. An alignment of 512 takes
 * a whole page. Text with the alignment of a cache line shares no line with other text.
 *
 * For domains other than %EXECMEM_TRUSTED, flushes the branch predictors if the CPU
 * needs this and the text may have been freed since the last flush.
 *
 * Context: Process context. May sleep. Allocates memory without starting I/O, so that
 *	    callers may hold locks that I/O needs. text_mutex may be held.
 * Return: the text, or NULL if an argument is invalid or if memory or the address range
 *	   of @type is exhausted.
 */
void *execmem_text_alloc(enum execmem_type type, enum execmem_domain domain, size_t size,
			 size_t align)
{
	struct execmem_pool *pool;
	unsigned int noio;
	void *text;

	might_sleep();
	if (!is_kind_of_text(type, domain) || !size || size > EXECMEM_TEXT_MAX ||
	    !is_power_of_2(align) || align > PAGE_SIZE)
		return NULL;

	pool = pool_for(type, domain, size, align);
	text = take(pool, size);
	if (!text) {
		/*
		 * Tasks that wait for grow_lock may hold locks that I/O needs. Reclaim under
		 * grow_lock must not wait for I/O then.
		 */
		noio = memalloc_noio_save();
		text = grow_and_take(pool, size);
		memalloc_noio_restore(noio);
	}
	if (!text)
		return NULL;

	if (domain != EXECMEM_TRUSTED && static_branch_unlikely(&execmem_pred_flush_enabled))
		flush_predictors(pool);

	if (trace_execmem_alloc_enabled())
		trace_execmem_alloc(type, domain, text, execmem_text_size(text));
	return text;
}

/**
 * execmem_lock_object - find an object and lock its pool
 * @text:	address of the object
 * @object:	set to the object's granules
 *
 * An allocated object keeps the pack in its pool. The pack stays valid until the caller
 * releases the pool lock.
 *
 * Context: Process context. Does not sleep. On success, holds the pool lock.
 * Return: the pack that contains the object;
 *	   ERR_PTR(-ENOENT) if no pack contains @text;
 *	   ERR_PTR(-EINVAL) if no allocated object begins at @text.
 */
struct execmem_pack *execmem_lock_object(const void *text, struct execmem_extent *object)
{
	struct execmem_pack *pack;

	guard(rcu)();
	pack = find_pack_of(text);
	if (!pack)
		return ERR_PTR(-ENOENT);

	spin_lock(&pack->pool->lock);
	if (execmem_pack_find(pack, text, object))
		return pack;
	spin_unlock(&pack->pool->lock);
	return ERR_PTR(-EINVAL);
}

/**
 * execmem_text_size - get the size of allocated text
 * @text:	address returned by execmem_text_alloc()
 *
 * Context: Process context. Does not sleep.
 * Return: the size with rounding, in bytes, or 0 if no allocated text begins at @text.
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
	spin_unlock(&pack->pool->lock);
	return size;
}

/*
 * Held while owners write text, and while freed text is filled with traps. Even if a buggy
 * caller frees text during a write, the text contains traps when it is reused.
 */
DEFINE_MUTEX(execmem_write_lock);

/**
 * execmem_text_copy - write to allocated text
 * @text:	address returned by execmem_text_alloc()
 * @offset:	offset of the write from @text, in bytes
 * @src:	source
 * @len:	number of bytes
 *
 * Works as text_poke_copy(), but refuses writes outside the caller's text. Other CPUs
 * may not see the new bytes before the next text_poke_sync().
 *
 * Context: Process context. May sleep. text_mutex may be held; it is not taken.
 * Return: 0 on success;
 *	   -EFAULT if no allocated text begins at @text;
 *	   -ERANGE if the write exceeds the text;
 *	   another error of text_poke_copy().
 */
int execmem_text_copy(void *text, size_t offset, const void *src, size_t len)
{
	size_t size;

	guard(mutex)(&execmem_write_lock);
	size = execmem_text_size(text);
	if (!size)
		return -EFAULT;
	if (len > size || offset > size - len)
		return -ERANGE;

	return text_poke_copy(text + offset, src, len);
}

/**
 * execmem_is_text - check if an address belongs to a type and domain of slab text
 * @type:	type of text
 * @domain:	trust domain
 * @addr:	address
 *
 * Does not check whether the text is allocated: a stack trace may contain addresses of
 * freed text.
 *
 * Context: Any context in which RCU is watching, NMI included.
 * Return: true if a pack of this type and domain contains the address.
 */
bool execmem_is_text(enum execmem_type type, enum execmem_domain domain, unsigned long addr)
{
	struct execmem_pack *pack;

	guard(rcu)();
	pack = find_pack_of((void *)addr);
	return pack && pack->pool->type == type && pack->pool->domain == domain;
}

/**
 * execmem_get_symbol - get the symbol of a pack of kprobes
 * @nr:		index of the symbol; on failure, reduced by the number of symbols
 * @start:	set to the address of the pack on success
 *
 * Provides /proc/kallsyms with symbols. Packs may be added or freed between two calls.
 *
 * Context: Process context. Does not sleep.
 * Return: the symbol name, or NULL if @nr is out of range.
 */
const char *execmem_get_symbol(unsigned int *nr, unsigned long *start)
{
	const struct execmem_pack *pack;

	guard(rcu)();
	for_each_execmem_pack(pack) {
		if (!symbol_of(pack) || (*nr)--)
			continue;
		*start = (unsigned long)pack->base;
		return symbol_of(pack);
	}

	return NULL;
}

/* Free the doomed packs. They are empty, and no pool refers to them. */
static void release_packs(struct work_struct *work)
{
	struct execmem_pack *pack, *next;
	LIST_HEAD(packs);

	spin_lock(&packs_lock);
	list_splice_init(&doomed, &packs);
	list_for_each_entry(pack, &packs, link)
		latch_tree_erase(&pack->node, &packs_by_addr, &pack_ops);
	spin_unlock(&packs_lock);
	/* RCU readers may have found a pack before it was erased. */
	synchronize_rcu();

	list_for_each_entry_safe(pack, next, &packs, link) {
		trace_execmem_shrink(pack->pool->type, pack->pool->domain, pack->base, pack->size,
				     pack->huge);
		report_symbol(pack, true);
		execmem_unmap(pack->base);
		execmem_pack_destroy(pack);
	}
}

static DECLARE_WORK(release_work, release_packs);

/* Remove an empty pack from its pool. A worker frees it. Called with the pool lock held. */
static void doom_pack(struct execmem_pack *pack)
{
	struct execmem_pool *pool = pack->pool;

	if (!execmem_pack_is_solo(pack))
		WRITE_ONCE(pool->shared, pool->shared - pack->size);

	spin_lock(&packs_lock);
	list_move_tail(&pack->link, &doomed);
	spin_unlock(&packs_lock);
	queue_work(system_dfl_wq, &release_work);
}

/**
 * execmem_reuse_leaf - make the dead granules of a leaf available for allocation
 * @pack:	the pack; the caller must not use it after the call if no granule is in use
 * @leaf:	index of the leaf; no condemned object begins in it
 *
 * All CPUs were synchronised since the text was buried. Therefore TLBs hold no alias
 * through which it was written (riscv), and the pages of an empty pack can be unmapped.
 *
 * Each pool keeps its largest empty pack. Alternating frees and allocations then do not
 * map and unmap pages. A worker frees the other empty packs.
 *
 * Context: Called with the pool lock held.
 */
void execmem_reuse_leaf(struct execmem_pack *pack, unsigned int leaf)
{
	struct execmem_pool *pool = pack->pool;

	execmem_pack_release(pack, leaf);
	WRITE_ONCE(pool->dirt, pool->dirt + 1);
	update_room(pack);
	if (pack->used)
		return;

	if (!execmem_pack_is_solo(pack) && (!pool->empty || pool->empty->size < pack->size))
		swap(pool->empty, pack);
	if (pack)
		doom_pack(pack);
}

/**
 * execmem_drop_empty - release the empty packs that the pools keep
 *
 * Context: Process context. Does not sleep: a worker frees the packs.
 * Return: number of pages in these packs.
 */
unsigned long execmem_drop_empty(void)
{
	struct execmem_pool *pool;
	unsigned long pages = 0;

	for_each_execmem_pool(pool) {
		guard(spinlock)(&pool->lock);
		if (!pool->empty)
			continue;
		pages += pool->empty->size >> PAGE_SHIFT;
		doom_pack(pool->empty);
		pool->empty = NULL;
	}

	return pages;
}

/**
 * execmem_flush_packs - wait until the worker has freed all doomed packs
 *
 * Context: Process context. May sleep.
 */
void execmem_flush_packs(void)
{
	flush_work(&release_work);
}

/**
 * execmem_get_stats - get the statistics of a type and domain
 * @type:	type of text
 * @domain:	trust domain
 * @stats:	filled with the statistics
 *
 * Context: Process context. Does not sleep.
 * Return: 0 on success, -EINVAL if @type or @domain is invalid.
 */
int execmem_get_stats(enum execmem_type type, enum execmem_domain domain,
		      struct execmem_stats *stats)
{
	const struct execmem_pack *pack;

	if (!is_kind_of_text(type, domain))
		return -EINVAL;

	*stats = (struct execmem_stats) { };
	guard(rcu)();
	for_each_execmem_pack(pack) {
		struct execmem_pool *pool = pack->pool;

		if (pool->type != type || pool->domain != domain)
			continue;
		guard(spinlock)(&pool->lock);
		/* Skip doomed packs, and packs that have just been created. */
		if (!pack->used && pack != pool->empty)
			continue;
		stats->used += execmem_granule_bytes(pack, pack->used);
		stats->nr_objects += pack->nr_objects;
		stats->reserved += pack->size;
		stats->nr_packs++;
		stats->nr_huge += pack->huge;
	}
	return 0;
}

/* mm_core_init() calls this before ftrace can allocate trampolines. */
void __init execmem_slab_init(void)
{
	struct execmem_pool *pool;
	unsigned int nr, i;

	for (nr = 0; nr < EXECMEM_NR_POOLS; nr++) {
		pool = &execmem_pools[nr];
		spin_lock_init(&pool->lock);
		mutex_init(&pool->grow_lock);
		for (i = 0; i < EXECMEM_NR_ROOMS; i++)
			INIT_LIST_HEAD(&pool->room[i]);
		for (i = 0; i < 2 * EXECMEM_NR_EVENTS; i++)
			INIT_LIST_HEAD(&pool->dying[i / 2][i % 2]);
		pool->type = nr / EXECMEM_NR_SHIFTS / EXECMEM_NR_DOMAINS;
		pool->domain = nr / EXECMEM_NR_SHIFTS % EXECMEM_NR_DOMAINS;
		pool->shift = shifts[nr % EXECMEM_NR_SHIFTS];
	}
}

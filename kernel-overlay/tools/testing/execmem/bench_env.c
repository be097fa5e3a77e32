// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel environment of the benchmarked allocators: memory for metadata and text, RCU
 * and work queues. bench_shim.h explains why the tests have a different one.
 */
#include <sys/mman.h>

#include "bench.h"

/* Functions of lib/bitmap.c that tools/lib/bitmap.c lacks. Linux 7.3 has __bitmap_set(). */
#define __bitmap_set shim_bitmap_set
#include "shim_bitmap.h"
#undef __bitmap_set

/*
 * Metadata. As in kmalloc(), sizes are rounded up to size classes and each thread has
 * lists of free objects. All objects of a chunk have one class, so that kfree() finds
 * the class by address.
 */
#define ARENA_SIZE	(4UL << 30)
#define CHUNK_SHIFT	16
#define CHUNK_SIZE	BIT(CHUNK_SHIFT)

static const unsigned int class_size[] = {
	8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536,
};
#define NR_CLASSES	ARRAY_SIZE(class_size)

/**
 * struct per_thread - replaces per-CPU data of the kernel
 * @free:	free objects, by class
 * @metadata:	bytes allocated minus bytes freed by this thread; may be negative
 * @callbacks:	RCU callbacks that wait for a grace period
 * @random:	state of get_random_u32()
 */
struct per_thread {
	void *free[NR_CLASSES];
	long metadata;
	struct rcu_head *callbacks;
	u64 random;
} __attribute__((aligned(128)));

static struct per_thread threads[BENCH_MAX_THREADS];
static __thread struct per_thread *this_thread;

static char *arena;
static size_t arena_used;
static u8 chunk_class[ARENA_SIZE >> CHUNK_SHIFT];
static spinlock_t arena_lock;

/* Text: reserved addresses without memory. Few sizes occur: reuse areas of equal size. */
#define TEXT_SIZE	BIT(36)
#define TEXT_SHIFT	16
#define NR_TEXT_SIZES	64

struct text_size {
	size_t size;
	unsigned int *free;	/* numbers of free areas */
	size_t nr_free, max_free;
};

static char *text;
static size_t text_used, text_mapped;
static unsigned int text_pages[TEXT_SIZE >> TEXT_SHIFT];
static struct text_size text_sizes[NR_TEXT_SIZES];
static spinlock_t text_lock;

static struct work_struct *works;
static spinlock_t works_lock;

static void __noreturn die(const char *why)
{
	fprintf(stderr, "bench: %s\n", why);
	exit(2);
}

void bench_lock_slow(spinlock_t *lock)
{
	unsigned int spins = 0;

	do {
		while (READ_ONCE(lock->locked)) {
			cpu_relax();
			if (!(++spins % 64))
				sched_yield();
		}
	} while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE));
}

static unsigned int class_of(size_t size)
{
	unsigned int class;

	for (class = 0; class < NR_CLASSES; class++)
		if (size <= class_size[class])
			return class;
	die("more metadata at once than expected");
}

static void refill(unsigned int class)
{
	size_t size = class_size[class], at;
	char *chunk;

	spin_lock(&arena_lock);
	chunk = arena + arena_used;
	arena_used += CHUNK_SIZE;
	spin_unlock(&arena_lock);

	if (arena_used > ARENA_SIZE)
		die("out of memory for metadata");

	chunk_class[(chunk - arena) >> CHUNK_SHIFT] = class;
	/* The lowest address is allocated first. */
	for (at = CHUNK_SIZE / size * size; at; at -= size) {
		*(void **)(chunk + at - size) = this_thread->free[class];
		this_thread->free[class] = chunk + at - size;
	}
}

static __always_inline void *alloc_class(unsigned int class)
{
	void *p = this_thread->free[class];

	if (unlikely(!p)) {
		refill(class);
		p = this_thread->free[class];
	}
	this_thread->free[class] = *(void **)p;
	this_thread->metadata += class_size[class];
	return p;
}

static __always_inline void free_class(void *p, unsigned int class)
{
	*(void **)p = this_thread->free[class];
	this_thread->free[class] = p;
	this_thread->metadata -= class_size[class];
}

void *bench_kmalloc(size_t size, bool zero)
{
	void *p = alloc_class(class_of(size));

	if (zero)
		memset(p, 0, size);
	return p;
}

void kfree(const void *p)
{
	if (p)
		free_class((void *)p, chunk_class[((char *)p - arena) >> CHUNK_SHIFT]);
}

/* Only the maple tree creates a cache, for its nodes. */
struct kmem_cache {
	unsigned int class;
};

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*ctor)(void *))
{
	struct kmem_cache *cache = malloc(sizeof(*cache));

	if (!cache)
		die("out of memory");
	cache->class = class_of(size);
	if (class_size[cache->class] != size || size % align || ctor)
		die("a cache with objects of an unexpected size");
	return cache;
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *p = alloc_class(cache->class);

	if (gfp & __GFP_ZERO)
		memset(p, 0, class_size[cache->class]);
	return p;
}

int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t n, void **p)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = kmem_cache_alloc(cache, gfp);
	return n;
}

void kmem_cache_free(struct kmem_cache *cache, void *p)
{
	free_class(p, cache->class);
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t n, void **p)
{
	while (n--)
		kmem_cache_free(cache, p[n]);
}

static struct text_size *text_size(size_t size)
{
	struct text_size *s;

	for (s = text_sizes; s < text_sizes + NR_TEXT_SIZES; s++) {
		if (!s->size)
			s->size = size;
		if (s->size == size)
			return s;
	}
	die("text of more different sizes than expected");
}

void *bench_map(size_t size, size_t align)
{
	struct text_size *s;
	unsigned int area;

	spin_lock(&text_lock);
	s = text_size(size);
	if (s->nr_free) {
		area = s->free[--s->nr_free];
	} else {
		/* A guard page between areas, as in vmalloc(). */
		text_used = ALIGN(text_used, max(align, (size_t)1 << TEXT_SHIFT));
		area = text_used >> TEXT_SHIFT;
		text_used += size + PAGE_SIZE;
		if (text_used > TEXT_SIZE)
			die("out of addresses for text");
	}
	text_pages[area] = size >> PAGE_SHIFT;
	text_mapped += size;
	spin_unlock(&text_lock);

	return text + ((size_t)area << TEXT_SHIFT);
}

void vfree(const void *base)
{
	unsigned int area = ((const char *)base - text) >> TEXT_SHIFT;
	size_t size = (size_t)text_pages[area] << PAGE_SHIFT;
	struct text_size *s;

	spin_lock(&text_lock);
	s = text_size(size);
	if (s->nr_free == s->max_free) {
		s->max_free = s->max_free ? 2 * s->max_free : 64;
		s->free = realloc(s->free, s->max_free * sizeof(*s->free));
		if (!s->free)
			die("out of memory");
	}
	s->free[s->nr_free++] = area;
	text_mapped -= size;
	spin_unlock(&text_lock);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	head->func = func;
	head->next = this_thread->callbacks;
	this_thread->callbacks = head;
}

bool bench_queue_work(struct work_struct *work)
{
	bool queued = false;

	spin_lock(&works_lock);
	if (!work->pending) {
		work->pending = true;
		queued = true;
		work->next = works;
		works = work;
	}
	spin_unlock(&works_lock);

	return queued;
}

static void do_works(void)
{
	struct work_struct *work;

	for (;;) {
		spin_lock(&works_lock);
		work = works;
		if (work) {
			works = work->next;
			work->pending = false;
		}
		spin_unlock(&works_lock);
		if (!work)
			return;
		work->func(work);
	}
}

void flush_work(struct work_struct *work)
{
	do_works();
}

/* xorshift64*, about as fast as the batched generator of the kernel. */
u32 get_random_u32(void)
{
	u64 x = this_thread->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	this_thread->random = x;
	return (x * 0x2545f4914f6cdd1dULL) >> 32;
}

/* Run RCU callbacks and work. No other thread may be in the allocator. */
void bench_env_quiesce(void)
{
	unsigned int i;

	do_works();
	for (i = 0; i < BENCH_MAX_THREADS; i++) {
		struct rcu_head *head = threads[i].callbacks, *next;

		threads[i].callbacks = NULL;
		for (; head; head = next) {
			next = head->next;
			head->func(head);
		}
	}
}

size_t bench_env_metadata(void)
{
	long sum = 0;
	unsigned int i;

	for (i = 0; i < BENCH_MAX_THREADS; i++)
		sum += threads[i].metadata;
	return sum;
}

size_t bench_env_mapped(void)
{
	return text_mapped;
}

void bench_env_thread(unsigned int thread)
{
	this_thread = &threads[thread];
}

static void *reserve(size_t size, int prot)
{
	char *p = mmap(NULL, size + SZ_2M, prot,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("cannot reserve addresses");
	return PTR_ALIGN(p, SZ_2M);
}

void bench_env_init(void)
{
	unsigned int i;

	arena = reserve(ARENA_SIZE, PROT_READ | PROT_WRITE);
	/* May fail. All allocators are slower then. */
	madvise(arena, ARENA_SIZE, MADV_HUGEPAGE);
	text = reserve(TEXT_SIZE, PROT_NONE);

	for (i = 0; i < BENCH_MAX_THREADS; i++)
		threads[i].random = 0x9e3779b97f4a7c15ULL * (i + 1);
	bench_env_thread(0);
}

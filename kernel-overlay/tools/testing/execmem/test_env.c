// SPDX-License-Identifier: GPL-2.0
/* Kernel environment of the tested allocator. See test_env.h. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pages.h"
#include "pool.h"
#include "test.h"

/* Functions of lib/bitmap.c that tools/lib/bitmap.c lacks. Linux 7.3 has __bitmap_set(). */
#define __bitmap_set shim_bitmap_set
#include "shim_bitmap.h"
#undef __bitmap_set

struct env env = { .rng = 1 };

static __thread int spinlocks, readers;
static __thread bool noio;

void env_might_sleep(const char *where)
{
	if (!spinlocks && !readers)
		return;
	if (env.count_sleeps)
		env.sleeps++;
	else
		die("%s() sleeps with %d spinlocks held, in %d RCU sections", where, spinlocks,
		    readers);
}

void spin_lock(spinlock_t *lock)
{
	pthread_mutex_lock(&lock->lock);
	spinlocks++;
}

void spin_unlock(spinlock_t *lock)
{
	spinlocks--;
	pthread_mutex_unlock(&lock->lock);
}

void mutex_lock(struct mutex *mutex)
{
	might_sleep();
	pthread_mutex_lock(&mutex->lock);
}

void mutex_unlock(struct mutex *mutex)
{
	pthread_mutex_unlock(&mutex->lock);
}

/* Readers hold it shared. A grace period takes and releases it exclusively. */
static pthread_rwlock_t rcu = PTHREAD_RWLOCK_INITIALIZER;

void rcu_read_lock(void)
{
	if (!readers++)
		pthread_rwlock_rdlock(&rcu);
}

void rcu_read_unlock(void)
{
	if (!--readers)
		pthread_rwlock_unlock(&rcu);
}

void synchronize_rcu(void)
{
	might_sleep();
	pthread_rwlock_wrlock(&rcu);
	pthread_rwlock_unlock(&rcu);
}

/* Failure injection: calls fail_at to fail_at + fail_run - 1 return true. */
static bool fails(void)
{
	long n = __atomic_add_fetch(&env.asked, 1, __ATOMIC_RELAXED);

	return env.fail_at && n >= env.fail_at && n < env.fail_at + env.fail_run;
}

unsigned int memalloc_noio_save(void)
{
	bool before = noio;

	noio = true;
	return before;
}

void memalloc_noio_restore(unsigned int flags)
{
	noio = flags;
}

/* Memory is aligned as by kmalloc(), and always zeroed. */
void *env_alloc(size_t size, gfp_t gfp)
{
	void *p;

	if (gfp & __GFP_DIRECT_RECLAIM)
		might_sleep();
	if ((!(gfp & __GFP_NOFAIL) && fails()) || posix_memalign(&p, 256, size))
		return NULL;

	memset(p, 0, size);
	__atomic_add_fetch(&env.allocations, 1, __ATOMIC_RELAXED);
	return p;
}

void kfree(const void *p)
{
	if (p)
		__atomic_sub_fetch(&env.allocations, 1, __ATOMIC_RELAXED);
	free((void *)p);
}

/* works_running serialises the work functions of all threads. */
static pthread_mutex_t works_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t works_running = PTHREAD_MUTEX_INITIALIZER;
static struct work_struct *works;

bool env_queue_work(struct work_struct *work)
{
	bool queued = false;

	pthread_mutex_lock(&works_lock);
	if (!work->pending) {
		work->pending = true;
		queued = true;
		work->next = works;
		works = work;
	}
	pthread_mutex_unlock(&works_lock);
	return queued;
}

static struct work_struct *next_work(void)
{
	struct work_struct *work;

	pthread_mutex_lock(&works_lock);
	work = works;
	if (work) {
		works = work->next;
		work->pending = false;
	}
	pthread_mutex_unlock(&works_lock);
	return work;
}

void env_do_works(void)
{
	struct work_struct *work;
	unsigned int i;

	might_sleep();
	pthread_mutex_lock(&works_running);
	/* Bounded: other threads may queue work continuously. */
	for (i = 0; i < 16 && (work = next_work()); i++)
		work->func(work);
	pthread_mutex_unlock(&works_running);
}

void flush_work(struct work_struct *work)
{
	env_do_works();
}

void env_execmem_pred_flush(void)
{
	might_sleep();
	env.flushes++;
}

/*
 * Text: a file that is mapped twice. The allocator's mapping is writable until
 * set_memory_rox(). Text patching writes through the other mapping.
 */
#define TEXT_SIZE	SZ_1G
#define NR_AREAS	16384

static struct {
	size_t start, size;
	bool rox;
} areas[NR_AREAS];
static unsigned int nr_areas;
static pthread_mutex_t areas_lock = PTHREAD_MUTEX_INITIALIZER;
static u8 *alias;
static int text_fd;

static const struct execmem_range range = { .alignment = PAGE_SIZE, .flags = EXECMEM_HUGE_PACKS };

const struct execmem_range *execmem_range(enum execmem_type type)
{
	return &range;
}

/* Find the lowest free place, as vmalloc() does, with a guard page behind it. */
static ssize_t find_place(size_t size, size_t align, unsigned int *nr)
{
	size_t at = 0;
	unsigned int i;

	for (i = 0; i < nr_areas; i++) {
		if (at + size + PAGE_SIZE <= areas[i].start)
			break;
		at = ALIGN(areas[i].start + areas[i].size + PAGE_SIZE, align);
	}
	*nr = i;
	return nr_areas < NR_AREAS && at + size + PAGE_SIZE <= TEXT_SIZE ? (ssize_t)at : -1;
}

void *execmem_vmalloc(const struct execmem_range *range, size_t size, pgprot_t pgprot,
		      unsigned long vm_flags, const void *caller)
{
	unsigned int nr;
	ssize_t at;

	might_sleep();
	if (!noio)
		die("memory for text is allocated with I/O");
	if (~vm_flags & (VM_EXECMEM_TEXT | VM_EXECMEM_PACK | VM_FLUSH_RESET_PERMS))
		die("a pack without its flags");
	if (fails())
		return NULL;

	pthread_mutex_lock(&areas_lock);
	at = find_place(size, range->alignment, &nr);
	if (at >= 0) {
		memmove(&areas[nr + 1], &areas[nr], (nr_areas - nr) * sizeof(areas[0]));
		areas[nr].start = at;
		areas[nr].size = size;
		areas[nr].rox = false;
		nr_areas++;
		env.mapped += size;
		env.maps++;
	}
	pthread_mutex_unlock(&areas_lock);
	if (at < 0)
		return NULL;

	if (mprotect(env.text + at, size, PROT_READ | PROT_WRITE))
		die("mprotect: %m");
	memset(env.text + at, 0x90, size);
	return env.text + at;
}

/* Find the area that contains the range, or NR_AREAS. Called with areas_lock held. */
static unsigned int find_area(const void *p, size_t len)
{
	size_t at = (const u8 *)p - env.text;
	unsigned int i;

	for (i = 0; i < nr_areas; i++)
		if (at >= areas[i].start && at + len <= areas[i].start + areas[i].size)
			return i;
	return NR_AREAS;
}

int set_memory_rox(unsigned long addr, int pages)
{
	size_t size = (size_t)pages << PAGE_SHIFT;
	unsigned int i;

	might_sleep();
	if (fails())
		return -ENOMEM;

	pthread_mutex_lock(&areas_lock);
	i = find_area((void *)addr, size);
	if (i == NR_AREAS || areas[i].size != size)
		die("permissions change outside of an area");
	areas[i].rox = true;
	pthread_mutex_unlock(&areas_lock);

	for (i = 0; i < size / 4; i++)
		if (((u32 *)addr)[i] != TEXT_POKE_TRAP)
			die("text became executable without traps");
	if (mprotect((void *)addr, size, PROT_READ))
		die("mprotect: %m");
	return 0;
}

void vfree(const void *base)
{
	unsigned int i;
	size_t size;

	might_sleep();
	pthread_mutex_lock(&areas_lock);
	i = find_area(base, 1);
	if (i == NR_AREAS || env.text + areas[i].start != base)
		die("memory freed that is not an area");
	size = areas[i].size;
	nr_areas--;
	memmove(&areas[i], &areas[i + 1], (nr_areas - i) * sizeof(areas[0]));
	env.mapped -= size;
	if (mprotect((void *)base, size, PROT_NONE))
		die("mprotect: %m");
	if (fallocate(text_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (const u8 *)base - env.text, size))
		die("fallocate: %m");
	pthread_mutex_unlock(&areas_lock);
}

bool env_is_mapped(const void *p)
{
	bool mapped;

	pthread_mutex_lock(&areas_lock);
	mapped = find_area(p, 1) != NR_AREAS;
	pthread_mutex_unlock(&areas_lock);
	return mapped;
}

static u8 *alias_of(void *text, size_t len)
{
	unsigned int i;

	might_sleep();
	pthread_mutex_lock(&areas_lock);
	i = find_area(text, len);
	if (i == NR_AREAS || !areas[i].rox)
		die("%zu bytes at %p are not text", len, text);
	pthread_mutex_unlock(&areas_lock);
	return alias + ((u8 *)text - env.text);
}

int text_poke_set(void *text, size_t len)
{
	u8 *to = alias_of(text, len);

	if (env.no_writes)
		return -EFAULT;
	memset(to, (u8)TEXT_POKE_TRAP, len);
	return 0;
}

/* A writer can be preempted. Its text must stay mapped. */
int text_poke_copy(void *text, const void *src, size_t len)
{
	u8 *to;

	if (!len)
		return -EINVAL;
	to = alias_of(text, len);
	sched_yield();
	memcpy(to, src, len);
	alias_of(text, len);
	return 0;
}

void text_poke_sync(void)
{
	__atomic_add_fetch(&env.syncs, 1, __ATOMIC_RELAXED);
}

void flush_icache_range(unsigned long start, unsigned long end)
{
}

void kmemleak_ignore(const void *p)
{
}

void *memset32(u32 *p, u32 v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = v;
	return p;
}

bool is_vm_area_hugepages(const void *p)
{
	return false;
}

void msleep(unsigned int ms)
{
	might_sleep();
}

/* xorshift64*. All threads share one sequence. */
u32 get_random_u32(void)
{
	u64 x = __atomic_load_n(&env.rng, __ATOMIC_RELAXED);

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	__atomic_store_n(&env.rng, x, __ATOMIC_RELAXED);
	return (x * 0x2545f4914f6cdd1dULL) >> 32;
}

static struct shrinker shrinker;

struct shrinker *shrinker_alloc(unsigned int flags, const char *name)
{
	return &shrinker;
}

void shrinker_register(struct shrinker *s)
{
}

/* Simulate memory pressure. Return the number of pages that the shrinker reported. */
unsigned long env_shrink(void)
{
	struct shrink_control sc = { };
	unsigned long freed;

	freed = shrinker.count_objects(&shrinker, &sc);
	/* As in do_shrink_slab(). */
	if (!freed || freed == SHRINK_EMPTY)
		return 0;
	freed = shrinker.scan_objects(&shrinker, &sc);
	return freed == SHRINK_STOP ? 0 : freed;
}

void env_init(void)
{
	text_fd = memfd_create("text", 0);
	if (text_fd < 0 || ftruncate(text_fd, TEXT_SIZE))
		die("memfd: %m");
	/* Aligned to the largest pack size. */
	env.text = mmap(NULL, TEXT_SIZE + SZ_2M, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	env.text = PTR_ALIGN(env.text, SZ_2M);
	env.text = mmap(env.text, TEXT_SIZE, PROT_NONE, MAP_SHARED | MAP_FIXED, text_fd, 0);
	alias = mmap(NULL, TEXT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, text_fd, 0);
	if (env.text == MAP_FAILED || alias == MAP_FAILED)
		die("mmap: %m");
	execmem_slab_init();
	initcall_execmem_shrinker_init();
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel interfaces for the benchmarked allocators. gcc -include adds this file to each
 * of their sources.
 *
 * The environment of the tests (test_env.h) checks, counts and injects failures, which
 * takes time. This one is lean: a lock is one word, RCU readers execute no code, as in a
 * kernel without preemption, and metadata is on huge pages, as in the direct map.
 *
 * Functions that write text or map memory are empty for all allocators.
 */
#ifndef _BENCH_SHIM_H
#define _BENCH_SHIM_H

#include "shim.h"

/*
 * Locks. Taking an uncontended lock is one atomic instruction, as in the kernel. Mutexes
 * spin, as in the kernel while the owner runs. A userspace owner can be preempted with a
 * spinlock held, so waiting threads yield after some time.
 */
typedef struct {
	unsigned int locked;
} spinlock_t;

struct mutex {
	spinlock_t lock;
};

struct lock_class_key { };

void bench_lock_slow(spinlock_t *lock);

static __always_inline void spin_lock(spinlock_t *lock)
{
	if (unlikely(__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE)))
		bench_lock_slow(lock);
}

static __always_inline void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

static __always_inline void mutex_lock(struct mutex *mutex)
{
	spin_lock(&mutex->lock);
}

/* Atomic, as in the kernel, which must check for sleeping waiters. */
static __always_inline void mutex_unlock(struct mutex *mutex)
{
	__atomic_exchange_n(&mutex->lock.locked, 0, __ATOMIC_RELEASE);
}

#define __SPIN_LOCK_UNLOCKED(name)	{ 0 }
#define DEFINE_SPINLOCK(name)		spinlock_t name = { 0 }
#define DEFINE_MUTEX(name)		struct mutex name = { }
#define spin_lock_init(l)		((l)->locked = 0)
#define mutex_init(m)			((m)->lock.locked = 0)
#define spin_lock_nested(l, sub)	spin_lock(l)
#define spin_lock_irqsave(l, flags)	((void)(flags), spin_lock(l))
#define spin_unlock_irqrestore(l, flags) spin_unlock(l)
#define spin_lock_irq			spin_lock
#define spin_unlock_irq			spin_unlock
#define spin_lock_bh			spin_lock
#define spin_unlock_bh			spin_unlock
#define lockdep_is_held(l)		1

DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
DEFINE_LOCK_GUARD_1(spinlock, spinlock_t, spin_lock(_T->lock), spin_unlock(_T->lock))

/* RCU. bench_env_quiesce() ends grace periods between measurements. */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));

#define rcu_read_lock()			barrier()
#define rcu_read_unlock()		barrier()
DEFINE_LOCK_GUARD_0(rcu, rcu_read_lock(), rcu_read_unlock())
DEFINE_LOCK_GUARD_0(cpus_read_lock, (void)0, (void)0)
#define synchronize_rcu()		do { } while (0)
#define synchronize_rcu_tasks()		do { } while (0)
#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_dereference_raw(p)		READ_ONCE(p)
#define rcu_dereference_check(p, c)	READ_ONCE(p)
#define rcu_dereference_protected(p, c)	(p)
#define rcu_assign_pointer(p, v)	__atomic_store_n(&(p), v, __ATOMIC_RELEASE)
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)

/* Memory for metadata. */
void *bench_kmalloc(size_t size, bool zero);
void kfree(const void *p);
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t gfp, size_t n, void **p);
void kmem_cache_free(struct kmem_cache *cache, void *p);
void kmem_cache_free_bulk(struct kmem_cache *cache, size_t n, void **p);
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
				     unsigned int flags, void (*ctor)(void *));

#define SLAB_PANIC			2
#define kmalloc(size, gfp)		bench_kmalloc(size, false)
#define kzalloc(size, gfp)		bench_kmalloc(size, true)
#define kvcalloc(n, size, gfp)		bench_kmalloc((size_t)(n) * (size), true)
#define kvzalloc(size, gfp)		bench_kmalloc(size, true)
#define kvfree				kfree
#define memalloc_noio_save()		0U
#define memalloc_noio_restore(f)	((void)(f))

/* Work. bench_env_quiesce() or a thread that waits for the work runs it. */
#define queue_work(wq, work)		bench_queue_work(work)
/* Not delayed: the cost of the work then counts as cost of the free. */
#define mod_delayed_work(wq, dwork, delay)	((dwork)->work.func(&(dwork)->work))
bool bench_queue_work(struct work_struct *work);
void flush_work(struct work_struct *work);

/* Static keys are off. */
#define DEFINE_STATIC_CALL_NULL(name, fn)
#define DECLARE_STATIC_CALL(name, fn)	struct static_call_##name
#define DEFINE_STATIC_KEY_FALSE(name)	bool name
#define DECLARE_STATIC_KEY_FALSE(name)	extern bool name
#define static_branch_unlikely(key)	false
#define static_call_cond(name)		bench_no_call
static inline void bench_no_call(void)
{
}

/* Text: addresses without memory. */
void *bench_map(size_t size, size_t align);
void vfree(const void *base);
u32 get_random_u32(void);

#define memset32(p, v, n)		((void)(p))
#define copy_page(to, from)		((void)(to))
#define flush_icache_range(start, end)	do { } while (0)
#define kmemleak_ignore(p)		do { } while (0)
#define set_memory_rox(addr, pages)	0
#define set_vm_flush_reset_perms(p)	do { } while (0)
#define is_vm_area_hugepages(p)		true
#define text_poke_set(p, n)	0
#define text_poke_copy(p, s, n) 0
#define msleep(ms)			do { } while (0)
static inline void text_poke_sync(void)
{
}

/* The shrinker is never called. */
static inline struct shrinker *shrinker_alloc(unsigned int flags, const char *name)
{
	return NULL;
}
#define shrinker_register(s)		do { } while (0)

#include "../../../include/linux/xarray.h"
#include "../../../include/linux/maple_tree.h"
#include "../../../include/linux/rbtree_latch.h"
#define CONFIG_EXECMEM 1
#define CONFIG_EXECMEM_SLAB 1
#define CONFIG_TASKS_RCU 1
#include "../../../include/linux/execmem.h"

#endif /* _BENCH_SHIM_H */

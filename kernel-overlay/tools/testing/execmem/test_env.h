/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel interfaces for the tests. gcc -include adds this file to each source of the
 * slab.
 *
 * Locks are pthread locks, which sanitizers understand. RCU waits for readers. Each
 * allocation can fail on request. Text is mapped twice, so that writes by the allocator
 * itself fault. Sleeping with a spinlock held is an error.
 */
#ifndef _EXECMEM_TEST_ENV_H
#define _EXECMEM_TEST_ENV_H

#include <pthread.h>

#include "shim.h"

#undef subsys_initcall
#define subsys_initcall(fn)	int initcall_##fn(void) { return fn(); }
#undef might_sleep
#define might_sleep()		env_might_sleep(__func__)
void env_might_sleep(const char *where);

int initcall_execmem_shrinker_init(void);

/* Locks. */
typedef struct {
	pthread_mutex_t lock;
} spinlock_t;

struct mutex {
	pthread_mutex_t lock;
};

void spin_lock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

#define __SPIN_LOCK_UNLOCKED(name)	{ PTHREAD_MUTEX_INITIALIZER }
#define DEFINE_SPINLOCK(name)		spinlock_t name = __SPIN_LOCK_UNLOCKED(name)
#define DEFINE_MUTEX(name)		struct mutex name = { PTHREAD_MUTEX_INITIALIZER }
#define spin_lock_init(l)		pthread_mutex_init(&(l)->lock, NULL)
#define mutex_init(m)			pthread_mutex_init(&(m)->lock, NULL)

DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
DEFINE_LOCK_GUARD_1(spinlock, spinlock_t, spin_lock(_T->lock), spin_unlock(_T->lock))

/* RCU: one flavour, with real grace periods. */
void rcu_read_lock(void);
void rcu_read_unlock(void);
DEFINE_LOCK_GUARD_0(rcu, rcu_read_lock(), rcu_read_unlock())
DEFINE_LOCK_GUARD_0(cpus_read_lock, (void)0, (void)0)
void synchronize_rcu(void);

#define synchronize_rcu_tasks		synchronize_rcu
#define rcu_dereference(p)		__atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define rcu_dereference_raw(p)		rcu_dereference(p)
#define rcu_assign_pointer(p, v)	__atomic_store_n(&(p), v, __ATOMIC_RELEASE)
#undef READ_ONCE
#define READ_ONCE(x)			__atomic_load_n(&(x), __ATOMIC_RELAXED)
#undef WRITE_ONCE
#define WRITE_ONCE(x, v)		__atomic_store_n(&(x), v, __ATOMIC_RELAXED)

/* Memory for metadata. */
void *env_alloc(size_t size, gfp_t gfp);
void kfree(const void *p);
unsigned int memalloc_noio_save(void);
void memalloc_noio_restore(unsigned int flags);

#define kmalloc(size, gfp)		env_alloc(size, gfp)
#define kzalloc(size, gfp)		env_alloc(size, gfp)
#define kvcalloc(n, size, gfp)		env_alloc((size_t)(n) * (size), gfp)
#define kvzalloc(size, gfp)		env_alloc(size, gfp)
#define kvfree				kfree

/* env_do_works() or a thread that waits for the work runs it. */
#define queue_work(wq, work)		env_queue_work(work)
#define mod_delayed_work(wq, dwork, delay)	queue_work(wq, &(dwork)->work)
bool env_queue_work(struct work_struct *work);
void flush_work(struct work_struct *work);
void env_do_works(void);

/* Predictor flushes are enabled. */
#define DEFINE_STATIC_CALL_NULL(name, fn)
#define DECLARE_STATIC_CALL(name, fn)	struct static_call_##name
#define DEFINE_STATIC_KEY_FALSE(name)	bool name = true
#define DECLARE_STATIC_KEY_FALSE(name)	extern bool name
#define static_branch_unlikely(key)	(*(key))
#define static_call_cond(name)		env_##name
void env_execmem_pred_flush(void);

/* Text. */
int set_memory_rox(unsigned long addr, int pages);
void flush_icache_range(unsigned long start, unsigned long end);
void kmemleak_ignore(const void *p);
void *memset32(u32 *p, u32 v, size_t n);
#define copy_page(to, from)	((void)memcpy(to, from, PAGE_SIZE))
bool is_vm_area_hugepages(const void *p);
int text_poke_set(void *text, size_t len);
int text_poke_copy(void *text, const void *src, size_t len);
void text_poke_sync(void);
void vfree(const void *base);
void msleep(unsigned int ms);
u32 get_random_u32(void);
struct shrinker *shrinker_alloc(unsigned int flags, const char *name);
void shrinker_register(struct shrinker *shrinker);

#include "../../../include/linux/rbtree_latch.h"
#define CONFIG_EXECMEM 1
#define CONFIG_EXECMEM_SLAB 1
#define CONFIG_TASKS_RCU 1
#include "../../../include/linux/execmem.h"

#endif /* _EXECMEM_TEST_ENV_H */

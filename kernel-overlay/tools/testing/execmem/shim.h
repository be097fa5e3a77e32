/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel interfaces that mm/execmem/ and lib/maple_tree.c need and that tools/ lacks.
 *
 * This file is common to the tests and the benchmark. Locking, allocation and text
 * writing differ: test_env.h and bench_shim.h define them.
 */
#ifndef _EXECMEM_SHIM_H
#define _EXECMEM_SHIM_H

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/const.h>

/* Use builtins: the versions in tools/ search, but the kernel uses instructions. */
#define _TOOLS_LINUX_ASM_GENERIC_BITOPS___FFS_H_
#define _ASM_GENERIC_BITOPS___FLS_H_
static __always_inline unsigned long __ffs(unsigned long word)
{
	return __builtin_ctzl(word);
}

static __always_inline unsigned long __fls(unsigned long word)
{
	return BITS_PER_LONG - 1 - __builtin_clzl(word);
}

#include <linux/kernel.h>
#undef synchronize_rcu
#undef clamp
#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <asm/bug.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/overflow.h>
#include <linux/rbtree_augmented.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include "../../../include/linux/kconfig.h"
/* Linux 7.3 has these attributes. */
#define __nonnull_args(...)
#define __no_context_analysis
#include "../../../include/linux/cleanup.h"

#ifndef PAGE_SHIFT
#define PAGE_SHIFT		12
#endif
#define PAGE_SIZE		_BITUL(PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PFN_UP(x)		(((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PAGE_ALIGN(x)		ALIGN(x, PAGE_SIZE)
#define PMD_SIZE		SZ_2M
#define U8_MAX			UCHAR_MAX
#define U16_MAX			USHRT_MAX

#ifndef __cold
#define __cold
#endif
#define __cleanup(fn)		__attribute__((__cleanup__(fn)))
#define __UNIQUE_ID(prefix)	__PASTE(__UNIQUE_ID_##prefix, __COUNTER__)
#define PTR_ALIGN(p, a)		((typeof(p))ALIGN((unsigned long)(p), (a)))
#ifndef __ALIGN_MASK
#define __ALIGN_MASK(x, mask)	(((x) + (mask)) & ~(mask))
#endif
#ifndef __must_hold
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#endif
#define __staged
#define __ro_after_init
#define ____cacheline_aligned_in_smp	__attribute__((aligned(64)))
#define might_sleep()		do { } while (0)
#define might_alloc(gfp)	do { } while (0)
#define subsys_initcall(fn)	static void *initcall_##fn __maybe_unused = fn
#define ALLOW_ERROR_INJECTION(fn, type)
#define cpu_relax()		__builtin_ia32_pause()
#define prefetchw(p)		__builtin_prefetch(p, 1)
#define order_base_2(n)		((n) > 1 ? ilog2((n) - 1) + 1 : 0)
#define reciprocal_scale(val, n) ((u32)(((u64)(u32)(val) * (n)) >> 32))
#define clamp(val, lo, hi)	min((typeof(val))max((typeof(val))(val), (typeof(val))(lo)), \
				    (typeof(val))(hi))
#define __assign_bit(nr, addr, value) \
	((value) ? __set_bit(nr, addr) : __clear_bit(nr, addr))
#define swap(a, b)		do { typeof(a) __tmp = (a); (a) = (b); (b) = __tmp; } while (0)
#define pr_warn_once(fmt, ...)	do { } while (0)

/* Bitmaps, as in include/linux/bitmap.h for variable lengths. */
void shim_bitmap_set(unsigned long *map, unsigned int start, int len);
unsigned long bitmap_find_next_zero_area_off(unsigned long *map, unsigned long size,
					     unsigned long start, unsigned int nr,
					     unsigned long align_mask,
					     unsigned long align_offset);
#define for_each_clear_bit_from(bit, map, size)				\
	for (; (bit) = find_next_zero_bit(map, size, bit), (bit) < (size); (bit)++)
#define bitmap_set		shim_bitmap_set
#define bitmap_copy(dst, src, nbits) \
	((void)memcpy(dst, src, BITS_TO_LONGS(nbits) * sizeof(long)))
#define bitmap_find_next_zero_area(map, size, start, nr, mask) \
	bitmap_find_next_zero_area_off(map, size, start, nr, mask, 0)

#define atomic_long_read(v)		READ_ONCE((v)->counter)
#define atomic_long_set(v, i)		WRITE_ONCE((v)->counter, i)
#define atomic_long_add(i, v) \
	((void)__atomic_fetch_add(&(v)->counter, i, __ATOMIC_RELAXED))

static inline unsigned long find_last_bit(const unsigned long *map, unsigned long nbits)
{
	unsigned long word = BITS_TO_LONGS(nbits);

	while (word--)
		if (map[word])
			return word * BITS_PER_LONG + __fls(map[word]);
	return nbits;
}

/* A latch: two copies. Readers use the copy that the writer does not modify. */
typedef struct {
	unsigned int sequence;
} seqcount_latch_t;

#define raw_write_seqcount_latch(s) \
	((void)__atomic_fetch_add(&(s)->sequence, 1, __ATOMIC_SEQ_CST))
#define raw_read_seqcount_latch(s)	__atomic_load_n(&(s)->sequence, __ATOMIC_ACQUIRE)
#define raw_read_seqcount_latch_retry(s, start) \
	(__atomic_load_n(&(s)->sequence, __ATOMIC_ACQUIRE) != (start))
/* The names of Linux 7.3. */
#define write_seqcount_latch_begin	raw_write_seqcount_latch
#define write_seqcount_latch		raw_write_seqcount_latch
#define write_seqcount_latch_end(s)	do { } while (0)
#define read_seqcount_latch		raw_read_seqcount_latch
#define read_seqcount_latch_retry	raw_read_seqcount_latch_retry
#define rb_link_node_rcu(node, parent, link) do {		\
	(node)->__rb_parent_color = (unsigned long)(parent);	\
	(node)->rb_left = (node)->rb_right = NULL;		\
	rcu_assign_pointer(*(link), node);			\
} while (0)

/* The versions in tools/ are not atomic. */
#undef set_bit
#define set_bit(nr, map) \
	((void)__atomic_fetch_or(&(map)[BIT_WORD(nr)], BIT_MASK(nr), __ATOMIC_RELAXED))
#undef test_bit
#define test_bit(nr, map) \
	(READ_ONCE((map)[BIT_WORD(nr)]) >> ((nr) % BITS_PER_LONG) & 1)

/* Tracepoints are disabled. */
#define trace_execmem_grow(...)		do { } while (0)
#define trace_execmem_shrink(...)	do { } while (0)
#define trace_execmem_alloc(...)	do { } while (0)
#define trace_execmem_alloc_enabled()	false
#define trace_execmem_free(...)		do { } while (0)
#define perf_event_ksymbol(...)		do { } while (0)
#define get_random_u16()		((u16)get_random_u32())
#define trace_ma_op(...)		do { } while (0)
#define trace_ma_read(...)		do { } while (0)
#define trace_ma_write(...)		do { } while (0)

/* Types and flags. */
typedef struct { unsigned long pgprot; } pgprot_t;

#define PAGE_KERNEL			((pgprot_t) { 0 })
#define VM_FLUSH_RESET_PERMS		0x100
#define VM_ALLOW_HUGE_VMAP		0x400
#define VM_EXECMEM_TEXT			0x2000
#define VM_EXECMEM_PACK			0x4000
#define TEXT_POKE_TRAP			0xcccccccc

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

struct work_struct {
	void (*func)(struct work_struct *work);
	struct work_struct *next;
	bool pending;
};

#define __WORK_INITIALIZER(name, f)	{ .func = f }
#define DECLARE_WORK(name, f)		struct work_struct name = { .func = f }

/* Ignore delays: they only enlarge batches. */
struct delayed_work {
	struct work_struct work;
};

#define HZ				100
#define DECLARE_DELAYED_WORK(name, f)	struct delayed_work name = { .work = { .func = f } }
#define queue_delayed_work(wq, dwork, delay)	queue_work(wq, &(dwork)->work)
#define cancel_delayed_work(dwork)		do { } while (0)
#define system_dfl_wq		NULL
#define DEFINE_PER_CPU(type, name)		type name = { }
#define per_cpu_ptr(ptr, cpu)			((void)(cpu), (ptr))
#define for_each_online_cpu(cpu)		for ((cpu) = 0; (cpu) < 1; (cpu)++)
#define INIT_WORK(work, fn)			((void)(work), (void)(fn))
#define schedule_work_on(cpu, work)		((void)(cpu), (void)(work))

#define SHRINK_EMPTY			(~0UL - 1)
#define SHRINK_STOP			(~0UL)

struct shrink_control {
	int nid;
};

struct shrinker {
	unsigned long (*count_objects)(struct shrinker *shrinker, struct shrink_control *sc);
	unsigned long (*scan_objects)(struct shrinker *shrinker, struct shrink_control *sc);
};

#endif /* _EXECMEM_SHIM_H */

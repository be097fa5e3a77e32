/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the execmem slab uses of the kernel. tools/testing/execmem, where the slab
 * runs in userspace, has another header of this name.
 */
#ifndef _MM_EXECMEM_INTERNAL_H
#define _MM_EXECMEM_INTERNAL_H

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/cacheflush.h>
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/error-injection.h>
#include <linux/execmem.h>
#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/maple_tree.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/prefetch.h>
#include <linux/random.h>
#include <linux/rbtree_augmented.h>
#include <linux/rcupdate.h>
#include <linux/rcupdate_trace.h>
#include <linux/sched/mm.h>
#include <linux/set_memory.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#endif /* _MM_EXECMEM_INTERNAL_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: execmem/summary says what the execmem slab has, by type and trust
 * domain, and execmem/objects lists all of it, for root only.
 */

#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "execmem_slab.h"

static const char * const type_names[EXECMEM_TYPE_MAX] = {
	[EXECMEM_MODULE_TEXT]	= "module",
	[EXECMEM_KPROBES]	= "kprobes",
	[EXECMEM_FTRACE]	= "ftrace",
	[EXECMEM_BPF]		= "bpf",
	[EXECMEM_MODULE_DATA]	= "data",
};

static const char * const domain_names[EXECMEM_NR_DOMAINS] = {
	[EXECMEM_TRUSTED]	= "trusted",
	[EXECMEM_UNTRUSTED]	= "untrusted",
};

static void show_pool(struct seq_file *m, struct execmem_pool *pool)
{
	struct execmem_stats s;

	execmem_get_stats(pool->type, pool->domain, &s);
	seq_printf(m, "%-8s %-9s %8zu %8zu %8lu %6u %6u %8llu %10llu %10llu %8zu\n",
		   type_names[pool->type], domain_names[pool->domain], s.reserved, s.used,
		   s.nr_objects, s.nr_packs, s.nr_huge, s.allocs, s.asked, s.given, s.lost);
}

#define NR_POOLS	(EXECMEM_TYPE_MAX * EXECMEM_NR_DOMAINS)

/* There are none for types that are not text. */
static struct execmem_pool *nth_pool(unsigned int n)
{
	return execmem_pool(n / EXECMEM_NR_DOMAINS, n % EXECMEM_NR_DOMAINS);
}

static int summary_show(struct seq_file *m, void *v)
{
	unsigned int n;

	seq_puts(m, "type     domain    reserved     used  objects  packs   huge");
	seq_puts(m, "   allocs      asked      given     lost\n");
	for (n = 0; n < NR_POOLS; n++)
		if (nth_pool(n))
			show_pool(m, nth_pool(n));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(summary);

static void show_pack(struct seq_file *m, struct execmem_pack *pack)
{
	const void *object = NULL;
	bool condemned;
	size_t size;

	seq_printf(m, "pack %s %s %px %zu%s%s\n", type_names[pack->pool->type],
		   domain_names[pack->pool->domain], pack->base, pack->size,
		   pack->huge ? " huge" : "", pack->solo ? " solo" : "");
	while ((object = execmem_pack_next(pack, object, &size, &condemned)))
		seq_printf(m, "%px %zu%s\n", object, size, condemned ? " condemned" : "");
}

/* The lowest pack that is not below @at. Called with the pool's lock held. */
static struct execmem_pack *find_pack(struct execmem_pool *pool, const void *at)
{
	struct rb_node *node = pool->packs.rb_node;
	struct execmem_pack *found = NULL;

	while (node) {
		struct execmem_pack *pack = rb_entry(node, struct execmem_pack, node);

		if (pack->base >= at) {
			found = pack;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}

	return found;
}

/* One pack at a time, so as not to hold the lock for all of them. */
static void show_objects(struct seq_file *m, struct execmem_pool *pool)
{
	struct execmem_pack *pack;
	const void *at = NULL;

	do {
		guard(spinlock)(&pool->lock);
		pack = find_pack(pool, at);
		if (pack) {
			show_pack(m, pack);
			at = pack->base + pack->size;
		}
	} while (pack);
}

static int objects_show(struct seq_file *m, void *v)
{
	unsigned int n;

	for (n = 0; n < NR_POOLS; n++)
		if (nth_pool(n))
			show_objects(m, nth_pool(n));

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(objects);

static int __init execmem_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("execmem", NULL);

	debugfs_create_file("summary", 0444, dir, NULL, &summary_fops);
	debugfs_create_file("objects", 0400, dir, NULL, &objects_fops);
	return 0;
}
late_initcall(execmem_debugfs_init);

// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs files of the execmem slab.
 *
 * execmem/summary shows statistics by type and trust domain. execmem/objects lists the
 * packs and the text in each of them. It contains addresses, so only root can read it.
 */

#include <linux/debugfs.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>

#include "pool.h"

static const char * const type_names[EXECMEM_NR_TEXT_TYPES] = {
	[EXECMEM_MODULE_TEXT]	= "module",
	[EXECMEM_KPROBES]	= "kprobes",
	[EXECMEM_OPTPROBES]	= "optprobe",
	[EXECMEM_FTRACE]	= "ftrace",
	[EXECMEM_BPF]		= "bpf",
};

static const char * const domain_names[EXECMEM_NR_DOMAINS] = {
	[EXECMEM_TRUSTED]	= "trusted",
	[EXECMEM_UNTRUSTED]	= "untrusted",
};

static int summary_show(struct seq_file *m, void *v)
{
	enum execmem_domain domain;
	enum execmem_type type;
	struct execmem_stats s;

	seq_puts(m, "type     domain    reserved     used  objects  packs   huge\n");
	for (type = 0; type < EXECMEM_NR_TEXT_TYPES; type++) {
		for (domain = 0; domain < EXECMEM_NR_DOMAINS; domain++) {
			execmem_get_stats(type, domain, &s);
			seq_printf(m, "%-8s %-9s %8zu %8zu %8lu %6u %6u\n", type_names[type],
				   domain_names[domain], s.reserved, s.used, s.nr_objects,
				   s.nr_packs, s.nr_huge);
		}
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(summary);

/*
 * Each record of the list is a leaf. Its position in the file is the address of the leaf:
 * packs that appear or disappear meanwhile move no other record.
 */
static void *find_leaf(loff_t *pos)
{
	struct execmem_pack *pack = execmem_next_pack((void *)(unsigned long)*pos);

	if (pack)
		*pos = max((unsigned long)*pos, (unsigned long)pack->base);
	return pack;
}

static void *objects_start(struct seq_file *m, loff_t *pos) __acquires(RCU)
{
	rcu_read_lock();
	return find_leaf(pos);
}

static void *objects_next(struct seq_file *m, void *v, loff_t *pos)
{
	const struct execmem_pack *pack = v;

	*pos += execmem_granule_bytes(pack, EXECMEM_LEAF);
	*pos = min((unsigned long)*pos, (unsigned long)pack->base + pack->size);
	return find_leaf(pos);
}

static void objects_stop(struct seq_file *m, void *v) __releases(RCU)
{
	rcu_read_unlock();
}

/* Find the next text that begins in a leaf. */
static bool next_text(const struct execmem_pack *pack, unsigned int leaf, struct execmem_extent *e)
{
	guard(spinlock)(&pack->pool->lock);
	return execmem_pack_next(pack, leaf, e);
}

static int objects_show(struct seq_file *m, void *v)
{
	const struct execmem_pack *pack = v;
	size_t at = (unsigned long)m->index - (unsigned long)pack->base;
	unsigned int leaf = (at >> pack->shift) / EXECMEM_LEAF;
	struct execmem_extent e = { };

	if (!leaf)
		seq_printf(m, "pack %s %s %px %zu%s%s\n", type_names[pack->pool->type],
			   domain_names[pack->pool->domain], pack->base, pack->size,
			   pack->huge ? " huge" : "", execmem_pack_is_solo(pack) ? " solo" : "");
	while (next_text(pack, leaf, &e))
		seq_printf(m, "%px %zu%s\n", execmem_pack_addr(pack, e.start),
			   execmem_pack_bytes(pack, &e), e.live ? "" : " freed");
	return 0;
}

static const struct seq_operations objects_sops = {
	.start	= objects_start,
	.next	= objects_next,
	.stop	= objects_stop,
	.show	= objects_show,
};
DEFINE_SEQ_ATTRIBUTE(objects);

static int __init execmem_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("execmem", NULL);

	debugfs_create_file("summary", 0444, dir, NULL, &summary_fops);
	debugfs_create_file("objects", 0400, dir, NULL, &objects_fops);
	return 0;
}
late_initcall(execmem_debugfs_init);

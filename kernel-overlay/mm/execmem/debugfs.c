// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs files of the execmem slab.
 *
 * execmem/summary shows statistics by type and trust domain. execmem/objects lists the
 * packs and the text in each of them. It contains addresses, so only root can read it.
 */

#include <linux/debugfs.h>
#include <linux/limits.h>
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

	seq_puts(m, "type     domain    reserved     used  objects  packs   huge");
	seq_puts(m, "   allocs      asked      given\n");
	for (type = 0; type < EXECMEM_NR_TEXT_TYPES; type++) {
		for (domain = 0; domain < EXECMEM_NR_DOMAINS; domain++) {
			if (execmem_get_stats(type, domain, &s))
				continue;
			seq_printf(m, "%-8s %-9s %8zu %8zu %8lu %6u %6u %8llu %10llu %10llu\n",
				   type_names[type], domain_names[domain], s.reserved, s.used,
				   s.nr_objects, s.nr_packs, s.nr_huge, s.allocs, s.asked, s.given);
		}
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(summary);

/* Larger than the number of granules in any pack. */
#define END	UINT_MAX

/**
 * struct cursor - the line that was shown last
 * @base:	address of the pack, or NULL at the beginning
 * @extent:	the text in the pack; empty if the line showed the pack itself
 */
struct cursor {
	const void *base;
	struct execmem_extent extent;
};

static void show_pack(struct seq_file *m, const struct execmem_pack *pack)
{
	seq_printf(m, "pack %s %s %px %zu%s%s\n", type_names[pack->pool->type],
		   domain_names[pack->pool->domain], pack->base, pack->size,
		   pack->huge ? " huge" : "", execmem_pack_is_solo(pack) ? " solo" : "");
}

static bool show_extent(struct seq_file *m, const struct execmem_pack *pack, unsigned int leaf,
			struct execmem_extent *e)
{
	guard(spinlock)(&pack->pool->lock);
	if (!execmem_pack_next(pack, leaf, e))
		return false;

	seq_printf(m, "%px %zu%s\n", execmem_pack_addr(pack, e->start),
		   execmem_pack_bytes(pack, e), e->live ? "" : " freed");
	return true;
}

/* Show the next text in a pack. Hold the pool lock for one leaf at a time. */
static bool show_text(struct seq_file *m, const struct execmem_pack *pack,
		      struct execmem_extent *e)
{
	unsigned int leaf;

	for (leaf = e->end / EXECMEM_LEAF; leaf < pack->nr_leaves; leaf++)
		if (show_extent(m, pack, leaf, e))
			return true;

	return false;
}

/* Show the line after the cursor and move the cursor there. Return false at the end. */
static bool show_line(struct seq_file *m, struct cursor *c)
{
	struct execmem_pack *pack;

	guard(rcu)();
	pack = c->base ? execmem_next_pack(c->base - 1) : NULL;
	if (pack && pack->base == c->base && show_text(m, pack, &c->extent))
		return true;

	/* The cursor's pack may have been freed since the last line. */
	pack = execmem_next_pack(c->base);
	if (!pack)
		return false;
	*c = (struct cursor) { .base = pack->base };
	show_pack(m, pack);
	return true;
}

static void *objects_start(struct seq_file *m, loff_t *pos)
{
	struct cursor *c = m->private;

	if (!*pos)
		*c = (struct cursor) { };
	return c->extent.end == END ? NULL : c;
}

static void *objects_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return objects_start(m, pos);
}

static void objects_stop(struct seq_file *m, void *v)
{
}

static int objects_show(struct seq_file *m, void *v)
{
	struct cursor *c = v, before = *c;

	if (!show_line(m, c))
		c->extent.end = END;
	/* seq_file repeats the call with a larger buffer. */
	if (seq_has_overflowed(m))
		*c = before;
	return 0;
}

static const struct seq_operations objects_sops = {
	.start	= objects_start,
	.next	= objects_next,
	.stop	= objects_stop,
	.show	= objects_show,
};

static int objects_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &objects_sops, sizeof(struct cursor));
}

static const struct file_operations objects_fops = {
	.owner		= THIS_MODULE,
	.open		= objects_open,
	.read		= seq_read,
	.llseek		= seq_lseek,
	.release	= seq_release_private,
};

static int __init execmem_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("execmem", NULL);

	debugfs_create_file("summary", 0444, dir, NULL, &summary_fops);
	debugfs_create_file("objects", 0400, dir, NULL, &objects_fops);
	return 0;
}
late_initcall(execmem_debugfs_init);

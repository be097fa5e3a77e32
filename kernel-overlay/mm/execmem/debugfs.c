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
			if (execmem_get_stats(type, domain, &s))
				continue;
			seq_printf(m, "%-8s %-9s %8zu %8zu %8lu %6u %6u\n", type_names[type],
				   domain_names[domain], s.reserved, s.used, s.nr_objects,
				   s.nr_packs, s.nr_huge);
		}
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(summary);

/**
 * struct line - a line of the list
 * @pack:	the pack
 * @text:	text in the pack; empty in the line for the pack itself
 *
 * The position of a line in the file is the address of the pack, or one more than the
 * address of the text. Packs and text that appear or disappear meanwhile move no other line.
 */
struct line {
	const struct execmem_pack *pack;
	struct execmem_extent text;
};

static const void *text_addr(const struct line *line)
{
	return execmem_pack_addr(line->pack, line->text.start);
}

/* Find the next text in the pack. Hold the pool lock for one leaf at a time. */
static bool find_text(struct line *line)
{
	unsigned int leaf;

	for (leaf = line->text.end / EXECMEM_LEAF; leaf < line->pack->nr_leaves; leaf++) {
		guard(spinlock)(&line->pack->pool->lock);
		if (execmem_pack_next(line->pack, leaf, &line->text))
			return true;
	}

	return false;
}

/* Find the first line at or behind a position. */
static void *find_line(struct line *line, loff_t *pos)
{
	const void *addr = (void *)(unsigned long)*pos;

	while ((line->pack = execmem_next_pack(addr))) {
		line->text = (struct execmem_extent) { };
		if (addr <= line->pack->base) {
			*pos = (unsigned long)line->pack->base;
			return line;
		}
		line->text.end = (addr - 1 - line->pack->base) >> line->pack->shift;
		if (find_text(line)) {
			*pos = (unsigned long)text_addr(line) + 1;
			return line;
		}
		addr = line->pack->base + line->pack->size;
	}

	return NULL;
}

static void *objects_start(struct seq_file *m, loff_t *pos) __acquires(RCU)
{
	rcu_read_lock();
	return find_line(m->private, pos);
}

static void *objects_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct line *line = v;

	*pos = (unsigned long)text_addr(line) + execmem_pack_bytes(line->pack, &line->text) + 1;
	return find_line(line, pos);
}

static void objects_stop(struct seq_file *m, void *v) __releases(RCU)
{
	rcu_read_unlock();
}

static int objects_show(struct seq_file *m, void *v)
{
	const struct line *line = v;
	const struct execmem_pack *pack = line->pack;

	if (line->text.end)
		seq_printf(m, "%px %zu%s\n", text_addr(line),
			   execmem_pack_bytes(pack, &line->text), line->text.live ? "" : " freed");
	else
		seq_printf(m, "pack %s %s %px %zu%s%s\n", type_names[pack->pool->type],
			   domain_names[pack->pool->domain], pack->base, pack->size,
			   pack->huge ? " huge" : "", execmem_pack_is_solo(pack) ? " solo" : "");
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
	return seq_open_private(file, &objects_sops, sizeof(struct line));
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

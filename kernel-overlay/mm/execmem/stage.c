// SPDX-License-Identifier: GPL-2.0
/*
 * Prepare module text in a copy, because the pages of the text are shared and executable.
 *
 * The loader writes to text in thousands of places, and reads it again in between. It
 * does so in a copy, which is ordinary memory. The text is an object of the execmem slab
 * and contains traps meanwhile. execmem_staged() converts an address of the text to the
 * corresponding address of the copy. At the end, execmem_seal_text() writes the whole
 * text at once and synchronises all CPUs once.
 */

#include <linux/cache.h>
#include <linux/err.h>
#include <linux/memory.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/rculist.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/vmalloc.h>

#include "pages.h"
#include "stage.h"

/*
 * For debugging: do not map text before it is sealed, so that an access to the text
 * instead of the copy faults. Such text shares no page with other text.
 */
bool execmem_hide_staged;
#undef MODULE_PARAM_PREFIX
#define MODULE_PARAM_PREFIX "execmem."
module_param_named(hide_staged, execmem_hide_staged, bool, 0644);
MODULE_PARM_DESC(hide_staged, "Unmap text of modules until it is complete");

/* Instruction decoders may read this number of bytes behind the last instruction. */
#define SLACK	16

/**
 * struct stage - a copy of text that is being prepared
 * @link:	in @stages
 * @text:	address that the text will be executed at
 * @copy:	address that the text is written at
 * @size:	number of bytes of both
 * @hidden:	whether the pages of @text are not mapped
 * @claimed:	whether a task seals or frees the text
 * @rcu:	for readers of @stages
 */
struct stage {
	struct list_head link;
	void *text;
	void *copy;
	size_t size;
	bool hidden;
	bool claimed;
	struct rcu_head rcu;
};

/* All copies. Readers hold the RCU read lock. */
static LIST_HEAD(stages);
/* Protects changes of @stages, and stage->claimed; innermost. */
static DEFINE_SPINLOCK(stages_lock);

/* Find the stage that contains @addr. The caller holds the RCU read lock. */
static struct stage *find_stage(const void *addr)
{
	struct stage *s;

	list_for_each_entry_rcu(s, &stages, link)
		if (addr >= s->text && addr < s->text + s->size)
			return s;

	return NULL;
}

/*
 * Find the stage that begins at @text. It stays valid until the caller releases it, even if
 * a buggy caller seals or frees the text meanwhile. Return NULL if there is none, and -EBUSY
 * if another task has claimed it.
 */
static struct stage *claim_stage(const void *text)
{
	struct stage *s;

	guard(rcu)();
	guard(spinlock)(&stages_lock);
	s = find_stage(text);
	if (!s || s->text != text)
		return NULL;
	if (s->claimed)
		return ERR_PTR(-EBUSY);

	s->claimed = true;
	return s;
}

static void release_stage(struct stage *s)
{
	guard(spinlock)(&stages_lock);
	s->claimed = false;
}

static void unlist_stage(struct stage *s)
{
	spin_lock(&stages_lock);
	list_del_rcu(&s->link);
	spin_unlock(&stages_lock);
}

static int hide(struct stage *s)
{
	s->hidden = true;
	return set_memory_np((unsigned long)s->text, PAGE_ALIGN(s->size) >> PAGE_SHIFT);
}

static int unhide(struct stage *s)
{
	if (!s->hidden)
		return 0;

	s->hidden = false;
	return set_memory_p((unsigned long)s->text, PAGE_ALIGN(s->size) >> PAGE_SHIFT);
}

static void free_stage(struct stage *s)
{
	vfree(s->copy);
	kfree_rcu(s, rcu);
}

/* Allocate text and its copy. Return the text, or NULL. */
void *execmem_stage_copy(enum execmem_type type, size_t size, size_t align)
{
	struct stage *s = kzalloc(sizeof(*s), GFP_KERNEL);
	bool hidden = READ_ONCE(execmem_hide_staged);
	/* The text shares no cache line with other text. */
	size_t unit = hidden ? PAGE_SIZE : L1_CACHE_BYTES;

	if (!s)
		return NULL;

	s->size = size;
	s->text = execmem_text_alloc(type, EXECMEM_TRUSTED, size, clamp(align, unit, PAGE_SIZE));
	s->copy = __vmalloc(size + SLACK, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	if (!s->text || !s->copy || (hidden && hide(s))) {
		unhide(s);
		execmem_free(s->text);
		vfree(s->copy);
		kfree(s);
		return NULL;
	}

	spin_lock(&stages_lock);
	list_add_rcu(&s->link, &stages);
	spin_unlock(&stages_lock);
	return s->text;
}

/**
 * execmem_staged - convert an address of text to the address in its copy
 * @staged:	any address
 *
 * Only the loader of the text, and tasks that hold text_mutex, may read and write at the
 * result. It is valid until execmem_seal_text() or execmem_free().
 *
 * Context: Any context in which RCU is watching.
 * Return: the address in the copy, or @staged if no copy exists.
 */
void *execmem_staged(const void __staged *staged)
{
	const void *addr = (__force const void *)staged;
	const struct stage *s;

	if (list_empty(&stages))
		return (void *)addr;

	guard(rcu)();
	s = find_stage(addr);
	return s ? s->copy + (addr - s->text) : (void *)addr;
}

/*
 * Write the copy to the text.
 *
 * Do not hold text_mutex during the write: probes and static keys would wait for it. A task
 * that holds the mutex may change the copy until it is unlisted: when a second CPU comes
 * online, lock prefixes are restored in all modules. Compare text and copy under the mutex.
 */
static int write_text(struct stage *s)
{
	int ret = unhide(s);

	if (!ret)
		ret = execmem_text_copy(s->text, 0, s->copy, s->size);
	if (ret)
		return ret;

	guard(mutex)(&text_mutex);
	if (memcmp(s->text, s->copy, s->size))
		ret = execmem_text_copy(s->text, 0, s->copy, s->size);
	if (!ret)
		unlist_stage(s);
	return ret;
}

/*
 * Write the copy to the text and free the copy. Return 0, -ENOENT if @text has no copy,
 * -EBUSY if another task seals or frees it, -EINVAL if the size differs, or an error of
 * execmem_text_copy().
 */
int execmem_stage_seal(void *text, size_t size)
{
	struct stage *s = claim_stage(text);
	int ret;

	if (IS_ERR_OR_NULL(s))
		return s ? PTR_ERR(s) : -ENOENT;

	ret = size == s->size ? write_text(s) : -EINVAL;
	if (ret) {
		release_stage(s);
		return ret;
	}

	free_stage(s);
	text_poke_sync();
	return 0;
}

/*
 * Free the copy of text that was not sealed, if there is one. Return 0, or -EBUSY if another
 * task seals or frees the text.
 */
int execmem_stage_drop(const void *text)
{
	struct stage *s = list_empty(&stages) ? NULL : claim_stage(text);

	if (IS_ERR_OR_NULL(s))
		return PTR_ERR(s);

	WARN_ON(unhide(s));
	unlist_stage(s);
	free_stage(s);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Text that is prepared before any CPU can execute it, such as that of a module.
 *
 * Relocations, alternatives and the like read and write it in thousands of places, in
 * an order that each architecture knows best. That is done where it cannot be executed,
 * and what it has become is made executable once, as a whole.
 *
 * Where the architecture's loader writes to execmem_staged(), the text is the slab's,
 * full of traps all the while, and what is prepared is a copy in ordinary memory, which
 * knows the addresses it will be at. It costs one write of all the text and at most one
 * synchronisation, no matter how many places there are. Elsewhere the text has pages of
 * its own, writable and not executable, until they are sealed.
 */

#include <linux/cacheflush.h>
#include <linux/error-injection.h>
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/memory.h>
#include <linux/rculist.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/vmalloc.h>

#include "pages.h"
#include "stage.h"

/* So much may be read behind the copy: who decodes its last instruction finds traps. */
#define SLACK	16

/**
 * struct stage - a copy of text that is being prepared
 * @link:	in @stages
 * @text:	where it is going to be executed
 * @copy:	where it is written, until then
 * @size:	bytes of both
 * @rcu:	for those who walk the list
 */
struct stage {
	struct list_head link;
	void *text;
	void *copy;
	size_t size;
	struct rcu_head rcu;
};

/* As many as modules are being loaded now. Read under RCU. */
static LIST_HEAD(stages);
static DEFINE_SPINLOCK(stages_lock);	/* who adds or removes one; nests in nothing */

/* Called with RCU read lock or stages_lock held. */
static struct stage *find_stage(const void *addr)
{
	struct stage *s;

	list_for_each_entry_rcu(s, &stages, link, lockdep_is_held(&stages_lock))
		if (addr >= s->text && addr < s->text + s->size)
			return s;

	return NULL;
}

static void free_stage(struct stage *s)
{
	vfree(s->copy);
	kfree_rcu(s, rcu);
}

/* Take the stage of @text off the list. */
static struct stage *unlist_stage(const void *text)
{
	struct stage *s;

	guard(spinlock)(&stages_lock);
	s = find_stage(text);
	if (!s || s->text != text)
		return NULL;

	list_del_rcu(&s->link);
	return s;
}

static void list_stage(struct stage *s)
{
	guard(spinlock)(&stages_lock);
	list_add_rcu(&s->link, &stages);
}

static void *stage_in_slab(enum execmem_type type, size_t size, size_t align)
{
	struct stage *s = kmalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;

	s->size = size;
	s->text = execmem_text_alloc(type, EXECMEM_TRUSTED, size, min(align, PAGE_SIZE));
	s->copy = __vmalloc(size + SLACK, GFP_KERNEL | __GFP_NOWARN);
	if (!s->text || !s->copy) {
		execmem_free(s->text);
		vfree(s->copy);
		kfree(s);
		return NULL;
	}

	memset32(s->copy, TEXT_POKE_TRAP, (size + SLACK) / sizeof(u32));
	list_stage(s);
	return s->text;
}

/* Not inlined, so that /proc/vmallocinfo has its name. */
static noinline void *stage_in_pages(enum execmem_type type, size_t size)
{
	const struct execmem_range *range = execmem_range(type);
	void *text;

	size = PAGE_ALIGN(size);
	text = execmem_vmalloc(range, size, range->alignment, execmem_text_pgprot(range),
			       VM_FLUSH_RESET_PERMS | VM_EXECMEM_TEXT,
			       __builtin_return_address(0));
	if (!text)
		return NULL;

	/* Code has no pointers to what kmemleak looks for. */
	kmemleak_ignore(text);
	/* parisc's tables within text end at a zero, which is what a trap is there. */
	memset32(text, TEXT_POKE_TRAP, size / sizeof(u32));
	return text;
}

/**
 * execmem_stage_alloc - allocate text that is going to be written in many places
 * @type:	where it may be
 * @size:	how many bytes
 * @align:	at least this, a power of two; no more than a page is given
 *
 * The text has the address that it will be executed at, but is not executable, or full
 * of traps, until execmem_stage_seal(). Its bytes are at execmem_staged(), and are
 * traps. It is freed by execmem_free(), sealed or not.
 *
 * Context: Process context, may sleep.
 * Return: the text, or NULL.
 */
void *execmem_stage_alloc(enum execmem_type type, size_t size, size_t align)
{
	if (!execmem_is_text_type(type) || !size || size > EXECMEM_TEXT_MAX ||
	    !is_power_of_2(align))
		return NULL;

	if (execmem_range(type)->flags & EXECMEM_STAGED)
		return stage_in_slab(type, size, align);
	return stage_in_pages(type, size);
}
ALLOW_ERROR_INJECTION(execmem_stage_alloc, NULL);

/**
 * execmem_staged - where to read and write text that is being prepared
 * @addr:	any address
 *
 * For who prepares the text that @addr is in: nobody else may use the result, which is
 * valid until the text is sealed or freed.
 *
 * Context: Any, where RCU is watching.
 * Return: where the byte at @addr is until the text is sealed; @addr itself for what is
 *	   not being prepared, or is in place.
 */
void *execmem_staged(const void *addr)
{
	const struct stage *s;
	const void *to = addr;

	if (list_empty(&stages))
		return (void *)addr;

	rcu_read_lock();
	s = find_stage(addr);
	if (s)
		to = s->copy + (addr - s->text);
	rcu_read_unlock();

	return (void *)to;
}

static int seal_pages(void *text, size_t size)
{
	if (!(execmem_area_flags(text) & VM_EXECMEM_TEXT))
		return -EINVAL;

	size = PAGE_ALIGN(size);
	flush_icache_range((unsigned long)text, (unsigned long)text + size);
	if (IS_ENABLED(CONFIG_STRICT_MODULE_RWX))
		return set_memory_rox((unsigned long)text, size >> PAGE_SHIFT);
	return set_memory_x((unsigned long)text, size >> PAGE_SHIFT);
}

/**
 * execmem_stage_seal - make text executable that has been prepared
 * @text:	what execmem_stage_alloc() returned
 * @size:	as it was asked for
 *
 * From now on it is read-only, for kernels with CONFIG_STRICT_MODULE_RWX, and written
 * by the text-patching layer alone. One text_poke_sync() must follow for any number of
 * calls, before a CPU may execute the text.
 *
 * Context: Process context, may sleep. Takes text_mutex, for those who write to text
 * under it, and look for it by execmem_staged().
 * Return: 0; -EINVAL if this is not text of execmem_stage_alloc(); what writing it
 *	   failed with, or changing its permissions. Then it must be freed.
 */
int execmem_stage_seal(void *text, size_t size)
{
	struct stage *s;
	int ret;

	/* Text of the slab that has no stage is sealed. */
	if (execmem_staged(text) == text)
		return execmem_text_size(text) ? -EINVAL : seal_pages(text, size);

	guard(mutex)(&text_mutex);
	s = unlist_stage(text);
	if (!s)
		return -EINVAL;

	ret = size == s->size ? execmem_text_copy(text, 0, s->copy, size) : -EINVAL;
	free_stage(s);
	return ret;
}
ALLOW_ERROR_INJECTION(execmem_stage_seal, ERRNO);

/* For execmem_free(), whose text may not have been sealed. */
void execmem_stage_drop(const void *text)
{
	struct stage *s;

	if (execmem_staged(text) == text)
		return;

	s = unlist_stage(text);
	if (s)
		free_stage(s);
}

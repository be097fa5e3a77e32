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
 * its own, writable and not executable, until they are sealed. So has text that is too
 * large to share a pack.
 */

#include <linux/cache.h>
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
	/* It shares no cache line with its neighbours. */
	align = clamp(align, L1_CACHE_BYTES, PAGE_SIZE);
	s->text = execmem_text_alloc(type, EXECMEM_TRUSTED, size, align);
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
	unsigned long vm_flags = VM_FLUSH_RESET_PERMS | VM_EXECMEM_TEXT;
	void *text;

	size = execmem_is_solo(size) ? execmem_solo_size(range, size) : PAGE_ALIGN(size);
	vm_flags |= execmem_huge_flag(range, size);
	text = execmem_vmalloc(range, size, range->alignment, execmem_text_pgprot(range), vm_flags,
			       __builtin_return_address(0));
	if (!text)
		return NULL;

	/* Code has no pointers to what kmemleak looks for. */
	kmemleak_ignore(text);
	/* parisc's tables within text end at a zero, which is what a trap is there. */
	execmem_fill_traps(text, size);
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

	if (IS_ENABLED(CONFIG_EXECMEM_SLAB) && execmem_range(type)->flags & EXECMEM_STAGED &&
	    !execmem_is_solo(size))
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
	size_t area = execmem_area_size(text, VM_EXECMEM_TEXT);

	if (!size || size > area)
		return -EINVAL;

	/* Without an MMU the size of an area is not known. */
	if (!IS_ENABLED(CONFIG_MMU))
		area = PAGE_ALIGN(size);
	flush_icache_range((unsigned long)text, (unsigned long)text + area);
	if (IS_ENABLED(CONFIG_STRICT_MODULE_RWX))
		return set_memory_rox((unsigned long)text, area >> PAGE_SHIFT);
	return set_memory_x((unsigned long)text, area >> PAGE_SHIFT);
}

static int seal_copy(struct stage *s, size_t size)
{
	int ret = -EINVAL;

	if (IS_ENABLED(CONFIG_EXECMEM_SLAB) && size == s->size)
		ret = execmem_text_copy(s->text, 0, s->copy, size);

	free_stage(s);
	return ret;
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
 * Context: Process context, may sleep. Takes text_mutex while any text is prepared in a
 * copy: writers hold it when they look for text by execmem_staged().
 * Return: 0; -EINVAL if no text of that size is prepared at @text; what writing it
 *	   failed with, or changing its permissions. Then it must be freed.
 */
int execmem_stage_seal(void *text, size_t size)
{
	struct stage *s;
	int ret = 0;

	/* Text that is prepared in place does not wait for the mutex. */
	if (list_empty(&stages))
		return seal_pages(text, size);

	mutex_lock(&text_mutex);
	s = unlist_stage(text);
	if (s)
		ret = seal_copy(s, size);
	mutex_unlock(&text_mutex);

	return s ? ret : seal_pages(text, size);
}
ALLOW_ERROR_INJECTION(execmem_stage_seal, ERRNO);

/* For execmem_free(), whose text may not have been sealed. */
void execmem_stage_drop(const void *text)
{
	struct stage *s = list_empty(&stages) ? NULL : unlist_stage(text);

	if (s)
		free_stage(s);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Create and free generated functions, and list them in kallsyms.
 *
 * A function is encoded into a private buffer and copied to text from the execmem slab.
 * It is then encoded a second time and compared with the text. Only after that does the
 * caller learn the address of the function.
 */
#define DEFAULT_SYMBOL_NAMESPACE "RECORD_UNPACK"

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/error-injection.h>
#include <linux/execmem.h>
#include <linux/export.h>
#include <linux/kallsyms.h>
#include <linux/list.h>
#include <linux/perf_event.h>
#include <linux/rcupdate.h>
#include <linux/record_emit.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/text-patching.h>

/* All functions; read under RCU. */
static LIST_HEAD(functions);
static DEFINE_SPINLOCK(functions_lock);		/* serialises changes of the list */

/**
 * struct source - input of the encoder
 * @prog:	the steps of an unpack function, or NULL for a dispatcher
 * @target:	functions that the dispatcher jumps to, by slot
 * @nr:		number of slots
 * @other:	function that the dispatcher jumps to for all other slots
 */
struct source {
	const struct record_prog	*prog;
	const record_unpack_t		*target;
	unsigned int			nr;
	record_unpack_t			other;
};

/*
 * Encode a function that will be executed at @ip. Set *@entry to the offset of its entry.
 * Return its size or a negative errno.
 */
static ssize_t emit(const struct source *s, void *buf, size_t len, const void *ip, size_t *entry)
{
	struct record_code c = { .buf = buf, .len = len, .ip = ip };
	int err;

	err = s->prog ? arch_record_emit(&c, s->prog)
		      : arch_record_emit_select(&c, s->target, s->nr, s->other);
	if (err)
		return err;
	if (c.pos > RECORD_MAX_CODE)
		return -E2BIG;

	*entry = c.entry;
	return c.pos;
}

/* Encode again and compare: no CPU shall execute the result of a stray write. */
static int verify(const struct source *s, const void *text, size_t size)
{
	void *again __free(kfree) = kzalloc(size, GFP_KERNEL);
	size_t entry;

	if (!again)
		return -ENOMEM;
	if (emit(s, again, size, text, &entry) != size ||
	    WARN_ONCE(memcmp(again, text, size), "record_unpack: text differs from its code\n"))
		return -EIO;

	return 0;
}

static int write_text(struct record_unpack *u, const struct source *s)
{
	void *buf __free(kfree) = kzalloc(u->size, GFP_KERNEL);
	size_t entry;
	ssize_t size;
	int err;

	if (!buf)
		return -ENOMEM;

	size = emit(s, buf, u->size, u->text, &entry);
	if (size < 0)
		return size;
	/* The size must not depend on the address. record_put() never exceeds the buffer. */
	if (WARN_ON_ONCE(size != u->size))
		return -EINVAL;

	err = execmem_text_copy(u->text, 0, buf, u->size);
	if (err)
		return err;

	u->fn = u->text + entry;
	return verify(s, u->text, u->size);
}

static void announce(struct record_unpack *u)
{
	spin_lock(&functions_lock);
	list_add_tail_rcu(&u->link, &functions);
	spin_unlock(&functions_lock);

	perf_event_ksymbol(PERF_RECORD_KSYMBOL_TYPE_OOL, (unsigned long)u->text, u->size, false,
			   u->name);
	perf_event_text_poke(u->text, NULL, 0, u->text, u->size);
}

static struct record_unpack *create(const struct source *s, const char *name)
{
	struct record_unpack *u __free(kfree) = kzalloc(sizeof(*u), GFP_KERNEL);
	size_t entry;
	ssize_t size;
	int err;

	if (!u)
		return ERR_PTR(-ENOMEM);

	size = emit(s, NULL, 0, NULL, &entry);
	if (size < 0)
		return ERR_PTR(size);

	u->size = size;
	strscpy(u->name, name);
	/* Field widths may come from a disk, and the text contains them as shift counts. */
	u->text = execmem_text_alloc(EXECMEM_DEFAULT, EXECMEM_UNTRUSTED, u->size, 1);
	if (!u->text)
		return ERR_PTR(-ENOMEM);

	err = write_text(u, s);
	if (err) {
		execmem_free(u->text);
		return ERR_PTR(err);
	}

	announce(u);
	return_ptr(u);
}

/**
 * record_unpack_create - generate a function that unpacks records
 * @shape:	the shape of the records, which may be invalid
 * @name:	symbol name for kallsyms and perf, truncated to 63 characters
 *
 * The function reads only the record and the constants, writes only the result, and does
 * not sleep. Its text never changes and does not contain the constants.
 *
 * On x86, do not call it through a pointer: it has neither an ENDBR nor a type hash. Use
 * record_unpack_select().
 *
 * Context: Process context. May sleep and allocates with GFP_KERNEL, so the caller must
 *	    not hold locks that reclaim takes.
 * Return: the function, to be called only after record_unpack_sync(), or an ERR_PTR():
 *	   -EINVAL if the shape is invalid;
 *	   -ENOMEM if memory is short;
 *	   -ERANGE if the code cannot reach a branch target;
 *	   -E2BIG if the code exceeds RECORD_MAX_CODE bytes;
 *	   -EIO if the text differs from a second encoding;
 *	   or an error of execmem_text_copy()
 */
struct record_unpack *record_unpack_create(const struct record_shape *shape, const char *name)
{
	struct record_prog prog;
	int err = record_compile(&prog, shape, arch_record_any_byte());

	if (err)
		return ERR_PTR(err);

	return create(&(struct source) { .prog = &prog }, name);
}
EXPORT_SYMBOL_GPL(record_unpack_create);
ALLOW_ERROR_INJECTION(record_unpack_create, ERRNO);

/**
 * record_unpack_select - generate a dispatcher that jumps to the function of a slot
 * @target:	functions by slot, NULL for a slot without a function
 * @nr:		number of slots; calls must pass a smaller slot
 * @other:	function to jump to for all other slots
 * @name:	symbol name for kallsyms and perf
 *
 * The dispatcher is the target of a static call, so a call takes no indirect branch. The
 * caller keeps the functions until the dispatcher has been freed and an RCU Tasks grace
 * period has passed.
 *
 * Context: See record_unpack_create().
 * Return: as record_unpack_create(), or -EOPNOTSUPP on architectures without static
 *	   calls, where functions are called through pointers
 */
struct record_unpack *record_unpack_select(const record_unpack_t *target, unsigned int nr,
					   record_unpack_t other, const char *name)
{
	return create(&(struct source) { .target = target, .nr = nr, .other = other }, name);
}
EXPORT_SYMBOL_GPL(record_unpack_select);

/* Copy only the bytes that differ: CPUs may execute the others. */
static int copy_changes(struct record_unpack *u, const u8 *new)
{
	const u8 *old = u->text;
	size_t at = 0, end;
	int err = 0;

	for (; at < u->size && !err; at = end) {
		bool same = old[at] == new[at];

		for (end = at; end < u->size && (old[end] == new[end]) == same; end++)
			;
		if (same)
			continue;
		perf_event_text_poke(u->text + at, old + at, end - at, new + at, end - at);
		err = execmem_text_copy(u->text, at, new + at, end - at);
	}

	return err;
}

/**
 * record_unpack_reselect - let a dispatcher jump to other functions
 * @u:		the dispatcher
 * @target:	functions by slot, NULL for a slot without a function
 * @nr:		number of slots, as in record_unpack_select()
 * @other:	function to jump to for all other slots
 *
 * No CPU may execute a jump that changes. Stop calls with the slot one RCU Tasks grace
 * period earlier, and start them again after the next record_unpack_sync(). Calls with
 * other slots may continue, because each slot has its own jump.
 *
 * Context: See record_unpack_create(). Calls for one dispatcher must be serialised.
 * Return: 0 on success, or an error of record_unpack_create(); the functions of some slots
 *	   may have changed then
 */
int record_unpack_reselect(struct record_unpack *u, const record_unpack_t *target,
			   unsigned int nr, record_unpack_t other)
{
	void *buf __free(kfree) = kzalloc(u->size, GFP_KERNEL);
	struct source s = { .target = target, .nr = nr, .other = other };
	size_t entry;
	ssize_t size;
	int err;

	if (!buf)
		return -ENOMEM;

	size = emit(&s, buf, u->size, u->text, &entry);
	if (size < 0)
		return size;
	if (WARN_ON_ONCE(size != u->size))
		return -EINVAL;

	err = copy_changes(u, buf);
	return err ?: verify(&s, u->text, u->size);
}
EXPORT_SYMBOL_GPL(record_unpack_reselect);

/**
 * record_unpack_sync - make new functions visible to all CPUs
 *
 * Call this after functions have been created, or slots of a dispatcher changed, and before
 * any CPU can reach them. It interrupts all CPUs: call it once for many functions.
 *
 * Context: Process context. May sleep.
 */
void record_unpack_sync(void)
{
	text_poke_sync();
}
EXPORT_SYMBOL_GPL(record_unpack_sync);

/**
 * record_unpack_free - free an unpublished function
 * @u:	the function, or NULL
 *
 * No new call may start, but tasks may still execute the function: its text is reused
 * after an RCU Tasks grace period.
 *
 * Context: Process context. May sleep.
 */
void record_unpack_free(struct record_unpack *u)
{
	if (!u)
		return;

	perf_event_text_poke(u->text, u->text, u->size, NULL, 0);
	perf_event_ksymbol(PERF_RECORD_KSYMBOL_TYPE_OOL, (unsigned long)u->text, u->size, true,
			   u->name);
	spin_lock(&functions_lock);
	list_del_rcu(&u->link);
	spin_unlock(&functions_lock);

	execmem_retire(u->text);
	kfree_rcu(u, rcu);
}
EXPORT_SYMBOL_GPL(record_unpack_free);

/**
 * record_unpack_barrier - wait until no task executes a freed function
 *
 * A module calls this before it unloads functions that a freed dispatcher jumps to.
 *
 * Context: Process context. May sleep for several grace periods.
 */
void record_unpack_barrier(void)
{
	execmem_retire_barrier();
}
EXPORT_SYMBOL_GPL(record_unpack_barrier);

/* Report function number @nr to /proc/kallsyms. */
int record_unpack_get_kallsym(unsigned int nr, unsigned long *value, char *type, char *name)
{
	struct record_unpack *u;

	guard(rcu)();
	list_for_each_entry_rcu(u, &functions, link) {
		if (nr--)
			continue;
		*value = (unsigned long)u->text;
		*type = 't';
		strscpy(name, u->name, KSYM_NAME_LEN);
		return 0;
	}

	return -ERANGE;
}

/*
 * For kernel_text_address(). Answers for all text of the domain, because a stack may still
 * contain an address in freed text.
 */
bool is_record_unpack_text(unsigned long addr)
{
	return execmem_is_text(EXECMEM_DEFAULT, EXECMEM_UNTRUSTED, addr);
}

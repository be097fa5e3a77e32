// SPDX-License-Identifier: GPL-2.0
/*
 * Generated functions that unpack records: where their text comes from, what is done
 * to be sure of it, and who can see it.
 *
 * A function is encoded into a buffer that nobody else is given, written to text from
 * the execmem slab, encoded a second time and compared with that text. Only then does
 * anybody learn its address.
 */
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
static DEFINE_SPINLOCK(functions_lock);		/* protects changes of the list */

/**
 * struct source - what a function is made from
 * @prog:	the steps, or NULL
 * @target:	otherwise the functions that it selects from
 * @nr:		how many there are
 * @other:	what it jumps to for none of them
 */
struct source {
	const struct record_prog	*prog;
	const record_unpack_t		*target;
	unsigned int			nr;
	record_unpack_t			other;
};

/* Encode it for @ip. Returns its size, or an error; *@entry is where to call it. */
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

/* Stray writes, to the buffer or to the text, do not get a CPU to execute them. */
static int verify(const struct source *s, const void *text, size_t size)
{
	void *again __free(kfree) = kzalloc(size, GFP_KERNEL);
	size_t entry;

	if (!again)
		return -ENOMEM;
	if (emit(s, again, size, text, &entry) != size ||
	    WARN_ONCE(memcmp(again, text, size), "record_unpack: text is not what was written\n"))
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
	/* The size does not depend on the address; a backend that errs writes no further. */
	if (WARN_ON_ONCE(size != u->size))
		return -EINVAL;

	err = execmem_text_copy(u->text, 0, buf, u->size);
	if (err)
		return err;
	text_poke_sync();

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
	/* Widths may come from a disk, and are in the text as shifts. */
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
 * @shape:	what they look like, which need not be valid
 * @name:	for kallsyms and perf; of this the first 63 characters are kept
 *
 * The function reads nothing but the record and the constants, writes nothing but the
 * result, and does not sleep. It does not change, and constants are not part of it.
 *
 * Where retpolines are in use a call of it through a pointer costs more than decoding
 * the record in C: see record_unpack_select().
 *
 * Context: Process context, may sleep, also for memory. Locks that reclaim takes must
 *	    not be held.
 * Return: the function, which every CPU may call; or an ERR_PTR():
 *	   -EINVAL if no record can have that shape;
 *	   -ENOMEM if there is no memory;
 *	   -ERANGE if something the code needs is out of its reach;
 *	   -E2BIG if it takes more code than any is expected to;
 *	   -EIO if what was generated fails its check;
 *	   or as execmem_text_copy()
 */
struct record_unpack *record_unpack_create(const struct record_shape *shape, const char *name)
{
	struct record_prog prog;
	int err = record_compile(&prog, shape, arch_record_any_byte());

	if (err)
		return ERR_PTR(err);

	return create(&(struct source) { .prog = &prog }, name);
}
EXPORT_SYMBOL_NS_GPL(record_unpack_create, RECORD_UNPACK);
ALLOW_ERROR_INJECTION(record_unpack_create, ERRNO);

/**
 * record_unpack_select - generate a function that jumps to one of several
 * @target:	these, by the number of their slot; NULL where there is none
 * @nr:		how many slots there are
 * @other:	what to jump to for all other slots
 * @name:	for kallsyms and perf
 *
 * For a static call: then no indirect branch is taken on the way to a function. The
 * caller keeps all of them until this one has been freed and nobody is in it.
 *
 * Context: As record_unpack_create().
 * Return: as record_unpack_create(), or -EOPNOTSUPP where an architecture has no
 *	   static calls and functions are called through pointers
 */
struct record_unpack *record_unpack_select(const record_unpack_t *target, unsigned int nr,
					   record_unpack_t other, const char *name)
{
	return create(&(struct source) { .target = target, .nr = nr, .other = other }, name);
}
EXPORT_SYMBOL_NS_GPL(record_unpack_select, RECORD_UNPACK);

/**
 * record_unpack_free - free a function that nobody enters any more
 * @u:	the function, may be NULL
 *
 * Tasks may still be in it: its text is reused after an RCU Tasks grace period.
 *
 * Context: Process context, may sleep.
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
EXPORT_SYMBOL_NS_GPL(record_unpack_free, RECORD_UNPACK);

/**
 * record_unpack_barrier - wait until freed functions are left and gone
 *
 * For who unloads what they may jump to.
 *
 * Context: Process context, may sleep for several grace periods.
 */
void record_unpack_barrier(void)
{
	execmem_retire_barrier();
}
EXPORT_SYMBOL_NS_GPL(record_unpack_barrier, RECORD_UNPACK);

/* For /proc/kallsyms: the @nr-th function. */
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

/* For kernel_text_address(); what was freed may be on a stack still. */
bool is_record_unpack_text(unsigned long addr)
{
	return execmem_is_text(EXECMEM_DEFAULT, EXECMEM_UNTRUSTED, addr);
}

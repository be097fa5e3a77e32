// SPDX-License-Identifier: GPL-2.0
/*
 * Unpack keys with functions that are generated for the shapes of keys.
 *
 * The shape of a key consists of the field widths and of the set of fields that have no
 * bits but a constant. A file system has many btree nodes and few shapes. The constants stay
 * in the node's format. Nodes with different constants therefore share code, and a crafted
 * disk image cannot place constants in executable memory.
 *
 * A node holds the number of its shape's slot. Nodes without a slot hold 0. The table
 * (bkey_table.c) unpacks keys of slot 0 and of slots without code. A worker generates code,
 * because btree locks may be held when a node gets its format. It waits until no new shape
 * has appeared for a while: a mount then synchronises the CPUs once for all its shapes.
 *
 * With static calls (x86), a static call leads to a generated dispatcher that jumps to the
 * code of a slot: with retpolines, an indirect call would cost more than the table. The
 * static call is updated only once. After that, the worker rewrites jumps in the dispatcher
 * that no CPU executes, because code_fn[] has no function for their slots. Other
 * architectures call the functions in code_fn[].
 *
 * Code stays after the last node of its shape is gone, because another such node usually
 * appears soon. It is freed when another shape needs the slot.
 *
 * Locks, outermost first:
 *
 *   code_mutex		serialises generating, replacing and freeing code; may sleep
 *     slots_lock	protects the shape, state and user count of slots
 */

#include "bcachefs.h"
#include "bkey.h"
#include "bkey_code.h"
#include "bkey_shape.h"
#include "bkey_table.h"
#include "btree_types.h"

#include <linux/debugfs.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/string_choices.h>
#include <linux/workqueue.h>

enum slot_state {
	SLOT_FREE,
	SLOT_WANTED,		/* no code yet */
	SLOT_READY,
	SLOT_REFUSED,		/* the shape is invalid */
	SLOT_FAILED,		/* generating failed for another reason */
	SLOT_LEAVING,		/* lookups skip it, tasks may still execute its code */
};

static const char * const state_names[] = {
	[SLOT_FREE]	= "free",
	[SLOT_WANTED]	= "wanted",
	[SLOT_READY]	= "ready",
	[SLOT_REFUSED]	= "refused",
	[SLOT_FAILED]	= "failed",
	[SLOT_LEAVING]	= "leaving",
};

/**
 * struct slot - a shape and its code
 * @shape:	the shape
 * @state:	state of the code
 * @users:	number of nodes that hold this slot
 * @unpack:	the code; with SLOT_WANTED, CPUs cannot reach it yet
 * @hits:	keys unpacked by the code while unpack_check was on
 */
struct slot {
	union bkey_shape shape;
	enum slot_state state;
	unsigned int users;
	struct record_unpack *unpack;
	atomic64_t hits;
};

/* Slot 0 means "no slot"; slots[0] is unused. */
static struct slot slots[BKEY_CODE_SLOTS];
static DEFINE_SPINLOCK(slots_lock);
static DEFINE_MUTEX(code_mutex);
static bool crowded;		/* a shape found no free slot; under slots_lock */
static bool enabled = true;	/* under code_mutex */

/* Functions of slots with code in use. */
record_unpack_t bch2_bkey_code_fn[BKEY_CODE_SLOTS];

static void update_code(struct work_struct *work);
static DECLARE_DELAYED_WORK(code_work, update_code);

#define for_each_slot(s)	for (s = slots + 1; s < slots + BKEY_CODE_SLOTS; s++)

static struct slot *find_slot(union bkey_shape shape)
{
	struct slot *s, *free = NULL;

	for_each_slot(s) {
		if (s->state == SLOT_FREE)
			free = free ?: s;
		else if (s->state != SLOT_LEAVING && s->shape.all == shape.all)
			return s;
	}

	if (free) {
		*free = (struct slot) { .shape = shape, .state = SLOT_WANTED };
		/* A later shape defers the work again, at most once for each slot. */
		mod_delayed_work(system_dfl_wq, &code_work, HZ);
	} else {
		crowded = true;
		queue_delayed_work(system_dfl_wq, &code_work, HZ);
	}
	return free;
}

/**
 * bch2_bkey_code_get - get the slot for keys of a format, and request its code
 * @f:		the format, which may be invalid
 *
 * Context: Process context. Takes slots_lock. Btree locks may be held.
 * Return: a slot number for bch2_bkey_code_put(), or 0 if all slots are in use
 */
u8 bch2_bkey_code_get(const struct bkey_format *f)
{
	struct slot *s;

	guard(spinlock)(&slots_lock);
	s = find_slot(bch2_bkey_shape(f));
	if (!s)
		return 0;
	s->users++;
	return s - slots;
}

/**
 * bch2_bkey_code_put - release the slot of a node
 * @slot:	return value of bch2_bkey_code_get()
 *
 * Context: Process context. Takes slots_lock.
 */
void bch2_bkey_code_put(u8 slot)
{
	if (!slot)
		return;

	spin_lock(&slots_lock);
	slots[slot].users--;
	spin_unlock(&slots_lock);
}

/* The longest name is "bch2_unpack_5_64_64_32_32_32_64_00". */
static struct record_unpack *generate(union bkey_shape s)
{
	struct record_shape shape = bch2_bkey_record_shape(s);
	char name[64];

	snprintf(name, sizeof(name), "bch2_unpack_%u_%u_%u_%u_%u_%u_%u_%x", s.u64s, s.bits[0],
		 s.bits[1], s.bits[2], s.bits[3], s.bits[4], s.bits[5], s.constants);
	return record_unpack_create(&shape, name);
}

static enum slot_state state_of(const struct slot *s)
{
	guard(spinlock)(&slots_lock);
	return s->state;
}

static void set_state(struct slot *s, enum slot_state state)
{
	guard(spinlock)(&slots_lock);
	s->state = state;
}

#ifdef CONFIG_HAVE_STATIC_CALL
/* Unpack a key with the table: target of slots without code, which callers do not pass. */
static void unpack_c(void *dst, const void *src, const void *format, unsigned int slot)
{
	const struct btree *b = container_of(format, struct btree, format);

	bch2_bkey_table_unpack(dst, &b->table, format, src);
}

DEFINE_STATIC_CALL(bch2_bkey_unpack_slot, unpack_c);

/* The dispatcher behind the static call, or NULL; under code_mutex. */
static struct record_unpack *dispatcher;

/* Let the dispatcher jump to the functions of all slots that have one. */
static int link_code(void)
{
	record_unpack_t target[BKEY_CODE_SLOTS] = {};
	struct record_unpack *new;
	unsigned int i;

	for (i = 1; i < BKEY_CODE_SLOTS; i++)
		if (slots[i].unpack)
			target[i] = slots[i].unpack->fn;
	if (dispatcher)
		return record_unpack_reselect(dispatcher, target, BKEY_CODE_SLOTS, unpack_c);

	new = record_unpack_select(target, BKEY_CODE_SLOTS, unpack_c, "bch2_unpack_select");
	if (IS_ERR(new))
		return PTR_ERR(new);
	record_unpack_sync();
	static_call_update(bch2_bkey_unpack_slot, new->fn);
	dispatcher = new;
	return 0;
}

static void unlink_code(void)
{
	if (dispatcher)
		static_call_update(bch2_bkey_unpack_slot, unpack_c);
	record_unpack_free(dispatcher);
	dispatcher = NULL;
}
#else
static int link_code(void)
{
	return 0;
}

static void unlink_code(void)
{
}
#endif

static void use_slot(const struct slot *s, bool use)
{
	WRITE_ONCE(bch2_bkey_code_fn[s - slots], use ? s->unpack->fn : NULL);
}

/*
 * If a shape found no slot, let slots without users leave. Return whether any slot leaves.
 */
static bool any_leaving(void)
{
	bool any = false;
	struct slot *s;

	guard(spinlock)(&slots_lock);
	for_each_slot(s) {
		if (crowded && !s->users && s->state != SLOT_FREE) {
			s->state = SLOT_LEAVING;
			use_slot(s, false);
		}
		any |= s->state == SLOT_LEAVING;
	}
	crowded = false;

	return any;
}

static void free_leaving(void)
{
	struct slot *s;

	guard(mutex)(&code_mutex);
	for_each_slot(s) {
		if (state_of(s) != SLOT_LEAVING)
			continue;
		record_unpack_free(s->unpack);
		s->unpack = NULL;
		set_state(s, SLOT_FREE);
	}
}

/* Generate code for a slot that wants it. Return 0 or the reason why there is none. */
static int make_code(struct slot *s)
{
	struct record_unpack *u = s->unpack ?: generate(s->shape);

	if (!IS_ERR(u)) {
		s->unpack = u;
		return 0;
	}
	/* On -ENOMEM, the slot still wants code. */
	if (PTR_ERR(u) != -ENOMEM)
		set_state(s, PTR_ERR(u) == -EINVAL ? SLOT_REFUSED : SLOT_FAILED);
	return PTR_ERR(u);
}

/*
 * Generate and publish the code that slots want. Return true if memory was short and the
 * worker shall try again.
 */
static bool make_all_code(void)
{
	bool again = false, any = false;
	struct slot *s;
	int err;

	for_each_slot(s) {
		if (state_of(s) != SLOT_WANTED)
			continue;
		err = make_code(s);
		any |= !err;
		again |= err == -ENOMEM;
	}
	if (!any)
		return again;

	err = link_code();
	if (err) {
		if (err != -ENOMEM)
			pr_warn_once("bcachefs: unpacking keys with tables: %pe\n", ERR_PTR(err));
		return err == -ENOMEM;
	}

	/* Once for all slots: each call interrupts all CPUs. */
	record_unpack_sync();
	for_each_slot(s) {
		if (state_of(s) != SLOT_WANTED || !s->unpack)
			continue;
		set_state(s, SLOT_READY);
		use_slot(s, true);
	}
	return again;
}

static void update_code(struct work_struct *work)
{
	bool leaving, again = false;

	scoped_guard(mutex, &code_mutex) {
		leaving = any_leaving();
		if (enabled)
			again = make_all_code();
	}
	if (leaving) {
		/* No task enters their code. Wait for tasks that execute it. */
		synchronize_rcu_tasks();
		free_leaving();
	}
	if (again)
		queue_delayed_work(system_dfl_wq, &code_work, HZ);
}

static int set_enabled(const char *value, const struct kernel_param *param)
{
	struct slot *s;
	bool on;
	int err = kstrtobool(value, &on);

	if (err)
		return err;

	guard(mutex)(&code_mutex);
	enabled = on;
	/* Early in boot there are no slots, and no workqueues. */
	for_each_slot(s) {
		enum slot_state state = state_of(s);

		if (state == SLOT_READY)
			use_slot(s, on);
		if (state == SLOT_WANTED && on)
			mod_delayed_work(system_dfl_wq, &code_work, 0);
	}
	return 0;
}

static int get_enabled(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%c\n", enabled ? 'Y' : 'N');
}

static const struct kernel_param_ops enabled_ops = {
	.set = set_enabled,
	.get = get_enabled,
};
module_param_cb(unpack_jit, &enabled_ops, NULL, 0644);
MODULE_PARM_DESC(unpack_jit, "Unpack keys by generated code (default: on)");

/**
 * bch2_bkey_code_hit - count a key that generated code unpacked
 * @slot:	slot of its node
 */
void bch2_bkey_code_hit(u8 slot)
{
	atomic64_inc(&slots[slot].hits);
}

static void show_slot(struct seq_file *m, const struct slot *s, unsigned int nr)
{
	seq_printf(m, "%u %s %u %u %u %u %u %u %u %#x %zu %u %lld\n", nr,
		   state_names[s->state], s->shape.u64s, s->shape.bits[0], s->shape.bits[1],
		   s->shape.bits[2], s->shape.bits[3], s->shape.bits[4], s->shape.bits[5],
		   s->shape.constants, s->unpack ? s->unpack->size : 0, s->users,
		   (long long)atomic64_read(&s->hits));
}

static int code_show(struct seq_file *m, void *unused)
{
	struct slot *s, copy;

	guard(mutex)(&code_mutex);
	seq_printf(m, "generated code %s\n", str_on_off(enabled));
	seq_puts(m, "slot state u64s inode offset snapshot size version_hi version_lo");
	seq_puts(m, " constants bytes users hits\n");
	for_each_slot(s) {
		spin_lock(&slots_lock);
		copy = *s;
		spin_unlock(&slots_lock);
		if (copy.state != SLOT_FREE)
			show_slot(m, &copy, s - slots);
	}

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(code);

/**
 * bch2_bkey_code_debugfs - create the debugfs file "unpack_jit"
 * @dir:	debugfs directory of bcachefs
 */
void bch2_bkey_code_debugfs(struct dentry *dir)
{
	debugfs_create_file("unpack_jit", 0400, dir, NULL, &code_fops);
}

/**
 * bch2_bkey_code_init - create the dispatcher, so that mounts need not update calls
 *
 * Context: Process context. May sleep. If memory is short, the worker tries again.
 */
void __init bch2_bkey_code_init(void)
{
	guard(mutex)(&code_mutex);
	link_code();
}

/**
 * bch2_bkey_code_exit - free all code; no node may be left
 *
 * Context: Process context. May sleep for several grace periods.
 */
void bch2_bkey_code_exit(void)
{
	struct slot *s;

	/* The parameter can still be written: prevent new work. */
	disable_delayed_work_sync(&code_work);

	guard(mutex)(&code_mutex);
	unlink_code();
	for_each_slot(s) {
		WARN_ON(s->users);
		use_slot(s, false);
		record_unpack_free(s->unpack);
		s->unpack = NULL;
		s->state = SLOT_FREE;
	}
	/* A freed dispatcher jumps to functions in this module. */
	record_unpack_barrier();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Unpack keys with functions that are generated for the shapes of keys.
 *
 * The shape of a key consists of the field widths and of the set of fields that have no
 * bits but a constant. A file system has many btree nodes and few shapes. Each shape has
 * two functions: one for the whole key and one for the position. The constants stay in the
 * node's format. Nodes with different constants therefore share code, and a crafted disk
 * image cannot place constants in executable memory.
 *
 * A node holds the number of its shape's slot. Nodes without a slot hold 0. The table
 * (bkey_table.c) unpacks keys of slot 0 and of slots without code. A worker generates code,
 * because btree locks may be held when a node gets its format.
 *
 * With static calls (x86), a static call leads to a generated dispatcher that jumps to the
 * code of a slot: with retpolines, an indirect call would cost more than the table. Other
 * architectures have an array of pointers.
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
 * @unpack:	function for whole keys
 * @unpack_pos:	function for positions
 * @hits:	keys unpacked by the code while unpack_check was on
 */
struct slot {
	union bkey_shape shape;
	enum slot_state state;
	unsigned int users;
	struct record_unpack *unpack;
	struct record_unpack *unpack_pos;
	atomic64_t hits;
};

/* Slot 0 means "no slot"; slots[0] is unused. */
static struct slot slots[BKEY_CODE_SLOTS];
static DEFINE_SPINLOCK(slots_lock);
static DEFINE_MUTEX(code_mutex);
static bool crowded;		/* a shape found no free slot; under slots_lock */
static bool enabled = true;	/* written under code_mutex */
static bool outdated;		/* call targets must be updated; under code_mutex */

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

	if (free)
		*free = (struct slot) { .shape = shape, .state = SLOT_WANTED };
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
	bool wanted;
	struct slot *s;

	spin_lock(&slots_lock);
	s = find_slot(bch2_bkey_shape(f));
	if (s)
		s->users++;
	else
		crowded = true;
	wanted = !s || (s->state == SLOT_WANTED && READ_ONCE(enabled));
	spin_unlock(&slots_lock);

	if (wanted)
		mod_delayed_work(system_unbound_wq, &code_work, 0);

	return s ? s - slots : 0;
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

/**
 * bch2_bkey_unpack_c - unpack a key with the table of its node
 * @dst:	struct bkey to fill
 * @src:	struct bkey_packed to unpack
 * @format:	member of the node's struct btree
 * @slot:	ignored
 */
void bch2_bkey_unpack_c(void *dst, const void *src, const void *format, unsigned int slot)
{
	const struct btree *b = container_of(format, struct btree, format);

	bch2_bkey_table_unpack(dst, &b->table, format, src);
}

/**
 * bch2_bkey_unpack_pos_c - unpack the position of a key with the table of its node
 * @dst:	struct bpos to fill
 * @src:	struct bkey_packed to unpack
 * @format:	member of the node's struct btree
 * @slot:	ignored
 */
void bch2_bkey_unpack_pos_c(void *dst, const void *src, const void *format, unsigned int slot)
{
	const struct btree *b = container_of(format, struct btree, format);

	*(struct bpos *)dst = bch2_bkey_table_unpack_pos(&b->table, format, src);
}

/* The longest name is "bch2_unpack_pos_5_64_64_32_32_32_64_00". */
static void name_code(char *name, size_t size, const char *what, union bkey_shape s)
{
	snprintf(name, size, "bch2_unpack_%s%u_%u_%u_%u_%u_%u_%u_%x", what, s.u64s, s.bits[0],
		 s.bits[1], s.bits[2], s.bits[3], s.bits[4], s.bits[5], s.constants);
}

static struct record_unpack *generate(const struct record_shape *shape, const char *what,
				      union bkey_shape s)
{
	char name[64];

	name_code(name, sizeof(name), what, s);
	return record_unpack_create(shape, name);
}

/* Return 0 on success, -ENOMEM if the worker shall try again, or another error. */
static int generate_slot(struct slot *s)
{
	struct record_shape whole, pos;
	struct record_unpack *unpack, *unpack_pos;
	int err;

	whole = bch2_bkey_record_shape(s->shape);
	err = bch2_bkey_record_shape_pos(&pos, s->shape);
	if (err)
		return err;

	unpack = generate(&whole, "", s->shape);
	if (IS_ERR(unpack))
		return PTR_ERR(unpack);

	unpack_pos = generate(&pos, "pos_", s->shape);
	if (IS_ERR(unpack_pos)) {
		record_unpack_free(unpack);
		return PTR_ERR(unpack_pos);
	}

	s->unpack = unpack;
	s->unpack_pos = unpack_pos;
	return 0;
}

static void free_slot(struct slot *s)
{
	record_unpack_free(s->unpack);
	record_unpack_free(s->unpack_pos);
	s->unpack = NULL;
	s->unpack_pos = NULL;
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

/* Fill arrays with the functions of all ready slots, and with @other elsewhere. */
static void get_code(record_unpack_t *unpack, record_unpack_t *unpack_pos,
		     record_unpack_t other, record_unpack_t other_pos)
{
	unsigned int i;

	for (i = 1; i < BKEY_CODE_SLOTS; i++) {
		bool ready = state_of(&slots[i]) == SLOT_READY;

		WRITE_ONCE(unpack[i], ready ? slots[i].unpack->fn : other);
		WRITE_ONCE(unpack_pos[i], ready ? slots[i].unpack_pos->fn : other_pos);
	}
}

#ifdef CONFIG_HAVE_STATIC_CALL
DEFINE_STATIC_CALL(bch2_bkey_unpack_slot, bch2_bkey_unpack_c);
DEFINE_STATIC_CALL(bch2_bkey_unpack_pos_slot, bch2_bkey_unpack_pos_c);

/* Dispatchers behind the static calls; NULL if these lead to C. Under code_mutex. */
static struct record_unpack *select_unpack, *select_unpack_pos;
/* Slots that the dispatchers jump to; read without a lock. */
static DECLARE_BITMAP(called, BKEY_CODE_SLOTS);

static void no_code(void)
{
	/* Nothing to do, also when the parameter is set early in boot. */
	if (!select_unpack)
		return;

	static_call_update(bch2_bkey_unpack_slot, bch2_bkey_unpack_c);
	static_call_update(bch2_bkey_unpack_pos_slot, bch2_bkey_unpack_pos_c);
	bitmap_zero(called, BKEY_CODE_SLOTS);
	record_unpack_free(select_unpack);
	record_unpack_free(select_unpack_pos);
	select_unpack = NULL;
	select_unpack_pos = NULL;
}

static int use_code(void)
{
	record_unpack_t unpack[BKEY_CODE_SLOTS] = {}, unpack_pos[BKEY_CODE_SLOTS] = {};
	struct record_unpack *new, *new_pos;
	unsigned int i;

	get_code(unpack, unpack_pos, NULL, NULL);
	new = record_unpack_select(unpack, BKEY_CODE_SLOTS, bch2_bkey_unpack_c,
				   "bch2_unpack_select");
	if (IS_ERR(new))
		return PTR_ERR(new);
	new_pos = record_unpack_select(unpack_pos, BKEY_CODE_SLOTS, bch2_bkey_unpack_pos_c,
				       "bch2_unpack_pos_select");
	if (IS_ERR(new_pos)) {
		record_unpack_free(new);
		return PTR_ERR(new_pos);
	}

	static_call_update(bch2_bkey_unpack_slot, new->fn);
	static_call_update(bch2_bkey_unpack_pos_slot, new_pos->fn);
	for (i = 1; i < BKEY_CODE_SLOTS; i++)
		assign_bit(i, called, unpack[i]);
	record_unpack_free(select_unpack);
	record_unpack_free(select_unpack_pos);
	select_unpack = new;
	select_unpack_pos = new_pos;
	return 0;
}

static bool is_code_used(u8 slot)
{
	return test_bit(slot, called);
}
#else
record_unpack_t bch2_bkey_unpack_fn[BKEY_CODE_SLOTS] = {
	[0 ... BKEY_CODE_SLOTS - 1] = bch2_bkey_unpack_c,
};

record_unpack_t bch2_bkey_unpack_pos_fn[BKEY_CODE_SLOTS] = {
	[0 ... BKEY_CODE_SLOTS - 1] = bch2_bkey_unpack_pos_c,
};

static void no_code(void)
{
	unsigned int i;

	for (i = 1; i < BKEY_CODE_SLOTS; i++) {
		WRITE_ONCE(bch2_bkey_unpack_fn[i], bch2_bkey_unpack_c);
		WRITE_ONCE(bch2_bkey_unpack_pos_fn[i], bch2_bkey_unpack_pos_c);
	}
}

static int use_code(void)
{
	get_code(bch2_bkey_unpack_fn, bch2_bkey_unpack_pos_fn, bch2_bkey_unpack_c,
		 bch2_bkey_unpack_pos_c);
	return 0;
}

static bool is_code_used(u8 slot)
{
	return READ_ONCE(bch2_bkey_unpack_fn[slot]) != bch2_bkey_unpack_c;
}
#endif

static enum slot_state state_after(int err)
{
	switch (err) {
	case 0:
		return SLOT_READY;
	case -ENOMEM:
		return SLOT_WANTED;
	case -EINVAL:
		return SLOT_REFUSED;
	default:
		return SLOT_FAILED;
	}
}

/* If a shape found no slot, let slots without users leave. Return whether any slot leaves. */
static bool any_leaving(void)
{
	bool any = false;
	struct slot *s;

	guard(spinlock)(&slots_lock);
	for_each_slot(s) {
		if (crowded && !s->users && s->state != SLOT_FREE)
			s->state = SLOT_LEAVING;
		any |= s->state == SLOT_LEAVING;
	}
	crowded = false;

	return any;
}

/* No task can enter the code of leaving slots. Wait for tasks that execute it, and free it. */
static void reuse_slots(void)
{
	struct slot *s;

	synchronize_rcu_tasks();
	for_each_slot(s) {
		if (state_of(s) != SLOT_LEAVING)
			continue;
		free_slot(s);
		set_state(s, SLOT_FREE);
	}
}

/*
 * Publish the code of all ready slots. Return true if memory is short: the previous call
 * targets then stay. On any other error, fall back to the tables.
 */
static bool use_code_or_none(void)
{
	int err = use_code();

	if (err && err != -ENOMEM) {
		pr_warn_once("bcachefs: unpacking keys with tables: %pe\n", ERR_PTR(err));
		no_code();
	}

	return err == -ENOMEM;
}

/*
 * Only this function changes the state of a slot, apart from find_slot() (free to wanted).
 * Return true if memory was short and the worker shall try again.
 */
static bool update_code_locked(void)
{
	bool leaving = any_leaving(), again = false;
	struct slot *s;

	outdated |= leaving;
	for_each_slot(s) {
		enum slot_state state;

		if (!enabled || state_of(s) != SLOT_WANTED)
			continue;
		state = state_after(generate_slot(s));
		set_state(s, state);
		outdated |= state == SLOT_READY;
		again |= state == SLOT_WANTED;
	}

	if (enabled && outdated && use_code_or_none())
		return true;
	outdated = false;
	if (leaving)
		reuse_slots();
	return again;
}

static void update_code(struct work_struct *work)
{
	guard(mutex)(&code_mutex);
	if (update_code_locked())
		queue_delayed_work(system_unbound_wq, &code_work, HZ);
}

static int set_enabled(const char *value, const struct kernel_param *param)
{
	struct slot *s;
	bool on;
	int err = kstrtobool(value, &on);

	if (err)
		return err;

	guard(mutex)(&code_mutex);
	if (on == enabled)
		return 0;

	WRITE_ONCE(enabled, on);
	if (!on) {
		no_code();
		return 0;
	}

	/* Early in boot there are no slots, so nothing is allocated. */
	for_each_slot(s)
		outdated |= state_of(s) == SLOT_READY;
	if (update_code_locked())
		queue_delayed_work(system_unbound_wq, &code_work, HZ);
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
 * bch2_bkey_code_hit - count a key if generated code unpacked it
 * @slot:	slot of its node
 */
void bch2_bkey_code_hit(u8 slot)
{
	if (is_code_used(slot))
		atomic64_inc(&slots[slot].hits);
}

static void show_slot(struct seq_file *m, const struct slot *s, unsigned int nr)
{
	seq_printf(m, "%u %s %u %u %u %u %u %u %u %#x %zu %zu %u %lld\n", nr,
		   state_names[s->state], s->shape.u64s, s->shape.bits[0], s->shape.bits[1],
		   s->shape.bits[2], s->shape.bits[3], s->shape.bits[4], s->shape.bits[5],
		   s->shape.constants, s->unpack ? s->unpack->size : 0,
		   s->unpack_pos ? s->unpack_pos->size : 0, s->users,
		   (long long)atomic64_read(&s->hits));
}

static int code_show(struct seq_file *m, void *unused)
{
	struct slot *s, copy;

	guard(mutex)(&code_mutex);
	seq_printf(m, "generated code %s\n", str_on_off(enabled));
	seq_puts(m, "slot state u64s inode offset snapshot size version_hi version_lo");
	seq_puts(m, " constants bytes pos_bytes users hits\n");
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
	no_code();
	for_each_slot(s) {
		WARN_ON(s->users);
		free_slot(s);
		s->state = SLOT_FREE;
	}
	outdated = false;
	/* Freed dispatchers jump to functions in this module. */
	record_unpack_barrier();
}

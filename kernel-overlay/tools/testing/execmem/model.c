// SPDX-License-Identifier: GPL-2.0
/*
 * Model of the slab and invariants that must always hold.
 *
 * The model stores the owner of each granule and the bytes written to each object. Each
 * step performs one operation on slab and model, and compares them.
 */
#include <string.h>
#include <sys/mman.h>

#include "pool.h"
#include "test.h"

#define GRANULE		BIT(EXECMEM_SHIFT_MIN)
#define MAX_OBJECTS	20000
#define MAX_USED	(32UL << 20)
#define TEXT_SIZE	SZ_1G
#define RECENT		64

struct object {
	u8 *text;
	size_t size, given;
	enum execmem_type type;
	enum execmem_domain domain;
	u8 fill;		/* value of all its bytes, or 0 while they are traps */
};

static struct object objects[MAX_OBJECTS];
static unsigned int nr_objects;
static size_t used;
static bool growing;
static u16 *owner;		/* object number + 1 of each granule; 0 if free */

/* Addresses of freed objects, with the number of rounds at the time of the free. */
static struct freed {
	u8 *text;
	size_t size;
	unsigned long syncs;
} freed[RECENT];
static unsigned int nr_freed;

/* Retired text that may not be filled with traps yet. */
static u8 *retired[RECENT];
static unsigned int nr_retired;

static u64 random_state;

static u32 some(u32 below)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % below;
}

static u16 *owner_of(const u8 *text)
{
	return owner + (text - env.text) / GRANULE;
}

static void set_owner(const struct object *o, unsigned int before, unsigned int after)
{
	u16 *at = owner_of(o->text), *end = at + o->given / GRANULE;

	for (; at < end; at++) {
		if (*at != before)
			die("%p belongs to %u, not %u", o->text, *at, before);
		*at = after;
	}
}

static void check_bytes(const u8 *text, size_t size, u8 value, const char *what)
{
	if (size && (text[0] != value || memcmp(text, text + 1, size - 1)))
		die("%zu bytes at %p are not all %02x: %s", size, text, value, what);
}

static void check_object(const struct object *o)
{
	if (o->fill) {
		check_bytes(o->text, o->size, o->fill, "of an object");
		check_bytes(o->text + o->size, o->given - o->size, 0xcc, "behind an object");
	} else {
		check_bytes(o->text, o->given, 0xcc, "of a new object");
	}
	if (execmem_text_size(o->text) != o->given)
		die("an object of %zu bytes has size %zu", o->given, execmem_text_size(o->text));
}

/* Random size, mostly small, sometimes larger than a pack. */
static size_t some_size(void)
{
	u32 magnitude = some(100);

	if (magnitude < 90)
		return 1 + some(16 << some(9));
	if (magnitude < 99)
		return 1 + some(300 << 10);
	return 1 + some(3 << 20);
}

/* Freed text must not be reused before a round. */
static void check_reuse(const struct object *o)
{
	const struct freed *f;

	for (f = freed; f < freed + RECENT; f++)
		if (f->text && f->syncs == env.syncs && o->text < f->text + f->size &&
		    f->text < o->text + o->given)
			die("%p is reused before a round", o->text);
}

/* The granule that the slab must choose. */
static size_t granule_for(size_t size, size_t align)
{
	if (size > SZ_1M || align > 256)
		return PAGE_SIZE;
	if (size > SZ_256K || align > 64)
		return 256;
	if (size > SZ_64K || align > 16)
		return 64;
	return size > 8 || align > 8 ? 16 : 8;
}

static void do_alloc(void)
{
	struct object *o = &objects[nr_objects];
	size_t align = 1UL << (some(4) ? some(6) : some(13)), least;

	if (nr_objects == MAX_OBJECTS || used > MAX_USED)
		return;

	o->size = some_size();
	do {
		o->type = some(EXECMEM_TYPE_MAX);
	} while (o->type == EXECMEM_MODULE_DATA);
	o->domain = some(EXECMEM_NR_DOMAINS);
	o->fill = 0;
	o->text = execmem_text_alloc(o->type, o->domain, o->size, align);
	if (!o->text) {
		if (env.fail_at)
			return;
		die("no text for %zu bytes", o->size);
	}

	least = granule_for(o->size, align);
	o->given = execmem_text_size(o->text);
	if (o->given != (execmem_is_solo(o->size) ?
			 execmem_solo_size(execmem_range(o->type), o->size) :
			 ALIGN(o->size, least)))
		die("%zu bytes given for %zu", o->given, o->size);
	if (!IS_ALIGNED((unsigned long)o->text, least))
		die("%p is not aligned to %zu", o->text, least);
	set_owner(o, 0, nr_objects + 1);
	check_object(o);
	check_reuse(o);
	used += o->given;
	nr_objects++;
}

/* Remove object @i from the model. The last object gets its number. */
static struct object forget(unsigned int i)
{
	struct object o = objects[i];

	set_owner(&o, i + 1, 0);
	used -= o.given;
	nr_objects--;
	if (i != nr_objects) {
		objects[i] = objects[nr_objects];
		set_owner(&objects[i], nr_objects + 1, i + 1);
	}
	return o;
}

static void do_free(void)
{
	unsigned long syncs = env.syncs;
	struct object o;
	int ret;

	if (!nr_objects)
		return;
	o = forget(some(nr_objects));
	check_object(&o);
	ret = execmem_slab_free(o.text);
	if (ret)
		die("an object cannot be freed: %d", ret);
	/* The pages of larger objects are unmapped, not filled. */
	if (o.size <= SZ_1M)
		check_bytes(o.text, o.given, 0xcc, "freed");
	freed[nr_freed++ % RECENT] = (struct freed) { o.text, o.given, syncs };
}

/* Run pending work. Afterwards retired text may belong to a new owner. */
static void do_works(void)
{
	unsigned int i;

	env_do_works();
	for (i = 0; i < nr_retired; i++)
		if (env_is_mapped(retired[i]) && !*owner_of(retired[i]))
			check_bytes(retired[i], GRANULE, 0xcc, "retired");
	nr_retired = 0;
}

static void do_barrier(void)
{
	execmem_retire_barrier();
	do_works();
}

static void do_retire(void)
{
	struct object o;

	if (!nr_objects)
		return;
	if (nr_retired == RECENT)
		do_barrier();
	o = forget(some(nr_objects));
	if (execmem_slab_retire(o.text) || execmem_text_size(o.text))
		die("text was not retired");
	retired[nr_retired++] = o.text;
}

static void do_copy(void)
{
	static u8 code[4 << 20];
	struct object *o;

	if (!nr_objects)
		return;
	o = &objects[some(nr_objects)];
	check_object(o);
	o->fill = 1 + some(200);
	if (o->fill == 0xcc)
		o->fill = 1;
	memset(code, o->fill, o->size);
	if (some(2)) {
		if (execmem_text_copy(o->text, 0, code, o->size))
			die("an object cannot be written");
	} else {
		size_t first = some(o->size);

		if (first && execmem_text_copy(o->text, 0, code, first))
			die("an object's beginning cannot be written");
		if (execmem_text_copy(o->text, first, code, o->size - first))
			die("an object's end cannot be written");
	}
}

static void expect(int ret, int error, const char *what)
{
	if (ret != error)
		die("%s: %d, not %d", what, ret, error);
}

/* Does a live object begin at @text? */
static bool is_beginning(const u8 *text)
{
	unsigned int i = env_is_mapped(text) ? *owner_of(text) : 0;

	return i && objects[i - 1].text == text;
}

static void do_wrong_use(void)
{
	struct object *o = &objects[nr_objects ? some(nr_objects) : 0];
	u8 code[64] = { };
	u8 *old = freed[some(RECENT)].text;

	if (nr_objects) {
		expect(execmem_text_copy(o->text, o->given, code, 1), -ERANGE, "behind the end");
		expect(execmem_text_copy(o->text, o->given - 1, code, 2), -ERANGE, "over the end");
		expect(execmem_text_copy(o->text, -1UL, code, 2), -ERANGE, "before the start");
		expect(execmem_text_copy(o->text, 1, code, -1UL), -ERANGE, "wraps");
		expect(execmem_slab_free(o->text + 1), -EINVAL, "not the start");
		expect(execmem_slab_retire(o->text + 1), -EINVAL, "not the start");
		if (o->given > GRANULE) {
			expect(execmem_slab_free(o->text + GRANULE), -EINVAL, "inside");
			expect(execmem_text_copy(o->text + GRANULE, 0, code, 1), -EFAULT,
			       "inside");
		}
	}
	expect(execmem_slab_free(code), -ENOENT, "stack");
	expect(execmem_text_copy(code, 0, code, 1), -EFAULT, "stack");
	if (old && !is_beginning(old)) {
		int ret = execmem_slab_free(old);

		if (ret != -EINVAL && ret != -ENOENT)
			die("freed twice: %d", ret);
		expect(execmem_text_copy(old, 0, code, 1), -EFAULT, "freed");
	}
	/* Retired text has no owner. After an injected failure its pack may be gone. */
	old = nr_retired ? retired[some(nr_retired)] : NULL;
	if (old && !is_beginning(old)) {
		int ret = execmem_slab_free(old);

		if (ret != -EINVAL && !(env.fail_at && ret == -ENOENT))
			die("retired: %d", ret);
	}
	if (execmem_text_alloc(EXECMEM_MODULE_DATA, EXECMEM_TRUSTED, 16, 1) ||
	    execmem_text_alloc(EXECMEM_BPF, EXECMEM_NR_DOMAINS, 16, 1) ||
	    execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 0, 1) ||
	    execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, EXECMEM_TEXT_MAX + 1, 1) ||
	    execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 16, 3) ||
	    execmem_text_alloc(EXECMEM_BPF, EXECMEM_TRUSTED, 16, 2 * PAGE_SIZE))
		die("an invalid request returned text");
}

static bool is_free(const struct execmem_pack *pack, unsigned int granule)
{
	const struct execmem_leaf *leaf = &pack->leaves[granule / EXECMEM_LEAF];
	unsigned int bit = granule % EXECMEM_LEAF;

	return granule / EXECMEM_LEAF < pack->nr_leaves && !test_bit(bit, leaf->busy) &&
	       !test_bit(bit, leaf->head);
}

/* Compare a node's data on a part (@len granules from @start) with the granules. */
static void check_runs(const struct execmem_pack *pack, const struct execmem_node *node,
		       unsigned int part, unsigned int start, unsigned int len)
{
	unsigned int i, run = 0, longest = 0, first = len;

	for (i = 0; i < len; i++) {
		if (!is_free(pack, start + i)) {
			first = min(first, i);
			run = 0;
		} else {
			longest = max(longest, ++run);
		}
	}
	if (node->first[part] != first || node->longest[part] != longest || node->last[part] != run)
		die("granules from %u on: a node has %u %u %u, not %u %u %u", start,
		    node->first[part], node->longest[part], node->last[part], first, longest, run);
}

static void check_tree(const struct execmem_pack *pack)
{
	unsigned int number = pack->first_leaf, parts = pack->nr_leaves, len = EXECMEM_LEAF, i;
	unsigned int run = 0, longest = 0, first = 0;

	/* Check all nodes above the leaves but only some leaves, which take longer. */
	while (number) {
		for (i = 0; i < parts; i++)
			if (number < pack->first_leaf || !some(32))
				check_runs(pack, &pack->nodes[(number + i - 1) / EXECMEM_FANOUT],
					   (number + i - 1) % EXECMEM_FANOUT, i * len, len);
		number = (number - 1) / EXECMEM_FANOUT;
		parts = DIV_ROUND_UP(parts, EXECMEM_FANOUT);
		len *= EXECMEM_FANOUT;
	}
	for (i = 0; i < pack->nr_leaves * EXECMEM_LEAF; i++) {
		run = is_free(pack, i) ? run + 1 : 0;
		longest = max(longest, run);
		first = run == i + 1 ? run : first;
	}
	if (pack->free.longest != longest || pack->free.first != first)
		die("the first and longest run of a pack are %u %u, not %u %u", first, longest,
		    pack->free.first, pack->free.longest);
}

struct totals {
	size_t reserved, used;
	unsigned int packs, objects;
};

/* Objects may exist that the model does not know. */
static bool strangers;

static void check_object_in_pack(const struct execmem_pack *pack, const u8 *text, size_t size)
{
	unsigned int i;

	if (strangers)
		return;
	i = *owner_of(text);
	if (!i || objects[i - 1].text != text || objects[i - 1].given != size)
		die("an object of %zu bytes at %p without an owner", size, text);
	if (objects[i - 1].type != pack->pool->type || objects[i - 1].domain != pack->pool->domain)
		die("an object in the pool of others");
	check_object(&objects[i - 1]);
}

/* Granules between two extents must be free. */
static void check_free(const struct execmem_pack *pack, unsigned int from, unsigned int to)
{
	const struct execmem_extent e = { from, to };

	check_bytes(execmem_pack_addr(pack, from), from < to ? execmem_pack_bytes(pack, &e) : 0,
		    0xcc, "free");
	for (; from < to; from++)
		if (!is_free(pack, from))
			die("granule %u is not free, but in no object", from);
}

static bool next_extent(const struct execmem_pack *pack, struct execmem_extent *e)
{
	unsigned int leaf;

	for (leaf = e->end / EXECMEM_LEAF; leaf < pack->nr_leaves; leaf++)
		if (execmem_pack_next(pack, leaf, e))
			return true;
	return false;
}

static void check_pack(const struct execmem_pack *pack, struct totals *t)
{
	struct execmem_extent e = { };
	unsigned int before = 0, granules = 0;

	check_tree(pack);
	while (next_extent(pack, &e)) {
		check_free(pack, before, e.start);
		if (e.live) {
			check_object_in_pack(pack, execmem_pack_addr(pack, e.start),
					     execmem_pack_bytes(pack, &e));
			t->objects++;
		}
		before = e.end;
		t->used += execmem_pack_bytes(pack, &e);
		granules += e.end - e.start;
	}
	check_free(pack, before, pack->nr_granules);
	if (granules != pack->used)
		die("%u granules are used, but the pack counts %u", granules, pack->used);
	if (!granules && pack != pack->pool->empty)
		die("an empty pack was kept");
	t->reserved += pack->size;
	t->packs++;
}

/* Each pack must be in the list for its longest run. */
static void check_rooms(struct execmem_pool *pool, unsigned int packs)
{
	struct execmem_pack *pack;
	unsigned int room;

	for (room = 0; room < EXECMEM_NR_ROOMS; room++) {
		list_for_each_entry(pack, &pool->room[room], link) {
			if (pack->room != room || !pack->free.longest != !room)
				die("a pack with a run of %u is in list %u", pack->free.longest,
				    room);
			packs--;
		}
	}
	if (packs)
		die("%d packs are in no list", (int)packs);
}

static void check_pool(struct execmem_pool *pool, struct totals *t)
{
	unsigned int before = t->packs;
	struct execmem_pack *pack;

	guard(rcu)();
	for_each_execmem_pack(pack)
		if (pack->pool == pool)
			check_pack(pack, t);
	check_rooms(pool, t->packs - before);
}

static void add_pool(enum execmem_type type, enum execmem_domain domain, struct totals *all)
{
	struct execmem_pool *pool;
	struct execmem_stats s;
	struct totals t = { };

	if (execmem_get_stats(type, domain, &s))
		return;
	for_each_execmem_pool(pool)
		if (pool->type == type && pool->domain == domain)
			check_pool(pool, &t);
	if (s.nr_packs != t.packs || s.reserved != t.reserved || s.used != t.used ||
	    s.nr_objects != t.objects)
		die("pool %d %d: %u packs, %zu of %zu bytes, %lu objects; says %u, %zu, %zu, %u",
		    type, domain, t.packs, t.used, t.reserved, (unsigned long)t.objects,
		    s.nr_packs, s.used, s.reserved, (unsigned int)s.nr_objects);
	all->reserved += t.reserved;
	all->used += t.used;
	all->objects += t.objects;
}

static struct totals add_pools(void)
{
	struct totals all = { };
	int type, domain;

	for (type = 0; type < EXECMEM_TYPE_MAX; type++)
		for (domain = 0; domain < EXECMEM_NR_DOMAINS; domain++)
			add_pool(type, domain, &all);

	return all;
}

/* Check that packs and pools are consistent. Works with objects of other owners. */
void model_check_packs(void)
{
	strangers = true;
	add_pools();
	strangers = false;
}

/* Check all invariants, and compare slab and model. */
void model_check_all(void)
{
	struct totals all;

	do_works();
	all = add_pools();

	if (all.used != used)
		die("%zu bytes used, not %zu", all.used, used);
	if (all.objects != nr_objects)
		die("%u objects, not %u", all.objects, nr_objects);
	if (all.reserved != env.mapped)
		die("%zu bytes reserved, %zu mapped", all.reserved, env.mapped);
}

void model_seed(uint64_t seed)
{
	random_state = seed;
}

void model_step(uint64_t bits)
{
	random_state ^= bits;
	if (!owner)
		owner = mmap(NULL, TEXT_SIZE / GRANULE * sizeof(*owner),
			     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			     -1, 0);

	/* Alternate between growing and shrinking. */
	if (!nr_objects || some(4096) == 0)
		growing = true;
	else if (nr_objects == MAX_OBJECTS || used > MAX_USED || some(4096) == 0)
		growing = false;

	switch (some(100)) {
	case 0 ... 9:
		do_alloc();
		break;
	case 10 ... 19:
		do_free();
		break;
	case 20 ... 69:
		growing ? do_alloc() : do_free();
		break;
	case 70 ... 77:
		do_retire();
		break;
	case 78 ... 93:
		do_copy();
		break;
	case 94 ... 97:
		do_wrong_use();
		break;
	case 98:
		do_barrier();
		break;
	default:
		env_shrink();
		do_works();
	}
}

size_t model_objects(void)
{
	return nr_objects;
}

void model_free_all(void)
{
	while (nr_objects)
		do_free();
	do_barrier();
	env_shrink();
	do_works();
	model_check_all();
}

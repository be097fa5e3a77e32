// SPDX-License-Identifier: GPL-2.0
/*
 * The loops that benchmarks measure. Compiled without SSE, as the kernel is: a copy of a key
 * in u128s would wait for the stores of its u64s.
 */
#include "bench.h"

#include "bkey_predict.h"

static u8 page[2 * 4096] __aligned(4096);
static struct bkey copied;
static u64 sum;
static struct bkey_prediction *cpu = &bch2_bkey_prediction;

/* Use a key like a caller that copies it. */
static __always_inline void consume(const struct bkey *k)
{
	copied = *k;
	asm volatile("" : : "r" (&copied) : "memory");
	sum += copied.p.inode ^ copied.p.offset ^ copied.p.snapshot ^ copied.type;
}

/* Use the members of a position like a comparison, without a copy in memory. */
static __always_inline void use_pos(struct bpos p)
{
	asm volatile("" : : "r" (p.inode), "r" (p.offset), "r" (p.snapshot));
}

static __always_inline void use_pointer(const void *p)
{
	asm volatile("" : : "r" (p));
}

/*
 * @do_whole, @do_next, @do_key and @do_pos unpack src to dst, for a node b. They are statements
 * instead of functions, because the kernel inlines them, too.
 */
#define DEFINE_REPLAY(name, do_whole, do_next, do_key, do_pos)				\
static __always_inline void name(const struct call *c, size_t nr, bool use)		\
{											\
	for (; nr--; c++) {								\
		const struct node *n = &nodes[c->slot];					\
		const struct bkey_packed *src = (void *)n->keys[c->key];		\
		const struct btree *b = &n->b;						\
		void *dst = page + c->place;						\
											\
		if (c->what == 'n')							\
			do_next;							\
		else if (c->what == 'w')						\
			do_whole;							\
		else if (c->what == 'k')						\
			do_key;							\
		else									\
			do_pos;							\
		asm volatile("" : : "r" (dst) : "memory");				\
		if (use && c->what != 'p')						\
			consume(dst);							\
	}										\
}											\
static noinline void name##_only(const struct call *c, size_t nr) { name(c, nr, false); }	\
static noinline void name##_used(const struct call *c, size_t nr) { name(c, nr, true); }

/* As in the kernel, callers check first whether the key is packed. */
#define IF_PACKED(what)									\
	do {										\
		if (likely(bkey_packed(src)))						\
			what;								\
		else									\
			*(struct bkey *)dst = *packed_to_bkey_c(src);			\
	} while (0)

#define STREAM	IF_PACKED(*(struct bkey *)dst = __bch2_bkey_unpack_key(&b->format, src))
#define TABLE	__bkey_unpack_key(b, dst, src)
#define CODE	bkey_unpack_next_key(b, dst, src)
#define PREDICT									\
	do {										\
		if (bch2_bkey_prefer_code(&cpu, b))			\
			CODE;								\
		else									\
			TABLE;								\
	} while (0)
#define POINTER	IF_PACKED((*(record_unpack_t volatile *)&bch2_bkey_code_fn[b->unpack_slot])	\
			  (dst, src, &b->format, b->unpack_slot))
#define POSITION use_pos(bkey_unpack_pos_format_checked(b, src))

DEFINE_REPLAY(nothing, use_pointer(&b->table), use_pointer(b), use_pointer(src),
	      use_pointer(dst))
DEFINE_REPLAY(stream, STREAM, STREAM, STREAM, use_pos(__bkey_unpack_pos(&b->format, src)))
DEFINE_REPLAY(table, TABLE, TABLE, TABLE, POSITION)
DEFINE_REPLAY(code, CODE, CODE, CODE, POSITION)
DEFINE_REPLAY(pointer, POINTER, POINTER, POINTER, POSITION)
DEFINE_REPLAY(policy, CODE, PREDICT, TABLE, POSITION)

const struct implementation implementations[ALL] = {
	{ { nothing_only, nothing_used }, "nothing" },
	{ { stream_only, stream_used }, "stream" },
	{ { table_only, table_used }, "table" },
	{ { code_only, code_used }, "code" },
	{ { pointer_only, pointer_used }, "pointer" },
	{ { policy_only, policy_used }, "policy" },
};

// SPDX-License-Identifier: GPL-2.0
/*
 * Generated code for benchmarks. As in the kernel, a dispatcher that is called directly
 * jumps to the function of a slot: the linker gets the address of the dispatcher.
 */
#include <sys/mman.h>

#include "bench.h"

#include <linux/record_emit.h>

enum { CODE = 1 << 16 };

/* The Makefile defines their address. */
extern char bench_code[];

struct node nodes[BKEY_CODE_SLOTS];
record_unpack_t bch2_bkey_code_fn[BKEY_CODE_SLOTS];
bool bch2_bkey_check_enabled;
static size_t code_used;

void fail(const char *what)
{
	printf("bench: %s\n", what);
	exit(2);
}

void bch2_bkey_check(const struct btree *b, const struct bkey *k, const struct bkey_packed *src,
		     bool code)
{
}

void bch2_bkey_check_pos(const struct btree *b, const struct bpos *p,
			 const struct bkey_packed *src)
{
}

void add_node(unsigned int slot, const struct bkey_format *f)
{
	struct node *n = &nodes[slot];
	unsigned int k, i;

	if (slot >= BKEY_CODE_SLOTS || !bch2_bkey_table_init(&n->b.table, f))
		fail("a format is refused");
	n->b.format = *f;
	n->b.unpack_slot = slot;
	for (k = 0; k < KEYS; k++) {
		for (i = 0; i < BKEY_U64s; i++)
			n->keys[k][i] = (u64)rand() << 42 ^ (u64)rand() << 21 ^ rand();
		((struct bkey_packed *)n->keys[k])->format = KEY_FORMAT_LOCAL_BTREE;
	}
}

static void put_code(const struct record_code *c, size_t at)
{
	if (at + c->pos > CODE)
		fail("no room for code");
	memcpy(bench_code + at, c->buf, c->pos);
}

static record_unpack_t generate(const struct bkey_format *f)
{
	struct record_shape shape = bch2_bkey_record_shape(bch2_bkey_shape(f));
	u8 buf[RECORD_MAX_CODE];
	struct record_code c = { .buf = buf, .len = sizeof(buf), .ip = bench_code + code_used };
	struct record_prog prog;

	if (record_compile(&prog, &shape, arch_record_any_byte()) || arch_record_emit(&c, &prog))
		fail("a shape is refused");
	put_code(&c, code_used);
	/* The granularity of the slab. */
	code_used += round_up(c.pos, 16);
	return (record_unpack_t)(c.ip + c.entry);
}

/* The dispatcher is at the beginning, at the address that the Makefile defines. */
void generate_all(void)
{
	u8 buf[RECORD_MAX_CODE];
	struct record_code c = { .buf = buf, .len = sizeof(buf), .ip = bench_code };
	char *code = mmap(bench_code, CODE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	unsigned int i;

	if (code != bench_code)
		fail("mmap");
	code_used = RECORD_MAX_CODE;
	for (i = 1; i < BKEY_CODE_SLOTS; i++)
		bch2_bkey_code_fn[i] = nodes[i].b.format.key_u64s ?
				       generate(&nodes[i].b.format) : NULL;
	if (arch_record_emit_select(&c, bch2_bkey_code_fn, BKEY_CODE_SLOTS,
				    (record_unpack_t)bench_code))
		fail("no dispatcher");
	put_code(&c, 0);
	if (mprotect(bench_code, CODE, PROT_READ | PROT_EXEC))
		fail("mprotect");
}

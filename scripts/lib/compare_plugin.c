// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU's translator that counts TLB flushes and calls of functions, and simulates
 * the misses of a first level instruction cache and of TLBs. It counts in windows, which the
 * guest begins and ends by calling the functions at the given addresses.
 *
 * Usage: -plugin FILE,begin=ADDRESS,end=ADDRESS[,call=ADDRESS]... -d plugin
 *
 * Prints "window INSTRUCTIONS LINES ICACHE ITLB_4K WALKS_4K ITLB_2M FLUSHES PAGES CALLS"
 * for each window: executed instructions, fetched cache lines, misses of the cache; misses
 * of the first TLB and of both TLBs if all pages have 4 KiB, and of the first TLB if all
 * have 2 MiB; flushes of the whole TLB or of all pages of a process, and flushes of a page;
 * calls of the functions at the addresses after "call". x86's writes to CR3 do not count,
 * because each entry into the kernel may have one. The mapping of the text decides which TLB
 * applies. An idle CPU executes nothing. Only for one virtual CPU.
 *
 * Debian ships no header for such plugins. The declarations below are valid for all
 * versions so far, which differ in their number, PLUGIN_VERSION.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info {
	const char *target;
	/* the other members are not used */
};
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
		void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
		void (*cb)(unsigned int vcpu, void *data), enum qemu_plugin_cb_flags flags,
		void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
		void (*cb)(unsigned int vcpu, void *data), enum qemu_plugin_cb_flags flags,
		void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t nr);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
#if PLUGIN_VERSION < 3
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
#else
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t size);
#endif
void qemu_plugin_outs(const char *string);

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = PLUGIN_VERSION;

/* Sets of entries, the one used last first. */
struct cache {
	unsigned int shift, sets, ways;
	unsigned long missed;
	uint64_t *entries;
};

/* As in Intel's Cascade Lake. */
static struct cache icache = { .shift = 6, .sets = 64, .ways = 8 };
static struct cache itlb_4k = { .shift = 12, .sets = 16, .ways = 8 };
static struct cache second_tlb_4k = { .shift = 12, .sets = 128, .ways = 12 };
static struct cache itlb_2m = { .shift = 21, .sets = 1, .ways = 8 };

static unsigned long insns, lines, flushed_all, cr4_writes, flushed_pages, calls;
static bool counting;
static uint64_t begin, end, functions[16];
static size_t nr_functions;
#define NR_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

/* A tag is the number of a line or page plus one: zero marks a free entry. */
static bool hits(struct cache *c, uint64_t address)
{
	uint64_t tag = (address >> c->shift) + 1;
	uint64_t *set = c->entries + tag % c->sets * c->ways;
	unsigned int way;

	for (way = 0; way < c->ways - 1 && set[way] != tag; way++)
		;
	bool hit = set[way] == tag;

	memmove(set + 1, set, way * sizeof(*set));
	set[0] = tag;
	c->missed += !hit;
	return hit;
}

static void fetch_line(uint64_t address)
{
	lines++;
	hits(&icache, address);
	if (!hits(&itlb_4k, address))
		hits(&second_tlb_4k, address);
	hits(&itlb_2m, address);
}

static struct cache *const caches[] = { &icache, &itlb_4k, &second_tlb_4k, &itlb_2m };
#define NR_CACHES (sizeof(caches) / sizeof(caches[0]))

static void start(void)
{
	insns = 0;
	lines = 0;
	flushed_all = 0;
	cr4_writes = 0;
	flushed_pages = 0;
	calls = 0;
	for (size_t i = 0; i < NR_CACHES; i++)
		caches[i]->missed = 0;
	counting = true;
}

static void stop(void)
{
	char line[200];

	counting = false;
	snprintf(line, sizeof(line), "window %lu %lu %lu %lu %lu %lu %lu %lu %lu\n", insns, lines,
		 icache.missed, itlb_4k.missed, second_tlb_4k.missed, itlb_2m.missed,
		 flushed_all + cr4_writes / 2, flushed_pages, calls);
	qemu_plugin_outs(line);
}

/* A block of instructions. */
struct block {
	uint64_t from, to;
	size_t insns;
};

static void executed(unsigned int vcpu, void *data)
{
	const struct block *b = data;
	uint64_t address;

	(void)vcpu;
	if (b->from == begin)
		start();
	if (b->from == end && counting)
		stop();
	if (!counting)
		return;
	insns += b->insns;
	for (address = b->from & -64UL; address < b->to; address += 64)
		fetch_line(address);
}

/* The counter for the TLB flush of an instruction, or NULL. */

/* INVLPG, INVPCID, or writes to CR4: without INVPCID, two of them flush the whole TLB. */
static unsigned long *flushes_i386(const uint8_t *b)
{
	while (*b == 0x66 || *b == 0xf2 || *b == 0xf3)
		b++;
	if (b[0] != 0x0f)
		return NULL;
	if (b[1] == 0x01 && (b[2] >> 3 & 7) == 7 && b[2] < 0xc0)
		return &flushed_pages;
	if (b[1] == 0x38 && b[2] == 0x82)
		return &flushed_all;
	return b[1] == 0x22 && (b[2] >> 3 & 7) == 4 ? &cr4_writes : NULL;
}

/* As i386, behind a REX prefix. */
static unsigned long *flushes_x86_64(const uint8_t *b)
{
	while (*b == 0x66 || *b == 0xf2 || *b == 0xf3 || (*b & 0xf0) == 0x40)
		b++;
	return flushes_i386(b);
}

/* TLBI, which is SYS with CRn 8: op2 says of what, an address if it is odd. */
static unsigned long *flushes_arm64(const uint8_t *b)
{
	uint32_t insn;

	memcpy(&insn, b, sizeof(insn));
	if ((insn & 0xfff8f000) != 0xd5088000)
		return NULL;
	return insn >> 5 & 1 ? &flushed_pages : &flushed_all;
}

/* SFENCE.VMA and SINVAL.VMA, of an address if rs1 is not zero. */
static unsigned long *flushes_riscv(const uint8_t *b)
{
	uint32_t insn;

	memcpy(&insn, b, sizeof(insn));
	if ((insn & 0xfe007fff) != 0x12000073 && (insn & 0xfe007fff) != 0x16000073)
		return NULL;
	return insn >> 15 & 31 ? &flushed_pages : &flushed_all;
}

/* TLBIE and TLBIEL: of pages if RIC is zero, and else of what caches translations, too. */
static unsigned long *flushes_powerpc(const uint8_t *b)
{
	uint32_t insn = b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;

	if ((insn & 0xfc0007fe) != 0x7c000264 && (insn & 0xfc0007fe) != 0x7c000224)
		return NULL;
	return insn >> 18 & 3 ? &flushed_all : &flushed_pages;
}

/* IPTE of a page; PTLB, CSP, CSPG, IDTE and CRDTE of more. */
static unsigned long *flushes_s390(const uint8_t *b)
{
	switch (b[0] << 8 | b[1]) {
	case 0xb221:
		return &flushed_pages;
	case 0xb20d:
	case 0xb250:
	case 0xb98a:
	case 0xb98e:
	case 0xb98f:
		return &flushed_all;
	}
	return NULL;
}

static const struct target {
	const char *name;
	unsigned long *(*flushes)(const uint8_t *bytes);
} targets[] = {
	{ "x86_64", flushes_x86_64 },
	{ "i386", flushes_i386 },
	{ "ppc64", flushes_powerpc },
	{ "s390x", flushes_s390 },
	{ "aarch64", flushes_arm64 },
	{ "riscv64", flushes_riscv },
}, *target;
#define NR_TARGETS (sizeof(targets) / sizeof(targets[0]))

/* Those of the instruction, with zeros behind them. */
static void read_bytes(const struct qemu_plugin_insn *insn, uint8_t bytes[20])
{
	size_t size = qemu_plugin_insn_size(insn);

	memset(bytes, 0, 20);
	if (size > 16)
		abort();
#if PLUGIN_VERSION < 3
	memcpy(bytes, qemu_plugin_insn_data(insn), size);
#else
	qemu_plugin_insn_data(insn, bytes, size);
#endif
}

static void increment(unsigned int vcpu, void *counter)
{
	(void)vcpu;
	++*(unsigned long *)counter;
}

static void count_executions(struct qemu_plugin_insn *insn, unsigned long *counter)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, increment, QEMU_PLUGIN_CB_NO_REGS, counter);
}

static void look_for_flush(struct qemu_plugin_insn *insn)
{
	unsigned long *counter;
	uint8_t bytes[20];

	read_bytes(insn, bytes);
	counter = target->flushes(bytes);
	if (counter)
		count_executions(insn, counter);
}

static void look_for_function(struct qemu_plugin_insn *insn)
{
	for (size_t i = 0; i < nr_functions; i++)
		if (qemu_plugin_insn_vaddr(insn) == functions[i])
			count_executions(insn, &calls);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t insns = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, insns - 1);
	struct block *b = malloc(sizeof(*b));	/* as long as QEMU runs */

	(void)id;
	if (!b)
		abort();
	b->from = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
	b->to = qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last);
	b->insns = insns;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS, b);
	for (size_t i = 0; i < insns; i++) {
		look_for_flush(qemu_plugin_tb_get_insn(tb, i));
		look_for_function(qemu_plugin_tb_get_insn(tb, i));
	}
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
			       char **argv)
{
	for (target = targets; strcmp(target->name, info->target); target++) {
		if (target == &targets[NR_TARGETS - 1]) {
			fprintf(stderr, "compare_plugin: it does not know %s\n", info->target);
			return -1;
		}
	}
	for (int i = 0; i < argc; i++) {
		sscanf(argv[i], "begin=%lx", &begin);
		sscanf(argv[i], "end=%lx", &end);
		if (nr_functions < NR_FUNCTIONS &&
		    sscanf(argv[i], "call=%lx", &functions[nr_functions]) == 1)
			nr_functions++;
	}
	if (!begin || !end || nr_functions == NR_FUNCTIONS) {
		fprintf(stderr, "compare_plugin: begin=ADDRESS and end=ADDRESS are needed, and at most %zu call=ADDRESS\n",
			NR_FUNCTIONS - 1);
		return -1;
	}
	for (size_t i = 0; i < NR_CACHES; i++) {
		caches[i]->entries = calloc(caches[i]->sets * caches[i]->ways, sizeof(uint64_t));
		if (!caches[i]->entries)
			return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}

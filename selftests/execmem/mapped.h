/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Measure the memory that the kernel maps, for programs that measure the cost of code.
 *
 * Usage: measure before, during and after an operation, and print all three results.
 */
#ifndef _SELFTESTS_EXECMEM_MAPPED_H
#define _SELFTESTS_EXECMEM_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"

static const char *const page_tables[] = {
	"/sys/kernel/debug/kernel_page_tables",		/* arm64, riscv, powerpc, s390 */
	"/sys/kernel/debug/page_tables/kernel",		/* x86 */
};

#define PMD_SIZE	0x200000UL
#define PUD_SIZE	0x40000000UL

struct mapped {
	unsigned long text;		/* bytes */
	unsigned long text_entries;	/* pages of any size: TLB entries for all text */
	unsigned long page_tables;	/* pages */
	unsigned long split;		/* bytes */
	unsigned long direct_4k;	/* bytes of the direct map by page size */
	unsigned long direct_2m;
	unsigned long direct_1g;
	unsigned long slab;		/* bytes; changes all the time, must be last */
};

/* Position in the dump of the page tables. */
struct place {
	unsigned long last[2];		/* last region of a table, for each of two levels */
	bool direct_map;
};

/* Count the regions of @size in a range, without those of the previous range. */
static unsigned long new_regions(unsigned long start, unsigned long end, unsigned long size,
				 unsigned long *last)
{
	unsigned long first = start / size, final = (end - 1) / size;

	if (first == *last)
		first++;
	*last = final;
	return final - first + 1;
}

static bool has_word(const char *line, const char *word)
{
	size_t len = strlen(word);
	const char *at;

	for (at = line; (at = strstr(at, word)); at += len)
		if (at > line && at[-1] == ' ' && strchr("\n ", at[len]))
			return true;
	return false;
}

/* On arm64 and riscv, the direct map is a separate section of the dump. */
static bool is_section(const char *line, struct place *place)
{
	if (strncmp(line, "---[", 4))
		return false;
	place->direct_map = !strncasecmp(line, "---[ linear mapping", 19) && !strstr(line, "end");
	return true;
}

static void add_text(struct mapped *m, unsigned long size, bool pte, bool pmd)
{
	m->text += size;
	m->text_entries += size / (pte ? (unsigned long)getpagesize() : pmd ? PMD_SIZE : PUD_SIZE);
}

static void add_direct(struct mapped *m, unsigned long size, bool pte, bool pmd)
{
	if (pte)
		m->direct_4k += size;
	else if (pmd)
		m->direct_2m += size;
	else
		m->direct_1g += size;
}

/*
 * One line of a page table dump: "START-END ... SIZE LEVEL ... ATTRIBUTES". Text is
 * "x" on x86 and arm64, and "X" on riscv, powerpc and s390.
 */
static void add_line(struct mapped *m, const char *line, struct place *place)
{
	unsigned long start, end;
	bool pte, pmd;

	if (is_section(line, place))
		return;
	if (sscanf(line, "0x%lx-0x%lx", &start, &end) != 2 || end <= start)
		return;
	/* powerpc prints the address of the last byte. */
	end += end & 1;
	/* x86 also lists unmapped ranges. */
	pte = has_word(line, "pte") || has_word(line, "PTE");
	pmd = has_word(line, "pmd") || has_word(line, "PMD");
	if (!(has_word(line, "ro") || has_word(line, "RO") || has_word(line, "RW") ||
	      has_word(line, "R") || has_word(line, "r")))
		return;

	if (has_word(line, "x") || has_word(line, "X"))
		add_text(m, end - start, pte, pmd);
	if (place->direct_map)
		add_direct(m, end - start, pte, pmd);
	if (pte) {
		m->page_tables += new_regions(start, end, PMD_SIZE, &place->last[0]);
		m->split += end - start;
	}
	if (pte || pmd)
		m->page_tables += new_regions(start, end, PUD_SIZE, &place->last[1]);
}

static FILE *open_page_tables(void)
{
	size_t i;
	FILE *f;

	for (i = 0; i < ARRAY_SIZE(page_tables); i++) {
		f = fopen(page_tables[i], "re");
		if (f)
			return f;
	}
	ksft_exit_skip("no dump of the page tables: CONFIG_PTDUMP_DEBUGFS, and debugfs\n");
}

/* Read the size of the kmalloc() caches and, on x86, of the parts of the direct map. */
static void read_meminfo(struct mapped *m)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long kb;
	char line[200];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "SUnreclaim: %lu", &kb) == 1)
			m->slab = kb << 10;
		if (sscanf(line, "DirectMap4k: %lu", &kb) == 1)
			m->direct_4k = kb << 10;
		if (sscanf(line, "DirectMap2M: %lu", &kb) == 1)
			m->direct_2m = kb << 10;
		if (sscanf(line, "DirectMap1G: %lu", &kb) == 1)
			m->direct_1g = kb << 10;
	}
	if (f)
		fclose(f);
}

static struct mapped look(void)
{
	struct place place = { .last = { -1UL, -1UL } };
	FILE *f = open_page_tables();
	struct mapped m = { 0 };
	char line[300];

	while (fgets(line, sizeof(line), f))
		add_line(&m, line, &place);
	fclose(f);
	read_meminfo(&m);
	if (!m.text || !m.page_tables || !(m.direct_4k + m.direct_2m + m.direct_1g))
		ksft_exit_fail_msg("the dump of the page tables is not understood\n");
	return m;
}

/* Measure until nothing changes for three seconds: frees may wait for RCU. */
static inline struct mapped look_when_settled(void)
{
	struct mapped m = look(), before;
	int same = 0, tries;

	for (tries = 0; tries < 60 && same < 3; tries++) {
		before = m;
		sleep(1);
		m = look();
		same = memcmp(&m, &before, offsetof(struct mapped, slab)) ? 0 : same + 1;
	}
	if (same < 3)
		ksft_exit_fail_msg("the mapped memory changes all the time\n");
	return m;
}

static void print_measure(const char *what, unsigned long before, unsigned long with,
			  unsigned long after)
{
	ksft_print_msg("measure %s %lu %lu %lu\n", what, before, with, after);
}

static void print_mapped(const struct mapped *before, const struct mapped *with,
			 const struct mapped *after)
{
	print_measure("text", before->text, with->text, after->text);
	print_measure("text_entries", before->text_entries, with->text_entries,
		      after->text_entries);
	print_measure("page_tables", before->page_tables, with->page_tables, after->page_tables);
	print_measure("split", before->split, with->split, after->split);
	print_measure("direct_4k", before->direct_4k, with->direct_4k, after->direct_4k);
	print_measure("direct_2m", before->direct_2m, with->direct_2m, after->direct_2m);
	print_measure("direct_1g", before->direct_1g, with->direct_1g, after->direct_1g);
	print_measure("slab", before->slab, with->slab, after->slab);
}

#endif /* _SELFTESTS_EXECMEM_MAPPED_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * perf records the address and size of each BPF program and trampoline. They must not
 * overlap: otherwise perf attributes samples of one program to another.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "ksymbols.h"
#include "tracing.h"

#define PROGRAMS	200
#define MOST_SYMBOLS	(2 * PROGRAMS)

static struct symbol {
	uint64_t start, end;
	char name[64];
} symbols[MOST_SYMBOLS];
static unsigned int nr_symbols, nr_trampolines;

static void add_symbol(const struct ksymbol *symbol)
{
	struct symbol *s = &symbols[nr_symbols];

	if (symbol->type != PERF_RECORD_KSYMBOL_TYPE_BPF ||
	    symbol->flags & PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER)
		return;
	if (nr_symbols++ == MOST_SYMBOLS)
		ksft_exit_fail_msg("more than %u symbols\n", MOST_SYMBOLS);
	s->start = symbol->addr;
	s->end = symbol->addr + symbol->len;
	snprintf(s->name, sizeof(s->name), "%s", symbol->name);
	nr_trampolines += !strncmp(s->name, "bpf_trampoline_", strlen("bpf_trampoline_"));
}

static unsigned int count_overlaps(void)
{
	unsigned int overlaps = 0;

	for (unsigned int i = 0; i < nr_symbols; i++)
		for (unsigned int j = 0; j < nr_symbols; j++) {
			const struct symbol *a = &symbols[i], *b = &symbols[j];

			if (i == j || b->start < a->start || b->start >= a->end)
				continue;
			if (!overlaps++)
				ksft_print_msg("%s (%llu bytes) contains %s\n", a->name,
					       (unsigned long long)(a->end - a->start), b->name);
		}
	return overlaps;
}

int main(void)
{
	int target, tracer;
	unsigned int overlaps;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to load BPF programs\n");
	open_rings();
	target = load_target(0);
	tracer = load_tracer(target, TYPE_FUNCTION, BPF_TRACE_FENTRY);
	if (tracer < 0)
		ksft_exit_fail_msg("programs (%d, %d): %s\n", target, tracer, strerror(errno));
	if (attach(tracer) < 0 && lacks_trampolines())
		ksft_exit_skip("no trampolines: %s\n", strerror(errno));
	ksft_set_plan(1);

	/* The new programs fill the pack behind the trampoline. */
	for (int i = 0; i < PROGRAMS; i++)
		if (load_target(i) < 0)
			ksft_exit_fail_msg("a program: %s\n", strerror(errno));
	read_symbols(add_symbol);
	overlaps = count_overlaps();
	ksft_print_msg("%u symbols, %u of trampolines, %u overlap\n", nr_symbols,
		       nr_trampolines, overlaps);
	ksft_test_result(nr_symbols > PROGRAMS && nr_trampolines == 1 && !overlaps,
			 "symbols of programs and trampolines do not overlap\n");
	ksft_finished();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * riscv: a change of a static key must flush the writable alias on all harts, not only on
 * the writing one. A probe counts the calls of flush_tlb_kernel_range().
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "inject.h"

#define TRACING	"/sys/kernel/tracing"
#define EVENTS	"kprobe_events"
#define ENABLE	"events/code_patching/flush/enable"
#define PROFILE	TRACING "/kprobe_profile"
#define KEY	"bpf_stats_enabled"	/* has a static key */
#define CHANGES	40

/* Number of calls of flush_tlb_kernel_range() so far; -1 if the probe does not exist. */
static long count_flushes(void)
{
	FILE *f = fopen(PROFILE, "re");
	char line[256];
	long hits = -1;

	if (!f)
		return -1;
	while (hits < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, " flush %ld", &hits) != 1)
			hits = -1;
	fclose(f);
	return hits;
}

static bool start_counting(void)
{
	return write_to(TRACING, EVENTS, "p:code_patching/flush flush_tlb_kernel_range\n") &&
	       write_to(TRACING, ENABLE, "1\n");
}

static void stop_counting(void)
{
	write_to(TRACING, ENABLE, "0\n");
	write_to(TRACING, EVENTS, "-:code_patching/flush\n");
}

int main(void)
{
	int changes = 0, error;
	long before, flushes;

	ksft_print_header();
#ifndef __riscv
	ksft_exit_skip("only riscv flushes an alias by interrupts\n");
#endif
	if (geteuid())
		ksft_exit_skip("needs root, to add a probe\n");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		ksft_exit_skip("there is no other hart\n");
	if (!start_counting()) {
		error = errno;
		stop_counting();
		ksft_exit_skip("no probe: %s\n", strerror(error));
	}
	ksft_set_plan(1);

	before = count_flushes();
	while (changes < CHANGES && write_to("/proc/sys/kernel", KEY, changes % 2 ? "0\n" : "1\n"))
		changes++;
	flushes = count_flushes() - before;
	stop_counting();
	ksft_print_msg("%ld flushes for %d changes of a static key\n", flushes, changes);
	ksft_test_result(before >= 0 && changes == CHANGES && flushes >= changes,
			 "the alias is flushed everywhere\n");
	ksft_finished();
}

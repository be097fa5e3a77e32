// SPDX-License-Identifier: GPL-2.0
/*
 * riscv: a change of a static key must flush the writable alias on all harts, not only on
 * the writing one. A probe counts the calls of flush_tlb_kernel_range().
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "probes.h"

#define PROBE	"code_patching/flush"
#define KEY	"bpf_stats_enabled"	/* has a static key */
#define CHANGES	40

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
	if (!add_probe(PROBE, "flush_tlb_kernel_range", BEHIND_FTRACE) ||
	    !enable_probe(PROBE, "1")) {
		error = errno;
		remove_probe(PROBE);
		ksft_exit_skip("no probe: %s\n", strerror(error));
	}
	ksft_set_plan(1);

	before = count_hits("flush");
	while (changes < CHANGES && write_to("/proc/sys/kernel", KEY, changes % 2 ? "0\n" : "1\n"))
		changes++;
	flushes = count_hits("flush") - before;
	enable_probe(PROBE, "0");
	remove_probe(PROBE);
	ksft_print_msg("%ld flushes for %d changes of a static key\n", flushes, changes);
	ksft_test_result(before >= 0 && changes == CHANGES && flushes >= changes,
			 "the alias is flushed everywhere\n");
	ksft_finished();
}

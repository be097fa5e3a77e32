// SPDX-License-Identifier: GPL-2.0
/*
 * Removing a probe must free the slot that contains the copy of the probed instruction.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "probes.h"

#define PROBE		"code_patching/slot"
#define FUNCTION	"vfs_statfs"
#define LEAST_SLOT	8	/* bytes, on any architecture */

/* Count the pages with copies of instructions. -1 on error. */
static int count_pages(void)
{
	return count_lines("/proc/kallsyms", "kprobe_insn_page");
}

/* Find an instruction that is copied: some are simulated. Leaves no probe behind. */
static int find_copied_instruction(void)
{
	for (unsigned int offset = 0; offset < MOST_OFFSET; offset += 2) {
		bool copied;

		if (!add_probe_at(PROBE, FUNCTION, offset))
			continue;
		copied = count_pages() > 0;
		remove_probe(PROBE);
		if (copied)
			return offset;
	}
	return -1;
}

/* Add and remove as many probes as fill two pages with slots, if no slot is freed. */
static void case_removed(unsigned int offset)
{
	unsigned int cycles = 2 * sysconf(_SC_PAGESIZE) / LEAST_SLOT, done = 0;
	int before = count_pages(), after;

	while (done < cycles && add_probe_at(PROBE, FUNCTION, offset) && remove_probe(PROBE))
		done++;
	after = count_pages();
	ksft_print_msg("%u probes, one after the other: %d pages before, %d after\n",
		       done, before, after);
	ksft_test_result(done == cycles && after < before + 2,
			 "copies of instructions are freed\n");
}

int main(void)
{
	char expedited[16] = "0\n";
	int offset;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to add probes\n");
	if (access(TRACEFS "/" DYNAMIC_EVENTS, W_OK))
		ksft_exit_skip(DYNAMIC_EVENTS ": %s\n", strerror(errno));
	if (count_pages() < 0)
		ksft_exit_skip("/proc/kallsyms: %s\n", strerror(errno));
	ksft_set_plan(1);

	/* Each removal waits for a grace period. */
	read_from("/sys/kernel", "rcu_expedited", expedited, sizeof(expedited));
	write_to("/sys/kernel", "rcu_expedited", "1\n");
	offset = find_copied_instruction();
	if (offset < 0)
		ksft_test_result_skip("no instruction of " FUNCTION " is copied\n");
	else
		case_removed(offset);
	write_to("/sys/kernel", "rcu_expedited", expedited);
	ksft_finished();
}

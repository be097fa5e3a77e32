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
#include "inject.h"

#define TRACING		"/sys/kernel/tracing"
#define EVENTS		TRACING "/kprobe_events"
#define FUNCTION	"vfs_statfs"
#define MOST_OFFSET	64	/* bytes */
#define LEAST_SLOT	8	/* bytes, on any architecture */

/* Add a probe without arming it. The kernel copies the instruction anyway. */
static bool add_probe(unsigned int offset)
{
	char event[64];

	snprintf(event, sizeof(event), "p:code_patching/slot " FUNCTION "+%u\n", offset);
	return write_to(TRACING, "kprobe_events", event);
}

static bool remove_probe(void)
{
	return write_to(TRACING, "kprobe_events", "-:code_patching/slot\n");
}

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

		if (!add_probe(offset))
			continue;
		copied = count_pages() > 0;
		remove_probe();
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

	while (done < cycles && add_probe(offset) && remove_probe())
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
	if (access(EVENTS, W_OK))
		ksft_exit_skip(EVENTS ": %s\n", strerror(errno));
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

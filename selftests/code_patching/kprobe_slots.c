// SPDX-License-Identifier: GPL-2.0
/*
 * Removing a probe must free the slot that contains the copy of the probed instruction.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest.h"

#define EVENTS		"/sys/kernel/tracing/kprobe_events"
#define EXPEDITED	"/sys/kernel/rcu_expedited"
#define FUNCTION	"vfs_statfs"
#define MOST_OFFSET	64	/* bytes */
#define LEAST_SLOT	8	/* bytes, on any architecture */

static bool write_file(const char *file, const char *format, ...)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
	va_list args;
	bool ok;

	if (fd < 0)
		return false;
	va_start(args, format);
	ok = vdprintf(fd, format, args) > 0;
	va_end(args);
	close(fd);
	return ok;
}

/* Add a probe without arming it. The kernel copies the instruction anyway. */
static bool add_probe(unsigned int offset)
{
	return write_file(EVENTS, "p:code_patching/slot " FUNCTION "+%u\n", offset);
}

static bool remove_probe(void)
{
	return write_file(EVENTS, "-:code_patching/slot\n");
}

/* Count the pages with copies of instructions. */
static unsigned int count_pages(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned int pages = 0;
	char line[512];

	if (!f)
		ksft_exit_skip("/proc/kallsyms: %s\n", strerror(errno));
	while (fgets(line, sizeof(line), f))
		pages += !!strstr(line, "kprobe_insn_page");
	fclose(f);
	return pages;
}

/* Find an instruction that is copied: some are simulated. Leaves no probe behind. */
static int find_copied_instruction(void)
{
	for (unsigned int offset = 0; offset < MOST_OFFSET; offset += 2) {
		bool copied;

		if (!add_probe(offset))
			continue;
		copied = count_pages();
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
	unsigned int before = count_pages(), after;

	while (done < cycles && add_probe(offset) && remove_probe())
		done++;
	after = count_pages();
	ksft_print_msg("%u probes, one after the other: %u pages before, %u after\n",
		       done, before, after);
	ksft_test_result(done == cycles && after < before + 2,
			 "copies of instructions are freed\n");
}

int main(void)
{
	int offset;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to add probes\n");
	if (access(EVENTS, W_OK))
		ksft_exit_skip(EVENTS ": %s\n", strerror(errno));
	ksft_set_plan(1);

	/* Each removal waits for a grace period. */
	write_file(EXPEDITED, "1\n");
	offset = find_copied_instruction();
	if (offset < 0)
		ksft_test_result_skip("no instruction of " FUNCTION " is copied\n");
	else
		case_removed(offset);
	write_file(EXPEDITED, "0\n");
	ksft_finished();
}

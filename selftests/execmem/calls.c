// SPDX-License-Identifier: GPL-2.0
/*
 * Call many small generated functions in the kernel in random order. The cost depends on
 * the number of cache lines and pages that contain them.
 *
 * Usage: calls FUNCTIONS packed|scattered CALLS
 *
 * Prints TAP, "# measure calls CALLS", "# measure time NS" for all calls together, and the
 * mapped memory (see workloads). The calls are made within a window (window.h).
 *
 * The test_vmalloc_text module provides the functions. Scattered functions have a page
 * each, which splits large pages of the direct map until the next boot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../code_patching/modules.h"
#include "mapped.h"
#include "window.h"

#define MODULE	"test_vmalloc_text"
#define CALL	"/sys/module/" MODULE "/parameters/call"

static void load_module(const char *functions, const char *layout)
{
	char made[40], scattered[40];
	int status;

	snprintf(made, sizeof(made), "functions=%s", functions);
	snprintf(scattered, sizeof(scattered), "scattered=%d", !strcmp(layout, "scattered"));
	status = run_modprobe(MODULE, made, scattered);
	if (status)
		ksft_exit_skip("modprobe " MODULE " %s: status %d: CONFIG_TEST_VMALLOC_TEXT=m\n",
			       made, status);
}

static unsigned long call_functions(const char *calls)
{
	int fd = open(CALL, O_WRONLY | O_CLOEXEC);
	unsigned long began, time;
	ssize_t written;

	if (fd < 0)
		ksft_exit_fail_msg(CALL ": %s\n", strerror(errno));
	began = now();
	begin_window();
	written = write(fd, calls, strlen(calls));
	end_window();
	time = now() - began;
	if (written != (ssize_t)strlen(calls))
		ksft_exit_fail_msg(CALL ": %s\n", strerror(errno));
	close(fd);
	return time;
}

int main(int argc, char **argv)
{
	struct mapped before, with, after;
	unsigned long time;

	ksft_print_header();
	if (argc != 4 || (strcmp(argv[2], "packed") && strcmp(argv[2], "scattered")) ||
	    atoi(argv[1]) <= 0 || atoi(argv[3]) <= 0)
		ksft_exit_fail_msg("usage: calls FUNCTIONS packed|scattered CALLS\n");
	if (geteuid())
		ksft_exit_skip("must be root\n");

	before = look();
	load_module(argv[1], argv[2]);
	time = call_functions(argv[3]);
	with = look();
	unload_module(MODULE);
	after = look();
	print_window("calls");
	print_mapped(&before, &with, &after);
	ksft_print_msg("measure calls %s\n", argv[3]);
	ksft_print_msg("measure time %lu\n", time);
	ksft_set_plan(1);
	ksft_test_result_pass("%s %s\n", argv[2], argv[1]);
	ksft_finished();
}

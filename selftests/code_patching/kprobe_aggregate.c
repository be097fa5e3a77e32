// SPDX-License-Identifier: GPL-2.0
/*
 * Several probes of one function share an entry in ftrace. Removing the last probe must
 * remove the entry, with any handlers and in any order of registration and removal.
 *
 * The probes are those of two samples: kprobe_example has a post_handler,
 * kretprobe_example has none.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "inject.h"
#include "modules.h"

#define ENABLED		"/sys/kernel/tracing/enabled_functions"
#define FUNCTION	"kernel_restart"	/* not called during the test */
#define WITHOUT		"kretprobe_example"
#define WITH		"kprobe_example"

static bool load_module(const char *module)
{
	const char *parameter = strcmp(module, WITH) ? "func=" FUNCTION : "symbol=" FUNCTION;

	return !run_modprobe(module, parameter, NULL);
}

static void check_module(const char *module)
{
	if (!load_module(module))
		ksft_exit_skip("%s cannot be loaded\n", module);
	unload_module(module);
}

static bool is_traced(void)
{
	int lines = count_lines(ENABLED, FUNCTION " ");

	if (lines < 0)
		ksft_exit_skip(ENABLED ": %s\n", strerror(errno));
	return lines;
}

/* Add the probes of two modules in one order and remove them in the same or the other. */
static void case_order(const char *first, const char *second, bool swap)
{
	bool with, after;

	if (!load_module(first) || !load_module(second))
		ksft_exit_fail_msg(WITH " or " WITHOUT " cannot be loaded\n");
	with = is_traced();
	unload_module(swap ? second : first);
	unload_module(swap ? first : second);
	after = is_traced();
	if (!with)
		ksft_test_result_skip("kprobes do not use ftrace for " FUNCTION "\n");
	else
		ksft_test_result(!after, "%s, then %s; %s removed first\n", first, second,
				 swap ? second : first);
}

int main(void)
{
	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to add probes\n");
	check_module(WITH);
	check_module(WITHOUT);
	if (is_traced())
		ksft_exit_skip(FUNCTION " is traced already\n");
	ksft_set_plan(4);

	case_order(WITH, WITHOUT, false);
	case_order(WITH, WITHOUT, true);
	case_order(WITHOUT, WITH, true);
	case_order(WITHOUT, WITH, false);
	ksft_finished();
}

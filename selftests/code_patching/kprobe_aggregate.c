// SPDX-License-Identifier: GPL-2.0
/*
 * Several probes of one function share an entry in ftrace. Removing the last probe must
 * remove the entry, with any handlers and in any order of registration and removal.
 *
 * The probes are those of two samples: kprobe_example has a post_handler,
 * kretprobe_example has none. The function of livepatch's sample must refuse a
 * post_handler.
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
#define PATCHED		"cmdline_proc_show"
#define WITHOUT		"kretprobe_example"
#define WITH		"kprobe_example"

static bool add_probe(const char *module, const char *function)
{
	char parameter[64];

	snprintf(parameter, sizeof(parameter), "%s=%s", strcmp(module, WITH) ? "func" : "symbol",
		 function);
	return !run_modprobe(module, parameter, NULL);
}

static void check_module(const char *module)
{
	if (!add_probe(module, FUNCTION))
		ksft_exit_skip("%s cannot be loaded\n", module);
	unload_module(module);
}

static bool is_traced(const char *function)
{
	int lines = count_lines(ENABLED, function);

	if (lines < 0)
		ksft_exit_skip(ENABLED ": %s\n", strerror(errno));
	return lines;
}

/* Add the probes of two modules in one order and remove them in the same or the other. */
static void case_order(const char *first, const char *second, bool swap)
{
	bool with, after;

	if (!add_probe(first, FUNCTION) || !add_probe(second, FUNCTION))
		ksft_exit_fail_msg(WITH " or " WITHOUT " cannot be loaded\n");
	with = is_traced(FUNCTION " ");
	unload_module(swap ? second : first);
	unload_module(swap ? first : second);
	after = is_traced(FUNCTION " ");
	if (!with)
		ksft_test_result_skip("kprobes do not use ftrace for " FUNCTION "\n");
	else
		ksft_test_result(!after, "%s, then %s; %s removed first\n", first, second,
				 swap ? second : first);
}

static bool unload_livepatch(void)
{
	bool ok = write_to("/sys/kernel/livepatch/livepatch_sample", "enabled", "0");

	for (int tries = 0; ok && tries < 60 && remove_module("livepatch_sample"); tries++)
		nanosleep(&half_second, NULL);
	return ok && !is_loaded("livepatch_sample");
}

/* The refused probe must leave the other one as it was. */
static void case_refused(void)
{
	static const char name[] = WITH " is refused beside a live patch";
	bool refused, alone;

	if (run_modprobe("livepatch-sample", NULL, NULL)) {
		ksft_test_result_skip("%s: no CONFIG_SAMPLE_LIVEPATCH\n", name);
		return;
	}
	if (!add_probe(WITHOUT, PATCHED))
		ksft_exit_fail_msg(WITHOUT " cannot be loaded\n");
	refused = !add_probe(WITH, PATCHED);
	if (!refused)
		unload_module(WITH);
	unload_module(WITHOUT);
	alone = is_traced(PATCHED " (1)");
	if (!unload_livepatch())
		ksft_exit_fail_msg("livepatch_sample cannot be unloaded\n");
	ksft_test_result(refused && alone && !is_traced(PATCHED " "), "%s\n", name);
}

int main(void)
{
	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to add probes\n");
	check_module(WITH);
	check_module(WITHOUT);
	if (is_traced(FUNCTION " "))
		ksft_exit_skip(FUNCTION " is traced already\n");
	ksft_set_plan(5);

	case_order(WITH, WITHOUT, false);
	case_order(WITH, WITHOUT, true);
	case_order(WITHOUT, WITH, true);
	case_order(WITHOUT, WITH, false);
	case_refused();
	ksft_finished();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Generated text survives suspend and hibernation, and text can be written afterwards.
 *
 * Usage: suspend [SWAP]
 *
 * Text exists in each use, and another task writes text all the time. Without SWAP, pm_test
 * ends each suspend at one of its stages. With it, the kernel also writes its memory to this
 * block device: first it restores the memory at once, then it restarts. Boot with
 * resume=SWAP, and the restored kernel continues this test.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/swap.h>

#include "../code_patching/modules.h"
#include "../code_patching/tracing.h"
#include "bpf_settings.h"
#include "log.h"
#include "summary.h"
#include "writers.h"

#define POWER		"/sys/power"
#define INSTANCE	TRACEFS "/instances/execmem_suspend"
#define PROBE		"execmem_suspend/probe"
#define MODULE		"test_static_keys"
#define BYTES		33	/* of a packet */

static int pair[2], target, tracer, link_fd;
static char trampoline_lacks[64];

/* Text that stays until the end. */
static bool make_text(void)
{
	target = load_target(42);
	tracer = load_tracer(target, TYPE_FUNCTION, BPF_TRACE_FENTRY);
	link_fd = attach(tracer);
	if (link_fd < 0)
		snprintf(trampoline_lacks, sizeof(trampoline_lacks), "%s", strerror(errno));
	open_pair(pair);
	mkdir(INSTANCE, 0700);
	return attach_filter(pair[1], BYTES) && !run_modprobe(MODULE, NULL, NULL) &&
	       add_probe(PROBE, PROBED, BEHIND_FTRACE) && enable_probe(PROBE, "1") &&
	       write_to(INSTANCE, "set_ftrace_filter", PROBED) &&
	       write_to(INSTANCE, "current_tracer", "function");
}

static bool free_text(void)
{
	bool freed = write_to(INSTANCE, "current_tracer", "nop") && enable_probe(PROBE, "0") &&
		     remove_probe(PROBE) && !remove_module(MODULE);

	rmdir(INSTANCE);
	close_pair(pair);
	close(link_fd);
	close(tracer);
	close(target);
	return freed;
}

/* Old text executes, and new text can be written and executes. */
static bool text_works(void)
{
	long hits = count_hits("probe");
	int traced = count_lines(INSTANCE "/trace", PROBED);

	call_probed();
	return accepts(pair, BYTES) && run_program(target, 1) == 42 &&
	       count_hits("probe") > hits &&
	       count_lines(INSTANCE "/trace", PROBED) > traced &&
	       write_filter() && !remove_module(MODULE) && !run_modprobe(MODULE, NULL, NULL) &&
	       has_wx_mapping() != 1;
}

static void write_text(void)
{
	while (write_filter())
		;
	_exit(1);
}

/* Which is "freeze" or "disk". */
static bool has_state(const char *state)
{
	char states[64];

	return read_from(POWER, "state", states, sizeof(states)) && strstr(states, state);
}

static void case_sleep(const char *state, const char *file, const char *how)
{
	bool slept;

	if (!has_state(state))
		return ksft_test_result_skip("%s, %s: not supported\n", state, how);
	fflush(stdout);
	slept = write_to(POWER, file, how) && write_to(POWER, "state", state);
	if (!slept)
		ksft_print_msg("%s: %s\n", state, strerror(errno));
	ksft_test_result(slept && text_works(), "%s, %s\n", state, how);
}

static void test_stages(const char *state, unsigned int stages)
{
	static const char * const names[] = {
		"freezer", "devices", "platform", "processors", "core",
	};

	for (unsigned int i = 0; i < stages; i++)
		case_sleep(state, "pm_test", names[i]);
	write_to(POWER, "pm_test", "none");
}

int main(int argc, char **argv)
{
	const char *swap = argc > 1 ? argv[1] : NULL;
	static char before[2048];
	int log, status = 0;
	pid_t writer;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to suspend\n");
	if (access(POWER "/pm_test", W_OK))
		ksft_exit_skip("no " POWER "/pm_test\n");
	if (swap && swapon(swap, 0))
		ksft_exit_skip("%s: %s\n", swap, strerror(errno));
	need_jit();
	write_to("/sys/module/suspend/parameters", "pm_test_delay", "1");
	write_to("/sys/module/hibernate/parameters", "pm_test_delay", "1");
	/* The module that it needs stays loaded. */
	if (run_modprobe(MODULE, NULL, NULL) || remove_module(MODULE))
		ksft_exit_skip("%s cannot be loaded and unloaded\n", MODULE);
	if (!access(SUMMARY, R_OK) && !read_settled_summary(before, sizeof(before)))
		ksft_exit_fail_msg("the number of objects keeps changing: " OBJECTS "\n");
	log = open_log();
	ksft_set_plan(swap ? 14 : 12);
	ksft_test_result(make_text(), "text in each use\n");
	if (*trampoline_lacks)
		ksft_print_msg("without a trampoline of BPF: %s\n", trampoline_lacks);
	writer = start(write_text);

	test_stages("freeze", 3);
	test_stages("disk", 5);
	if (swap) {
		case_sleep("disk", "disk", "test_resume");
		case_sleep("disk", "disk", "reboot");
	}
	kill(writer, SIGKILL);
	waitpid(writer, &status, 0);
	ksft_test_result(WIFSIGNALED(status), "text was written all the time\n");
	ksft_test_result(free_text() && (!*before || summary_returns_to(before)),
			 "all text is freed\n");
	ksft_test_result(!count_splats(log), "no warning in the kernel log\n");
	ksft_finished();
}

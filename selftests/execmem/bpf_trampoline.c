// SPDX-License-Identifier: GPL-2.0
/*
 * A trampoline calls exactly the programs that are attached, in any order of attaching and
 * detaching. Tasks that execute a replaced trampoline leave it without an error.
 *
 * Each change creates a new trampoline and frees the old one. If the old one calls the
 * traced function, the kernel writes a branch into it to skip the programs behind the call.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/modules.h"
#include "../code_patching/tracing.h"
#include "log.h"

#define RESULT		7
#define TRACERS		8	/* of each type */
#define REPLACEMENTS	100

static int target;

/**
 * struct tracer - a program that traces the target
 * @type: where it is called
 * @program: its file, loaded for each attachment because a tracer is attached only once
 * @link: file that keeps it attached, or -1
 */
static struct tracer {
	enum bpf_attach_type type;
	int program, link;
} tracers[2 * TRACERS];

static void count_all_runs(unsigned long long *runs)
{
	for (size_t i = 0; i < ARRAY_SIZE(tracers); i++)
		runs[i] = runs_of(tracers[i].program);
}

/* Run the target once. The attached tracers must run once, the others must not. */
static bool is_traced_once(void)
{
	unsigned long long before[ARRAY_SIZE(tracers)], after[ARRAY_SIZE(tracers)];
	long result;

	count_all_runs(before);
	result = run_program(target, 1);
	count_all_runs(after);
	for (size_t i = 0; i < ARRAY_SIZE(tracers); i++) {
		const unsigned int expected = tracers[i].link < 0 ? 0 : 1;

		if (after[i] - before[i] == expected)
			continue;
		ksft_print_msg("tracer %zu ran %llu times, not %u\n", i, after[i] - before[i],
			       expected);
		return false;
	}
	if (result != RESULT)
		ksft_print_msg("the target returned %ld\n", result);
	return result == RESULT;
}

static bool attach_tracer(struct tracer *t)
{
	close(t->program);
	t->program = load_tracer(target, TYPE_FUNCTION, t->type);
	t->link = attach(t->program);
	if (t->link < 0)
		ksft_print_msg("attaching: %s\n", strerror(errno));
	return t->link >= 0;
}

static void detach_tracer(struct tracer *t)
{
	close(t->link);
	t->link = -1;
}

/* Attach all tracers of both types, then detach them in the same or in the other order. */
static void case_order(bool reverse)
{
	const size_t n = ARRAY_SIZE(tracers);
	bool good = is_traced_once();

	for (size_t i = 0; i < n && good; i++)
		good = attach_tracer(&tracers[i]) && is_traced_once();
	for (size_t i = 0; i < n; i++) {
		struct tracer *t = &tracers[reverse ? n - 1 - i : i];

		if (t->link < 0)
			continue;
		detach_tracer(t);
		good = good && is_traced_once();
	}
	ksft_test_result(good, "%zu tracers run once each; detached %s\n", n,
			 reverse ? "last first" : "first first");
}

static void run_target_forever(void)
{
	while (run_program(target, 1000) == RESULT)
		;
	_exit(1);
}

/* Replace the trampoline of a function that other CPUs execute. */
static void case_running(void)
{
	struct tracer *first = &tracers[0], *last = &tracers[ARRAY_SIZE(tracers) - 1];
	pid_t pid = start(run_target_forever);
	unsigned int done = 0;
	int status;

	while (done < REPLACEMENTS && attach_tracer(last) && attach_tracer(first)) {
		detach_tracer(last);
		detach_tracer(first);
		done++;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	ksft_test_result(done == REPLACEMENTS && WIFSIGNALED(status),
			 "%u times replaced while the target runs\n", done);
}

int main(void)
{
	int log;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to load BPF programs\n");
	target = load_target(RESULT);
	if (target < 0)
		ksft_exit_fail_msg("the target: %s\n", strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(tracers); i++)
		tracers[i] = (struct tracer){
			.type = i < TRACERS ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT,
			.program = -1, .link = -1,
		};
	if (!attach_tracer(&tracers[0]) && lacks_trampolines())
		ksft_exit_skip("no trampolines on this architecture\n");
	detach_tracer(&tracers[0]);
	if (count_runs() < 0)
		ksft_exit_skip("the kernel does not count runs: %s\n", strerror(errno));
	log = open_log();
	ksft_set_plan(4);

	case_order(false);
	case_order(true);
	case_running();
	/* Trampolines are freed after grace periods. */
	sleep(2);
	ksft_test_result(!count_splats(log), "the kernel logs no warning\n");
	ksft_finished();
}

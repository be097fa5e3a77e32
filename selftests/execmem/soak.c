// SPDX-License-Identifier: GPL-2.0
/*
 * Use generated text in all ways at once, for a given time: filters, probes, the function
 * tracer, BPF trampolines, modules, and tests that compare text with its source. Meanwhile,
 * one CPU looks for mappings that are writable and executable, and another task frees empty
 * packs.
 *
 * Usage: soak [SECONDS]
 *
 * Each operation repeats in a separate task and must succeed each time.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "../code_patching/modules.h"
#include "../code_patching/tracing.h"
#include "bpf_settings.h"
#include "log.h"
#include "summary.h"
#include "writers.h"

#define SECONDS		10
#define INSTANCE	TRACEFS "/instances/execmem_soak"
#define FILTER		"set_ftrace_filter"
#define PROBE		"execmem_soak/probe"
/* Tests of test_vmalloc_text that other writers of text do not disturb */
#define TESTS		"run_test_mask=0xe00cf"
#define UNPACK_SUITE	DEBUGFS "/kunit/record_unpack"

/* Add a probe, hit it, and remove it. */
static bool use_probe(void)
{
	bool hit = add_probe(PROBE, PROBED, BEHIND_FTRACE) && enable_probe(PROBE, "1");

	call_probed();
	hit = hit && count_hits("probe") > 0;
	return enable_probe(PROBE, "0") && remove_probe(PROBE) && hit;
}

/* The instance of the function tracer has a trampoline. */
static bool use_tracer(void)
{
	bool traced = write_to(INSTANCE, FILTER, PROBED) &&
		      write_to(INSTANCE, "current_tracer", "function");

	call_probed();
	traced = traced && count_lines(INSTANCE "/trace", ": " PROBED " <-") > 0;
	return write_to(INSTANCE, "current_tracer", "nop") && traced;
}

/* The trampoline of a traced BPF program runs the tracer, then the program. */
static bool use_trampoline(void)
{
	int target = load_target(42), tracer = load_tracer(target, TYPE_FUNCTION, BPF_TRACE_FENTRY);
	int link = attach(tracer);
	bool good;

	if (link < 0 && lacks_trampolines())
		_exit(KSFT_SKIP);
	good = link >= 0 && run_program(target, 1) == 42;
	close(link);
	close(tracer);
	close(target);
	return good;
}

static bool unpack_records(void)
{
	return write_to(UNPACK_SUITE, "run", "1") &&
	       !count_lines(UNPACK_SUITE "/results", "not ok");
}

/* Text and packs disappear while the lists are read. */
static bool list_text(void)
{
	return count_lines(OBJECTS, "pack") >= 0 && count_lines("/proc/kallsyms", "bpf_prog_") >= 0;
}

static bool free_packs(void)
{
	nanosleep(&half_second, NULL);
	return write_to("/proc/sys/vm", "drop_caches", "2");
}

static bool has_no_wx_mapping(void)
{
	run_on(sysconf(_SC_NPROCESSORS_ONLN) - 1);
	return !has_wx_mapping();
}

/* Load and unload a module. Loading fails if the module has tests and one of them fails. */
static bool load(const char *module, const char *parameter)
{
	int status = run_modprobe(module, parameter, NULL);
	int error = status ? 0 : remove_module(module);

	if (status || error)
		ksft_print_msg("%s: loading ended with %d; unloading: %s\n", module, status,
			       strerror(error));
	fflush(stdout);
	return !status && !error;
}

/* An operation is skipped if its file is missing, or its module cannot even be loaded idle. */
static const struct operation {
	const char *name, *needs;
	bool (*run)(void);
	const char *parameter, *idle;
} operations[] = {
	{ "attach a filter", NET_CORE "/bpf_jit_enable", .run = write_filter },
	{ "attach a filter in another task", NET_CORE "/bpf_jit_enable", .run = write_filter },
	{ "hit a new probe", TRACEFS "/kprobe_events", .run = use_probe },
	{ "trace a function", INSTANCE "/" FILTER, .run = use_tracer },
	{ "trace a BPF program", NET_CORE "/bpf_jit_enable", .run = use_trampoline },
	{ "load a module", .needs = "test_static_keys" },
	{ "change the text of a module", "test_module_text", .idle = "quick=1" },
	{ "compare text with its source", "test_vmalloc_text", .parameter = TESTS,
	  .idle = "functions=1" },
	{ "unpack records", UNPACK_SUITE "/run", .run = unpack_records },
	{ "list text", OBJECTS, .run = list_text },
	{ "free empty packs", SUMMARY, .run = free_packs },
	{ "find no writable and executable mapping", CHECK_WX, .run = has_no_wx_mapping },
};

static bool can_run(const struct operation *op)
{
	return op->run ? !access(op->needs, F_OK) : load(op->needs, op->idle);
}

static struct {
	bool done;
	unsigned long counts[ARRAY_SIZE(operations)];
} *shared;
static size_t current;		/* operation of a new task */

static void repeat(void)
{
	const struct operation *op = &operations[current];

	do {
		if (op->run ? !op->run() : !load(op->needs, op->parameter))
			_exit(1);
		__atomic_fetch_add(&shared->counts[current], 1, __ATOMIC_RELAXED);
	} while (!__atomic_load_n(&shared->done, __ATOMIC_RELAXED));
	_exit(0);
}

static void report(size_t i, pid_t pid)
{
	const struct operation *op = &operations[i];
	unsigned long count;
	int status;

	if (!pid || waitpid(pid, &status, 0) != pid || status == KSFT_SKIP << 8)
		return ksft_test_result_skip("%s: no %s\n", op->name,
					     pid ? "trampolines" : op->needs);
	count = shared->counts[i];
	ksft_test_result(!status && count, "%s\n", op->name);
	ksft_print_msg("%s: %lu times\n", op->name, count);
}

int main(int argc, char **argv)
{
	const struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
	time_t end, seconds = argc > 1 ? atol(argv[1]) : SECONDS;
	pid_t pids[ARRAY_SIZE(operations)] = { 0 };
	bool possible[ARRAY_SIZE(operations)];
	static char before[2048];
	unsigned int splats = 0;
	int log;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to load modules\n");
	need_jit();
	ksft_set_plan(ARRAY_SIZE(operations) + 2);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	mkdir(INSTANCE, 0700);
	make_trampoline_of_probes("execmem_seal");
	/* Modules that others need stay loaded. */
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		possible[i] = can_run(&operations[i]);
	if (!access(SUMMARY, R_OK) && !read_settled_summary(before, sizeof(before)))
		ksft_exit_fail_msg("the number of objects keeps changing: " OBJECTS "\n");
	/* Each check for writable and executable mappings logs a line. */
	quieten_console();
	log = open_log();

	for (current = 0; current < ARRAY_SIZE(operations); current++)
		if (possible[current])
			pids[current] = start(repeat);
	for (end = time(NULL) + seconds; time(NULL) < end; nanosleep(&tick, NULL))
		splats += count_splats(log);
	__atomic_store_n(&shared->done, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		report(i, pids[i]);
	splats += count_splats(log);
	restore_console();
	rmdir(INSTANCE);
	ksft_test_result(!splats, "no warning in the kernel log\n");
	if (*before)
		ksft_test_result(summary_returns_to(before), "all text is freed\n");
	else
		ksft_test_result_skip("all text is freed: no " SUMMARY "\n");
	ksft_finished();
}

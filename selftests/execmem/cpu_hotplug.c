// SPDX-License-Identifier: GPL-2.0
/*
 * Take a CPU offline and online while other tasks write text: BPF filters, a probe and the
 * test_vmalloc_text module.
 *
 * No writer waits for a CPU that is offline, the CPU synchronises before its hotplug thread
 * does anything else, and it then executes the new text. An emulator keeps instruction
 * caches coherent. Therefore the events csd_function_entry and cpuhp_enter must show each
 * synchronisation.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "../code_patching/modules.h"
#include "bpf_settings.h"
#include "writers.h"

#define MODULE		"test_vmalloc_text"
#define CPU		1
#define CPU_DIR		"/sys/devices/system/cpu/cpu1"
#define INSTANCE	TRACEFS "/instances/execmem_hotplug"
#define PROBE		"execmem_hotplug/probe"
#define PATIENCE	20	/* seconds */

/* Tasks that write text, and their numbers of completed writes. */
enum { FILTERS, PROBES, WRITERS };
static unsigned long *writes;

static unsigned long count_writes(int writer)
{
	return __atomic_load_n(&writes[writer], __ATOMIC_RELAXED);
}

static void add_write(int writer)
{
	__atomic_fetch_add(&writes[writer], 1, __ATOMIC_RELAXED);
}

static const char * const names[WRITERS] = { "filters", "probes" };

static bool stuck, wrong, unsynchronised, missed;

/*
 * Writers: processes that exit with an error if a write fails.
 */

static void write_filters(void)
{
	while (write_filter())
		add_write(FILTERS);
	_exit(1);
}

static void write_probe(void)
{
	while (enable_probe(PROBE, "1") && enable_probe(PROBE, "0"))
		add_write(PROBES);
	_exit(1);
}

/* Loading the module measures writes by several threads, each with a synchronisation. */
static pid_t module;

static void load_module(void)
{
	_exit(run_modprobe(MODULE, "perf=1", "nr_threads=2"));
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return !waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/*
 * Events, in a private trace instance.
 */

static bool start_tracing(void)
{
	static const char filter[] = "func.function == text_poke_sync_this_cpu";

	if (mkdir(INSTANCE, 0755) && errno != EEXIST)
		return false;
	return write_to(INSTANCE, "events/csd/csd_function_entry/filter", filter) &&
	       write_to(INSTANCE, "events/csd/csd_function_entry/enable", "1") &&
	       write_to(INSTANCE, "events/cpuhp/cpuhp_enter/enable", "1");
}

static void stop_tracing(void)
{
	write_to(INSTANCE, "events/enable", "0");
	rmdir(INSTANCE);
}

static void clear_trace(void)
{
	close(open_in(INSTANCE, "trace", O_WRONLY | O_TRUNC));
}

/* Count the synchronisations of a CPU since the trace was cleared. Includes a few others. */
static unsigned long count_syncs(int cpu)
{
	unsigned long kept = 0, lost = 0;
	char path[128], line[128];
	FILE *f;

	snprintf(path, sizeof(path), INSTANCE "/per_cpu/cpu%d/stats", cpu);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "entries: %lu", &kept) != 1)
			sscanf(line, "overrun: %lu", &lost);
	if (f)
		fclose(f);
	return kept + lost;
}

/* A synchronisation by the CPU itself. The interrupts of rounds have a call_single_data. */
static bool is_own_sync(const char *line)
{
	const char *csd = strstr(line, "func=text_poke_sync_this_cpu, csd=");

	return csd && !strtoul(strstr(csd, "csd=") + 4, NULL, 16);
}

/* Check that the first callback in the hotplug thread of the CPU synchronised it. */
static bool synchronised_first(void)
{
	FILE *f = fopen(INSTANCE "/per_cpu/cpu1/trace", "re");
	bool called = false, synchronised = false;
	char line[256] = "no event\n";

	while (f && !synchronised && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "cpuhp/1-"))
			continue;
		synchronised = called && is_own_sync(line);
		if (!strstr(line, "cpuhp_enter: "))
			continue;
		if (called || !strstr(line, "(sync_cpu_online)"))
			break;
		called = true;
	}
	if (f)
		fclose(f);
	if (!synchronised)
		ksft_print_msg("online: not synchronised before %s", line);
	return synchronised;
}

/*
 * The CPU.
 */

static bool set_online(const char *value)
{
	return write_to(CPU_DIR, "online", value);
}

/*
 * Wait until each writer has completed a write that begins after the call, and a round. On
 * s390, neither filters nor probes need rounds: there are none after the module has loaded.
 */
static void wait_for_writers(const char *when)
{
	const struct timespec tick = { .tv_nsec = 1000 * 1000 };
	unsigned long enough[WRITERS], rounds = count_syncs(0);
	time_t end = time(NULL) + PATIENCE;

	for (int i = 0; i < WRITERS; i++)
		enough[i] = count_writes(i) + 2;
	for (int i = 0; i < WRITERS; i++) {
		while (count_writes(i) < enough[i] && time(NULL) < end)
			nanosleep(&tick, NULL);
		if (count_writes(i) >= enough[i])
			continue;
		ksft_print_msg("%s: %s: no write in %d s\n", when, names[i], PATIENCE);
		stuck = true;
	}
	while (count_syncs(0) < rounds + 2 && time(NULL) < end && !has_ended(module))
		nanosleep(&tick, NULL);
	if (count_syncs(0) < rounds + 2 && !has_ended(module)) {
		ksft_print_msg("%s: no round in %d s\n", when, PATIENCE);
		stuck = true;
	}
}

/* Only one of the counts may include a round that runs while they are read. */
static void check_rounds(void)
{
	unsigned long here = count_syncs(CPU), there = count_syncs(0);

	wait_for_writers("online");
	there = count_syncs(0) - there;
	here = count_syncs(CPU) - here;
	if (here + 2 >= there)
		return;
	ksft_print_msg("online: %lu rounds, %lu answers\n", there, here);
	missed = true;
}

static void run_cycle(unsigned int cycle)
{
	unsigned int bytes = 1 + cycle % PACKET;
	int pair[2];

	open_pair(pair);
	if (!set_online("0"))
		ksft_exit_fail_msg(CPU_DIR "/online: %s\n", strerror(errno));
	wait_for_writers("offline");
	if (!attach_filter(pair[1], bytes))
		ksft_exit_fail_msg("SO_ATTACH_FILTER: %s\n", strerror(errno));

	clear_trace();
	if (!set_online("1"))
		ksft_exit_fail_msg(CPU_DIR "/online: %s\n", strerror(errno));
	run_on(CPU);
	wrong |= !accepts(pair, bytes);
	run_on(-1);
	unsynchronised |= !synchronised_first();
	check_rounds();
	close_pair(pair);
}

static void check_requirements(void)
{
	int error;

	if (geteuid())
		ksft_exit_skip("needs root, to take a CPU offline\n");
	need_jit();
	if (access(CPU_DIR "/online", W_OK))
		ksft_exit_skip("no " CPU_DIR "/online: no such CPU, or no CONFIG_HOTPLUG_CPU\n");
	if (!set_online("0"))
		ksft_exit_skip("the CPU cannot be taken offline: %s\n", strerror(errno));
	if (!set_online("1"))
		ksft_exit_fail_msg("the CPU does not come online: %s\n", strerror(errno));
	if (run_modprobe(MODULE, "functions=1", NULL))
		ksft_exit_skip(MODULE " cannot be loaded: CONFIG_TEST_VMALLOC_TEXT=m?\n");
	unload_module(MODULE);
	if (!start_tracing() || !add_probe(PROBE, PROBED, 0)) {
		error = errno;
		stop_tracing();
		ksft_exit_skip("no probe, or no events in " INSTANCE ": %s\n", strerror(error));
	}
}

int main(void)
{
	pid_t filters, probes;
	unsigned int cycles = 0;
	int status = -1;

	ksft_print_header();
	check_requirements();
	ksft_set_plan(5);
	writes = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (writes == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));

	filters = start(write_filters);
	probes = start(write_probe);
	module = start(load_module);
	do {
		run_cycle(cycles++);
	} while (!stuck && !has_ended(module));
	ksft_print_msg("%u times offline and online, beside %lu filters and %lu probes\n", cycles,
		       count_writes(FILTERS), count_writes(PROBES));

	ksft_test_result(!stuck, "no writer is stuck\n");
	ksft_test_result(!unsynchronised, "a CPU that comes online synchronises first\n");
	ksft_test_result(!missed, "each round includes a CPU that is online again\n");
	ksft_test_result(!wrong, "a CPU that comes online executes new text\n");
	if (!stuck)
		waitpid(module, &status, 0);
	ksft_test_result(!status && !has_ended(filters) && !has_ended(probes),
			 "writes do not fail\n");
	/* A stuck writer does not end, and still uses the module and the probe. */
	if (stuck)
		ksft_finished();

	stop(filters);
	stop(probes);
	unload_module(MODULE);
	stop_tracing();
	remove_probe(PROBE);
	ksft_finished();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Load the test_vmalloc_text module, which tests <linux/text-patching.h> and the execmem
 * slab. Report its results, and test properties that the module cannot test itself.
 *
 * Usage: vmalloc_text [-m MODULE.ko] [PARAMETER=VALUE...]
 *
 * The parameters are those of the module. perf=1 measures instead of testing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/modules.h"
#include "log.h"
#include "summary.h"

#define MODULE		"test_vmalloc_text"
#define INSTANCE	"instances/" MODULE
#define PARAMETERS	"/sys/module/" MODULE "/parameters"
#define AREAS		"/proc/vmallocinfo"

/* Number of cases of this program. They follow those of the module. */
enum { OWN_CASES = 12 };

/* Results in the kernel log so far. */
static struct {
	unsigned int planned, reported, failed;
	unsigned long first_round, last_round, syncs;
	unsigned int slab_run;		/* number of the test slab_run in the module */
	bool has_totals, lost, quiet;
	char splat[160];
} seen;

/* Observations while the module was loading. */
static struct {
	unsigned int wx_checks, wx_found;
	bool text_listed, off;
} watched;

static const char *tracefs;

/*
 * Helpers.
 */

static bool starts_with(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/*
 * The kernel log.
 */

static const char * const splats[] = {
	"WARNING:", "BUG:", "Oops", "Call Trace:", "Call trace:", "rcu: INFO:",
	"INFO: task", "insecure W+X", "Unable to handle",
};

static void look_for_splat(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(splats); i++)
		if (!seen.splat[0] && strstr(line, splats[i]))
			snprintf(seen.splat, sizeof(seen.splat), "%s", line);
}

static void pass_on_result(const char *line)
{
	bool ok = starts_with(line, "ok ");
	const char *skip = strstr(line, " # SKIP ");
	char name[64] = "";

	if (sscanf(line, ok ? "ok %*d %63s" : "not ok %*d %63s", name) != 1)
		return;

	seen.reported++;
	if (!strcmp(name, "slab_run"))
		seen.slab_run = seen.reported;
	seen.failed += !ok;
	if (!ok)
		ksft_test_result_fail("%s\n", name);
	else if (skip)
		ksft_test_result_skip("%s: %s\n", name, skip + strlen(" # SKIP "));
	else
		ksft_test_result_pass("%s\n", name);
}

static void pass_on_comment(const char *line)
{
	if (sscanf(line, "# total: rounds %lu to %lu, %lu requests", &seen.first_round,
		   &seen.last_round, &seen.syncs) == 3)
		seen.has_totals = true;
	ksft_print_msg("%s\n", line + 2);
}

static void take_line(const char *line)
{
	if (seen.quiet) {
		look_for_splat(line);
	} else if (starts_with(line, "1..")) {
		seen.planned = atoi(line + 3);
		ksft_set_plan(seen.planned + OWN_CASES);
	} else if (starts_with(line, "ok ") || starts_with(line, "not ok ")) {
		pass_on_result(line);
	} else if (starts_with(line, "# ")) {
		pass_on_comment(line);
	} else {
		look_for_splat(line);
	}
}

/*
 * A record is "priority,sequence,time,flags;text\n", sometimes with more lines. Records
 * written by processes have a priority of 8 or more.
 */
static void read_log(int kmsg)
{
	char record[8192], *text;
	ssize_t n;

	for (;;) {
		n = read(kmsg, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE) {
			seen.lost = true;
			continue;
		}
		if (n <= 0)
			return;
		record[n] = '\0';
		text = strchr(record, ';');
		if (!text || atoi(record) >= 8)
			continue;
		text[1 + strcspn(text + 1, "\n")] = '\0';
		take_line(text + 1);
	}
}

/*
 * The module.
 */

static int open_module(const char *path)
{
	char usual[300];
	struct utsname u;

	if (path)
		return open(path, O_RDONLY | O_CLOEXEC);

	if (uname(&u))
		return -1;
	snprintf(usual, sizeof(usual), "/lib/modules/%s/kernel/lib/" MODULE ".ko", u.release);
	return open(usual, O_RDONLY | O_CLOEXEC);
}

/* modprobe also finds modules that are compressed or in other folders. */
static void exec_modprobe(char **params)
{
	static char *argv[64] = { "modprobe", MODULE };
	int n = 2;

	while (*params && n < 63)
		argv[n++] = *params++;
	execvp("modprobe", argv);
	_exit(127);
}

static void join(char *to, size_t size, char **words)
{
	*to = '\0';
	for (; *words; words++) {
		strncat(to, *words, size - strlen(to) - 1);
		strncat(to, " ", size - strlen(to) - 1);
	}
}

/* Load the module in a child process, because loading it runs the tests. */
static pid_t start_loading(const char *path, char **params)
{
	char line[1024];
	pid_t pid;
	int fd;

	fd = open_module(path);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (pid)
		return pid;

	if (fd < 0)
		exec_modprobe(params);
	join(line, sizeof(line), params);
	_exit(syscall(SYS_finit_module, fd, line, 0) ? errno : 0);
}

/*
 * Observations from outside of the module.
 */

static void check_wx(void)
{
	int found = has_wx_mapping();

	if (found < 0)
		return;
	watched.wx_checks++;
	watched.wx_found += found;
}

static bool text_is_listed(void)
{
	return count_lines(AREAS, " test_text_alloc+") > 0;
}

static void watch(void)
{
	if (watched.off)
		return;
	if (!watched.text_listed)
		watched.text_listed = text_is_listed();
	if (watched.wx_checks < 20)
		check_wx();
}

/* Report the results of the module until loading has ended. */
static int follow(pid_t pid, int kmsg)
{
	const struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		read_log(kmsg);
		watch();
		nanosleep(&tick, NULL);
	}
	read_log(kmsg);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static const char *start_tracing(void)
{
	static const char * const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	static char dir[128];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(dir, sizeof(dir), "%s/" INSTANCE, places[i]);
		if (mkdir(dir, 0755) && errno != EEXIST)
			continue;
		write_to(dir, "trace", "");
		write_to(dir, "buffer_size_kb", "8192");
		if (write_to(dir, "events/text_poke/text_poke_sync/enable", "1"))
			return dir;
		rmdir(dir);
	}
	return NULL;
}

static void stop_tracing(void)
{
	if (!tracefs)
		return;
	write_to(tracefs, "events/text_poke/text_poke_sync/enable", "0");
	rmdir(tracefs);
}

/* Count the trace events of the module's requests, and the unshared ones. */
static void count_events(unsigned long *events, unsigned long *unshared)
{
	char path[256], line[512], *event;
	unsigned long round;
	int shared;
	FILE *f;

	*events = *unshared = 0;
	snprintf(path, sizeof(path), "%s/trace", tracefs);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		event = strstr(line, "text_poke_sync: ");
		if (!event || sscanf(event, "text_poke_sync: round=%lu shared=%d",
				     &round, &shared) != 2)
			continue;
		if (round <= seen.first_round || round > seen.last_round)
			continue;
		++*events;
		*unshared += !shared;
	}
	fclose(f);
}

/*
 * Cases of this program.
 */

static void case_all_reported(int status)
{
	for (; seen.reported < seen.planned; seen.reported++)
		ksft_test_result_fail("case %u: no result\n", seen.reported + 1);
	if (status)
		ksft_print_msg("loading ended with %d\n", status);
	ksft_test_result(!status == !seen.failed && !seen.lost,
			 "loading fails if and only if a test fails\n");
}

static void case_wx(void)
{
	if (!watched.wx_checks)
		check_wx();
	if (!watched.wx_checks) {
		ksft_test_result_skip("no mapping writable and executable: no " CHECK_WX "\n");
		return;
	}
	ksft_print_msg("checked for W+X mappings %u times\n", watched.wx_checks);
	ksft_test_result(!watched.wx_found, "no mapping writable and executable\n");
}

static void case_trace(void)
{
	static const char name[] = "tracepoints agree with counters";
	unsigned long events, unshared;

	if (!tracefs || !seen.has_totals) {
		ksft_test_result_skip("%s: %s\n", name, tracefs ? "no totals" :
				      watched.off ? "not while measuring" : "no tracefs");
		stop_tracing();
		return;
	}
	count_events(&events, &unshared);
	stop_tracing();
	ksft_print_msg("%lu events, %lu not shared; %lu requests, %lu rounds\n", events, unshared,
		       seen.syncs, seen.last_round - seen.first_round);
	ksft_test_result(events == seen.syncs && unshared == seen.last_round - seen.first_round,
			 "%s\n", name);
}

static void case_splat(void)
{
	if (seen.splat[0])
		ksft_print_msg("%s\n", seen.splat);
	ksft_test_result(!seen.splat[0], "no warning in the kernel log\n");
}

static void case_unload(void)
{
	int ret = is_loaded(MODULE) ? remove_module(MODULE) : 0;

	if (ret)
		ksft_print_msg("unloading: %s\n", strerror(ret));
	ksft_test_result(!ret, "unload\n");
}

static void case_nothing_left(void)
{
	if (!watched.text_listed) {
		ksft_test_result_skip("no text is left: /proc/vmallocinfo lists no text\n");
		return;
	}
	ksft_test_result(!text_is_listed(), "no text is left\n");
}

static void case_summary(const char *before)
{
	static const char name[] = "the statistics of the slab are unchanged";

	if (*before)
		ksft_test_result(summary_returns_to(before), "%s\n", name);
	else
		ksft_test_result_skip("%s: no " SUMMARY "\n", name);
}

/* The functions for measuring calls can be called, and each is freed once. */
static void case_calls(char *layout, const char *path, const char *before, int kmsg)
{
	char functions[] = "functions=64", *params[] = { functions, layout, NULL };
	bool called, clean;
	int status;

	seen.quiet = true;
	seen.splat[0] = '\0';
	status = follow(start_loading(path, params), kmsg);
	called = !status && write_to(PARAMETERS, "call", "1000") && !remove_module(MODULE);
	read_log(kmsg);
	clean = !seen.splat[0] && !text_is_listed() && (!*before || summary_returns_to(before));
	if (status || !clean)
		ksft_print_msg("loading ended with %d; afterwards %s %s\n", status,
			       clean ? "clean" : "NOT clean", seen.splat);
	ksft_test_result(called && clean, "calls of functions, %s\n", layout);
}

/* Load the module with one of its tests and unload it. */
static int run_again(const char *path, unsigned int test, int kmsg)
{
	char mask[32], *params[] = { mask, NULL };
	int status;

	snprintf(mask, sizeof(mask), "run_test_mask=%u", 1U << (test - 1));
	status = follow(start_loading(path, params), kmsg);
	if (is_loaded(MODULE))
		remove_module(MODULE);
	return status;
}

/* Count the packs of all types and domains. */
static int count_packs(void)
{
	FILE *f = fopen(SUMMARY, "re");
	int n = 0, packs;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*u %*u %*u %d", &packs) == 1)
			n += packs;
	if (f)
		fclose(f);
	return n;
}

/*
 * Each vmalloc area is a pack. Repeat: a released pack keeps its area for a grace period.
 * Packs from a cache have no area.
 */
static bool each_area_is_a_pack(bool has_cache)
{
	int packs, areas;

	for (int tries = 0; tries < 10; tries++) {
		packs = count_packs();
		areas = count_lines(AREAS, " execmem_map+");
		if (areas == packs || (has_cache && areas < packs))
			return true;
		nanosleep(&half_second, NULL);
	}
	ksft_print_msg("%d packs, but %d areas for them\n", packs, areas);
	return false;
}

/* If no pack can be created, the test must fail and leave nothing behind or writable. */
static void case_injected(const char *function, const char *path, const char *before, int kmsg)
{
	bool clean, works, has_cache;
	int failed;

	if (!seen.slab_run || !*before) {
		ksft_test_result_skip("failing %s: %s\n", function,
				      *before ? "slab_run was not run" : "no " SUMMARY);
		return;
	}
	/* Free the empty packs, so that the test needs a new one. Probes may be in a pack. */
	clean = summary_returns_to(before);
	has_cache = inject("execmem_cache_map", NULL, 0);
	if (!inject(function, NULL, 0)) {
		inject("", NULL, 0);
		ksft_test_result_skip("failing %s: %s\n", function, NO_FAIL_FUNCTION);
		return;
	}

	seen.quiet = true;
	seen.splat[0] = '\0';
	watched.wx_checks = 0;
	watched.wx_found = 0;
	failed = run_again(path, seen.slab_run, kmsg);
	inject("", NULL, 0);
	clean = clean && summary_returns_to(before) && each_area_is_a_pack(has_cache) &&
		!seen.splat[0] && !watched.wx_found;
	works = !run_again(path, seen.slab_run, kmsg);
	ksft_print_msg("%s fails: loading ended with %d; afterwards %s, and it %s\n", function,
		       failed, clean ? "clean" : "NOT clean", works ? "works" : "does NOT work");
	ksft_test_result(failed && clean && works, "failing %s\n", function);
}

static void case_objects(void)
{
	static const char name[] = "addresses of text are for root only";
	struct stat st;

	if (stat(OBJECTS, &st)) {
		ksft_test_result_skip("%s: no " OBJECTS "\n", name);
		return;
	}
	ksft_test_result((st.st_mode & 07777) == 0400 && !st.st_uid, "%s\n", name);
}

static void usage(void)
{
	printf("Usage: vmalloc_text [-m MODULE.ko] [PARAMETER=VALUE...]\n"
	       "Run the tests of writing executable kernel memory (module " MODULE ").\n"
	       "Parameters are the module's; perf=1 measures instead of testing.\n");
}

static const char *parse_args(int argc, char **argv)
{
	const char *path = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "m:h-:")) != -1) {
		if (opt == 'm') {
			path = optarg;
			continue;
		}
		usage();
		exit(opt == '?' || (opt == '-' && strcmp(optarg, "help")) ? 2 : 0);
	}
	return path;
}

static bool has_param(char **params, const char *name)
{
	while (*params && !starts_with(*params, name))
		params++;
	return *params;
}

static void exit_not_run(const char *path, int status)
{
	stop_tracing();
	/* modprobe does not report the reason: it found the module but cannot load it. */
	if (!path && (status == 127 ||
		      (status == 1 && system("modprobe -n -q " MODULE " 2>/dev/null"))))
		ksft_exit_skip("no module: CONFIG_TEST_VMALLOC_TEXT is not set?\n");
	if (is_not_permitted(status))
		ksft_exit_skip("the kernel refuses the module because of its signature: %s\n",
			       strerror(status));
	ksft_exit_fail_msg(MODULE " did not run: status %d\n", status);
}

int main(int argc, char **argv)
{
	const char *path = parse_args(argc, argv);
	static char summary[2048];
	int kmsg, status;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to load a module\n");
	if (path && access(path, R_OK))
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	if (is_loaded(MODULE) && remove_module(MODULE))
		ksft_exit_fail_msg(MODULE " is loaded and cannot be unloaded\n");

	make_trampoline_of_probes("execmem_seal");
	if (!access(SUMMARY, R_OK) && !read_settled_summary(summary, sizeof(summary)))
		ksft_exit_fail_msg("the number of objects keeps changing: " OBJECTS "\n");
	kmsg = open_log();
	/* Dumping page tables and tracing would disturb measurements. */
	watched.off = has_param(argv + optind, "perf=");
	if (!watched.off)
		tracefs = start_tracing();
	status = follow(start_loading(path, argv + optind), kmsg);
	if (!seen.planned)
		exit_not_run(path, status);

	case_all_reported(status);
	case_wx();
	case_trace();
	case_splat();
	case_unload();
	case_nothing_left();
	case_summary(summary);
	case_objects();
	case_calls("scattered=0", path, summary, kmsg);
	case_calls("scattered=1", path, summary, kmsg);
	/* The numbers in the results are not those of all tests then. */
	if (has_param(argv + optind, "run_test_mask="))
		seen.slab_run = 0;
	case_injected("execmem_map_writable", path, summary, kmsg);
	case_injected("execmem_seal", path, summary, kmsg);
	ksft_finished();
}

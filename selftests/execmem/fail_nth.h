/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Let the first, the second, ... allocation of an operation fail, until it needs no more.
 * Each time the operation succeeds or is refused with an error, without a warning. At the
 * end as many objects and areas are in use as before.
 */
#ifndef _SELFTESTS_EXECMEM_FAIL_NTH_H
#define _SELFTESTS_EXECMEM_FAIL_NTH_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "../kselftest.h"
#include "bpf_settings.h"
#include "log.h"
#include "summary.h"

#define AREAS		"/proc/vmallocinfo"
#define MOST		20000			/* allocations of an operation */
#define NO_SKIP		16			/* each of the first is tested */
#define TRIES		120			/* half seconds until freed text has gone */

struct operation {
	const char *name;
	/* Optional. Return false if the kernel does not support the operation. */
	bool (*prepare)(void);
	/* Let the @nth allocation fail. Return 0 or an errno. */
	int (*run)(unsigned int nth);
};

static bool injected;	/* in the last operation */

/* Allocations fail in the task that opens the file. */
static int arm(unsigned int nth)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		dprintf(fd, "%u", nth);
	return fd;
}

/* Call this before anything else that may fail. Return @error. */
static int disarm(int fd, int error)
{
	char left[16] = "";

	injected = pread(fd, left, sizeof(left) - 1, 0) > 0 && !atoi(left);
	pwrite(fd, "0", 1, 0);
	close(fd);
	return error;
}

static int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

/* The slab keeps empty packs until its shrinker runs. */
static long count_areas(int unused)
{
	(void)unused;
	write_to("/proc/sys/vm", "drop_caches", "2");
	return count_lines(AREAS, "execmem") + count_lines(AREAS, "bpf") +
	       count_lines(AREAS, "module");
}

/* Untrusted text belongs to others, too, but nobody else attaches filters during this test. */
struct usage {
	char summary[2048];
	long untrusted;
	long areas;
};

static void read_usage(struct usage *usage, int summary)
{
	usage->summary[0] = '\0';
	if (summary >= 0)
		read_settled_summary(usage->summary, sizeof(usage->summary));
	usage->untrusted = summary < 0 ? 0 : count_settled(count_untrusted, summary);
	usage->areas = count_settled(count_areas, 0);
}

/* Freed text waits for grace periods, and a worker unmaps empty packs. */
static bool usage_returns_to(const struct usage *before, int summary)
{
	long untrusted = 0, areas = 0;

	for (int tries = 0; tries < TRIES; tries++) {
		untrusted = summary < 0 ? 0 : count_untrusted(summary);
		areas = count_areas(0);
		if (untrusted <= before->untrusted && areas <= before->areas)
			return summary < 0 || summary_returns_to(before->summary);
		nanosleep(&half_second, NULL);
	}
	ksft_print_msg("untrusted objects: %ld, then %ld; areas: %ld, then %ld\n",
		       before->untrusted, untrusted, before->areas, areas);
	return false;
}

static bool all;

static unsigned int next(unsigned int nth)
{
	return all || nth < NO_SKIP ? nth + 1 : nth + nth / NO_SKIP;
}

/* Return the number of refusals. Leave the error without a failed allocation. */
static unsigned int refuse(const struct operation *op, unsigned int *most, int *error)
{
	unsigned int refused = 0, nth = 0;

	do {
		nth = next(nth);
		*error = op->run(nth);
		refused += injected && *error;
	} while (injected && nth < MOST);
	*most = nth;
	return refused;
}

static void test(const struct operation *op, int summary, int log)
{
	unsigned int refused, most, splats;
	struct usage before;
	int error;

	if (op->prepare && !op->prepare()) {
		ksft_test_result_skip("%s: not supported\n", op->name);
		return;
	}
	/* The first time, some memory is allocated for good. */
	op->run(0);
	read_usage(&before, summary);
	count_splats(log);
	quieten_console();
	refused = refuse(op, &most, &error);
	restore_console();
	splats = count_splats(log);
	ksft_print_msg("%s: %u refusals, fewer than %u allocations%s%s\n", op->name, refused, most,
		       error ? ", without a failure: " : "", error ? strerror(error) : "");
	ksft_test_result(refused && !error && most < MOST && !splats &&
			 usage_returns_to(&before, summary), "%s\n", op->name);
}

/* Skip the whole test if allocations cannot be made to fail. */
static void need_failures(void)
{
	int fail;

	if (geteuid())
		ksft_exit_skip("needs root, to inject failures\n");
	need_jit();
	fail = arm(0);
	if (fail < 0 || !set_fault_attributes(FAILSLAB))
		ksft_exit_skip("no failslab: CONFIG_FAILSLAB is not set?\n");
	close(fail);
	if (!set_fault_attributes(DEBUGFS "/fail_page_alloc"))
		ksft_print_msg("without CONFIG_FAIL_PAGE_ALLOC, pages do not run out\n");
}

static int open_summary(void)
{
	int summary = open(SUMMARY, O_RDONLY | O_CLOEXEC);

	if (summary < 0)
		ksft_print_msg("no " SUMMARY ": objects are not counted\n");
	return summary;
}

#endif /* _SELFTESTS_EXECMEM_FAIL_NTH_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Compare the debugfs statistics of the execmem slab before and after an operation. */
#ifndef _SELFTESTS_EXECMEM_SUMMARY_H
#define _SELFTESTS_EXECMEM_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/inject.h"

#define SUMMARY		"/sys/kernel/debug/execmem/summary"
#define OBJECTS		"/sys/kernel/debug/execmem/objects"

/*
 * Other tasks may allocate and free this text at any time: services and logins load BPF
 * programs, and file systems have untrusted unpack functions.
 */
static inline bool is_of_others(const char *type, const char *domain)
{
	return !strcmp(type, "bpf") || (!strcmp(type, "module") && !strcmp(domain, "untrusted"));
}

/* Print the comparable part of one line of the summary. Return its length. */
static inline int print_pool(char *to, size_t size, const char *line)
{
	unsigned long reserved, used, objects, packs, huge;
	char type[16], domain[16];

	if (sscanf(line, "%15s %15s %lu %lu %lu %lu %lu", type, domain, &reserved, &used,
		   &objects, &packs, &huge) != 7 || is_of_others(type, domain))
		return 0;
	return snprintf(to, size,
			"%s %s: %lu bytes, %lu used, %lu objects, %lu packs, %lu huge\n",
			type, domain, reserved, used, objects, packs, huge);
}

/*
 * Read the comparable part of the summary. Run the shrinkers first, so that the slab
 * frees the empty packs that it keeps. False if the summary cannot be read.
 */
static inline bool read_summary(char *to, size_t size)
{
	size_t len = 0;
	char line[256];
	FILE *f;

	write_to("/proc/sys/vm", "drop_caches", "2");
	f = fopen(SUMMARY, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f) && len < size)
		len += print_pool(to + len, size - len, line);
	fclose(f);
	return len;
}

/* Count freed text that cannot be reused yet, in the types that are compared. */
static inline int count_freed(void)
{
	char line[256], type[16], domain[16];
	FILE *f = fopen(OBJECTS, "re");
	bool compared = false;
	int n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "pack %15s %15s", type, domain) == 2)
			compared = !is_of_others(type, domain);
		else
			n += compared && strstr(line, " freed");
	}
	if (f)
		fclose(f);
	return n;
}

/* Read an open file of debugfs from its beginning again. */
static inline FILE *read_again(int fd)
{
	return lseek(fd, 0, SEEK_SET) ? NULL : fdopen(dup(fd), "re");
}

/* Number of objects of BPF in a trust domain, from an open summary; -1 if unknown. */
static inline long count_bpf(int summary, const char *domain)
{
	FILE *f = read_again(summary);
	long objects = -1, n;
	char line[256], found[16];

	while (f && objects < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "bpf %15s %*u %*u %ld", found, &n) == 2 && !strcmp(found, domain))
			objects = n;
	if (f)
		fclose(f);
	return objects;
}

static inline long count_untrusted(int summary)
{
	return count_bpf(summary, "untrusted");
}

/* Closed sockets and programs are freed later: count until the number stays. */
static inline long count_settled(long (*count)(int fd), int fd)
{
	long n = count(fd), before = n + 1;

	for (int i = 0; i < 60 && n != before; i++) {
		nanosleep(&half_second, NULL);
		before = n;
		n = count(fd);
	}
	return n;
}

static inline void print_lines(const char *what, const char *lines)
{
	for (; *lines; lines += strcspn(lines, "\n") + 1)
		ksft_print_msg("%s: %.*s\n", what, (int)strcspn(lines, "\n"), lines);
}

/*
 * Read the summary after earlier frees have completed: no freed text waits and the
 * summary has not changed for three seconds. Grace periods can take seconds.
 */
static inline bool read_settled_summary(char *to, size_t size)
{
	char again[2048];
	int same = 0;

	if (!read_summary(to, size))
		return false;
	for (int tries = 0; tries < 120 && same < 6; tries++) {
		nanosleep(&half_second, NULL);
		if (!read_summary(again, sizeof(again)))
			return false;
		same = strcmp(to, again) || count_freed() ? 0 : same + 1;
		snprintf(to, size, "%s", again);
	}
	return same == 6;
}

/*
 * Failure injection uses kprobes, which share one ftrace trampoline. The first probe
 * allocates the trampoline, and it stays. Allocate it before the first comparison.
 */
static inline void make_trampoline_of_probes(const char *function)
{
	inject(function, NULL, 0);
	inject("", NULL, 0);
}

/* Wait until the summary is as before, for at most a minute: grace periods can be long. */
static inline bool summary_returns_to(const char *before)
{
	char after[2048];

	for (int tries = 0; tries < 120; tries++) {
		if (read_summary(after, sizeof(after)) && !strcmp(before, after))
			return true;
		nanosleep(&half_second, NULL);
	}
	print_lines("before", before);
	print_lines("after", after);
	return false;
}

#endif /* _SELFTESTS_EXECMEM_SUMMARY_H */

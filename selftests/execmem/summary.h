/* SPDX-License-Identifier: GPL-2.0 */
/* What the execmem slab says it has, before something is done and afterwards. */
#ifndef _SELFTESTS_EXECMEM_SUMMARY_H
#define _SELFTESTS_EXECMEM_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../kselftest.h"
#include "inject.h"

#define SUMMARY		"/sys/kernel/debug/execmem/summary"
#define OBJECTS		"/sys/kernel/debug/execmem/objects"
#define DEBUGFS		"/sys/kernel/debug"
#define CHECK_WX	DEBUGFS "/check_wx_pages"

/* 1 if a mapping is writable and executable, 0 if none is, -1 if nobody says. */
static inline int has_wx_mapping(void)
{
	char answer[32];

	if (!read_from(DEBUGFS, "check_wx_pages", answer, sizeof(answer)))
		return -1;
	return !!strncmp(answer, "SUCCESS", strlen("SUCCESS"));
}

/* How many lines of a file contain a word; -1 if it cannot be read. */
static inline int count_lines(const char *path, const char *word)
{
	FILE *f = fopen(path, "re");
	char line[512];
	int n = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, word);
	fclose(f);
	return n;
}

/*
 * Whether others have text of this type and domain, that comes and goes at any time: BPF
 * programs of each service or login that starts, and untrusted functions of file systems.
 */
static inline bool is_of_others(const char *type, const char *domain)
{
	return !strcmp(type, "bpf") || (!strcmp(type, "module") && !strcmp(domain, "untrusted"));
}

/* What is to be as it was before, of one line of the summary: its length, 0 if nothing. */
static inline int print_pool(char *to, size_t size, const char *line)
{
	unsigned long reserved, used, objects, packs, huge, lost;
	char type[16], domain[16];

	if (sscanf(line, "%15s %15s %lu %lu %lu %lu %lu %*u %*u %*u %lu", type, domain,
		   &reserved, &used, &objects, &packs, &huge, &lost) != 8)
		return 0;
	if (is_of_others(type, domain))
		return snprintf(to, size, "%s %s: %lu lost\n", type, domain, lost);
	return snprintf(to, size,
			"%s %s: %lu bytes, %lu used, %lu objects, %lu packs, %lu huge, %lu lost\n",
			type, domain, reserved, used, objects, packs, huge, lost);
}

/*
 * What the execmem slab has, by type and domain, without what it has done. Packs
 * that are kept empty are given back before, as when memory is short. False if
 * there is nothing to read.
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

/* How many objects, of those that are compared, have been freed and are not yet gone. */
static inline int count_condemned(void)
{
	char line[256], type[16], domain[16];
	FILE *f = fopen(OBJECTS, "re");
	bool compared = false;
	int n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "pack %15s %15s", type, domain) == 2)
			compared = !is_of_others(type, domain);
		else
			n += compared && strstr(line, " condemned");
	}
	if (f)
		fclose(f);
	return n;
}

static inline void print_lines(const char *what, const char *lines)
{
	for (; *lines; lines += strcspn(lines, "\n") + 1)
		ksft_print_msg("%s: %.*s\n", what, (int)strcspn(lines, "\n"), lines);
}

static const struct timespec half_second = { .tv_nsec = 500 * 1000 * 1000 };

/*
 * As before, once those who have freed something lately are through with it: nothing
 * waits for a grace period or to be filled, which can take seconds for all of it at
 * once, and nothing changes.
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
		same = strcmp(to, again) || count_condemned() ? 0 : same + 1;
		snprintf(to, size, "%s", again);
	}
	return same == 6;
}

/*
 * The probes that let functions fail share a trampoline of ftrace's, which is made with
 * the first of them and kept: let it be made before anything is compared.
 */
static inline void make_trampoline_of_probes(const char *function)
{
	inject(function, NULL, 0);
	inject("", NULL, 0);
}

static inline bool summary_returns_to(const char *before)
{
	char after[2048];

	for (int tries = 0; tries < 10; tries++) {
		if (read_summary(after, sizeof(after)) && !strcmp(before, after))
			return true;
		nanosleep(&half_second, NULL);
	}
	print_lines("before", before);
	print_lines("after", after);
	return false;
}

#endif /* _SELFTESTS_EXECMEM_SUMMARY_H */

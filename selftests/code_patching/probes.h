/* SPDX-License-Identifier: GPL-2.0 */
/* Probe events of ftrace. @probe is GROUP/EVENT. */
#ifndef _SELFTESTS_CODE_PATCHING_PROBES_H
#define _SELFTESTS_CODE_PATCHING_PROBES_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "inject.h"

#define TRACEFS		"/sys/kernel/tracing"
#define DYNAMIC_EVENTS	"dynamic_events"
#define MOST_OFFSET	64	/* bytes */
#define BEHIND_FTRACE	9	/* bytes; there, most instructions are copied */

static inline bool add_probe_at(const char *probe, const char *function, unsigned int offset)
{
	char definition[128];

	snprintf(definition, sizeof(definition), "p:%s %s+%u\n", probe, function, offset);
	return write_to(TRACEFS, DYNAMIC_EVENTS, definition);
}

/* Probe the first instruction from offset @from on that can be probed. */
static inline bool add_probe(const char *probe, const char *function, unsigned int from)
{
	for (unsigned int offset = from; offset < MOST_OFFSET; offset++)
		if (add_probe_at(probe, function, offset))
			return true;
	return false;
}

static inline bool remove_probe(const char *probe)
{
	char definition[128];

	snprintf(definition, sizeof(definition), "-:%s\n", probe);
	return write_to(TRACEFS, DYNAMIC_EVENTS, definition);
}

static inline bool enable_probe(const char *probe, const char *value)
{
	char file[128];

	snprintf(file, sizeof(file), "events/%s/enable", probe);
	return write_to(TRACEFS, file, value);
}

/*
 * Number of hits so far of @event; -1 if it does not exist. The trace may lack hits: in 6.12,
 * riscv records nothing in the context of a breakpoint.
 */
static inline long count_hits(const char *event)
{
	FILE *f = fopen(TRACEFS "/kprobe_profile", "re");
	char line[256], name[64];
	long n, hits = -1;

	if (!f)
		return -1;
	while (hits < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, " %63s %ld", name, &n) == 2 && !strcmp(name, event))
			hits = n;
	fclose(f);
	return hits;
}

#endif /* _SELFTESTS_CODE_PATCHING_PROBES_H */

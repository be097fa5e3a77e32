/* SPDX-License-Identifier: GPL-2.0 */
/* Count rounds of text_poke_sync() with a trace event, in an instance of tracefs. */
#ifndef _SELFTESTS_EXECMEM_ROUNDS_H
#define _SELFTESTS_EXECMEM_ROUNDS_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../code_patching/inject.h"

#define SYNC_EVENT	"events/text_poke/text_poke_sync/enable"

/* False if the kernel has no such event. */
static inline bool begin_rounds(const char *instance)
{
	if (mkdir(instance, 0755) && errno != EEXIST)
		return false;
	if (write_to(instance, SYNC_EVENT, "1"))
		return true;
	rmdir(instance);
	return false;
}

static inline int rounds_until_now(const char *instance)
{
	char trace[256];

	snprintf(trace, sizeof(trace), "%s/trace", instance);
	return count_lines(trace, "shared=0");
}

static inline void end_rounds(const char *instance)
{
	write_to(instance, SYNC_EVENT, "0");
	rmdir(instance);
}

/*
 * Other writers of text cause rounds, too, and so does the first change of ftrace: take the
 * least of some tries. -1 if a try fails.
 */
static inline int least_rounds(int (*rounds_of)(void))
{
	int least = rounds_of(), rounds;

	for (int i = 1; i < 5 && least >= 0; i++) {
		rounds = rounds_of();
		if (rounds < least)
			least = rounds;
	}
	return least;
}

#endif /* _SELFTESTS_EXECMEM_ROUNDS_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Windows in which an emulator may count: they begin and end with the call of a function
 * of this program's, each of which can be linked to an address of its own
 * (-Wl,--section-start=.window_begin=ADDRESS), far from all else.
 */
#ifndef _SELFTESTS_EXECMEM_WINDOW_H
#define _SELFTESTS_EXECMEM_WINDOW_H

#include <time.h>

#include "../kselftest.h"

void begin_window(void);
void end_window(void);

asm(".pushsection .window_begin, \"ax\"\n"
	"begin_window: ret\n"
	".popsection\n"
	".pushsection .window_end, \"ax\"\n"
	"end_window: ret\n"
	".popsection\n");

/* In nanoseconds. */
static unsigned long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

/* For whoever puts what was counted beside what was printed, not before it has ended. */
static void print_window(const char *what)
{
	ksft_print_msg("window %s\n", what);
}

#endif /* _SELFTESTS_EXECMEM_WINDOW_H */

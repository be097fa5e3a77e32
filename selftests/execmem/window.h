/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Windows in which an emulator counts. A window begins and ends with the call of a function
 * of this program. Link each of these functions to a separate address
 * (-Wl,--section-start=.window_begin=ADDRESS), which the emulator recognises.
 */
#ifndef _SELFTESTS_EXECMEM_WINDOW_H
#define _SELFTESTS_EXECMEM_WINDOW_H

#include <time.h>

#include "../kselftest.h"

void begin_window(void);
void end_window(void);

#if defined(__powerpc__)
#define RETURN	"blr"
#elif defined(__s390__)
#define RETURN	"br %r14"
#else
#define RETURN	"ret"
#endif

asm(".pushsection .window_begin, \"ax\"\n"
	"begin_window: " RETURN "\n"
	".popsection\n"
	".pushsection .window_end, \"ax\"\n"
	"end_window: " RETURN "\n"
	".popsection\n");

/* In nanoseconds. */
static unsigned long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

/* Print the name of the window after its end, for the scripts that read the counts. */
static void print_window(const char *what)
{
	ksft_print_msg("window %s\n", what);
}

#endif /* _SELFTESTS_EXECMEM_WINDOW_H */

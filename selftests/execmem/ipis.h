/* SPDX-License-Identifier: GPL-2.0 */
/* Count interrupts between CPUs, for programs that measure the cost of code. */
#ifndef _SELFTESTS_EXECMEM_IPIS_H
#define _SELFTESTS_EXECMEM_IPIS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kselftest.h"

static unsigned long add_numbers(const char *line)
{
	unsigned long sum = 0, n;
	char *end;

	for (line = strchr(line, ':') + 1; n = strtoul(line, &end, 10), end != line; line = end)
		sum += n;
	return sum;
}

static unsigned long count_ipis(void)
{
	FILE *f = fopen("/proc/interrupts", "re");
	unsigned long ipis = 0;
	char *line = NULL;	/* with a column for each CPU */
	size_t size = 0;

	if (!f)
		ksft_exit_fail_msg("/proc/interrupts: %s\n", strerror(errno));
	/* On x86 these include TLB flushes. */
	while (getline(&line, &size, f) > 0)
		if (strstr(line, "Function call interrupts"))
			ipis += add_numbers(line);
	free(line);
	fclose(f);
	return ipis;
}

#endif

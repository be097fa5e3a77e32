// SPDX-License-Identifier: GPL-2.0
/*
 * Reports go through /dev/kmsg, not to the terminal: the kernel then prints
 * each as one whole line, in order with its own messages and with a time.
 * Every line begins with "guest| ", which the kernel never prints: a kernel
 * message cannot be mistaken for a result.  The level is
 * that of critical conditions: a test may keep the console free of warnings.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define PREFIX "<2>guest| "

static int kmsg = -1;

bool report_open(void)
{
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	return kmsg >= 0;
}

void say(const char *fmt, ...)
{
	/* The kernel refuses a record of 1024 bytes: cut longer ones. */
	char line[900];
	size_t len = strlen(PREFIX);
	va_list ap;

	memcpy(line, PREFIX, len);
	va_start(ap, fmt);
	vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	va_end(ap);

	if (write(kmsg, line, strlen(line)) < 0)
		dprintf(STDERR_FILENO, "%s\n", line);
}

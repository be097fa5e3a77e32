/* SPDX-License-Identifier: GPL-2.0 */
/* Look for warnings of the kernel while a test makes operations fail. */
#ifndef _SELFTESTS_EXECMEM_LOG_H
#define _SELFTESTS_EXECMEM_LOG_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/inject.h"

static char console_levels[64] = "7";

/* vmalloc() logs failures with a stack trace: keep them from the console. */
static inline void quieten_console(void)
{
	read_from("/proc/sys/kernel", "printk", console_levels, sizeof(console_levels));
	write_to("/proc/sys/kernel", "printk", "3");
}

static inline void restore_console(void)
{
	write_to("/proc/sys/kernel", "printk", console_levels);
}

static inline int open_log(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log < 0)
		ksft_exit_skip("cannot read /dev/kmsg: %s\n", strerror(errno));
	lseek(log, 0, SEEK_END);
	return log;
}

/* A record begins with its priority: 8 or more if a process wrote it. */
static inline bool is_splat(const char *record)
{
	static const char * const splats[] = { "WARNING:", "BUG:", "Oops" };

	for (size_t i = 0; i < ARRAY_SIZE(splats); i++)
		if (atoi(record) < 8 && strstr(record, splats[i]))
			return true;
	return false;
}

/* Count lost records too: they may have been splats. */
static inline unsigned int count_splats(int log)
{
	unsigned int splats = 0;
	char record[8192];
	ssize_t n;

	while ((n = read(log, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		record[n > 0 ? n : 0] = '\0';
		if ((n <= 0 || is_splat(record)) && !splats++)
			ksft_print_msg("%s\n", n > 0 ? record : "lost records");
	}
	return splats;
}

#endif /* _SELFTESTS_EXECMEM_LOG_H */

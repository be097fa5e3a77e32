/* SPDX-License-Identifier: GPL-2.0 */
/* Access to kernel settings in files, and fault injection. */
#ifndef _SELFTESTS_CODE_PATCHING_INJECT_H
#define _SELFTESTS_CODE_PATCHING_INJECT_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define DEBUGFS		"/sys/kernel/debug"
#define CHECK_WX	DEBUGFS "/check_wx_pages"
#define FAIL_FUNCTION	DEBUGFS "/fail_function"
#define FAILSLAB	DEBUGFS "/failslab"

/* Why inject() returned false. On 6.12, riscv cannot probe the entry of a function. */
#define NO_FAIL_FUNCTION "fail_function is missing, or cannot probe this function"

static inline int open_in(const char *dir, const char *file, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return open(path, flags | O_CLOEXEC);
}

static inline bool write_to(const char *dir, const char *file, const char *value)
{
	int fd = open_in(dir, file, O_WRONLY);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return ok;
}

/* Read a setting. False if it does not exist. */
static inline bool read_from(const char *dir, const char *file, char *value, size_t size)
{
	int fd = open_in(dir, file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, value, size - 1);
	close(fd);
	value[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* On PREEMPT_RT, the handler of fail_function takes a sleeping lock in atomic context. */
static inline bool is_preempt_rt(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.version, "PREEMPT_RT");
}

/*
 * Let a kernel function return @retval, except for the first @after calls. NULL selects
 * the default error of the function. The function "" ends the injection.
 */
static inline bool inject(const char *function, const char *retval, unsigned int after)
{
	char file[128], space[16];

	snprintf(file, sizeof(file), "%s/retval", function);
	snprintf(space, sizeof(space), "%u", after + 1);
	return !is_preempt_rt() && write_to(FAIL_FUNCTION, "inject", function) &&
	       (!retval || write_to(FAIL_FUNCTION, file, retval)) &&
	       write_to(FAIL_FUNCTION, "probability", "100") &&
	       write_to(FAIL_FUNCTION, "times", "-1") &&
	       write_to(FAIL_FUNCTION, "space", space) &&
	       write_to(FAIL_FUNCTION, "verbose", "0");
}

/* Let allocations fail that may sleep, too, and do not log it. @dir is FAILSLAB or similar. */
static inline bool set_fault_attributes(const char *dir)
{
	return write_to(dir, "ignore-gfp-wait", "N") && write_to(dir, "verbose", "0");
}

/* 1 if a mapping is writable and executable, 0 if none is, -1 if the kernel cannot tell. */
static inline int has_wx_mapping(void)
{
	char answer[32];

	if (!read_from(DEBUGFS, "check_wx_pages", answer, sizeof(answer)))
		return -1;
	return !!strncmp(answer, "SUCCESS", strlen("SUCCESS"));
}

/* Count the lines of a file that contain a word. -1 if the file cannot be read. */
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

static const struct timespec half_second = { .tv_nsec = 500 * 1000 * 1000 };

#endif /* _SELFTESTS_CODE_PATCHING_INJECT_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Load and unload a module of the running kernel, and run tasks beside the test.
 */
#ifndef _SELFTESTS_CODE_PATCHING_MODULES_H
#define _SELFTESTS_CODE_PATCHING_MODULES_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "inject.h"

/* Run modprobe(8) with one or two parameters. Return its exit status, -1 if none. */
static inline int run_modprobe(const char *module, const char *parameter, const char *other)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		execl("/sbin/modprobe", "modprobe", module, parameter, other, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/*
 * The kernel refused the module independently of its contents: it requires signatures
 * (module.sig_enforce, lockdown, IMA) or loads no modules (kernel.modules_disabled).
 */
static inline bool is_not_permitted(int error)
{
	return error == EKEYREJECTED || error == ENOKEY || error == EPERM || error == EACCES;
}

static inline bool is_loaded(const char *name)
{
	char line[128];

	snprintf(line, sizeof(line), "%s ", name);
	return count_lines("/proc/modules", line) > 0;
}

/* Remove a module. Return 0 or an errno. */
static inline int remove_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

static inline void unload_module(const char *name)
{
	int error = remove_module(name);

	if (error)
		ksft_exit_fail_msg("removing %s: %s\n", name, strerror(error));
}

/* Run a function, which does not return, in a process that is killed when the test ends. */
static inline pid_t start(void (*task)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		task();
	}
	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	return pid;
}

#endif /* _SELFTESTS_CODE_PATCHING_MODULES_H */

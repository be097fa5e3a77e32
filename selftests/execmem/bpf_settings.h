/* SPDX-License-Identifier: GPL-2.0 */
/* System-wide settings of the BPF JIT. Tests restore changed settings when they end. */
#ifndef _SELFTESTS_EXECMEM_BPF_SETTINGS_H
#define _SELFTESTS_EXECMEM_BPF_SETTINGS_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/inject.h"

#define NET_CORE	"/proc/sys/net/core"

struct setting {
	const char *name;
	char value[32];
};

static inline bool read_setting(struct setting *s)
{
	return read_from(NET_CORE, s->name, s->value, sizeof(s->value));
}

static inline bool change_setting(const struct setting *s, const char *value)
{
	return write_to(NET_CORE, s->name, value);
}

static inline void restore_setting(const struct setting *s)
{
	change_setting(s, s->value);
}

/*
 * Restore the setting when this process ends, even if it is killed. After a timeout, the
 * runner kills the process group. A process in another group, with all signals blocked,
 * therefore waits until the pipe from this process is closed.
 */
static inline void restore_setting_at_end(const struct setting *s)
{
	sigset_t all, old;
	int ends[2];
	char none;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	fflush(stdout);
	pid = pipe(ends) ? -1 : fork();
	if (pid < 0)
		ksft_exit_fail_msg("no process to restore %s: %s\n", s->name, strerror(errno));
	if (!pid) {
		setsid();
		close(ends[1]);
		while (read(ends[0], &none, 1) > 0)
			;
		restore_setting(s);
		_exit(0);
	}
	close(ends[0]);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Skip the test without a JIT: programs have no text then. */
static inline void need_jit(void)
{
	struct setting enable = { .name = "bpf_jit_enable" };

	if (!read_setting(&enable))
		ksft_exit_skip("no " NET_CORE "/bpf_jit_enable: CONFIG_BPF_JIT is not set\n");
	if (enable.value[0] == '0')
		ksft_exit_skip(NET_CORE "/bpf_jit_enable is 0\n");
}

#endif /* _SELFTESTS_EXECMEM_BPF_SETTINGS_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * If the JITed text of a socket filter cannot be written, and the kernel has no interpreter,
 * the filter must be refused and not charged against the limit of JITed text.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "inject.h"
#include "modules.h"

#define MODULE	"test_fail_call"
#define TASK	"no_text"	/* the name of tasks that cannot write text */
#define NET_CORE	"/proc/sys/net/core"
#define LIMIT	"bpf_jit_limit"
#define ENABLE	"bpf_jit_enable"
#define NOBODY	65534
#define FILTERS	20
/* A filter with much more text than those of least_limit(), which may still be charged. */
#define LONG		4000	/* instructions */
#define LEAST_TEXT	(2 * LONG)	/* bytes of such a filter, on any architecture */
#define TRIES	10
#define MOST	(16L << 20)	/* bytes: more text than programs have here */

/* The JIT writes text by the first of these functions that exists. */
static const char * const writers[] = {
#if defined(__aarch64__) || defined(__riscv)
	"copy_to_kernel_nofault",
#else
	"bpf_arch_text_copy", "execmem_text_copy",
#endif
};

static bool load_module(const char *writer)
{
	char parameter[64];

	snprintf(parameter, sizeof(parameter), "function=%s", writer);
	return !run_modprobe(MODULE, parameter, "task=" TASK);
}

static const char *fail_writes(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		if (load_module(writers[i]))
			return writers[i];
	return NULL;
}

/* Without an interpreter, the JIT cannot be disabled. */
static bool has_interpreter(void)
{
	char enabled[8];

	if (!read_from(NET_CORE, ENABLE, enabled, sizeof(enabled)) ||
	    !write_to(NET_CORE, ENABLE, "0"))
		return false;
	write_to(NET_CORE, ENABLE, enabled);
	return true;
}

static void write_limit(long limit)
{
	char value[32];

	snprintf(value, sizeof(value), "%ld\n", limit);
	if (!write_to(NET_CORE, LIMIT, value))
		ksft_exit_fail_msg(LIMIT ": %s\n", strerror(errno));
}

/* Attach filters with this number of instructions. Return the number of filters. */
static int attach_filters(int count, int instructions)
{
	struct sock_filter accept[LONG];
	struct sock_fprog program = { .len = instructions, .filter = accept };
	int attached = 0;

	for (int i = 0; i < instructions - 1; i++)
		accept[i] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1);
	accept[instructions - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffff);

	while (count--) {
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		attached += !setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
					sizeof(program));
		close(fd);
	}
	return attached;
}

/* The same in an unprivileged process, or in a process called @name. -1 on error. */
static int attach_in_child(int count, int instructions, const char *name)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (name)
			prctl(PR_SET_NAME, name);
		else if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
			_exit(255);
		_exit(attach_filters(count, instructions));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

static bool is_within(long limit)
{
	write_limit(limit);
	return attach_in_child(1, 1, NULL) == 1;
}

/* Find the least limit with which an unprivileged user can attach one more filter. */
static long least_limit(void)
{
	long least = 1, most = MOST;

	while (least < most) {
		long middle = least + (most - least) / 2;

		if (is_within(middle))
			most = middle;
		else
			least = middle + 1;
	}
	return least;
}

/* The same, after programs that other tasks have freed are no longer charged. */
static long settled_limit(void)
{
	long least = least_limit(), last;
	int tries = TRIES;

	do {
		last = least;
		sleep(1);
		least = least_limit();
	} while (last - least >= LEAST_TEXT && --tries);
	return least;
}

/* Number of bytes charged since @before. Other tasks may load programs meanwhile. */
static long charged_since(long before)
{
	long charged = 0;

	for (int tries = 0; tries < TRIES; tries++) {
		charged = least_limit() - before;
		if (charged < LEAST_TEXT)
			break;
		/* Text is freed after a grace period. */
		sleep(1);
	}
	return charged;
}

int main(void)
{
	long before, charged;
	const char *writer;
	char limit[32];
	int attached;

	ksft_print_header();
#if defined(__i386__) || defined(__s390__)
	ksft_exit_skip("the JIT stores to writable text, which cannot fail\n");
#endif
	if (geteuid())
		ksft_exit_skip("needs root, to load a module and change a limit\n");
	if (!read_from(NET_CORE, LIMIT, limit, sizeof(limit)))
		ksft_exit_skip("no " LIMIT ": CONFIG_BPF_JIT is not set\n");
	if (has_interpreter())
		ksft_exit_skip("the kernel has an interpreter: no CONFIG_BPF_JIT_ALWAYS_ON\n");
	writer = fail_writes();
	if (!writer)
		ksft_exit_skip("module " MODULE " cannot be loaded\n");
	ksft_set_plan(2);

	before = settled_limit();
	attached = attach_in_child(FILTERS, LONG, TASK);
	ksft_print_msg("%d of %d filters attached while %s() fails\n", attached, FILTERS,
		       writer);
	ksft_test_result(!attached, "a filter that cannot be written is refused\n");

	charged = charged_since(before);
	write_to(NET_CORE, LIMIT, limit);
	ksft_print_msg("%ld bytes of text are charged for them\n", charged);
	ksft_test_result(charged < LEAST_TEXT,
			 "a filter that was refused is not charged\n");

	unload_module(MODULE);
	ksft_finished();
}

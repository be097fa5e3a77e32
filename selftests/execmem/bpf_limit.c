// SPDX-License-Identifier: GPL-2.0
/*
 * What users without privileges may have of JITed text is limited. A program beyond the
 * limit is refused before it has text: to give text back interrupts every CPU, which
 * such a user could ask for again and again.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf_settings.h"
#include "summary.h"

#define NOBODY		65534
#define FILTERS		100

static struct setting limit = { .name = "bpf_jit_limit" };

/* How often the slab has given text to programs of such users; -1 if it does not say. */
static long count_allocs(void)
{
	FILE *f = fopen(SUMMARY, "re");
	long allocs = -1;
	char line[256];

	if (!f)
		return -1;
	while (allocs < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "bpf untrusted %*u %*u %*u %*u %*u %ld", &allocs) != 1)
			allocs = -1;
	fclose(f);
	return allocs;
}

/* "Accept all", by one socket. It does not matter whether it is refused or interpreted. */
static void attach_filter(void)
{
	struct sock_filter accept[] = { BPF_STMT(BPF_RET | BPF_K, 0xffff) };
	struct sock_fprog program = { .len = 1, .filter = accept };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	close(fd);
}

/* The number of filters of a user without privileges that took text; -1 if none could be. */
static long attach_as_nobody(unsigned int filters)
{
	long before = count_allocs();
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
			_exit(1);
		while (filters--)
			attach_filter();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return -1;
	return count_allocs() - before;
}

/* Others may attach filters at any time, but not each time. */
static long least_beyond_limit(void)
{
	long least = -1, taken;

	for (int tries = 0; tries < 5 && least; tries++) {
		taken = attach_as_nobody(FILTERS);
		if (taken < 0)
			return -1;
		if (least < 0 || taken < least)
			least = taken;
	}
	return least;
}

int main(void)
{
	long taken;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to change a limit\n");
	need_jit();
	if (!read_setting(&limit))
		ksft_exit_fail_msg("no " NET_CORE "/%s\n", limit.name);
	if (count_allocs() < 0)
		ksft_exit_skip("no " SUMMARY "\n");
	if (attach_as_nobody(1) < 1)
		ksft_exit_skip("filters take no text from the slab\n");
	ksft_set_plan(2);

	restore_setting_at_end(&limit);
	if (!change_setting(&limit, "1"))
		ksft_exit_fail_msg("writing " NET_CORE "/%s: %s\n", limit.name, strerror(errno));
	taken = least_beyond_limit();
	ksft_print_msg("%ld of %u filters took text\n", taken, FILTERS);
	ksft_test_result(!taken, "no text for what is beyond the limit\n");

	restore_setting(&limit);
	taken = attach_as_nobody(FILTERS);
	ksft_print_msg("%ld of %u filters took text\n", taken, FILTERS);
	ksft_test_result(taken >= FILTERS, "text again for what is within it\n");
	ksft_finished();
}

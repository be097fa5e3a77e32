// SPDX-License-Identifier: GPL-2.0
/*
 * If memory is exhausted, filters of unprivileged users are refused without a warning. Their
 * text is freed and not charged.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf_settings.h"
#include "log.h"
#include "summary.h"

#define MOST_LIMIT	0x40000000UL	/* bytes */
#define NOBODY		65534
#define FILTERS		300
#define TRIES		20	/* half seconds until freed text has gone */

static struct setting limit = { .name = "bpf_jit_limit" };

/* A filter of maximum size, so that a lost charge is visible. */
static struct sock_filter accept_all[BPF_MAXINSNS];

static unsigned int attach_filters(unsigned int filters)
{
	struct sock_fprog program = { .len = ARRAY_SIZE(accept_all), .filter = accept_all };
	unsigned int attached = 0;

	while (filters--) {
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		attached += !setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
					sizeof(program));
		close(fd);
	}
	return attached;
}

static bool fail_allocations(void)
{
	return write_to("/proc/self", "make-it-fail", "1");
}

static bool drop_privileges(void)
{
	return !setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY);
}

/* Attach filters in a child process, after prepare(). Return the number of filters. */
static unsigned int attach_in_child(unsigned int filters, bool (*prepare)(void))
{
	unsigned int *attached = mmap(NULL, sizeof(*attached), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t pid;

	if (attached == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (!prepare())
			_exit(1);
		*attached = attach_filters(filters);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		ksft_exit_fail_msg("a process that attaches filters: status %#x\n", status);
	filters = *attached;
	munmap(attached, sizeof(*attached));
	return filters;
}

static bool is_within(unsigned long bytes)
{
	char value[32];

	snprintf(value, sizeof(value), "%lu", bytes);
	if (!change_setting(&limit, value))
		ksft_exit_fail_msg("writing " NET_CORE "/%s: %s\n", limit.name, strerror(errno));
	return attach_in_child(1, drop_privileges);
}

/* Find a limit that suffices for one more filter, within a factor of two. */
static unsigned long find_limit(void)
{
	unsigned long bytes = getpagesize();

	while (!is_within(bytes)) {
		bytes *= 2;
		if (bytes > MOST_LIMIT)
			ksft_exit_fail_msg("filters are refused with any limit\n");
	}
	return bytes;
}

/* Count the filters with text in the slab. False if filters do not use the slab. */
static bool read_pool(unsigned long *objects)
{
	int summary = open(SUMMARY, O_RDONLY | O_CLOEXEC);
	long n = count_untrusted(summary);

	close(summary);
	*objects = n;
	return n >= 0;
}

/* Set the probability of failed allocations, for tasks that enable them. */
static bool fail_slab(const char *percent)
{
	return set_fault_attributes(FAILSLAB) &&
	       write_to(FAILSLAB, "task-filter", "Y") &&
	       write_to(FAILSLAB, "times", "-1") &&
	       write_to(FAILSLAB, "probability", percent);
}

static unsigned int attach_while_failing(void)
{
	unsigned int attached;

	quieten_console();
	fail_slab("10");
	attached = attach_in_child(FILTERS, fail_allocations);
	fail_slab("0");
	restore_console();
	return attached;
}

static void case_text(bool in_slab, unsigned long objects)
{
	static const char name[] = "text of refused filters is freed";
	unsigned long now = 0;

	if (!in_slab) {
		ksft_test_result_skip("%s: filters take no text from the slab\n", name);
		return;
	}
	for (int tries = 0; tries < TRIES; tries++) {
		read_pool(&now);
		if (now <= objects)
			break;
		nanosleep(&half_second, NULL);
	}
	ksft_print_msg("%lu objects, then %lu\n", objects, now);
	ksft_test_result(now <= objects, "%s\n", name);
}

static void case_charge(unsigned long bytes)
{
	bool within = false;

	for (int tries = 0; tries < TRIES && !within; tries++) {
		within = is_within(2 * bytes);
		if (!within)
			nanosleep(&half_second, NULL);
	}
	ksft_test_result(within, "refused filters are not charged\n");
}

int main(void)
{
	unsigned long bytes, objects;
	unsigned int attached, splats;
	bool in_slab;
	int log;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to inject failures\n");
	need_jit();
	if (!read_setting(&limit))
		ksft_exit_fail_msg("no " NET_CORE "/%s\n", limit.name);
	if (!fail_slab("0") || access("/proc/self/make-it-fail", W_OK))
		ksft_exit_skip("no " FAILSLAB ": CONFIG_FAILSLAB is not set?\n");
	log = open_log();
	ksft_set_plan(4);

	for (size_t i = 0; i < ARRAY_SIZE(accept_all); i++)
		accept_all[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffff);
	restore_setting_at_end(&limit);
	bytes = find_limit();
	restore_setting(&limit);
	in_slab = read_pool(&objects);

	attached = attach_while_failing();
	splats = count_splats(log);
	ksft_print_msg("%u of %u filters attached\n", attached, FILTERS);
	ksft_test_result(attached && attached < FILTERS, "some filters are refused\n");
	ksft_test_result(!splats, "no warning in the kernel log\n");
	case_text(in_slab, objects);
	case_charge(bytes);
	restore_setting(&limit);
	ksft_finished();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The limit of JITed text for unprivileged users.
 *
 * A program beyond the limit must be refused before its text is allocated. Freeing text
 * interrupts all CPUs, and otherwise such a user could cause this repeatedly. Freed
 * programs are not charged, although their text cannot be reused for 100 ms. Processes that
 * attach and detach filters at the limit, while root lists them, cause only refusals.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf_settings.h"
#include "log.h"
#include "summary.h"

#define NOBODY		65534
#define FILTERS		100
/* Number of filters that are attached at the limit. */
#define MAX_HELD	900
#define MIN_HELD	2
#define ROUNDS		20
#define LEAST_LIMIT	(64UL << 10)	/* bytes */
#define MOST_LIMIT	(LEAST_LIMIT << 14)
/* Shorter than the delay of the round for freed text. */
#define SOON_MS		90
#define PATIENCE_MS	10000
#define STORM_TASKS	8
#define STORM_MS	5000
/* errno of the JITs, which user space does not define. */
#define REFUSED_BY_JIT	524

static struct setting limit = { .name = "bpf_jit_limit" };

/* A filter of maximum size that accepts all packets. */
static struct sock_filter accept_all[BPF_MAXINSNS];

static void fill_filter(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(accept_all) - 1; i++)
		accept_all[i] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1);
	accept_all[ARRAY_SIZE(accept_all) - 1] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffff);
}

/* Attach the last @len instructions of this filter to a new socket. -1 if refused. */
static int attach_filter(unsigned short len)
{
	struct sock_fprog program = {
		.len = len,
		.filter = accept_all + ARRAY_SIZE(accept_all) - len,
	};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		return fd;
	close(fd);
	return -1;
}

/* Run @fn as an unprivileged user. */
static bool run_as_nobody(void (*fn)(void *arg), void *arg)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
			_exit(1);
		fn(arg);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* An unprivileged user attaches filters at once. */
struct attempt {
	int summary;			/* opened by root */
	unsigned int filters;
	long taken;			/* number of filters that allocated text; -1 on error */
};

/* Beyond the limit, a filter may be refused or interpreted: ignore the result. */
static void attach_small(void *arg)
{
	struct attempt *a = arg;
	long before = count_settled(count_untrusted, a->summary);
	int fds[FILTERS];

	for (unsigned int i = 0; i < a->filters; i++)
		fds[i] = attach_filter(1);
	a->taken = before < 0 ? -1 : count_untrusted(a->summary) - before;
	for (unsigned int i = 0; i < a->filters; i++)
		close(fds[i]);
}

/* Number of filters of an unprivileged user that allocated text; -1 on error. */
static long attach_as_nobody(unsigned int filters)
{
	struct attempt *a = mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long taken;

	if (a == MAP_FAILED)
		return -1;
	a->filters = filters;
	a->summary = open(SUMMARY, O_RDONLY | O_CLOEXEC);
	taken = a->summary >= 0 && run_as_nobody(attach_small, a) ? a->taken : -1;
	close(a->summary);
	munmap(a, sizeof(*a));
	return taken;
}

/* Other tasks may attach filters meanwhile: take the minimum of several attempts. */
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

static void case_beyond_limit(void)
{
	long taken;

	if (!change_setting(&limit, "1"))
		ksft_exit_fail_msg("writing " NET_CORE "/%s: %s\n", limit.name, strerror(errno));
	taken = least_beyond_limit();
	ksft_print_msg("%ld of %u filters took text\n", taken, FILTERS);
	ksft_test_result(!taken, "filters beyond the limit take no text\n");
}

static void case_within_limit(void)
{
	long taken;

	restore_setting(&limit);
	taken = attach_as_nobody(FILTERS);
	ksft_print_msg("%ld of %u filters took text\n", taken, FILTERS);
	ksft_test_result(taken >= FILTERS, "filters within the limit take text\n");
}

/* An unprivileged user replaces filters repeatedly at the limit. */
struct churn {
	int held;			/* number of filters */
	unsigned int refused;		/* refused attempts, 1 ms apart */
	long least_ms, most_ms;		/* time to replace all filters once */
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_all(int *fds, int nr)
{
	while (nr--)
		close(fds[nr]);
}

/* Attach filters until one is refused. */
static void hold_filters(void *arg)
{
	struct churn *c = arg;
	int fds[MAX_HELD];

	for (c->held = 0; c->held < MAX_HELD; c->held++) {
		fds[c->held] = attach_filter(BPF_MAXINSNS);
		if (fds[c->held] < 0)
			break;
	}
	close_all(fds, c->held);
}

/* Replace a filter. Return the time in milliseconds. */
static long attach_again(struct churn *c, int *fd)
{
	const struct timespec ms = { .tv_nsec = 1000 * 1000 };
	long start = now_ms(), waited = 0;

	while ((*fd = attach_filter(BPF_MAXINSNS)) < 0 && waited < PATIENCE_MS) {
		c->refused++;
		nanosleep(&ms, NULL);
		waited = now_ms() - start;
	}
	return waited;
}

static void churn_filters(void *arg)
{
	struct churn *c = arg;
	static int fds[MAX_HELD];

	c->least_ms = PATIENCE_MS;
	for (int round = 0; round <= ROUNDS; round++) {
		long waited = 0;

		for (int i = 0; i < c->held && waited < PATIENCE_MS; i++)
			waited += attach_again(c, &fds[i]);
		close_all(fds, c->held);
		if (waited >= PATIENCE_MS) {
			c->least_ms = waited;
			break;
		}
		/* Ignore the first pass: no filter was detached just before it. */
		if (!round)
			continue;
		c->least_ms = waited < c->least_ms ? waited : c->least_ms;
		c->most_ms = waited > c->most_ms ? waited : c->most_ms;
	}
}

/*
 * Find a limit that allows some filters. Other tasks may have programs. False if no filter is
 * refused.
 */
static bool find_limit(struct churn *c)
{
	char value[32];

	for (unsigned long bytes = LEAST_LIMIT; bytes <= MOST_LIMIT; bytes *= 2) {
		snprintf(value, sizeof(value), "%lu", bytes);
		if (!change_setting(&limit, value) || !run_as_nobody(hold_filters, c))
			ksft_exit_fail_msg("no filters with the limit %s\n", value);
		if (c->held >= MIN_HELD)
			return c->held < MAX_HELD;
		/* Detached filters are charged until a grace period has passed. */
		sleep(1);
	}
	ksft_exit_fail_msg("filters are refused with any limit\n");
}

static void case_churn(struct churn *c)
{
	static const char name[] = "a filter can follow another one at the limit";

	if (!find_limit(c)) {
		ksft_test_result_skip("%s: none is refused: CONFIG_BPF_JIT_ALWAYS_ON is not set\n",
				      name);
		return;
	}
	sleep(1);
	if (!run_as_nobody(churn_filters, c))
		ksft_exit_fail_msg("no process without privileges\n");
	ksft_print_msg("%d filters at once, %d times: %u attempts refused, for %ld to %ld ms\n",
		       c->held, ROUNDS, c->refused, c->least_ms, c->most_ms);
	ksft_test_result(c->least_ms < SOON_MS, "%s\n", name);
}

/* Results of a process that attaches filters until one is refused, then detaches them. */
struct storm {
	unsigned long attached, refused;
	int error;			/* an unexpected errno, or 0 */
};

static void attach_in_storm(struct storm *s)
{
	static int fds[MAX_HELD];
	long end = now_ms() + STORM_MS;
	int held = 0;

	while (now_ms() < end) {
		fds[held] = attach_filter(BPF_MAXINSNS);
		if (fds[held] >= 0) {
			s->attached++;
			if (++held < MAX_HELD)
				continue;
		} else {
			s->refused++;
			if (errno != REFUSED_BY_JIT && errno != ENOMEM && errno != EPERM)
				s->error = errno;
		}
		close_all(fds, held);
		held = 0;
	}
}

static void storm(void *arg)
{
	struct storm *s = arg;
	int status, n = 0;

	for (int i = 0; i < STORM_TASKS; i++) {
		pid_t pid = fork();

		if (!pid) {
			attach_in_storm(&s[i]);
			_exit(0);
		}
		n += pid > 0;
	}
	while (n && wait(&status) > 0 && !status)
		n--;
	if (n)
		_exit(1);
}

static void list_text(void)
{
	static const char * const lists[] = { OBJECTS, SUMMARY, "/proc/kallsyms" };
	char buf[4096];

	for (unsigned int i = 0; ; i = (i + 1) % ARRAY_SIZE(lists)) {
		int fd = open(lists[i], O_RDONLY | O_CLOEXEC);

		while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
			;
		close(fd);
	}
}

static void case_storm(void)
{
	struct storm *s = mmap(NULL, STORM_TASKS * sizeof(*s), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0), all = { };
	int log = open_log(), summary = open(SUMMARY, O_RDONLY | O_CLOEXEC);
	long before = count_settled(count_untrusted, summary), left;
	unsigned int splats;
	pid_t lister;
	bool ran;

	fflush(stdout);
	lister = s == MAP_FAILED ? -1 : fork();
	if (lister < 0)
		ksft_exit_fail_msg("no process: %s\n", strerror(errno));
	if (!lister)
		list_text();
	ran = run_as_nobody(storm, s);
	kill(lister, SIGKILL);
	waitpid(lister, NULL, 0);
	if (!ran)
		ksft_exit_fail_msg("no processes without privileges\n");
	for (int i = 0; i < STORM_TASKS; i++) {
		all.attached += s[i].attached;
		all.refused += s[i].refused;
		all.error = s[i].error ?: all.error;
	}
	left = count_settled(count_untrusted, summary) - before;
	splats = count_splats(log);
	ksft_print_msg("%lu filters attached, %lu refused, errno %d, %ld left, %u warnings\n",
		       all.attached, all.refused, all.error, left, splats);
	ksft_test_result(all.attached && !all.error && left <= 0 && !splats,
			 "filters at the limit are attached or refused\n");
}

int main(void)
{
	struct churn *c;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to change a limit\n");
	need_jit();
	if (!read_setting(&limit))
		ksft_exit_fail_msg("no " NET_CORE "/%s\n", limit.name);
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	ksft_set_plan(4);
	restore_setting_at_end(&limit);
	fill_filter();

	if (attach_as_nobody(1) >= 1) {
		case_beyond_limit();
		case_within_limit();
	} else {
		ksft_test_result_skip("filters beyond the limit: filters do not use the slab\n");
		ksft_test_result_skip("filters within the limit: filters do not use the slab\n");
	}
	/* Both at the limit that the first of them sets. */
	case_churn(c);
	case_storm();
	restore_setting(&limit);
	ksft_finished();
}

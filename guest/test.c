// SPDX-License-Identifier: GPL-2.0
/*
 * Run the tests of a list, each in a separate process group and within its time
 * limit, and report each as one KTAP result.  The output of a program becomes
 * lines of its subtest.  The output of a module is in the kernel log already,
 * between the "begin" line and the result.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define MAX_TESTS	128
#define MAX_WORDS	32
#define KILL_GRACE	10	/* seconds for a killed test to go */

enum { EXIT_SKIP = 4 };		/* as in kselftest.h */

static struct test tests[MAX_TESTS];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* --- kinds of tests; each runs in the child and returns its exit status --- */

static int test_module(const struct test *t)
{
	char name[64] = "", params[512] = "";
	int ret;

	if (sscanf(t->args, "%63s %511[^\n]", name, params) < 1) {
		printf("# no module named\n");
		return 1;
	}
	ret = module_load(name, params);
	if (ret) {
		printf("# loading %s: %s\n", name, strerror(-ret));
		return 1;
	}
	ret = module_unload(name);
	if (ret) {
		printf("# unloading %s: %s\n", name, strerror(-ret));
		return 1;
	}
	return 0;
}

static int test_run(const struct test *t)
{
	char words[512], *argv[MAX_WORDS + 1], *slash, *word, *rest = words;
	char dir[512];
	int n = 0;

	snprintf(words, sizeof(words), "%s", t->args);
	while ((word = strsep(&rest, " ")) && n < MAX_WORDS)
		if (*word)
			argv[n++] = word;
	argv[n] = NULL;
	if (!n)
		return 127;

	/* A kselftest expects to run in its own directory. */
	snprintf(dir, sizeof(dir), "%s", argv[0]);
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		if (chdir(dir))
			printf("# chdir %s: %s\n", dir, strerror(errno));
	}
	fflush(stdout);
	execv(argv[0], argv);
	printf("# exec %s: %s\n", argv[0], strerror(errno));
	return 127;
}

/* Ask the kernel to look for writable and executable mappings, now. */
static int test_wx(const struct test *t)
{
	static const char path[] = "/sys/kernel/debug/check_wx_pages";
	char answer[64] = "";
	FILE *f = fopen(path, "re");

	(void)t;
	if (!f) {
		printf("# %s: %s\n", path, strerror(errno));
		return 1;
	}
	if (!fgets(answer, sizeof(answer), f))
		answer[0] = '\0';
	fclose(f);
	printf("# check_wx_pages: %s", answer[0] ? answer : "no answer\n");
	return strncmp(answer, "SUCCESS", 7) ? 1 : 0;
}

/* Look for a line with these words in a file of the kernel. */
static int test_file(const struct test *t)
{
	char path[256] = "", words[256] = "", line[512];
	bool found = false;
	FILE *f;

	if (sscanf(t->args, "%255s %255[^\n]", path, words) == 2 && (f = fopen(path, "re"))) {
		while (!found && fgets(line, sizeof(line), f))
			found = strstr(line, words);
		fclose(f);
	}
	if (!found)
		printf("# no \"%s\" in %s\n", words, path);
	return !found;
}

/* A program that provokes a fault: if it works, the caller is killed. */
static int test_provoke(const struct test *t)
{
	static const char path[] = "/sys/kernel/debug/provoke-crash/DIRECT";
	int ret, fd, status = 0;
	pid_t pid;

	/* It may be built in. */
	ret = access(path, F_OK) ? module_load("lkdtm", "") : 0;
	if (ret && ret != -EEXIST) {
		printf("# loading lkdtm: %s\n", strerror(-ret));
		return 1;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		printf("# %s: %s\n", path, strerror(errno));
		return 1;
	}
	pid = fork();
	if (!pid)
		_exit(write(fd, t->args, strlen(t->args)) < 0 ? 2 : 0);
	close(fd);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		printf("# fork, wait: %s\n", strerror(errno));
		return 1;
	}
	if (!WIFSIGNALED(status)) {
		printf("# %s: survived, status %d\n", t->args, WEXITSTATUS(status));
		return 1;
	}
	return 0;
}

static const struct {
	const char *kind;
	int (*run)(const struct test *t);
} kinds[] = {
	{ "module", test_module },
	{ "run", test_run },
	{ "wx", test_wx },
	{ "file", test_file },
	{ "provoke", test_provoke },
};

static int run_kind(const struct test *t)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].kind, t->kind))
			return kinds[i].run(t);
	printf("# unknown kind of test: %s\n", t->kind);
	return 127;
}

/* --- the parent's side --- */

static pid_t start(const struct test *t, int *out)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		setvbuf(stdout, NULL, _IOLBF, 0);
		exit(run_kind(t));
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

/* Turn a stream into indented report lines; the last one may lack a newline. */
struct lines {
	char buf[800];
	size_t len;
};

static void lines_flush(struct lines *l)
{
	if (l->len)
		say("    %.*s", (int)l->len, l->buf);
	l->len = 0;
}

static void lines_add(struct lines *l, const char *data, size_t len)
{
	for (; len; len--, data++) {
		if (*data == '\n' || l->len == sizeof(l->buf))
			lines_flush(l);
		if (*data != '\n')
			l->buf[l->len++] = *data;
	}
}

/* Copy the output of the test until its end; false: out of time. */
static bool copy_output(int fd, double deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct lines l = { .len = 0 };
	bool in_time = false;
	char buf[512];

	for (;;) {
		double left = deadline - now();
		ssize_t n;

		if (left <= 0)
			break;
		if (poll(&p, 1, left * 1000 + 1) <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n <= 0) {
			in_time = true;
			break;
		}
		lines_add(&l, buf, n);
	}
	lines_flush(&l);
	return in_time;
}

/* Wait for @pid until @deadline, reaping orphans on the way. */
static bool reap(pid_t pid, int *status, double deadline)
{
	const struct timespec tick = { .tv_nsec = 10 * 1000 * 1000 };
	pid_t done;

	do {
		while ((done = waitpid(-1, status, WNOHANG)) > 0)
			if (done == pid)
				return true;
		nanosleep(&tick, NULL);
	} while (now() < deadline);
	return false;
}

static void report(int nr, const struct test *t, bool in_time, int status,
		   double took)
{
	if (!in_time)
		say("not ok %d %s # timed out after %d s", nr, t->name,
		    t->timeout);
	else if (WIFSIGNALED(status))
		say("not ok %d %s # killed by signal %d", nr, t->name,
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) == EXIT_SKIP)
		say("ok %d %s # SKIP the test says it cannot run here", nr,
		    t->name);
	else if (WEXITSTATUS(status))
		say("not ok %d %s # exit status %d", nr, t->name,
		    WEXITSTATUS(status));
	else
		say("ok %d %s", nr, t->name);
	say("# took %.2f", took);
}

static void run_one(int nr, const struct test *t)
{
	double began = now(), deadline = began + t->timeout;
	int out = -1, status = 0;
	bool in_time;
	pid_t pid;

	say("# begin %d %s", nr, t->name);
	pid = start(t, &out);
	if (pid < 0) {
		say("not ok %d %s # fork: %s", nr, t->name, strerror(errno));
		return;
	}
	in_time = copy_output(out, deadline) && reap(pid, &status, deadline);
	close(out);
	/* Processes that the test left must not disturb the next test. */
	kill(-pid, SIGKILL);
	if (!in_time && !reap(pid, &status, now() + KILL_GRACE))
		say("# %s cannot be killed", t->name);
	report(nr, t, in_time, status, now() - began);
}

/* Tests of kind "boot" ran before us; the host reads them from the log. */
static bool parse_line(const char *line, struct test *t)
{
	memset(t, 0, sizeof(*t));
	if (line[0] == '#' || line[0] == '\n')
		return false;
	if (sscanf(line, "%15s %63s %d %511[^\n]", t->kind, t->name,
		   &t->timeout, t->args) < 3)
		return false;
	return strcmp(t->kind, "boot") != 0;
}

int run_tests(const char *list)
{
	FILE *f = fopen(list, "re");
	char line[700];
	int n = 0, i;

	if (!f) {
		say("# no list of tests: %s", strerror(errno));
		return -1;
	}
	while (n < MAX_TESTS && fgets(line, sizeof(line), f))
		if (parse_line(line, &tests[n]))
			n++;
	fclose(f);

	say("KTAP version 1");
	say("1..%d", n);
	for (i = 0; i < n; i++)
		run_one(i + 1, &tests[i]);
	say("# end");
	return 0;
}

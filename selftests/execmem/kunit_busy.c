// SPDX-License-Identifier: GPL-2.0
/*
 * Run the KUnit suite of the execmem slab while other tasks allocate and free text (BPF
 * filters and a module) and list it. Its cases must count their own work only.
 */
#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../code_patching/modules.h"
#include "bpf_settings.h"
#include "summary.h"

#define SUITE	"/sys/kernel/debug/kunit/execmem"
#define MODULE	"test_static_keys"
#define RUNS	2

/* Shared with the other tasks: number of frees, and the request to end. */
static struct shared {
	unsigned long frees;
	bool done;
} *shared;

static unsigned long count_frees(void)
{
	return __atomic_load_n(&shared->frees, __ATOMIC_RELAXED);
}

static bool is_done(void)
{
	return __atomic_load_n(&shared->done, __ATOMIC_RELAXED);
}

static void count_free(void)
{
	__atomic_fetch_add(&shared->frees, 1, __ATOMIC_RELAXED);
}

static void attach_filters(void)
{
	struct sock_filter accept[] = { BPF_STMT(BPF_RET | BPF_K, 1) };
	struct sock_fprog program = { .len = 1, .filter = accept };

	while (!is_done()) {
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
			_exit(1);
		close(fd);
		count_free();
	}
	_exit(0);
}

static void load_modules(void)
{
	while (!is_done()) {
		if (run_modprobe(MODULE, NULL, NULL) || remove_module(MODULE))
			_exit(1);
		count_free();
	}
	_exit(0);
}

/* Read debugfs' list in small pieces: text and packs disappear in between. */
static void list_text(void)
{
	char line[64];

	while (!is_done()) {
		int fd = open(OBJECTS, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			_exit(errno != ENOENT);
		while (read(fd, line, sizeof(line)) > 0)
			;
		close(fd);
	}
	_exit(0);
}

static bool has_succeeded(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && !status;
}

/* Print the failed cases of the last run. Return whether all of it passed. */
static bool has_passed(void)
{
	FILE *f = fopen(SUITE "/results", "re");
	bool passed = false, failed = false;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		passed |= !strncmp(line, "ok ", 3);
		if (strstr(line, "not ok") || strstr(line, "EXPECTATION FAILED")) {
			ksft_print_msg("%s", line);
			failed = true;
		}
	}
	if (f)
		fclose(f);
	return passed && !failed;
}

int main(void)
{
	pid_t filters, modules, list;
	unsigned long before;
	bool succeeded;

	ksft_print_header();
	if (access(SUITE "/run", W_OK))
		ksft_exit_skip("no " SUITE "/run: CONFIG_EXECMEM_KUNIT_TEST is not set?\n");
	need_jit();
	shared = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	ksft_set_plan(RUNS + 1);

	filters = start(attach_filters);
	modules = start(load_modules);
	list = start(list_text);
	for (int run = 1; run <= RUNS; run++) {
		before = count_frees();
		ksft_test_result(write_to(SUITE, "run", "1") && has_passed(), "run %d\n", run);
		ksft_print_msg("beside %lu frees of other text\n", count_frees() - before);
	}
	__atomic_store_n(&shared->done, true, __ATOMIC_RELAXED);
	succeeded = has_succeeded(filters);
	succeeded &= has_succeeded(modules);
	succeeded &= has_succeeded(list);
	ksft_test_result(succeeded, "the other tasks do not fail\n");
	ksft_finished();
}

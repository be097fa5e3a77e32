// SPDX-License-Identifier: GPL-2.0
/*
 * Test that module text is in packs of the execmem slab, that loading it takes few
 * synchronisations of all CPUs, and that the loader accesses it only through its copy.
 *
 * Usage: module_packs [-d DIR]
 *
 * DIR contains the modules (default: those of the running kernel).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/inject.h"
#include "../code_patching/modules.h"
#include "../execmem/rounds.h"
#include "../execmem/summary.h"

#define MODULE		"test_module_text"
#define MANY		"test_module_text_many"
#define STAGE		"/sys/module/execmem/parameters"
#define TRACING		"/sys/kernel/tracing/instances/module_packs"

static char dir[PATH_MAX - 128];

/* Load a module. Return 0 or an errno. */
static int load(const char *name, const char *params)
{
	char path[PATH_MAX];
	int fd, error;

	snprintf(path, sizeof(path), "%s/lib/%s.ko", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = syscall(SYS_finit_module, fd, params, 0) ? errno : 0;
	close(fd);
	return error;
}

static int load_and_unload(const char *name, const char *params)
{
	int error = load(name, params);

	return error ? error : remove_module(name);
}

/* Count the bytes of module text in the slab. */
static unsigned long used_by_modules(void)
{
	unsigned long used = 0;
	char line[256];
	FILE *f = fopen(SUMMARY, "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "module trusted %*u %lu", &used) == 1)
			break;
	if (f)
		fclose(f);
	return used;
}

/*
 * Core and init text take one synchronisation each. Freed text takes more, possibly later.
 * The first load is not counted, because it may create packs.
 */
static void case_rounds(void)
{
	int n, error = load(MANY, "");
	unsigned long used = used_by_modules();

	error = error ? error : remove_module(MANY);
	if (!begin_rounds(TRACING))
		ksft_print_msg("no events in " TRACING "\n");
	error = error ? error : load_and_unload(MANY, "");
	n = rounds_until_now(TRACING);
	end_rounds(TRACING);
	ksft_print_msg("%lu bytes in packs, %d synchronisations, %s\n", used, n, strerror(error));
	ksft_test_result(!error && used && n >= 1 && n <= 6,
			 "a few synchronisations for thousands of patch sites\n");
}

static void case_injected(const char *text, unsigned int after)
{
	int error;

	if (!inject("execmem_stage_alloc", NULL, after)) {
		inject("", NULL, 0);
		ksft_test_result_skip("no memory for %s text: %s\n", text, NO_FAIL_FUNCTION);
		return;
	}
	error = load_and_unload(MODULE, "quick=1");
	inject("", NULL, 0);
	ksft_test_result(error == ENOMEM, "no memory for %s text\n", text);
}

/* If the loader accesses the text instead of the copy, the kernel has a page fault. */
static void case_hidden(void)
{
	int error;

	if (!write_to(STAGE, "hide_staged", "1"))
		ksft_exit_fail_msg("no " STAGE "\n");
	error = load_and_unload(MODULE, "");
	error = error ? error : load_and_unload(MANY, "");
	write_to(STAGE, "hide_staged", "0");
	ksft_print_msg("%s\n", strerror(error));
	ksft_test_result(!error, "text is not mapped while it is prepared\n");
}

int main(int argc, char **argv)
{
	char summary[2048] = "";
	struct utsname u;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to load modules\n");
	if (access(STAGE, F_OK))
		ksft_exit_skip("module text is not in packs: no CONFIG_EXECMEM_STAGE\n");
	uname(&u);
	snprintf(dir, sizeof(dir), "/lib/modules/%s/kernel", u.release);
	if (argc == 3 && !strcmp(argv[1], "-d"))
		snprintf(dir, sizeof(dir), "%s", argv[2]);
	if (load_and_unload(MODULE, "quick=1"))
		ksft_exit_skip("%s: cannot load " MODULE "\n", dir);

	ksft_set_plan(5);
	make_trampoline_of_probes("execmem_stage_alloc");
	read_settled_summary(summary, sizeof(summary));
	case_rounds();
	case_injected("core", 0);
	case_injected("init", 1);
	case_hidden();
	if (!*summary)
		ksft_test_result_skip("the slab is as before: no " SUMMARY "\n");
	else
		ksft_test_result(summary_returns_to(summary), "the slab is as before\n");
	ksft_finished();
}

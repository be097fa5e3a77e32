// SPDX-License-Identifier: GPL-2.0
/*
 * Measure the cost of generated code: create many small pieces of code through the usual
 * system calls, and measure the memory that the kernel maps for them.
 *
 * Usage: workloads NAME COUNT [DIR [CPUS]]
 *	  workloads quick NAME COUNT [DIR [CPUS]]
 *
 *	bpf		attach socket filters of about 100 bytes
 *	bpf_cpus	the same, distributed over all CPUs, or the first CPUS of them
 *	kprobes		add probes that single-step a copy of the instruction
 *	ftrace		add tracers of one function each (with trampolines on x86)
 *	modules		load DIR/small0.ko, DIR/small1.ko, ...
 *	relocations	load DIR/relocations.ko, which has COUNT relocations
 *	large		load DIR/large.ko, which has COUNT MiB of text
 *	text_writes	test_vmalloc_text measures text writes; COUNT is 1
 *
 * "quick" neither waits nor measures memory. Use it with external counters, and on kernels
 * without a dump of the page tables.
 *
 * All workloads but the last also run on kernels without the execmem slab, for comparisons.
 *
 * Prints TAP, and "# measure WHAT BEFORE WITH AFTER" for each of
 *
 *	text		bytes of executable mappings
 *	text_entries	number of pages, of any size, that map text
 *	page_tables	pages of page tables in use, on the last two levels
 *	split		bytes of memory that base pages map
 *	direct_4k, direct_2m, direct_1g
 *			bytes of the direct map by page size
 *	slab		bytes of the kmalloc() caches
 * and "# measure WHAT MAKING REMOVING" for
 *
 *	time		nanoseconds
 *	ipis		function call interrupts between CPUs (on riscv, the firmware sends
 *			further ones)
 *
 * Creation, removal and deferred frees are a window each (window.h). The last one always
 * has the same length.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../code_patching/inject.h"
#include "../code_patching/modules.h"
#include "ipis.h"
#include "mapped.h"
#include "window.h"

#define TRACEFS		"/sys/kernel/tracing/"
#define EVENTS		TRACEFS "dynamic_events"
#define FUNCTIONS	TRACEFS "available_filter_functions"
#define INSTANCE	TRACEFS "instances/workloads%u"

static unsigned int count;
static unsigned int chosen_cpus;	/* 0: all */
static const char *dir;
static bool quick;

/*
 * Workloads: create or remove @count pieces of code. Return the number created.
 */

static int *fds;

static int load_filter(int nr)
{
	static const char license[] = "GPL";
	struct bpf_insn insns[18];
	union bpf_attr attr;
	size_t i, end = ARRAY_SIZE(insns) - 1;

	/* r0 = nr; r0 += 1, 2, 3 ...; return r0 */
	insns[0] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = nr };
	for (i = 1; i < end; i++)
		insns[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_K, .imm = i };
	insns[end] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = ARRAY_SIZE(insns);
	attr.license = (unsigned long)license;
	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void load_filters(unsigned int nr)
{
	unsigned int i;

	fds = calloc(nr, sizeof(*fds));
	if (!fds)
		ksft_exit_fail_msg("no memory\n");
	for (i = 0; i < nr; i++) {
		fds[i] = load_filter(i);
		if (fds[i] < 0)
			ksft_exit_fail_msg("BPF program %u: %s\n", i, strerror(errno));
	}
}

static void allow_files(void)
{
	struct rlimit limit = { count + 64, count + 64 };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		ksft_exit_fail_msg("%u files: %s\n", count + 64, strerror(errno));
}

static unsigned int make_bpf(void)
{
	allow_files();
	load_filters(count);
	return count;
}

static void remove_bpf(void)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		close(fds[i]);
}

/*
 * One process per CPU. It reports through a pipe that it has loaded its part, and ends when
 * the other pipe is closed.
 */
static int loaded[2], leave[2];

static void load_on_cpu(unsigned int cpu, unsigned int nr)
{
	cpu_set_t set;
	char byte = 0;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		ksft_exit_fail_msg("CPU %u: %s\n", cpu, strerror(errno));
	close(leave[1]);
	load_filters(nr);
	if (write(loaded[1], &byte, 1) != 1)
		_exit(1);
	/* Close our end, so that the parent notices a failure of another process. */
	close(loaded[1]);
	_exit(read(leave[0], &byte, 1) != 0);
}

static unsigned int make_bpf_cpus(void)
{
	unsigned int cpus, cpu, part, left = count, waiting;
	cpu_set_t set;
	char byte;

	allow_files();
	if (sched_getaffinity(0, sizeof(set), &set))
		ksft_exit_fail_msg("CPUs: %s\n", strerror(errno));
	if (pipe(loaded) || pipe(leave))
		ksft_exit_fail_msg("pipe: %s\n", strerror(errno));
	fflush(stdout);
	cpus = CPU_COUNT(&set);
	if (chosen_cpus > cpus)
		ksft_exit_fail_msg("only %u of %u CPUs\n", cpus, chosen_cpus);
	if (chosen_cpus)
		cpus = chosen_cpus;
	for (cpu = 0, waiting = cpus; waiting; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		part = left / waiting--;
		left -= part;
		switch (fork()) {
		case -1:
			ksft_exit_fail_msg("fork: %s\n", strerror(errno));
		case 0:
			load_on_cpu(cpu, part);
		}
	}
	close(loaded[1]);
	/* A process that fails closes its end without writing a byte. */
	for (waiting = cpus; waiting; waiting--)
		if (read(loaded[0], &byte, 1) != 1)
			ksft_exit_fail_msg("a process could not load its programs\n");
	return count;
}

static void remove_bpf_cpus(void)
{
	int status;

	close(leave[1]);
	while (wait(&status) > 0)
		if (status)
			ksft_exit_fail_msg("a process ended with status %#x\n", status);
}

static int events;

static bool add_event(const char *event)
{
	return write(events, event, strlen(event)) == (ssize_t)strlen(event);
}

static void open_events(void)
{
	events = open(EVENTS, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (events < 0)
		ksft_exit_skip("no " EVENTS "\n");
}

/* Call @add for the functions that ftrace can trace, until it has succeeded @count times. */
static unsigned int add_to_functions(bool (*add)(unsigned int nr, const char *function))
{
	FILE *f = fopen(FUNCTIONS, "re");
	unsigned int made = 0;
	char name[200];

	if (!f)
		ksft_exit_skip("no " FUNCTIONS "\n");
	while (made < count && fgets(name, sizeof(name), f)) {
		name[strcspn(name, "\n ")] = '\0';
		made += add(made, name);
	}
	fclose(f);
	return made;
}

/*
 * Probe behind the location of ftrace, because probes on it have no copied instruction. Try
 * offsets until the kernel accepts one. Do not enable the probe: the kernel allocates its
 * memory anyway, and an enabled probe would slow down the system.
 */
static bool add_kprobe(unsigned int nr, const char *function)
{
	static const unsigned int offsets[] = { 9, 16, 20, 24, 28 };
	char event[300];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		snprintf(event, sizeof(event), "p:workloads/k%u %s+%u\n", nr, function, offsets[i]);
		if (add_event(event))
			return true;
	}
	return false;
}

static unsigned int make_kprobes(void)
{
	unsigned int made;

	open_events();
	made = add_to_functions(add_kprobe);
	close(events);
	return made;
}

static void remove_kprobes(void)
{
	open_events();
	if (!add_event("-:workloads/\n"))
		ksft_exit_fail_msg("removing the events: %s\n", strerror(errno));
	close(events);
}

/*
 * Each instance has a private ftrace_ops for its function tracer, and on x86 a trampoline.
 * Tracing is off, so that nothing is recorded. (From Linux 6.14 on, all fprobes share one
 * ftrace_ops.)
 */
static bool add_tracer(unsigned int nr, const char *function)
{
	char instance[sizeof(INSTANCE) + 10], filter[208];

	snprintf(instance, sizeof(instance), INSTANCE, nr);
	if (mkdir(instance, 0700) && !nr)
		ksft_exit_skip("%s: %s\n", instance, strerror(errno));
	/* Without the end of the line, the kernel would not say that no function matches. */
	snprintf(filter, sizeof(filter), "%s\n", function);
	if (write_to(instance, "tracing_on", "0") &&
	    write_to(instance, "set_ftrace_filter", filter) &&
	    write_to(instance, "current_tracer", "function"))
		return true;
	rmdir(instance);
	return false;
}

static unsigned int make_ftrace(void)
{
	return add_to_functions(add_tracer);
}

static void remove_ftrace(void)
{
	char instance[sizeof(INSTANCE) + 10];
	unsigned int i;

	for (i = 0; i < count; i++) {
		snprintf(instance, sizeof(instance), INSTANCE, i);
		if (rmdir(instance))
			ksft_exit_fail_msg("%s: %s\n", instance, strerror(errno));
	}
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	close(fd);
}

static unsigned int make_modules(void)
{
	char path[300];
	unsigned int i;

	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/small%u.ko", dir, i);
		load_module(path);
	}
	return count;
}

static void remove_modules(void)
{
	char name[30];
	unsigned int i;

	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "small%u", i);
		unload_module(name);
	}
}

static unsigned int load_one(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s.ko", dir, name);
	load_module(path);
	return count;
}

static unsigned int make_relocations(void)
{
	return load_one("relocations");
}

static void remove_relocations(void)
{
	unload_module("relocations");
}

static unsigned int make_large(void)
{
	return load_one("large");
}

static void remove_large(void)
{
	unload_module("large");
}

/* The module measures while it is loaded, and writes the results to the kernel log. */
static unsigned int make_text_writes(void)
{
	int status = run_modprobe("test_vmalloc_text", "perf=1", NULL);

	if (status)
		ksft_exit_fail_msg("modprobe test_vmalloc_text: status %d\n", status);
	return 1;
}

static void remove_text_writes(void)
{
	unload_module("test_vmalloc_text");
}

/*
 * Measurements.
 */

enum { SETTLE = 3 };	/* seconds for deferred frees */

struct costs {
	unsigned long time;		/* ns */
	unsigned long ipis;
};

/* Read the counts first: the time to do so is not measured. */
static struct costs begin(void)
{
	unsigned long ipis = count_ipis();

	return (struct costs){ now(), ipis };
}

static struct costs since(struct costs began)
{
	unsigned long ended = now();

	return (struct costs){ ended - began.time, count_ipis() - began.ipis };
}

static void print_costs(const struct costs *making, const struct costs *removing)
{
	ksft_print_msg("measure time %lu %lu\n", making->time, removing->time);
	ksft_print_msg("measure ipis %lu %lu\n", making->ipis, removing->ipis);
}

static const struct workload {
	const char *name;
	unsigned int (*make)(void);
	void (*remove)(void);
} workloads[] = {
	{ "bpf", make_bpf, remove_bpf },
	{ "bpf_cpus", make_bpf_cpus, remove_bpf_cpus },
	{ "kprobes", make_kprobes, remove_kprobes },
	{ "ftrace", make_ftrace, remove_ftrace },
	{ "modules", make_modules, remove_modules },
	{ "relocations", make_relocations, remove_relocations },
	{ "large", make_large, remove_large },
	{ "text_writes", make_text_writes, remove_text_writes },
};

static struct mapped look_if_wanted(bool settled)
{
	if (quick)
		return (struct mapped){ 0 };
	return settled ? look_when_settled() : look();
}

static void wait_for_freeing(void)
{
	begin_window();
	sleep(SETTLE);
	end_window();
	print_window("freeing");
}

static void run(const struct workload *w)
{
	struct mapped before, with, after;
	struct costs began, making, removing;
	unsigned long time;
	unsigned int made;

	before = look_if_wanted(true);
	began = begin();
	begin_window();
	made = w->make();
	end_window();
	making = since(began);
	print_window("making");
	if (!made)
		ksft_exit_skip("%s: not supported by this kernel\n", w->name);
	if (made < count)
		ksft_exit_fail_msg("%s: only %u of %u\n", w->name, made, count);
	with = look_if_wanted(false);
	began = begin();
	begin_window();
	w->remove();
	end_window();
	time = since(began).time;
	print_window("removing");
	if (!quick)
		wait_for_freeing();
	removing = since(began);
	removing.time = time;
	after = look_if_wanted(true);

	if (!quick)
		print_mapped(&before, &with, &after);
	print_costs(&making, &removing);
}

static const struct workload *find_workload(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(workloads); i++)
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct workload *w = NULL;

	ksft_print_header();
	quick = argc > 1 && !strcmp(argv[1], "quick");
	argc -= quick;
	argv += quick;
	if (argc >= 3 && argc <= 5) {
		w = find_workload(argv[1]);
		count = atoi(argv[2]);
		dir = argc >= 4 ? argv[3] : ".";
		chosen_cpus = argc == 5 ? atoi(argv[4]) : 0;
	}
	if (!w || !count || count > 100000 || (argc == 5 && !chosen_cpus))
		ksft_exit_fail_msg("usage: workloads [quick] NAME COUNT [DIR [CPUS]]\n");
	if (geteuid())
		ksft_exit_skip("must be root\n");

	run(w);
	ksft_set_plan(1);
	ksft_test_result_pass("%s %u\n", w->name, count);
	ksft_finished();
}

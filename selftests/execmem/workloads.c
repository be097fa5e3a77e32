// SPDX-License-Identifier: GPL-2.0
/*
 * What generated code costs: make many small pieces of it, by the system calls of
 * those who do so, and look at what the kernel has mapped for them.
 *
 * Usage: workloads NAME COUNT
 *
 *	bpf		socket filters of about 100 bytes
 *	kprobes		probes that single-step a copy of the instruction
 *	ftrace		tracers of one function each, with a trampoline each where
 *			the architecture makes some
 *
 * Nothing of it needs more of the kernel than was there before the execmem slab:
 * kernels with and without it can be compared.
 *
 * Prints TAP, and "# measure WHAT BEFORE WITH AFTER" for each of
 *
 *	text		bytes that are mapped executable
 *	page_tables	pages of page tables that map something: the last level
 *			and the one above
 *	split		bytes of memory that are mapped by base pages
 * and "# measure WHAT MAKING REMOVING" for
 *
 *	time		nanoseconds; where the clock counts instructions, these
 *	ipis		interrupts that CPUs have sent to others, to have a function called or
 *			the TLB flushed (riscv's firmware sends some by itself)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"

#define TRACEFS		"/sys/kernel/tracing/"
#define EVENTS		TRACEFS "dynamic_events"
#define FUNCTIONS	TRACEFS "available_filter_functions"

static const char *const page_tables[] = {
	"/sys/kernel/debug/kernel_page_tables",		/* arm64, riscv */
	"/sys/kernel/debug/page_tables/kernel",		/* x86 */
};

#define PMD_SIZE	0x200000UL
#define PUD_SIZE	0x40000000UL

static unsigned int count;

/*
 * What is mapped.
 */

struct mapped {
	unsigned long text;		/* bytes */
	unsigned long page_tables;	/* pages */
	unsigned long split;		/* bytes */
};

/* How many regions of @size a range is in that the one before was not. */
static unsigned long new_regions(unsigned long start, unsigned long end, unsigned long size,
				 unsigned long *last)
{
	unsigned long first = start / size, final = (end - 1) / size;

	if (first == *last)
		first++;
	*last = final;
	return final - first + 1;
}

static bool has_word(const char *line, const char *word)
{
	size_t len = strlen(word);
	const char *at;

	for (at = line; (at = strstr(at, word)); at += len)
		if (at > line && at[-1] == ' ' && strchr("\n ", at[len]))
			return true;
	return false;
}

/*
 * One line of a page table dump: "START-END ... SIZE LEVEL ... ATTRIBUTES". Text is
 * "x" on x86 and arm64, and "X" on riscv.
 */
static void add_line(struct mapped *m, const char *line, unsigned long last[2])
{
	unsigned long start, end;
	bool pte, pmd;

	if (sscanf(line, "0x%lx-0x%lx", &start, &end) != 2 || end <= start)
		return;
	/* x86 lists what is not mapped as well. */
	pte = has_word(line, "pte") || has_word(line, "PTE");
	pmd = has_word(line, "pmd") || has_word(line, "PMD");
	if (!(has_word(line, "ro") || has_word(line, "RW") || has_word(line, "R")))
		return;

	if (has_word(line, "x") || has_word(line, "X"))
		m->text += end - start;
	if (pte) {
		m->page_tables += new_regions(start, end, PMD_SIZE, &last[0]);
		m->split += end - start;
	}
	if (pte || pmd)
		m->page_tables += new_regions(start, end, PUD_SIZE, &last[1]);
}

static FILE *open_page_tables(void)
{
	size_t i;
	FILE *f;

	for (i = 0; i < ARRAY_SIZE(page_tables); i++) {
		f = fopen(page_tables[i], "re");
		if (f)
			return f;
	}
	ksft_exit_skip("no dump of the page tables: CONFIG_PTDUMP_DEBUGFS, and debugfs\n");
}

static struct mapped look(void)
{
	struct mapped m = { 0 };
	unsigned long last[2] = { -1UL, -1UL };
	FILE *f = open_page_tables();
	char line[300];

	while (fgets(line, sizeof(line), f))
		add_line(&m, line, last);
	fclose(f);
	if (!m.text || !m.page_tables)
		ksft_exit_fail_msg("the dump of the page tables is not understood\n");
	return m;
}

/* What is freed is gone when RCU, and who waits for it, has had time. */
static struct mapped look_when_settled(void)
{
	struct mapped m = look(), before;
	int same = 0, tries;

	for (tries = 0; tries < 60 && same < 3; tries++) {
		before = m;
		sleep(1);
		m = look();
		same = memcmp(&m, &before, sizeof(m)) ? 0 : same + 1;
	}
	return m;
}

/*
 * Workloads: make @count pieces of code, and remove them. How many were made is
 * returned.
 */

static int *fds;

static int load_filter(int nr)
{
	static const char license[] = "GPL";
	struct bpf_insn insns[18];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (unsigned long)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (unsigned long)license,
	};
	size_t i, end = ARRAY_SIZE(insns) - 1;

	/* r0 = nr; r0 += 1, 2, 3 ...; return r0 */
	insns[0] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = nr };
	for (i = 1; i < end; i++)
		insns[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_K, .imm = i };
	insns[end] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static unsigned int make_bpf(void)
{
	struct rlimit limit = { count + 64, count + 64 };
	unsigned int made;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		ksft_exit_fail_msg("%u files: %s\n", count + 64, strerror(errno));
	fds = calloc(count, sizeof(*fds));
	if (!fds)
		ksft_exit_fail_msg("no memory\n");

	for (made = 0; made < count; made++) {
		fds[made] = load_filter(made);
		if (fds[made] < 0)
			ksft_exit_fail_msg("BPF program %u: %s\n", made, strerror(errno));
	}
	return made;
}

static void remove_bpf(void)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		close(fds[i]);
}

static bool add_event(int events, const char *event)
{
	return write(events, event, strlen(event)) == (ssize_t)strlen(event);
}

/*
 * Behind what ftrace patches, which is not copied but called through; where exactly
 * an instruction begins there is for the kernel to say. Not enabled: what has to be
 * allocated is allocated all the same, and nothing gets slower.
 */
static bool add_kprobe(int events, unsigned int nr, const char *function)
{
	static const unsigned int offsets[] = { 9, 16, 20, 24, 28 };
	char event[300];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		snprintf(event, sizeof(event), "p:workloads/k%u %s+%u\n", nr, function, offsets[i]);
		if (add_event(events, event))
			return true;
	}
	return false;
}

static bool add_fprobe(int events, unsigned int nr, const char *function)
{
	char event[300];

	snprintf(event, sizeof(event), "f:workloads/f%u %s\n", nr, function);
	return add_event(events, event);
}

/* One event for each of the first functions that take one. */
static unsigned int make_events(bool (*add)(int events, unsigned int nr, const char *function))
{
	int events = open(EVENTS, O_WRONLY | O_APPEND | O_CLOEXEC);
	FILE *f = fopen(FUNCTIONS, "re");
	unsigned int made = 0;
	char name[200];

	if (events < 0 || !f)
		ksft_exit_skip("no %s\n", events < 0 ? EVENTS : FUNCTIONS);
	while (made < count && fgets(name, sizeof(name), f)) {
		name[strcspn(name, "\n ")] = '\0';
		made += add(events, made, name);
	}
	fclose(f);
	close(events);
	return made;
}

static unsigned int make_kprobes(void)
{
	return make_events(add_kprobe);
}

static unsigned int make_ftrace(void)
{
	return make_events(add_fprobe);
}

static void remove_events(void)
{
	int events = open(EVENTS, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (events < 0 || !add_event(events, "-:workloads/\n"))
		ksft_print_msg("removing the events: %s\n", strerror(errno));
	close(events);
}

/*
 * What it costs.
 */

struct costs {
	unsigned long time;		/* ns */
	unsigned long ipis;
};

static unsigned long add_numbers(const char *line)
{
	unsigned long sum = 0, n;
	char *end;

	for (line = strchr(line, ':') + 1; n = strtoul(line, &end, 10), end != line; line = end)
		sum += n;
	return sum;
}

static unsigned long count_ipis(void)
{
	FILE *f = fopen("/proc/interrupts", "re");
	unsigned long sum = 0;
	char line[400];

	if (!f)
		ksft_exit_fail_msg("/proc/interrupts: %s\n", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "Function call interrupts") || strstr(line, "TLB shootdowns"))
			sum += add_numbers(line);
	fclose(f);
	return sum;
}

static struct costs costs(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct costs){ ts.tv_sec * 1000000000UL + ts.tv_nsec, count_ipis() };
}

static struct costs since(struct costs began)
{
	struct costs now = costs();

	return (struct costs){ now.time - began.time, now.ipis - began.ipis };
}

static const struct workload {
	const char *name;
	unsigned int (*make)(void);
	void (*remove)(void);
} workloads[] = {
	{ "bpf", make_bpf, remove_bpf },
	{ "kprobes", make_kprobes, remove_events },
	{ "ftrace", make_ftrace, remove_events },
};

static void run(const struct workload *w)
{
	struct mapped before, with, after;
	struct costs began, making, removing;
	unsigned int made;

	before = look_when_settled();
	began = costs();
	made = w->make();
	making = since(began);
	if (!made)
		ksft_exit_skip("%s: this kernel has none of these\n", w->name);
	if (made < count)
		ksft_exit_fail_msg("%s: only %u of %u\n", w->name, made, count);
	with = look();
	began = costs();
	w->remove();
	removing.time = since(began).time;
	after = look_when_settled();
	removing.ipis = since(began).ipis;

	ksft_print_msg("measure text %lu %lu %lu\n", before.text, with.text, after.text);
	ksft_print_msg("measure page_tables %lu %lu %lu\n", before.page_tables, with.page_tables,
		       after.page_tables);
	ksft_print_msg("measure split %lu %lu %lu\n", before.split, with.split, after.split);
	ksft_print_msg("measure time %lu %lu\n", making.time, removing.time);
	ksft_print_msg("measure ipis %lu %lu\n", making.ipis, removing.ipis);
}

int main(int argc, char **argv)
{
	const struct workload *w = NULL;
	size_t i;

	ksft_print_header();
	for (i = 0; argc == 3 && i < ARRAY_SIZE(workloads); i++)
		if (!strcmp(workloads[i].name, argv[1]))
			w = &workloads[i];
	if (w)
		count = atoi(argv[2]);
	if (!w || !count || count > 100000)
		ksft_exit_fail_msg("usage: workloads bpf|kprobes|ftrace COUNT\n");
	if (geteuid())
		ksft_exit_skip("must be root\n");

	ksft_set_plan(1);
	run(w);
	ksft_test_result_pass("%s %u\n", w->name, count);
	ksft_finished();
}

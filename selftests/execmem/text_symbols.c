// SPDX-License-Identifier: GPL-2.0
/*
 * Generated text has symbols: /proc/kallsyms lists them, and perf records when they are
 * added and removed. Many probes share one symbol for their copied instructions, and one for
 * the detours of optimized probes. Each ftrace trampoline has a symbol.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest.h"

#define EVENTS		"/sys/kernel/tracing/dynamic_events"
#define FUNCTIONS	"/sys/kernel/tracing/available_filter_functions"
#define PROBES		300
#define TRACERS		10
#define MOST_CPUS	64
#define RING_PAGES	64	/* a power of two */
#define MOST_SYMBOLS	1000

/* The slab has detours on x86, and trampolines of ftrace on x86-64 only. */
#ifdef __x86_64__
#define HAS_TRAMPOLINES	true
#else
#define HAS_TRAMPOLINES	false
#endif
#if defined(__x86_64__) || defined(__i386__)
#define HAS_DETOURS	true
#else
#define HAS_DETOURS	false
#endif

/* Symbols with one name, in perf events and in kallsyms. */
static struct kind {
	const char *name;
	bool required;
	unsigned int least, most;
	unsigned int added, removed, listed, unknown;
	uint64_t at[MOST_SYMBOLS];
} kinds[] = {
	{ .name = "kprobe_insn_page", .required = true, .most = PROBES / 8 },
	{ .name = "kprobe_optinsn_page", .required = HAS_DETOURS, .most = PROBES / 8 },
	{ .name = "ftrace_trampoline", .required = HAS_TRAMPOLINES, .least = TRACERS,
	  .most = TRACERS },
};

static struct perf_event_mmap_page *rings[MOST_CPUS];
static unsigned int nr_rings;

static struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* perf records an event on the CPU that maps or unmaps the memory: open all CPUs. */
static void open_rings(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.ksymbol = 1,
	};
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	void *ring;
	int fd;

	for (nr_rings = 0; nr_rings < cpus && nr_rings < MOST_CPUS; nr_rings++) {
		fd = syscall(SYS_perf_event_open, &attr, -1, nr_rings, -1, 0);
		if (fd < 0)
			ksft_exit_skip("perf_event_open: %s\n", strerror(errno));
		ring = mmap(NULL, (1 + RING_PAGES) * sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);
		if (ring == MAP_FAILED)
			ksft_exit_fail_msg("the ring of perf: %s\n", strerror(errno));
		rings[nr_rings] = ring;
	}
}

struct ksymbol {
	struct perf_event_header header;
	uint64_t addr;
	uint32_t len;
	uint16_t type, flags;
	char name[];
};

static void read_event(const struct perf_event_header *event)
{
	const struct ksymbol *symbol = (const void *)event;
	struct kind *kind;

	if (event->type == PERF_RECORD_LOST)
		ksft_exit_fail_msg("perf lost events\n");
	if (event->type != PERF_RECORD_KSYMBOL || symbol->type != PERF_RECORD_KSYMBOL_TYPE_OOL)
		return;
	kind = find_kind(symbol->name);
	if (!kind)
		ksft_exit_fail_msg("perf has an event for %s\n", symbol->name);
	if (symbol->flags & PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER)
		kind->removed++;
	else if (kind->added < MOST_SYMBOLS)
		kind->at[kind->added++] = symbol->addr;
}

/* The rings are large enough for all events of the test: they do not wrap. */
static void read_rings(void)
{
	for (unsigned int i = 0; i < nr_rings; i++) {
		const char *data = (const char *)rings[i] + sysconf(_SC_PAGESIZE);
		uint64_t head = __atomic_load_n(&rings[i]->data_head, __ATOMIC_ACQUIRE);
		uint64_t at = rings[i]->data_tail;

		if (head > RING_PAGES * (uint64_t)sysconf(_SC_PAGESIZE))
			ksft_exit_fail_msg("%llu bytes of events\n", (unsigned long long)head);
		while (at < head) {
			const struct perf_event_header *event = (const void *)(data + at);

			read_event(event);
			at += event->size;
		}
		rings[i]->data_tail = head;
	}
}

static void list_symbol(const char *name, uint64_t address)
{
	struct kind *kind = find_kind(name);
	unsigned int i;

	if (!kind)
		return;
	kind->listed++;
	for (i = 0; i < kind->added && kind->at[i] != address; i++)
		;
	kind->unknown += i == kind->added;
}

static void read_kallsyms(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	char line[512], name[256];

	if (!f)
		ksft_exit_skip("/proc/kallsyms: %s\n", strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		kinds[i].listed = 0;
		kinds[i].unknown = 0;
	}
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx t %255s", &address, name) == 2)
			list_symbol(name, address);
	fclose(f);
}

/* Probe behind the location of ftrace. Try offsets until one begins an instruction. */
static bool add_probe(int events, unsigned int nr, const char *function)
{
	static const unsigned int offsets[] = { 9, 16, 20, 24, 28 };
	char event[300];

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		int len = snprintf(event, sizeof(event), "p:text_symbols/p%u %s+%u\n", nr,
				   function, offsets[i]);

		if (write(events, event, len) == len)
			return true;
	}
	return false;
}

static bool add_tracer(int events, unsigned int nr, const char *function)
{
	char event[300];
	int len = snprintf(event, sizeof(event), "f:text_symbols/f%u %s\n", nr, function);

	return write(events, event, len) == len;
}

/* Add an event to each of the first @count functions that accept one. False if fewer do. */
static bool add_events(int events, unsigned int count,
		       bool (*add)(int events, unsigned int nr, const char *function))
{
	FILE *f = fopen(FUNCTIONS, "re");
	unsigned int made = 0;
	char name[200];

	if (!f)
		ksft_exit_skip(FUNCTIONS ": %s\n", strerror(errno));
	while (made < count && fgets(name, sizeof(name), f)) {
		name[strcspn(name, "\n ")] = '\0';
		made += add(events, made, name);
	}
	fclose(f);
	return made == count;
}

static void report(struct kind *kind, unsigned int before)
{
	unsigned int present = before + kind->added - kind->removed;

	ksft_print_msg("%s: events: %u added, %u removed; listed: %u before, %u now, %u unknown\n",
		       kind->name, kind->added, kind->removed, before, kind->listed, kind->unknown);
	if (!kind->listed && !kind->added && !kind->required)
		ksft_test_result_skip("%s: none on this architecture\n", kind->name);
	else
		ksft_test_result(kind->listed && kind->listed == present &&
				 kind->unknown <= before &&
				 kind->added >= kind->least && kind->added <= kind->most,
				 "%s\n", kind->name);
}

int main(void)
{
	static const char remove[] = "-:text_symbols/\n";
	unsigned int before[ARRAY_SIZE(kinds)];
	int events;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to add probes\n");
	events = open(EVENTS, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (events < 0)
		ksft_exit_skip(EVENTS ": %s\n", strerror(errno));
	open_rings();
	ksft_set_plan(ARRAY_SIZE(kinds));

	read_kallsyms();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		before[i] = kinds[i].listed;
	if (!add_events(events, PROBES, add_probe))
		ksft_exit_fail_msg("fewer than %u probes\n", PROBES);
	if (!add_events(events, TRACERS, add_tracer))
		ksft_print_msg("fewer than %u tracers\n", TRACERS);
	read_rings();
	read_kallsyms();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		report(&kinds[i], before[i]);
	if (write(events, remove, strlen(remove)) < 0)
		ksft_exit_fail_msg("removing the probes: %s\n", strerror(errno));
	ksft_finished();
}

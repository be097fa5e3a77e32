// SPDX-License-Identifier: GPL-2.0
/*
 * Generated text has symbols: /proc/kallsyms lists them, and perf records when they are
 * added and removed. Many probes share one symbol for their copied instructions, and one for
 * the detours of optimized probes. Each ftrace trampoline has a symbol.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/inject.h"
#include "../code_patching/ksymbols.h"

#define EVENTS		"/sys/kernel/tracing/dynamic_events"
#define FUNCTIONS	"/sys/kernel/tracing/available_filter_functions"
#define INSTANCES	"/sys/kernel/tracing/instances"
#define PROBES		300
#define TRACERS		10
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

static int events;
static FILE *functions;

static struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static void count_symbol(const struct ksymbol *symbol)
{
	struct kind *kind;

	if (symbol->type != PERF_RECORD_KSYMBOL_TYPE_OOL)
		return;
	kind = find_kind(symbol->name);
	if (!kind)
		ksft_exit_fail_msg("perf has an event for %s\n", symbol->name);
	if (symbol->flags & PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER)
		kind->removed++;
	else if (kind->added < MOST_SYMBOLS)
		kind->at[kind->added++] = symbol->addr;
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
static bool add_probe(unsigned int nr, const char *function)
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

static const char *instance(unsigned int nr)
{
	static char dir[100];

	snprintf(dir, sizeof(dir), INSTANCES "/text_symbols%u", nr);
	return dir;
}

/* Each instance of the function tracer has a trampoline. */
static bool add_tracer(unsigned int nr, const char *function)
{
	return (!mkdir(instance(nr), 0700) || errno == EEXIST) &&
	       write_to(instance(nr), "set_ftrace_filter", function) &&
	       write_to(instance(nr), "current_tracer", "function");
}

/* Add an event to each of the first @count functions that accept one. False if fewer do. */
static bool add_events(unsigned int count, bool (*add)(unsigned int nr, const char *function))
{
	unsigned int made = 0;
	char name[200];

	rewind(functions);
	while (made < count && fgets(name, sizeof(name), functions)) {
		name[strcspn(name, "\n ")] = '\0';
		made += add(made, name);
	}
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

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to add probes\n");
	events = open(EVENTS, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (events < 0)
		ksft_exit_skip(EVENTS ": %s\n", strerror(errno));
	functions = fopen(FUNCTIONS, "re");
	if (!functions)
		ksft_exit_skip(FUNCTIONS ": %s\n", strerror(errno));
	open_rings();
	read_kallsyms();
	ksft_set_plan(ARRAY_SIZE(kinds));

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		before[i] = kinds[i].listed;
	if (!add_events(PROBES, add_probe))
		ksft_exit_fail_msg("fewer than %u probes\n", PROBES);
	if (!add_events(TRACERS, add_tracer))
		ksft_print_msg("fewer than %u tracers\n", TRACERS);
	read_symbols(count_symbol);
	read_kallsyms();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		report(&kinds[i], before[i]);
	if (write(events, remove, strlen(remove)) < 0)
		ksft_exit_fail_msg("removing the probes: %s\n", strerror(errno));
	for (unsigned int nr = 0; nr < TRACERS; nr++)
		rmdir(instance(nr));
	ksft_finished();
}

/* SPDX-License-Identifier: GPL-2.0 */
/* Read the events by which perf records symbols of generated text. */
#ifndef _SELFTESTS_CODE_PATCHING_KSYMBOLS_H
#define _SELFTESTS_CODE_PATCHING_KSYMBOLS_H

#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest.h"

#define MOST_CPUS	64
#define RING_PAGES	64	/* a power of two */

struct ksymbol {
	struct perf_event_header header;
	uint64_t addr;
	uint32_t len;
	uint16_t type, flags;
	char name[];
};

static struct perf_event_mmap_page *rings[MOST_CPUS];
static unsigned int nr_rings;

/* perf records an event on the CPU that maps or unmaps the memory: open all CPUs. */
static inline void open_rings(void)
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

/* Call read() for each symbol. The rings are large enough for a test: they do not wrap. */
static inline void read_symbols(void (*read)(const struct ksymbol *symbol))
{
	for (unsigned int i = 0; i < nr_rings; i++) {
		const char *data = (const char *)rings[i] + sysconf(_SC_PAGESIZE);
		uint64_t head = __atomic_load_n(&rings[i]->data_head, __ATOMIC_ACQUIRE);
		uint64_t at = rings[i]->data_tail;

		if (head > RING_PAGES * (uint64_t)sysconf(_SC_PAGESIZE))
			ksft_exit_fail_msg("%llu bytes of events\n", (unsigned long long)head);
		while (at < head) {
			const struct perf_event_header *event = (const void *)(data + at);

			if (event->type == PERF_RECORD_LOST)
				ksft_exit_fail_msg("perf lost events\n");
			if (event->type == PERF_RECORD_KSYMBOL)
				read((const void *)event);
			at += event->size;
		}
		rings[i]->data_tail = head;
	}
}

#endif /* _SELFTESTS_CODE_PATCHING_KSYMBOLS_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Short writes of text for tests that write in parallel: BPF filters and a probe. */
#ifndef _SELFTESTS_EXECMEM_WRITERS_H
#define _SELFTESTS_EXECMEM_WRITERS_H

#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/probes.h"

#define PROBED		"simple_statfs"	/* of /proc */
#define PACKET		64	/* bytes */

static inline void call_probed(void)
{
	struct statfs buf;

	statfs("/proc", &buf);
}

static inline void open_pair(int pair[2])
{
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair))
		ksft_exit_fail_msg("socketpair: %s\n", strerror(errno));
}

static inline void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

/* Attach a filter that accepts a given number of bytes of a packet. */
static inline bool attach_filter(int fd, unsigned int bytes)
{
	struct sock_filter accept[] = { BPF_STMT(BPF_RET | BPF_K, bytes) };
	struct sock_fprog program = { .len = 1, .filter = accept };

	return !setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static inline bool accepts(const int pair[2], unsigned int bytes)
{
	char packet[PACKET] = "";

	return send(pair[0], packet, PACKET, 0) == PACKET &&
	       recv(pair[1], packet, PACKET, MSG_DONTWAIT) == (ssize_t)bytes;
}

/* Attach, execute and free a filter, each time another one. */
static inline bool write_filter(void)
{
	static unsigned int n;
	unsigned int bytes = 1 + n++ % PACKET;
	int pair[2];
	bool good;

	open_pair(pair);
	good = attach_filter(pair[1], bytes) && accepts(pair, bytes);
	close_pair(pair);
	return good;
}

/* Run on one CPU, or on all if @cpu is negative. */
static inline void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (cpu < 0 || cpu == i)
			CPU_SET(i, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		ksft_exit_fail_msg("cannot run on CPU %d: %s\n", cpu, strerror(errno));
}

#endif /* _SELFTESTS_EXECMEM_WRITERS_H */

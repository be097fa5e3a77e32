// SPDX-License-Identifier: GPL-2.0
/*
 * BPF text is never writable at its address of execution, not even while a program is
 * patched to call a trampoline that is out of the range of its branches.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"
#include "inject.h"
#include "tracing.h"

#define BRANCH_RANGE	(128UL << 20)	/* BL of arm64 */
#define SECONDS		10
#define MAP_TYPE_ARENA	33	/* older headers lack it */
#define LARGE_PROGRAMS	150
#define SMALL_PROGRAMS	1500

#define INSN(c, d, i)	((struct bpf_insn){ .code = (c), .dst_reg = (d), .imm = (i) })

/* Reserve 4 GiB of the address range of programs, without memory. */
static int take_addresses(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = MAP_TYPE_ARENA;
	attr.max_entries = 1;
	attr.map_flags = BPF_F_MMAPABLE;
	return bpf(BPF_MAP_CREATE, &attr);
}

/* Fill the existing packs. New text is then placed behind the reserved addresses. */
static void take_text(unsigned int programs, unsigned int count)
{
	struct bpf_insn *insns = calloc(count, sizeof(*insns));
	union bpf_attr attr;

	insns[0] = INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0);
	for (unsigned int i = 1; i + 1 < count; i++)
		insns[i] = INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_0, i);
	insns[count - 1] = INSN(BPF_JMP | BPF_EXIT, 0, 0);

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)"GPL";
	while (programs--)
		if (bpf(BPF_PROG_LOAD, &attr) < 0)
			ksft_exit_fail_msg("a program: %s\n", strerror(errno));
	free(insns);
}

static unsigned long address_of(const char *prefix, const char *part)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long address = 0, at;
	char line[512], name[256];

	while (f && !address && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %*c %255s", &at, name) == 2 &&
		    strstr(line, "[bpf]") && !strncmp(name, prefix, strlen(prefix)) &&
		    strstr(name, part))
			address = at;
	if (f)
		fclose(f);
	return address;
}

static bool is_far(void)
{
	unsigned long program = address_of("bpf_prog_", "_target");
	unsigned long trampoline = address_of("bpf_trampoline_", ""), distance;

	distance = program > trampoline ? program - trampoline : trampoline - program;
	ksft_print_msg("the program is at %lx, its trampoline at %lx\n", program, trampoline);
	return program && trampoline && distance > BRANCH_RANGE;
}

/* Attach trampolines until this fails. A program can be attached only once. */
static void attach_again_and_again(int target)
{
	int tracer, link;

	do {
		tracer = load_tracer(target, TYPE_FUNCTION, BPF_TRACE_FENTRY);
		link = attach(tracer);
		close(link);
		close(tracer);
	} while (link >= 0);
	_exit(1);
}

static void case_attached(int target)
{
	unsigned int looks = 0, unsafe = 0;
	int status = 0;
	time_t end = time(NULL) + SECONDS;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		attach_again_and_again(target);
	for (; time(NULL) < end; looks++) {
		int wx = has_wx_mapping();

		if (wx < 0)
			ksft_exit_fail_msg(CHECK_WX ": %s\n", strerror(errno));
		unsafe += wx;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status))
		ksft_print_msg("a trampoline could not be attached\n");
	ksft_print_msg("%u of %u reads found a writable and executable page\n",
		       unsafe, looks);
	ksft_test_result(looks && !unsafe && WIFSIGNALED(status),
			 "programs are read-only while trampolines come and go\n");
}

/*
 * Call this before addresses are reserved. On powerpc, modules share the range, and the
 * kernel refuses a module if its text is too far from its data.
 */
static void skip_without_trampolines(int target)
{
	int tracer = load_tracer(target, TYPE_FUNCTION, BPF_TRACE_FENTRY);
	int link = attach(tracer);

	if (link < 0 && lacks_trampolines())
		ksft_exit_skip("no trampolines: %s\n", strerror(errno));
	close(link);
	close(tracer);
}

int main(void)
{
	struct rlimit files = { 8192, 8192 };
	int target, tracer, link;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to load BPF programs\n");
	if (access(CHECK_WX, R_OK))
		ksft_exit_skip("no " CHECK_WX ": CONFIG_PTDUMP_DEBUGFS is not set\n");
	setrlimit(RLIMIT_NOFILE, &files);

	target = load_target(0);
	skip_without_trampolines(target);
	ksft_set_plan(1);

	tracer = load_tracer(target, TYPE_FUNCTION, BPF_TRACE_FENTRY);
	if (tracer < 0)
		ksft_exit_fail_msg("programs (%d, %d): %s\n", target, tracer,
				   strerror(errno));
	if (take_addresses() < 0)
		ksft_print_msg("no arena: %s\n", strerror(errno));
	take_text(LARGE_PROGRAMS, 4000);
	take_text(SMALL_PROGRAMS, 2);
	link = attach(tracer);
	if (!is_far())
		ksft_print_msg("the trampoline is in range of a branch\n");
	close(link);
	close(tracer);
	case_attached(target);
	ksft_finished();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that create text, when an allocation fails.
 *
 * usage: fail_nth [all]
 *
 * Operations with many allocations are tested at some of them only, unless "all" is given.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/modules.h"
#include "../code_patching/probes.h"
#include "../code_patching/tracing.h"
#include "fail_nth.h"

#define PROBE		"fail_nth/probe"
#define PROBED		"kernel_clone"
#define MAX_FUNCTIONS	256			/* of a BPF program */

static struct bpf_insn program[3 * MAX_FUNCTIONS + 1];

/* The first function calls all others. Return the number of instructions. */
static unsigned int write_program(unsigned int functions)
{
	const struct bpf_insn load = { .code = BPF_ALU64 | BPF_MOV | BPF_K };
	const struct bpf_insn exit = { .code = BPF_JMP | BPF_EXIT };
	unsigned int n = 0, i;

	for (i = 1; i < functions; i++, n++)
		program[n] = (struct bpf_insn){
			.code = BPF_JMP | BPF_CALL,
			.src_reg = BPF_PSEUDO_CALL,
			.imm = functions + 2 * (i - 1) - i + 1,
		};
	for (i = 0; i < functions; i++) {
		program[n++] = load;
		program[n++] = exit;
	}
	return n;
}

static int load_functions(unsigned int functions, unsigned int nth)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (unsigned long)program,
		.insn_cnt = write_program(functions),
		.license = (unsigned long)"GPL",
	};
	int fail = arm(nth), fd, error;

	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	error = disarm(fail, errno_of(fd));
	close(fd);
	return error;
}

static int load_two_functions(unsigned int nth)
{
	return load_functions(2, nth);
}

static int load_many_functions(unsigned int nth)
{
	return load_functions(MAX_FUNCTIONS, nth);
}

static struct sock_filter accept_all[] = { BPF_STMT(BPF_RET | BPF_K, 0xffff) };
static struct sock_filter allow_all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };

static int attach_to_socket(int family, int option, unsigned int nth)
{
	struct sock_fprog filter = { .len = ARRAY_SIZE(accept_all), .filter = accept_all };
	int socket_fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), fail, error, yes = 1;

	setsockopt(socket_fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes));
	fail = arm(nth);
	error = setsockopt(socket_fd, SOL_SOCKET, option, &filter, sizeof(filter));
	error = disarm(fail, errno_of(error));
	close(socket_fd);
	return error;
}

static int attach_filter(unsigned int nth)
{
	return attach_to_socket(AF_UNIX, SO_ATTACH_FILTER, nth);
}

static int attach_reuseport(unsigned int nth)
{
	return attach_to_socket(AF_INET, SO_ATTACH_REUSEPORT_CBPF, nth);
}

static bool has_inet(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	close(fd);
	return fd >= 0;
}

/* A process cannot remove its filter: attach it to a child. */
static int attach_seccomp(unsigned int nth)
{
	struct sock_fprog filter = { .len = ARRAY_SIZE(allow_all), .filter = allow_all };
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int fail, error;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		fail = arm(nth);
		error = disarm(fail, errno_of(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
						      &filter)));
		/* ENOTSUPP has more bits than an exit status. */
		_exit(injected << 7 | (error > 127 ? 127 : error));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		ksft_exit_fail_msg("a process with a filter: status %#x\n", status);
	injected = WEXITSTATUS(status) >> 7;
	return WEXITSTATUS(status) & 127;
}

static bool has_seccomp(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0;
}

static int target;

/* The first tracer of a program creates a trampoline. */
static int trace_program(unsigned int nth)
{
	int tracer = load_tracer(target, TYPE_FUNCTION, BPF_TRACE_FENTRY), fail, link, error;

	if (tracer < 0)
		return errno;
	fail = arm(nth);
	link = attach(tracer);
	error = disarm(fail, errno_of(link));
	close(link);
	close(tracer);
	return error;
}

static bool has_trampolines(void)
{
	target = load_target(0);
	return target >= 0 && !trace_program(0);
}

static char probe_definition[64];

static bool define_probe(void)
{
	return write_to(TRACEFS, DYNAMIC_EVENTS, probe_definition);
}

/* Defining the probe registers it, and enabling it arms it. */
static int set_probe(unsigned int nth)
{
	int fail = arm(nth), error = 0;

	if (!define_probe() || !enable_probe(PROBE, "1"))
		error = errno;
	disarm(fail, error);
	enable_probe(PROBE, "0");
	remove_probe(PROBE);
	return error;
}

/* A probe behind the call of ftrace steps a copy of the instruction, or is optimised. */
static bool find_kprobe(void)
{
	for (unsigned int offset = BEHIND_FTRACE; offset < MOST_OFFSET; offset++) {
		snprintf(probe_definition, sizeof(probe_definition), "p:" PROBE " " PROBED "+%u\n",
			 offset);
		if (define_probe())
			return remove_probe(PROBE);
	}
	return false;
}

/* On x86, each function probe has a trampoline. */
static bool find_fprobe(void)
{
	snprintf(probe_definition, sizeof(probe_definition), "f:" PROBE " " PROBED "\n");
	return define_probe() && remove_probe(PROBE);
}

/* Not one with static keys: jump_label_module_notify() warns if it gets no memory. */
static const char *module;
static char module_path[256];

static int is_module(const char *path, const struct stat *st, int type, struct FTW *where)
{
	size_t len = strlen(module);

	(void)st;
	if (type != FTW_F || strncmp(path + where->base, module, len) ||
	    strcmp(path + where->base + len, ".ko"))
		return 0;
	snprintf(module_path, sizeof(module_path), "%s", path);
	return 1;
}

/* A module that exists and is not loaded. finit_module(2) needs its path. */
static bool find_module(void)
{
	static const char * const modules[] = { "crc64", "kprobe_example" };
	struct utsname name;
	char dir[128];

	uname(&name);
	snprintf(dir, sizeof(dir), "/lib/modules/%s/kernel", name.release);
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		module = modules[i];
		if (nftw(dir, is_module, 8, FTW_PHYS) == 1 && !is_loaded(module))
			return true;
	}
	return false;
}

static int load_module(unsigned int nth)
{
	int fd = open(module_path, O_RDONLY | O_CLOEXEC), fail = arm(nth), error;

	error = disarm(fail, errno_of(syscall(SYS_finit_module, fd, "", 0)));
	close(fd);
	if (!error)
		unload_module(module);
	return error;
}

static const struct operation operations[] = {
	{ "a BPF program with two functions", NULL, load_two_functions },
	{ "a BPF program with many functions", NULL, load_many_functions },
	{ "a filter of a socket", NULL, attach_filter },
	{ "a filter of a group of sockets", has_inet, attach_reuseport },
	{ "a filter of system calls", has_seccomp, attach_seccomp },
	{ "a trampoline of a BPF program", has_trampolines, trace_program },
	{ "a kprobe", find_kprobe, set_probe },
	{ "a function probe", find_fprobe, set_probe },
	{ "a module", find_module, load_module },
};

int main(int argc, char **argv)
{
	char record[16] = "1\n";
	int summary, log;

	ksft_print_header();
	all = argc > 1 && !strcmp(argv[1], "all");
	if (argc > 2 || (argc == 2 && !all))
		ksft_exit_fail_msg("usage: fail_nth [all]\n");
	need_failures();
	log = open_log();
	/* Recording of task names warns when its tracepoints cannot be registered. */
	read_from(TRACEFS, "options/record-cmd", record, sizeof(record));
	write_to(TRACEFS, "options/record-cmd", "0");
	summary = open_summary();
	ksft_set_plan(ARRAY_SIZE(operations));
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		test(&operations[i], summary, log);
	write_to(TRACEFS, "options/record-cmd", record);
	ksft_finished();
}

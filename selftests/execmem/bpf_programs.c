// SPDX-License-Identifier: GPL-2.0
/*
 * JITed BPF programs and trampolines return the expected results. The programs have several
 * functions that call each other, so that their text is written more than once before it is
 * published.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/tracing.h"
#include "bpf_settings.h"
#include "btf.h"
#include "rounds.h"
#include "summary.h"

#define TRACED		"bpf_fentry_test1"	/* BPF_PROG_TEST_RUN calls it */
#define TRACING		"/sys/kernel/tracing/instances/bpf_programs"
#define MAX_FUNCTIONS	64
#define MAX_PROGRAMS	8
#define TRIES		5

/* Loading a program interrupts no CPU on x86 and s390. */
#if defined(__x86_64__) || defined(__i386__) || defined(__s390__)
#define ROUNDS_OF_PROGRAM	0
#else
#define ROUNDS_OF_PROGRAM	1
#endif

/* The JITs of i386 and arm leave programs of several functions to the interpreter. */
#if defined(__i386__) || defined(__arm__)
#define JITS_FUNCTIONS	false
#else
#define JITS_FUNCTIONS	true
#endif

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_IMM(d, i)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOV_REG(d, s)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define ADD_IMM(d, i)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define CALL(rel)	INSN(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, rel)
#define EXIT()		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static int load(const struct bpf_insn *insns, unsigned int count)
{
	static const char license[] = "GPL";
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = count;
	attr.license = (unsigned long)license;
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		ksft_print_msg("not loaded: %s\n", strerror(errno));
	return fd;
}

/* Check that a program is JITed and has this number of functions. */
static bool is_jited(int fd, unsigned int functions)
{
	struct bpf_prog_info info;

	return !get_info(fd, &info) && info.jited_prog_len &&
	       info.nr_jited_func_lens == functions;
}

static void expect(const char *name, const struct bpf_insn *insns, unsigned int count,
		   unsigned int functions, long result)
{
	int fd = load(insns, count);
	bool jited = fd >= 0 && is_jited(fd, functions);
	long got = fd >= 0 ? run_program(fd, 1) : -1;

	close(fd);
	if (got == result && !jited && !JITS_FUNCTIONS) {
		ksft_test_result_skip("%s: interpreted on this architecture\n", name);
		return;
	}
	if (got != result || !jited)
		ksft_print_msg("%ld, not %ld; %sJITed\n", got, result, jited ? "" : "not ");
	ksft_test_result(got == result && jited, "%s\n", name);
}

#define MAX_INSNS	(1 + 2 * MAX_FUNCTIONS + 2 + 3 * MAX_FUNCTIONS)

/*
 * Write a function that calls all others. Each of them adds its number to its argument.
 * Return the number of instructions.
 */
static unsigned int write_functions(struct bpf_insn *insns, unsigned int others)
{
	unsigned int first = 1 + 2 * others + 2;
	struct bpf_insn *at = insns;

	*at++ = MOV_IMM(BPF_REG_0, 1000);
	for (unsigned int n = 0; n < others; n++) {
		*at++ = MOV_REG(BPF_REG_1, BPF_REG_0);
		*at = CALL(first + 3 * n - (at - insns) - 1);
		at++;
	}
	*at++ = ADD_IMM(BPF_REG_0, 7);
	*at++ = EXIT();
	for (unsigned int n = 0; n < others; n++) {
		*at++ = MOV_REG(BPF_REG_0, BPF_REG_1);
		*at++ = ADD_IMM(BPF_REG_0, n);
		*at++ = EXIT();
	}
	return at - insns;
}

static void case_functions(const char *name, unsigned int others)
{
	struct bpf_insn insns[MAX_INSNS];
	unsigned int count = write_functions(insns, others);

	expect(name, insns, count, 1 + others, 1007 + others * (others - 1) / 2);
}

/* While the tracer is attached, a trampoline must call it whenever @traced runs. */
static void expect_traced(const char *name, int tracer, int traced)
{
	int counting = count_runs(), link = attach(tracer);
	unsigned long long attached, detached;

	if (tracer >= 0 && link < 0 && lacks_trampolines()) {
		ksft_test_result_skip("%s: not with this architecture or configuration\n", name);
		goto out;
	}
	if (link < 0)
		ksft_print_msg("not attached: %s\n", strerror(errno));
	run_program(traced, 1);
	attached = runs_of(tracer);
	close(link);
	run_program(traced, 1);
	detached = runs_of(tracer) - attached;
	ksft_print_msg("%llu runs while attached, %llu afterwards\n", attached, detached);
	ksft_test_result(attached == 1 && !detached, "%s\n", name);
out:
	close(counting);
}

/* BPF_PROG_TEST_RUN of a tracer calls this function. */
static void case_trace_kernel(const char *name)
{
	char *btf = read_kernel_btf();
	unsigned int id = btf ? find_function(btf, TRACED) : 0;
	int tracer;

	free(btf);
	if (!id) {
		ksft_test_result_skip("%s: no " TRACED " in " VMLINUX_BTF "\n", name);
		return;
	}
	tracer = load_tracer(0, id, BPF_TRACE_FENTRY);
	expect_traced(name, tracer, tracer);
	close(tracer);
}

/* Attaching replaces the nop at the entry of the program with a call of the trampoline. */
static void case_trace_program(const char *name)
{
	int traced = load_target(0), tracer = load_tracer(traced, TYPE_FUNCTION, BPF_TRACE_FENTRY);

	expect_traced(name, tracer, traced);
	close(tracer);
	close(traced);
}

/* Count the rounds that publish a trampoline. -1 if it cannot be attached. */
static int rounds_of_trampoline(void)
{
	int traced = load_target(0), tracer = load_tracer(traced, TYPE_FUNCTION, BPF_TRACE_FENTRY);
	int before = rounds_until_now(TRACING), link = attach(tracer);
	int rounds = link >= 0 ? rounds_until_now(TRACING) - before : -1;

	close(link);
	close(tracer);
	close(traced);
	return rounds;
}

/* Count the rounds that publish the functions of a program. -1 if it cannot be loaded. */
static int rounds_of_functions(void)
{
	struct bpf_insn insns[MAX_INSNS];
	unsigned int count = write_functions(insns, MAX_FUNCTIONS - 1);
	int before = rounds_until_now(TRACING), fd = load(insns, count);
	int rounds = fd >= 0 ? rounds_until_now(TRACING) - before : -1;

	close(fd);
	return rounds;
}

static void case_rounds(const char *name, int (*rounds_of)(void), int expected)
{
	int rounds;

	if (!begin_rounds(TRACING)) {
		ksft_test_result_skip("%s: no " TRACING "/" SYNC_EVENT "\n", name);
		return;
	}
	rounds = least_rounds(rounds_of);
	end_rounds(TRACING);
	if (rounds < 0) {
		ksft_test_result_skip("%s: not on this architecture\n", name);
		return;
	}
	ksft_print_msg("%d rounds\n", rounds);
	ksft_test_result(rounds == expected, "%s\n", name);
}

/* Count the objects of BPF in debugfs. -1 if the list is not in ascending order. */
static long count_listed(int objects)
{
	unsigned long addr, last = 0;
	FILE *f = read_again(objects);
	char line[256], type[16] = "";
	long n = 0;

	while (f && n >= 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "pack %15s", type) == 1 || sscanf(line, "%lx", &addr) != 1)
			continue;
		if (addr <= last)
			n = -1;
		else
			n += !strcmp(type, "bpf") && !strstr(line, " freed");
		last = addr;
	}
	if (f)
		fclose(f);
	return n;
}

/* Whether programs of root are in the slab, according to the summary. */
static bool slab_has_programs(void)
{
	const struct bpf_insn insns[] = { MOV_IMM(BPF_REG_0, 0), EXIT() };
	int fd = load(insns, 2), summary = open(SUMMARY, O_RDONLY | O_CLOEXEC);
	bool has = count_bpf(summary, "trusted") > 0;

	close(summary);
	close(fd);
	return has;
}

/* The list is longer than the buffer of a read. Others may load programs: repeat. */
static void case_listed(const char *name)
{
	struct bpf_insn insns[MAX_INSNS];
	unsigned int count = write_functions(insns, MAX_FUNCTIONS - 1);
	const int expected = MAX_PROGRAMS * MAX_FUNCTIONS;
	int objects = open(OBJECTS, O_RDONLY | O_CLOEXEC);
	int fds[MAX_PROGRAMS];
	long before, listed = 0;

	if (objects < 0) {
		ksft_test_result_skip("%s: no " OBJECTS "\n", name);
		return;
	}
	if (!slab_has_programs()) {
		ksft_test_result_skip("%s: programs are not in the slab\n", name);
		close(objects);
		return;
	}
	for (int tries = 0; tries < TRIES && listed != expected; tries++) {
		before = count_settled(count_listed, objects);
		for (int i = 0; i < MAX_PROGRAMS; i++)
			fds[i] = load(insns, count);
		listed = count_listed(objects) - before;
		for (int i = 0; i < MAX_PROGRAMS; i++)
			close(fds[i]);
	}
	close(objects);
	ksft_print_msg("%ld of %d functions are listed\n", listed, expected);
	ksft_test_result(listed == expected, "%s\n", name);
}

/* With blinded constants, the JIT compiles a copy of the program and frees it. */
static void case_hardened(const char *name)
{
	struct setting harden = { .name = "bpf_jit_harden" };

	if (!read_setting(&harden)) {
		ksft_test_result_skip("%s: no " NET_CORE "/%s\n", name, harden.name);
		return;
	}
	restore_setting_at_end(&harden);
	if (!change_setting(&harden, "2"))
		ksft_exit_fail_msg("writing " NET_CORE "/%s: %s\n", harden.name, strerror(errno));
	case_functions(name, 5);
	restore_setting(&harden);
}

int main(void)
{
	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to load BPF programs\n");
	need_jit();
	ksft_set_plan(8);

	case_functions("a program of two functions", 1);
	case_functions("a program of many functions", MAX_FUNCTIONS - 1);
	case_hardened("a hardened program");
	case_listed("debugfs lists each function once, in order");
	case_trace_program("a trampoline at a program");
	case_rounds("one round for a trampoline", rounds_of_trampoline, 1);
	case_rounds("at most one round for a program", rounds_of_functions, ROUNDS_OF_PROGRAM);
	case_trace_kernel("a trampoline at a kernel function");
	ksft_finished();
}

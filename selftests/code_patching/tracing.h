/* SPDX-License-Identifier: GPL-2.0 */
/* Load a BPF program, run it, and attach programs that trace it. */
#ifndef _SELFTESTS_CODE_PATCHING_TRACING_H
#define _SELFTESTS_CODE_PATCHING_TRACING_H

#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest.h"

#define NOT_SUPPORTED	524	/* ENOTSUPP, internal to the kernel */

/* BTF type numbers of the program that load_target() loads. */
enum { TYPE_INT = 1, TYPE_PROTOTYPE, TYPE_FUNCTION };

static inline int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* Load the BTF types of the function "int target(void)". */
static inline int load_types(void)
{
	static const struct {
		struct btf_header header;
		struct btf_type integer;
		__u32 encoding;
		struct btf_type prototype, function;
		char strings[12];
	} types = {
		.header = {
			.magic = BTF_MAGIC,
			.version = BTF_VERSION,
			.hdr_len = sizeof(types.header),
			.type_len = offsetof(typeof(types), strings) - sizeof(types.header),
			.str_off = offsetof(typeof(types), strings) - sizeof(types.header),
			.str_len = sizeof(types.strings),
		},
		.integer = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = sizeof(int) },
		.encoding = BTF_INT_SIGNED << 24 | 32,
		.prototype = { .info = BTF_KIND_FUNC_PROTO << 24, .type = TYPE_INT },
		.function = { .name_off = 5, .info = BTF_KIND_FUNC << 24, .type = TYPE_PROTOTYPE },
		.strings = "\0int\0target",
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.btf = (unsigned long)&types;
	attr.btf_size = sizeof(types);
	return bpf(BPF_BTF_LOAD, &attr);
}

/* Load a program that returns @value. @attr says what kind of program it is. */
static inline int load_constant(union bpf_attr *attr, int value)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	attr->insns = (unsigned long)insns;
	attr->insn_cnt = ARRAY_SIZE(insns);
	attr->license = (unsigned long)"GPL";
	return bpf(BPF_PROG_LOAD, attr);
}

/* Load a program that returns @value and can be traced. */
static inline int load_target(int value)
{
	static const struct bpf_func_info function = { .type_id = TYPE_FUNCTION };
	union bpf_attr attr;
	int target;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.prog_btf_fd = load_types();
	attr.func_info = (unsigned long)&function;
	attr.func_info_cnt = 1;
	attr.func_info_rec_size = sizeof(function);
	target = load_constant(&attr, value);
	close(attr.prog_btf_fd);
	return target;
}

/* Load a tracer of the program @target, or of a kernel function if @target is 0. */
static inline int load_tracer(int target, unsigned int btf_id, enum bpf_attach_type type)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = type;
	attr.attach_prog_fd = target;
	attr.attach_btf_id = btf_id;
	return load_constant(&attr, 0);
}

/* Attach a tracer until the returned file is closed. */
static inline int attach(int tracer)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = tracer;
	return bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

/* Whether attach() failed because the architecture or configuration has no trampolines. */
static inline bool lacks_trampolines(void)
{
	return errno == NOT_SUPPORTED || errno == EOPNOTSUPP;
}

/* Run a program on a packet of zeros. Return its result, or -1 on error. */
static inline long run_program(int fd, unsigned int times)
{
	char packet[64] = "";
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	attr.test.data_in = (unsigned long)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = times;
	return bpf(BPF_PROG_TEST_RUN, &attr) ? -1 : (long)attr.test.retval;
}

/* Let the kernel count the runs of all programs, until the returned file is closed. */
static inline int count_runs(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.enable_stats.type = BPF_STATS_RUN_TIME;
	return bpf(BPF_ENABLE_STATS, &attr);
}

static inline int get_info(int fd, struct bpf_prog_info *info)
{
	union bpf_attr attr;

	memset(info, 0, sizeof(*info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = fd;
	attr.info.info_len = sizeof(*info);
	attr.info.info = (unsigned long)info;
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

static inline unsigned long long runs_of(int fd)
{
	struct bpf_prog_info info;

	return get_info(fd, &info) ? 0 : info.run_cnt;
}

#endif /* _SELFTESTS_CODE_PATCHING_TRACING_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * Write the code of random functions to a file, for disasm.sh.
 *
 * Usage: dump FILE FUNCTIONS [SEED]
 *
 * FILE gets the code. FILE.len gets one line per function: its length, and "unpack" or
 * "select".
 */
#include <stdlib.h>
#include <time.h>
#include <linux/errno.h>
#include <linux/kernel.h>

#include "check.h"
#include "env.h"
#include "oracle.h"
#include "shapes.h"

enum { SLOTS = 64 };

static FILE *open_file(const char *name)
{
	FILE *f = fopen(name, "w");

	if (!f) {
		perror(name);
		exit(1);
	}
	return f;
}

static int emit_random(struct record_code *c)
{
	struct record_shape s;
	struct record_prog prog;

	do {
		s = below(2) ? random_shape() : random_key_shape();
	} while (!oracle_accepts(&s));
	if (record_compile(&prog, &s, arch_record_any_byte()))
		return -EINVAL;
	return arch_record_emit(c, &prog);
}

static int emit_select(struct record_code *c)
{
	record_unpack_t target[SLOTS] = {}, any = (record_unpack_t)c->ip;
	unsigned int nr = below(SLOTS + 1), i;

	for (i = 0; i < nr; i++)
		if (below(4))
			target[i] = any;
	return arch_record_emit_select(c, target, nr, any);
}

int main(int argc, char **argv)
{
	unsigned long functions, i;
	char name[4096];
	FILE *code, *len;

	if (argc < 3)
		return 1;
	functions = strtoul(argv[2], NULL, 0);
	snprintf(name, sizeof(name), "%s.len", argv[1]);
	code = open_file(argv[1]);
	len = open_file(name);
	seed_random(argc > 3 ? strtoull(argv[3], NULL, 0) : (u64)time(NULL));
	check_init();

	for (i = 0; i < functions; i++) {
		u8 buf[RECORD_MAX_CODE];
		struct record_code c = { .buf = buf, .len = sizeof(buf), .ip = code_next() };
		bool select = !below(8);
		size_t size;
		int err;

		env_choose(below(env_variants()));
		err = select ? emit_select(&c) : emit_random(&c);
		if (err == -EOPNOTSUPP)
			continue;
		size = c.pos - c.entry;
		if (err || c.pos > sizeof(buf) || fwrite(buf + c.entry, 1, size, code) != size)
			return 1;
		fprintf(len, "%zu %s\n", size, select ? "select" : "unpack");
	}
	return fclose(code) || fclose(len);
}

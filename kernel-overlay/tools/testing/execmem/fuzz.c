// SPDX-License-Identifier: GPL-2.0
/* libFuzzer target: each eight bytes of input are one step of the model. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "test.h"

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	uint64_t bits;

	if (!ready)
		env_init();
	ready = true;
	model_seed(0);
	env.rng = 1;
	for (; size >= sizeof(bits); data += sizeof(bits), size -= sizeof(bits)) {
		memcpy(&bits, data, sizeof(bits));
		model_step(bits);
	}
	model_check_all();
	model_free_all();
	return 0;
}

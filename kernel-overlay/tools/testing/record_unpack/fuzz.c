// SPDX-License-Identifier: GPL-2.0
/* Fuzz target. The input is a seed for random numbers, followed by a shape. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "shapes.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	check_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct record_shape s = {};
	const char *wrong;
	u64 seed = 0;

	if (size < sizeof(seed))
		return 0;
	memcpy(&seed, data, sizeof(seed));
	seed_random(seed);
	size -= sizeof(seed);
	memcpy(&s, data + sizeof(seed), size < sizeof(s) ? size : sizeof(s));
	fix_bools(&s);

	wrong = check(&s, 4);
	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		print_shape(stderr, &s);
		abort();
	}
	return 0;
}

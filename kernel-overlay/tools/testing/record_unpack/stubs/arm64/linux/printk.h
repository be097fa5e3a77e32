/* SPDX-License-Identifier: GPL-2.0 */
/* insn.c reports an instruction that it cannot encode: a bug of the encoder under test. */
#include <stdio.h>
#include <stdlib.h>

#define pr_err(...)	(printf("# " __VA_ARGS__), abort())

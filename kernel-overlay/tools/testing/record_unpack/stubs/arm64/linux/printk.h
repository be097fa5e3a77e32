/* SPDX-License-Identifier: GPL-2.0 */
/* No instruction that cannot be encoded may be asked for. */
#include <stdio.h>
#include <stdlib.h>

#define pr_err(...)	(printf("# " __VA_ARGS__), abort())

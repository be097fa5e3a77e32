/* SPDX-License-Identifier: GPL-2.0 */
#include <stdbool.h>

extern bool CONFIG_CFI_CLANG;

/* Something that is no instruction. */
#define STUB_CFI_HASH	0xabcdef00U

static inline unsigned int cfi_get_func_hash(void *func)
{
	return func ? STUB_CFI_HASH : 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
#include <stdbool.h>

extern bool CONFIG_CFI_CLANG;
#define CONFIG_CFI CONFIG_CFI_CLANG

/* A value that is not an instruction. */
#define STUB_CFI_HASH	0xabcdef00U

static inline unsigned int cfi_get_func_hash(void *func)
{
	return func ? STUB_CFI_HASH : 0;
}

// SPDX-License-Identifier: GPL-2.0
/* On RISC-V, the configuration determines the type hash. */
#include <string.h>
#include <linux/cfi.h>

#include "env.h"

bool CONFIG_CFI_CLANG;

enum { OP_LOAD = 0x03, OP_STORE = 0x23 };

void env_init(void *code, const void *ip)
{
}

unsigned int env_variants(void)
{
	return 2;
}

void env_choose(unsigned int variant)
{
	CONFIG_CFI_CLANG = variant;
}

bool env_return_is_far(void)
{
	return false;
}

/* Unaligned accesses may trap. The record, the constants and the result are aligned to 8 bytes. */
static bool is_aligned(u32 insn)
{
	unsigned int size = 1 << (insn >> 12 & 3);

	switch (insn & 0x7f) {
	case OP_LOAD:
		return (insn >> 20) % size == 0;
	case OP_STORE:
		return (insn >> 7 & 31) % size == 0;
	default:
		return true;
	}
}

const char *env_check(const struct record_code *c, const struct record_shape *shape)
{
	size_t pos;
	u32 insn;

	if (c->entry != CONFIG_CFI_CLANG * sizeof(insn))
		return "wrong offset of the entry";
	memcpy(&insn, c->buf, sizeof(insn));
	if (CONFIG_CFI_CLANG && insn != STUB_CFI_HASH)
		return "wrong type hash";
	for (pos = c->entry; pos < c->pos; pos += sizeof(insn)) {
		memcpy(&insn, c->buf + pos, sizeof(insn));
		if (!is_aligned(insn))
			return "unaligned load or store";
	}
	return NULL;
}

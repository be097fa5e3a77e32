// SPDX-License-Identifier: GPL-2.0
/* On arm64, the configuration determines the type hash and the landing pad. */
#include <string.h>
#include <asm/insn.h>

#include "env.h"

bool CONFIG_ARM64_BTI_KERNEL, CONFIG_CFI_CLANG;

/* HASH is a NOP that the compiler places before each function, see the Makefile. */
enum { BTI_C = 0xd503245f, HASH = 0xd503201f };

void env_init(void *code, const void *ip)
{
}

unsigned int env_variants(void)
{
	return 4;
}

void env_choose(unsigned int variant)
{
	CONFIG_ARM64_BTI_KERNEL = variant & 1;
	CONFIG_CFI_CLANG = variant & 2;
}

bool env_return_is_far(void)
{
	return false;
}

const char *env_check(const struct record_code *c, const struct record_shape *shape)
{
	bool has_pad;
	u32 insn;

	if (c->entry != CONFIG_CFI_CLANG * sizeof(insn))
		return "wrong offset of the entry";
	memcpy(&insn, c->buf, sizeof(insn));
	if (CONFIG_CFI_CLANG && insn != HASH)
		return "wrong type hash";
	memcpy(&insn, c->buf + c->entry, sizeof(insn));
	has_pad = insn == BTI_C;
	if (has_pad != CONFIG_ARM64_BTI_KERNEL)
		return "missing or unexpected landing pad";
	return NULL;
}

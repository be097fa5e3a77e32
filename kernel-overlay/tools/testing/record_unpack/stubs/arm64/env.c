// SPDX-License-Identifier: GPL-2.0
/* What arm64 has before the code depends on the configuration. */
#include <string.h>
#include <asm/insn.h>

#include "env.h"

bool CONFIG_ARM64_BTI_KERNEL, CONFIG_CFI_CLANG;

/* In front of all functions that a compiler has made, see the Makefile, is HASH. */
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
		return "what is before the entry";
	memcpy(&insn, c->buf, sizeof(insn));
	if (CONFIG_CFI_CLANG && insn != HASH)
		return "the hash of the type";
	memcpy(&insn, c->buf + c->entry, sizeof(insn));
	has_pad = insn == BTI_C;
	if (has_pad != CONFIG_ARM64_BTI_KERNEL)
		return "the landing pad";
	return NULL;
}

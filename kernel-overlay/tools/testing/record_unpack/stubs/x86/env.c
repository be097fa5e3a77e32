// SPDX-License-Identifier: GPL-2.0
/* On x86, mitigations determine the return sequence. */
#include <string.h>

#include <asm/alternative.h>
#include <asm/nospec-branch.h>

#include "env.h"

bool CONFIG_MITIGATION_SLS;
void (*x86_return_thunk)(void);
static bool rethunk;

bool cpu_wants_rethunk(void)
{
	return rethunk;
}

void env_init(void *code, const void *ip)
{
	memset(code, 0xc3, ENV_CODE);
	x86_return_thunk = (void (*)(void))ip;
}

unsigned int env_variants(void)
{
	return 4;
}

void env_choose(unsigned int variant)
{
	rethunk = variant & 1;
	CONFIG_MITIGATION_SLS = variant & 2;
}

bool env_return_is_far(void)
{
	return rethunk;
}

/* Functions have no landing pad and the return sequence of the mitigation. */
const char *env_check(const struct record_code *c, const struct record_shape *shape)
{
	static const u8 endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	const u8 *end = c->buf + c->pos;
	bool has_endbr = c->pos >= 4 && !memcmp(c->buf, endbr, 4);
	bool has_return = rethunk ? c->pos >= 5 && end[-5] == 0xe9 :
			  CONFIG_MITIGATION_SLS ? end[-2] == 0xc3 && end[-1] == 0xcc :
			  end[-1] == 0xc3;

	if (c->entry || has_endbr)
		return "landing pad, or wrong offset of the entry";
	return has_return ? NULL : "wrong return sequence";
}

/* SPDX-License-Identifier: GPL-2.0 */
/* Configuration and mitigations that generated code depends on: stubs/ARCH/env.c. */
#ifndef _RECORD_TEST_ENV_H
#define _RECORD_TEST_ENV_H

#include <stdbool.h>
#include <linux/record_emit.h>

enum { ENV_CODE = 64 };

/* Write the return thunk, if any, to @code. It will be executed at @ip. */
void env_init(void *code, const void *ip);

/* Number of variants of configuration and mitigations; select one of them. */
unsigned int env_variants(void);
void env_choose(unsigned int variant);

/* Functions return by a jump. Its target may be out of reach. */
bool env_return_is_far(void);

/* Check properties that a call does not reveal. Return a fault, or NULL. */
const char *env_check(const struct record_code *c, const struct record_shape *shape);

#endif /* _RECORD_TEST_ENV_H */

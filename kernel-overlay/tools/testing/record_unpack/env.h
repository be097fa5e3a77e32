/* SPDX-License-Identifier: GPL-2.0 */
/* What an architecture's generated code depends on, stubs/ARCH/env.c. */
#ifndef _RECORD_TEST_ENV_H
#define _RECORD_TEST_ENV_H

#include <stdbool.h>
#include <linux/record_emit.h>

enum { ENV_CODE = 64 };

/* Something that functions jump to goes to @code, where it is executed at @ip. */
void env_init(void *code, const void *ip);

/* Configurations and mitigations that make a difference, and to have one of them. */
unsigned int env_variants(void);
void env_choose(unsigned int variant);

/* Whether functions jump to what may be too far away in order to return. */
bool env_return_is_far(void);

/* What is wrong with a function, should that not be seen when it is called, or NULL. */
const char *env_check(const struct record_code *c, const struct record_shape *shape);

#endif /* _RECORD_TEST_ENV_H */

/* SPDX-License-Identifier: GPL-2.0 */
#include <stdbool.h>

extern bool CONFIG_MITIGATION_SLS;
extern void (*x86_return_thunk)(void);

/* SPDX-License-Identifier: GPL-2.0 */
#include <stdbool.h>

bool cpu_wants_rethunk(void);

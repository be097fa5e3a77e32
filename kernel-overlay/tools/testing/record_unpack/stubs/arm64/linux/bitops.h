/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _STUB_LINUX_BITOPS_H
#define _STUB_LINUX_BITOPS_H

#include <strings.h>
#include <linux/bits.h>

#define ALIGN_DOWN(x, a)	((x) & ~((a) - 1UL))
#define hweight64(x)		__builtin_popcountll(x)
#define __ffs64(x)		__builtin_ctzll(x)
#define fls64(x)		((x) ? 64 - __builtin_clzll(x) : 0)

#endif /* _STUB_LINUX_BITOPS_H */

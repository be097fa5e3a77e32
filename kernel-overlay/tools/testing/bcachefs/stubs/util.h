/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _STUB_UTIL_H
#define _STUB_UTIL_H

#include "bcachefs.h"

#define CPU_BIG_ENDIAN		(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

static inline int cmp_int(u64 l, u64 r)
{
	return (l > r) - (l < r);
}

#define memcpy_u64s(dst, src, u64s)		memcpy(dst, src, (u64s) * sizeof(u64))
#define memcpy_u64s_small(dst, src, u64s)	memcpy(dst, src, (u64s) * sizeof(u64))
#define memmove_u64s(dst, src, u64s)		memmove(dst, src, (u64s) * sizeof(u64))

#endif /* _STUB_UTIL_H */

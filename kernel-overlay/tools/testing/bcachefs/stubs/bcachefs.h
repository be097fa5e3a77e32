/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of the kernel that the sources under test need. */
#ifndef _STUB_BCACHEFS_H
#define _STUB_BCACHEFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/kconfig.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/types.h>

#ifndef __counted_by
#define __counted_by(member)
#endif
#ifndef __flatten
#define __flatten		__attribute__((flatten))
#endif
#ifndef __pure
#define __pure
#endif

#define U8_MAX			((u8)~0U)
#define U16_MAX			((u16)~0U)
#define U32_MAX			((u32)~0U)
#define U64_MAX			((u64)~0ULL)

/* Like the kernel's min(), accept types of different sizes. */
#undef min
#define min(l, r)		({						\
	typeof(l) __l = (l);							\
	typeof(r) __r = (r);							\
	__l < __r ? __l : __r;							\
})

#define type_is(val, type)							\
	(__builtin_types_compatible_p(typeof(val), type) ||			\
	 __builtin_types_compatible_p(typeof(val), const type))
#define swap(l, r)		({						\
	typeof(&(l)) __l = &(l);						\
	typeof(&(r)) __r = &(r);						\
	typeof(l) __t = *__l;							\
	*__l = *__r;								\
	*__r = __t;								\
})
#define __ffs64(v)		__builtin_ctzll(v)
#define le64_to_cpup(p)		le64_to_cpu(*(p))
#define EBUG_ON(cond)		((void)(cond))
#define WARN_ON_ONCE(cond)	((void)(cond))
#define panic(...)		(fprintf(stderr, __VA_ARGS__), abort())

#define sizeof_field(type, member)	sizeof(((type *)0)->member)
#ifndef BIT
#define BIT(nr)			(1UL << (nr))
#endif

#define BCH_ERR_invalid		1

struct bch_fs;
struct printbuf;
static inline void prt_printf(struct printbuf *out, const char *fmt, ...) { }
static inline void prt_str(struct printbuf *out, const char *s) { }
static inline void prt_char(struct printbuf *out, char c) { }
static inline void bch2_prt_u64_base2_nbits(struct printbuf *out, u64 v, unsigned int bits) { }

#define bch2_expensive_debug_checks	false

#endif /* _STUB_BCACHEFS_H */

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BCACHEFS_BKEY_CODE_H
#define _BCACHEFS_BKEY_CODE_H

#include "bcachefs_format.h"

#include <linux/jump_label.h>
#include <linux/record_unpack.h>
#include <linux/static_call.h>

struct btree;
struct dentry;

/* Number of slots, including the unused slot 0. */
#define BKEY_CODE_SLOTS		64

#ifdef CONFIG_BCACHEFS_UNPACK_JIT

#ifdef CONFIG_HAVE_STATIC_CALL
DECLARE_STATIC_CALL(bch2_bkey_unpack_slot, *(record_unpack_t)NULL);
#endif
extern record_unpack_t bch2_bkey_code_fn[BKEY_CODE_SLOTS];

/* Unpack a key with the code of a slot. Return false if there is none. */
static __always_inline bool bch2_bkey_code_unpack(void *dst, const void *src,
						  const struct bkey_format *f, u8 slot)
{
	record_unpack_t fn = READ_ONCE(bch2_bkey_code_fn[slot]);

	if (!fn)
		return false;
#ifdef CONFIG_HAVE_STATIC_CALL
	static_call(bch2_bkey_unpack_slot)(dst, src, f, slot);
#else
	fn(dst, src, f, slot);
#endif
	return true;
}

u8 bch2_bkey_code_get(const struct bkey_format *f);
void bch2_bkey_code_put(u8 slot);
void bch2_bkey_code_hit(u8 slot);
void bch2_bkey_code_init(void);
void bch2_bkey_code_exit(void);
void bch2_bkey_code_debugfs(struct dentry *dir);

#else /* CONFIG_BCACHEFS_UNPACK_JIT */

static inline bool bch2_bkey_code_unpack(void *dst, const void *src,
					 const struct bkey_format *f, u8 slot)
{
	return false;
}

static inline u8 bch2_bkey_code_get(const struct bkey_format *f) { return 0; }
static inline void bch2_bkey_code_put(u8 slot) {}
static inline void bch2_bkey_code_hit(u8 slot) {}
static inline void bch2_bkey_code_init(void) {}
static inline void bch2_bkey_code_exit(void) {}
static inline void bch2_bkey_code_debugfs(struct dentry *dir) {}

#endif /* CONFIG_BCACHEFS_UNPACK_JIT */

/* Compare every unpacked key with the result of the stream decoder, and count the keys. */
DECLARE_STATIC_KEY_FALSE(bch2_bkey_check_enabled);
void bch2_bkey_check(const struct btree *b, const struct bkey *k, const struct bkey_packed *src,
		     bool code);
void bch2_bkey_check_pos(const struct btree *b, const struct bpos *p,
			 const struct bkey_packed *src);
void bch2_bkey_check_debugfs(struct dentry *dir);

#endif /* _BCACHEFS_BKEY_CODE_H */

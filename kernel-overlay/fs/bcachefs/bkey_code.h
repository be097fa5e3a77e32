/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BCACHEFS_BKEY_CODE_H
#define _BCACHEFS_BKEY_CODE_H

#include "bcachefs_format.h"

#include <linux/jump_label.h>
#include <linux/record_unpack.h>
#include <linux/static_call.h>

struct btree;
struct seq_file;

/* Shapes of keys that there is code for at a time; a power of two. */
#define BKEY_CODE_SLOTS		64

#ifdef CONFIG_BCACHEFS_UNPACK_JIT

/* What a slot's code is until it is there, and that of slot 0 for ever. */
void bch2_bkey_unpack_c(void *dst, const void *src, const void *format, unsigned int slot);
void bch2_bkey_unpack_pos_c(void *dst, const void *src, const void *format, unsigned int slot);

#ifdef CONFIG_HAVE_STATIC_CALL
DECLARE_STATIC_CALL(bch2_bkey_unpack_slot, bch2_bkey_unpack_c);
DECLARE_STATIC_CALL(bch2_bkey_unpack_pos_slot, bch2_bkey_unpack_pos_c);

#define bch2_bkey_code(what, slot)	static_call(bch2_bkey_##what##_slot)
#else
extern record_unpack_t bch2_bkey_unpack_fn[BKEY_CODE_SLOTS];
extern record_unpack_t bch2_bkey_unpack_pos_fn[BKEY_CODE_SLOTS];

#define bch2_bkey_code(what, slot)	READ_ONCE(bch2_bkey_##what##_fn[slot])
#endif

#define bch2_bkey_code_unpack(b, dst, src)						\
	bch2_bkey_code(unpack, (b)->unpack_slot)(dst, src, &(b)->format, (b)->unpack_slot)
#define bch2_bkey_code_unpack_pos(b, dst, src)						\
	bch2_bkey_code(unpack_pos, (b)->unpack_slot)(dst, src, &(b)->format,		\
						     (b)->unpack_slot)

u8 bch2_bkey_code_get(const struct bkey_format *f);
void bch2_bkey_code_put(u8 slot);
void bch2_bkey_code_hit(u8 slot);
void bch2_bkey_code_exit(void);
void bch2_bkey_code_debugfs(struct dentry *dir);

#else /* CONFIG_BCACHEFS_UNPACK_JIT */

#define bch2_bkey_code_unpack(b, dst, src)						\
	bch2_bkey_table_unpack(dst, &(b)->table, &(b)->format, src)
#define bch2_bkey_code_unpack_pos(b, dst, src)						\
	(*(dst) = bch2_bkey_table_unpack_pos(&(b)->table, &(b)->format, src))

static inline u8 bch2_bkey_code_get(const struct bkey_format *f) { return 0; }
static inline void bch2_bkey_code_put(u8 slot) {}
static inline void bch2_bkey_code_hit(u8 slot) {}
static inline void bch2_bkey_code_exit(void) {}
static inline void bch2_bkey_code_debugfs(struct dentry *dir) {}

#endif /* CONFIG_BCACHEFS_UNPACK_JIT */

/* Compare all that is unpacked with what the stream decoder makes of it, and count it. */
DECLARE_STATIC_KEY_FALSE(bch2_bkey_check_enabled);
void bch2_bkey_check(const struct btree *b, const struct bkey *k, const struct bkey_packed *src);
void bch2_bkey_check_pos(const struct btree *b, const struct bpos *p,
			 const struct bkey_packed *src);

#endif /* _BCACHEFS_BKEY_CODE_H */

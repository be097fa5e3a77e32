// SPDX-License-Identifier: GPL-2.0
/* Whether keys are unpacked as the stream decoder does it: for who does not trust it. */

#include "bcachefs.h"
#include "bkey.h"
#include "bkey_code.h"
#include "btree_types.h"

#include <linux/moduleparam.h>

DEFINE_STATIC_KEY_FALSE(bch2_bkey_check_enabled);

/**
 * bch2_bkey_check - compare an unpacked key with the stream decoder's
 * @b:		its node
 * @k:		the key
 * @src:	what it was unpacked from
 */
void bch2_bkey_check(const struct btree *b, const struct bkey *k, const struct bkey_packed *src)
{
	struct bkey right = __bch2_bkey_unpack_key(&b->format, src);

	WARN_ONCE(memcmp(k, &right, sizeof(*k)), "bcachefs: a key is unpacked wrongly\n");
	bch2_bkey_code_hit(b->unpack_slot);
}

/**
 * bch2_bkey_check_pos - compare an unpacked position with the stream decoder's
 * @b:		its node
 * @p:		the position
 * @src:	what it was unpacked from
 */
void bch2_bkey_check_pos(const struct btree *b, const struct bpos *p,
			 const struct bkey_packed *src)
{
	struct bpos right = __bkey_unpack_pos(&b->format, src);

	WARN_ONCE(memcmp(p, &right, sizeof(*p)), "bcachefs: a position is unpacked wrongly\n");
	bch2_bkey_code_hit(b->unpack_slot);
}

static int set_check(const char *value, const struct kernel_param *param)
{
	bool on;
	int err = kstrtobool(value, &on);

	if (err)
		return err;

	if (on)
		static_branch_enable(&bch2_bkey_check_enabled);
	else
		static_branch_disable(&bch2_bkey_check_enabled);
	return 0;
}

static int get_check(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%c\n", static_key_enabled(&bch2_bkey_check_enabled) ? 'Y' : 'N');
}

static const struct kernel_param_ops check_ops = {
	.set = set_check,
	.get = get_check,
};
module_param_cb(unpack_check, &check_ops, NULL, 0644);
MODULE_PARM_DESC(unpack_check, "Compare every key that is unpacked with a second decoder, and count those of generated code");

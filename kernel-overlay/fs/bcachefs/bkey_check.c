// SPDX-License-Identifier: GPL-2.0
/* Self-check: compare unpacked keys with the results of the stream decoder. */

#include "bcachefs.h"
#include "bkey.h"
#include "bkey_code.h"
#include "btree_types.h"

#include <linux/debugfs.h>
#include <linux/moduleparam.h>
#include <linux/seq_file.h>

DEFINE_STATIC_KEY_FALSE(bch2_bkey_check_enabled);

static atomic64_t checked, wrong;

static void count(const void *got, const void *right, size_t size, const char *what)
{
	bool same = !memcmp(got, right, size);

	atomic64_inc(&checked);
	if (!same)
		atomic64_inc(&wrong);
	WARN_ONCE(!same, "bcachefs: wrong result of unpacking a %s\n", what);
}

/**
 * bch2_bkey_check - compare an unpacked key with the result of the stream decoder
 * @b:		node of the key
 * @k:		the unpacked key
 * @src:	the packed key
 * @code:	whether generated code unpacked it
 */
void bch2_bkey_check(const struct btree *b, const struct bkey *k, const struct bkey_packed *src,
		     bool code)
{
	struct bkey right = __bch2_bkey_unpack_key(&b->format, src);

	count(k, &right, sizeof(*k), "key");
	if (code)
		bch2_bkey_code_hit(b->unpack_slot);
}

/**
 * bch2_bkey_check_pos - compare an unpacked position with the result of the stream decoder
 * @b:		node of the key
 * @p:		the unpacked position
 * @src:	the packed key
 */
void bch2_bkey_check_pos(const struct btree *b, const struct bpos *p,
			 const struct bkey_packed *src)
{
	struct bpos right = __bkey_unpack_pos(&b->format, src);

	count(p, &right, sizeof(*p), "position");
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
MODULE_PARM_DESC(unpack_check, "Unpack every key a second time in C, compare, and count (default: off)");

static int check_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "checked %lld\nwrong %lld\n", (long long)atomic64_read(&checked),
		   (long long)atomic64_read(&wrong));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(check);

/**
 * bch2_bkey_check_debugfs - create the debugfs file "unpack_check"
 * @dir:	debugfs directory of bcachefs
 */
void bch2_bkey_check_debugfs(struct dentry *dir)
{
	debugfs_create_file("unpack_check", 0400, dir, NULL, &check_fops);
}

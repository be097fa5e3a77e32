// SPDX-License-Identifier: GPL-2.0
/* A module as small as many are: something to call, to read and to write. */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/printk.h>

static int loads;

static int __init small_init(void)
{
	loads++;
	pr_debug("loaded\n");
	return 0;
}
module_init(small_init);

static void __exit small_exit(void)
{
	loads--;
}
module_exit(small_exit);

MODULE_DESCRIPTION("Something to load and to remove");
MODULE_LICENSE("GPL");

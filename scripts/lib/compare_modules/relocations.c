// SPDX-License-Identifier: GPL-2.0
/* A module with 4,096 calls to the kernel, each of which has to be relocated. */
#include <linux/init.h>
#include <linux/module.h>
#include <linux/printk.h>

static bool never;
module_param(never, bool, 0444);
MODULE_PARM_DESC(never, "Execute the calls");

#define FOUR(x)		x x x x

static noinline void call_all(void)
{
	FOUR(FOUR(FOUR(FOUR(FOUR(FOUR(dump_stack();))))))
}

static int __init relocations_init(void)
{
	if (never)
		call_all();
	return 0;
}
module_init(relocations_init);

static void __exit relocations_exit(void)
{
}
module_exit(relocations_exit);

MODULE_DESCRIPTION("Something that takes long to load");
MODULE_LICENSE("GPL");

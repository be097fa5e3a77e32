// SPDX-License-Identifier: GPL-2.0
/* A module with 10 MiB of text, which is never executed. */
#include <linux/init.h>
#include <linux/module.h>

asm("	.pushsection .text\n"
    "	.skip 10 << 20\n"
    "	.popsection\n");

static int __init large_init(void)
{
	return 0;
}
module_init(large_init);

static void __exit large_exit(void)
{
}
module_exit(large_exit);

MODULE_DESCRIPTION("Something that has large text");
MODULE_LICENSE("GPL");

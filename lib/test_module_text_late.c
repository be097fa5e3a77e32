// SPDX-License-Identifier: GPL-2.0
/*
 * Let livepatch replace a function of test_module_text by one that calls another one
 * there, which is not exported: the call is written when that module is loaded, and
 * taken back when it is unloaded.
 *
 * That a relocation is for livepatch to apply cannot be said in C, nor to an assembler.
 * tools/testing/selftests/module_text marks it, and then loads the result.
 */
#include <linux/livepatch.h>
#include <linux/module.h>

/* The name of the relocations of .late_text is the end of this name. */
asm(".pushsection .comment.klp.rela.test_module_text..late_text\n"
	".byte 0\n"
	".popsection");

/* Such a name is none of C. */
asm(".weakref late_twice, \".klp.sym.test_module_text.twice,0\"");
int late_twice(int x);

/* There is one relocation, for the call. */
static noinline notrace __section(".late_text") int call_late(int x)
{
	return late_twice(x);
}

static int answer_twice(int x)
{
	return call_late(x);
}

static struct klp_func funcs[] = {
	{ .old_name = "answer", .new_func = answer_twice },
	{ }
};

static struct klp_object objects[] = {
	{ .name = "test_module_text", .funcs = funcs },
	{ }
};

static struct klp_patch patch = {
	.mod	= THIS_MODULE,
	.objs	= objects,
};

static int __init test_module_text_late_init(void)
{
	return klp_enable_patch(&patch);
}
module_init(test_module_text_late_init);

static void __exit test_module_text_late_exit(void)
{
}
module_exit(test_module_text_late_exit);

MODULE_DESCRIPTION("A call into a module that is loaded later");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");

// SPDX-License-Identifier: GPL-2.0
/*
 * A live patch of test_module_text with a late relocation.
 *
 * The patch replaces answer() by a function that calls twice(). test_module_text does not
 * export twice(). Livepatch therefore writes the call when test_module_text is loaded, and
 * clears it when test_module_text is unloaded.
 *
 * Neither C nor the assembler can mark a relocation for livepatch. The program module_text
 * (tools/testing/selftests/module_text) marks it in the object file before loading it.
 */
#include <linux/livepatch.h>
#include <linux/module.h>

/* The end of this section name becomes the name of the relocation section of .late_text. */
asm(".pushsection .comment.klp.rela.test_module_text..late_text\n"
	".byte 0\n"
	".popsection");

/* The symbol name that livepatch requires is not a valid identifier in C. */
asm(".weakref late_twice, \".klp.sym.test_module_text.twice,0\"");
int late_twice(int x);

/* .late_text has one relocation: the call. */
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

// SPDX-License-Identifier: GPL-2.0
/*
 * A module with thousands of relocations, returns, calls and other patch sites, for
 * measuring the cost of a load. Its init function calls each of its functions once.
 */

#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/string.h>

static DEFINE_STATIC_KEY_FALSE(key);

#define F(n)								\
static noinline int f##n(int x)						\
{									\
	if (static_branch_unlikely(&key))				\
		return get_random_u32_below(x + 1);			\
	if (x)								\
		return strlen(THIS_MODULE->name) + x;			\
	return (int)strnlen(THIS_MODULE->name, 2) + n;			\
}

#define F4(n)	F(n##0) F(n##1) F(n##2) F(n##3)
#define F16(n)	F4(n##0) F4(n##1) F4(n##2) F4(n##3)
#define F64(n)	F16(n##0) F16(n##1) F16(n##2) F16(n##3)
#define F256(n)	F64(n##0) F64(n##1) F64(n##2) F64(n##3)
#define E(n)	{ f##n, n },
#define E4(n)	E(n##0) E(n##1) E(n##2) E(n##3)
#define E16(n)	E4(n##0) E4(n##1) E4(n##2) E4(n##3)
#define E64(n)	E16(n##0) E16(n##1) E16(n##2) E16(n##3)
#define E256(n)	E64(n##0) E64(n##1) E64(n##2) E64(n##3)

F256(1) F256(2) F256(3) F256(4)

static const struct {
	int (*call)(int x);
	int nr;
} functions[] = { E256(1) E256(2) E256(3) E256(4) };

static int __init test_module_text_many_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(functions); i++)
		if (functions[i].call(0) != functions[i].nr + 2)
			return -EUCLEAN;

	return 0;
}
module_init(test_module_text_many_init);

static void __exit test_module_text_many_exit(void)
{
}
module_exit(test_module_text_many_exit);

MODULE_DESCRIPTION("Test module with thousands of patch sites");
MODULE_LICENSE("GPL");

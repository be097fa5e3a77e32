// SPDX-License-Identifier: GPL-2.0
/*
 * A module with thousands of relocations, returns, calls and patched places, to see
 * what loading it costs. Its functions are not called but by init, once each.
 */

#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/string.h>

static DEFINE_STATIC_KEY_FALSE(key);

static char text[] = "text";

#define F(n)								\
static noinline int f##n(int x)						\
{									\
	if (static_branch_unlikely(&key))				\
		return get_random_u32_below(x + 1);			\
	if (x)								\
		return strlen(text) + x;				\
	return (int)strnlen(text, 2) + n;				\
}

#define F4(n)	F(n##0) F(n##1) F(n##2) F(n##3)
#define F16(n)	F4(n##0) F4(n##1) F4(n##2) F4(n##3)
#define F64(n)	F16(n##0) F16(n##1) F16(n##2) F16(n##3)
#define F256(n)	F64(n##0) F64(n##1) F64(n##2) F64(n##3)
#define C(n)	sum += f##n(0) - n;
#define C4(n)	C(n##0) C(n##1) C(n##2) C(n##3)
#define C16(n)	C4(n##0) C4(n##1) C4(n##2) C4(n##3)
#define C64(n)	C16(n##0) C16(n##1) C16(n##2) C16(n##3)
#define C256(n)	C64(n##0) C64(n##1) C64(n##2) C64(n##3)

F256(1) F256(2) F256(3) F256(4)

static int __init test_module_text_many_init(void)
{
	int sum = 0;

	C256(1) C256(2) C256(3) C256(4)
	return sum == 1024 * 2 ? 0 : -EUCLEAN;
}
module_init(test_module_text_many_init);

static void __exit test_module_text_many_exit(void)
{
}
module_exit(test_module_text_many_exit);

MODULE_DESCRIPTION("Test module with much to be patched when it is loaded");
MODULE_LICENSE("GPL");

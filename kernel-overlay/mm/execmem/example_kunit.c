// SPDX-License-Identifier: GPL-2.0
/* Test of the example in Documentation/core-api/execmem.rst. */

#include <kunit/test.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/execmem.h>
#include <linux/text-patching.h>

/* A function that returns 42. Indirect calls reach it under IBT (ENDBR64) and BTI. */
#if defined(CONFIG_X86_64)
static const u8 code[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0xb8, 42, 0, 0, 0, 0xc3 };
#elif defined(CONFIG_ARM64)
static const u8 code[] = { 0x5f, 0x24, 0x03, 0xd5, 0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6 };
#elif defined(CONFIG_RISCV)
static const u8 code[] = { 0x13, 0x05, 0xa0, 0x02, 0x67, 0x80, 0x00, 0x00 };
#else
static const u8 code[4];
#endif

/* Begin of the example. */
static int (*answer)(void);

static int publish_answer(void)
{
	void *text = execmem_text_alloc(EXECMEM_DEFAULT, EXECMEM_TRUSTED, sizeof(code), 1);
	int ret;

	if (!text)
		return -ENOMEM;

	ret = execmem_text_copy(text, 0, code, sizeof(code));
	if (ret) {
		execmem_free(text);
		return ret;
	}

	text_poke_sync();		/* all CPUs see the code ... */
	WRITE_ONCE(answer, text);	/* ... before they can find its address */
	return 0;
}

static void unpublish_answer(void)
{
	void *text = answer;

	WRITE_ONCE(answer, NULL);	/* no CPU enters the text anymore ... */
	execmem_retire(text);		/* ... but CPUs may still execute it */
}

/* End of the example. */

/* The code has no type hash: do not check for one. */
static __nocfi void test_example(struct kunit *test)
{
	if (!code[0])
		kunit_skip(test, "no code for this architecture");

	KUNIT_ASSERT_EQ(test, publish_answer(), 0);
	KUNIT_EXPECT_EQ(test, answer(), 42);
	unpublish_answer();
	KUNIT_EXPECT_NULL(test, answer);
}

static struct kunit_case example_cases[] = {
	KUNIT_CASE(test_example),
	{}
};

static struct kunit_suite example_suite = {
	.name = "execmem_example",
	.test_cases = example_cases,
};

kunit_test_suite(example_suite);

MODULE_DESCRIPTION("KUnit test of the execmem example");
MODULE_LICENSE("GPL");

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls of many small generated functions, for measurements with hardware counters or an
 * emulator.
 *
 * With functions=N the module creates N functions, runs no tests and stays loaded.
 * Writing a number to its parameter "call" calls that many functions, in one random
 * order that repeats. The slab packs the functions. With scattered=1 each has a page.
 */
#ifndef _LIB_TEST_VMALLOC_TEXT_CALLS_H
#define _LIB_TEST_VMALLOC_TEXT_CALLS_H

#define FUNCTIONS_MAX	SZ_64K

static struct {
	u8 **text;
	unsigned int nr;
} called;

static u8 *alloc_function(size_t len)
{
	if (scattered)
		return test_text.alloc(PAGE_SIZE);
	return test_text.slab_alloc(SLAB_TYPE, SLAB_DOMAIN, len, 1);
}

static int copy_function(u8 *text, const u8 *code, size_t len)
{
	int ret = scattered ? test_text.poke_copy(text, code, len) :
			      test_text.slab_copy(text, 0, code, len);

	if (!ret)
		test_text.poke_sync();
	return ret;
}

static int make_function(u32 value)
{
	u8 code[CODE_MAX], *text;
	size_t len = gen_func(code, value, value % 8);

	text = alloc_function(len);
	if (!text)
		return -ENOMEM;
	called.text[called.nr++] = text;
	return copy_function(text, code, len);
}

static void shuffle_functions(void)
{
	unsigned int i, other;

	for (i = called.nr - 1; i > 0; i--) {
		other = prandom_u32_state(&rnd) % (i + 1);
		swap(called.text[i], called.text[other]);
	}
}

static void free_functions(void)
{
	while (called.nr)
		test_text.free(called.text[--called.nr]);
	kvfree(called.text);
	called.text = NULL;
}

static int make_functions(void)
{
	int ret = 0;

	called.text = kvcalloc(functions, sizeof(*called.text), GFP_KERNEL);
	if (!called.text)
		return -ENOMEM;
	while (called.nr < functions && !ret) {
		ret = make_function(called.nr);
		cond_resched();
	}
	if (ret) {
		free_functions();
		return ret;
	}
	shuffle_functions();
	return 0;
}

static int call_functions(const char *val, const struct kernel_param *kp)
{
	unsigned int i, next = 0, calls;
	int ret = kstrtouint(val, 0, &calls);

	if (ret)
		return ret;
	if (!called.nr)
		return -ENODEV;
	for (i = 0; i < calls; i++) {
		call(called.text[next]);
		if (++next < called.nr)
			continue;
		next = 0;
		cond_resched();
	}
	return 0;
}

static const struct kernel_param_ops call_ops = { .set = call_functions };

module_param_cb(call, &call_ops, NULL, 0200);
MODULE_PARM_DESC(call, "With functions=N: write a number to call that many of them");

#endif /* _LIB_TEST_VMALLOC_TEXT_CALLS_H */

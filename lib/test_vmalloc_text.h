/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel image does for the test_vmalloc_text module, and for nobody
 * else: everything here is exported in a namespace of its own.
 */
#ifndef _LIB_TEST_VMALLOC_TEXT_H
#define _LIB_TEST_VMALLOC_TEXT_H

#include <linux/types.h>

void *test_text_alloc(size_t size);
void test_text_free(void *text);
int test_text_check_wx(void);
int test_text_write(void *addr);
bool test_text_find_alias(void);
void test_text_call_locked(void (*fn)(void *arg), void *arg);
int test_text_find_sync_insn(void);
void test_slab_flush(void);

#endif /* _LIB_TEST_VMALLOC_TEXT_H */

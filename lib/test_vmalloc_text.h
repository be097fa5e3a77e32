/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions of the kernel image that the test_vmalloc_text module calls. The functions
 * that allocate and write text are not exported. The image exports only this table, in a
 * namespace that only the test module imports.
 */
#ifndef _LIB_TEST_VMALLOC_TEXT_H
#define _LIB_TEST_VMALLOC_TEXT_H

#include <linux/execmem.h>
#include <linux/types.h>

struct test_text_ops {
	/* lib/test_vmalloc_text_alloc.c describes these. */
	void *(*alloc)(size_t size);
	void (*free)(void *text);
	int (*check_wx)(void);
	int (*write)(void *addr);
	bool (*find_alias)(void);
	void (*call_locked)(void (*fn)(void *arg), void *arg);
	int (*find_sync_insn)(void);

	/* text_poke_copy() and so on */
	int (*poke_copy)(void *dst, const void *src, size_t len);
	int (*poke_set)(void *dst, size_t len);
	void (*poke_sync)(void);

	/* execmem_text_alloc() and so on */
	void *(*slab_alloc)(enum execmem_type type, enum execmem_domain domain,
			    size_t size, size_t align);
	int (*slab_copy)(void *text, size_t offset, const void *src, size_t len);
	size_t (*slab_size)(const void *text);
	void (*slab_retire)(void *text);
	void (*slab_barrier)(void);
	int (*slab_stats)(enum execmem_type type, enum execmem_domain domain,
			  struct execmem_stats *stats);
	void (*slab_flush)(void);
};

extern const struct test_text_ops test_text;

#endif /* _LIB_TEST_VMALLOC_TEXT_H */

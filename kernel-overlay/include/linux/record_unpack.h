/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Generated functions that unpack records of bit fields.
 *
 * A function generated for the shape of records only loads, shifts, adds and stores, without
 * branches. See Documentation/core-api/record-unpack.rst.
 */
#ifndef _LINUX_RECORD_UNPACK_H
#define _LINUX_RECORD_UNPACK_H

#include <linux/errno.h>
#include <linux/record_shape.h>
#include <linux/types.h>

/* Size limit of a generated function or dispatcher, in bytes. */
#define RECORD_MAX_CODE		1024

/**
 * typedef record_unpack_t - type of generated functions
 * @dst:	the result, aligned to 8 bytes
 * @src:	the record, aligned to 8 bytes, which must not overlap the result
 * @consts:	the structure that contains the constants
 * @slot:	slot that a dispatcher jumps to; unpack functions ignore it
 */
typedef void (*record_unpack_t)(void *dst, const void *src, const void *consts,
				unsigned int slot);

/**
 * struct record_unpack - a generated function, constant after its creation
 * @fn:		the function
 * @text:	allocation of the execmem slab that contains it
 * @size:	size of the text in bytes
 * @name:	symbol name in kallsyms and perf
 * @link:	entry in the list of all generated functions
 * @rcu:	frees the structure after RCU readers of the list have left it
 */
struct record_unpack {
	record_unpack_t		fn;
	void			*text;
	size_t			size;
	char			name[64];
	struct list_head	link;
	struct rcu_head		rcu;
};

#ifdef CONFIG_RECORD_UNPACK
struct record_unpack *record_unpack_create(const struct record_shape *shape, const char *name);
struct record_unpack *record_unpack_select(const record_unpack_t *target, unsigned int nr,
					   record_unpack_t other, const char *name);
int record_unpack_reselect(struct record_unpack *u, const record_unpack_t *target,
			   unsigned int nr, record_unpack_t other);
void record_unpack_sync(void);
void record_unpack_free(struct record_unpack *unpack);
void record_unpack_barrier(void);
int record_unpack_get_kallsym(unsigned int nr, unsigned long *value, char *type, char *name);
bool is_record_unpack_text(unsigned long addr);
#else
static inline int record_unpack_get_kallsym(unsigned int nr, unsigned long *value, char *type,
					    char *name)
{
	return -ERANGE;
}

static inline bool is_record_unpack_text(unsigned long addr)
{
	return false;
}
#endif

#endif /* _LINUX_RECORD_UNPACK_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* What encodes the steps of <linux/record_unpack.h>: lib/ and arch/ only. */
#ifndef _LINUX_RECORD_EMIT_H
#define _LINUX_RECORD_EMIT_H

#include <linux/record_unpack.h>
#include <linux/string.h>
#include <linux/types.h>

/**
 * struct record_code - a function being written
 * @buf:	to where; nobody else knows this memory
 * @len:	how many bytes there are; what is beyond is counted, but not written
 * @pos:	how many bytes the function has so far
 * @entry:	where it is called, when it has something before that
 * @ip:		where @buf will be executed
 */
struct record_code {
	u8		*buf;
	size_t		len;
	size_t		pos;
	size_t		entry;
	const void	*ip;
};

static inline void record_put(struct record_code *c, const void *insn, size_t len)
{
	if (c->pos + len <= c->len)
		memcpy(c->buf + c->pos, insn, len);
	c->pos += len;
}

/* Whether this architecture wants the shortest loads, at any byte, see record_compile(). */
bool arch_record_any_byte(void);

/**
 * arch_record_emit - encode the steps of a function
 * @c:		where to
 * @prog:	the steps, verified
 *
 * How many bytes there are depends on the steps alone, not on the address: it is first
 * called with @c->len 0 to count them, and does not look at @c->ip then.
 *
 * Return: 0; -ERANGE if something that the code has to reach is too far from @c->ip
 */
int arch_record_emit(struct record_code *c, const struct record_prog *prog);

/**
 * arch_record_emit_select - encode a function that jumps to one of many
 * @c:		where to
 * @target:	the functions by their slots, %NULL for those that have none
 * @nr:		how many slots there are
 * @other:	what to jump to for all other slots
 *
 * It passes on its arguments as they are. No indirect branch is taken.
 *
 * Return: 0; -ERANGE if one is too far from @c->ip; -EOPNOTSUPP if the architecture
 *	   has no way to call what it is changed for other than an indirect branch
 */
int arch_record_emit_select(struct record_code *c, const record_unpack_t *target,
			    unsigned int nr, record_unpack_t other);

#endif /* _LINUX_RECORD_EMIT_H */

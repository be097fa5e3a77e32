/* SPDX-License-Identifier: GPL-2.0 */
/* Encoder interface behind <linux/record_unpack.h>, for lib/ and arch/ only. */
#ifndef _LINUX_RECORD_EMIT_H
#define _LINUX_RECORD_EMIT_H

#include <linux/record_unpack.h>
#include <linux/string.h>
#include <linux/types.h>

/**
 * struct record_code - a function that is being encoded
 * @buf:	private buffer
 * @len:	size of the buffer; bytes beyond it are counted but not written
 * @pos:	bytes encoded so far
 * @entry:	offset of the entry, behind a type hash if there is one
 * @ip:		address at which @buf will be executed
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

/* The step that fills the 4 bytes at @dst of the result, or NULL if they are 0. */
static inline const struct record_step *record_step_at(const struct record_prog *prog,
						       unsigned int dst)
{
	const struct record_step *step = prog->step;

	for (; step < prog->step + prog->nr; step++)
		if (dst - step->dst < step->dst_size)
			return step->op == RECORD_ZERO ? NULL : step;
	return NULL;
}

/* Whether unaligned loads are fast on this architecture, see record_compile(). */
bool arch_record_any_byte(void);

/**
 * arch_record_emit - encode an unpack function
 * @c:		destination
 * @prog:	the verified steps
 *
 * The size depends on the steps alone, not on the address. The first call has @c->len 0,
 * counts the bytes and must ignore @c->ip.
 *
 * Return: 0 on success, -ERANGE if a branch target is out of reach of @c->ip
 */
int arch_record_emit(struct record_code *c, const struct record_prog *prog);

/**
 * arch_record_emit_select - encode a dispatcher
 * @c:		destination
 * @target:	functions by slot, %NULL for a slot without a function
 * @nr:		number of slots
 * @other:	function to jump to for slots without a function
 *
 * The dispatcher leaves all arguments unchanged and takes no indirect branch. Each slot has
 * a jump instruction that no other slot executes. All other bytes depend on @nr alone.
 *
 * Return: 0 on success, -ERANGE if a function is out of reach of @c->ip, -EOPNOTSUPP on
 *	   architectures without static calls
 */
int arch_record_emit_select(struct record_code *c, const record_unpack_t *target,
			    unsigned int nr, record_unpack_t other);

#endif /* _LINUX_RECORD_EMIT_H */

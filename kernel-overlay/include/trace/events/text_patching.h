/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM text_patching

#if !defined(_TRACE_TEXT_PATCHING_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_TEXT_PATCHING_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(text_patch_write,

	TP_PROTO(void *addr, size_t len, int ret),

	TP_ARGS(addr, len, ret),

	TP_STRUCT__entry(
		__field(void *, addr)
		__field(size_t, len)
		__field(int, ret)
	),

	TP_fast_assign(
		__entry->addr = addr;
		__entry->len = len;
		__entry->ret = ret;
	),

	TP_printk("addr=%p len=%zu ret=%d", __entry->addr, __entry->len, __entry->ret)
);

/**
 * text_patch_copy - code was copied to unused text
 * @addr:	where
 * @len:	how many bytes
 * @ret:	0 or a negative errno
 */
DEFINE_EVENT(text_patch_write, text_patch_copy,
	TP_PROTO(void *addr, size_t len, int ret),
	TP_ARGS(addr, len, ret)
);

/**
 * text_patch_fill - unused text was filled with traps
 * @addr:	where
 * @len:	how many bytes
 * @ret:	0 or a negative errno
 */
DEFINE_EVENT(text_patch_write, text_patch_fill,
	TP_PROTO(void *addr, size_t len, int ret),
	TP_ARGS(addr, len, ret)
);

/**
 * text_patch_insn - a live instruction was replaced
 * @addr:	where
 * @len:	how many bytes
 * @ret:	0 or a negative errno
 */
DEFINE_EVENT(text_patch_write, text_patch_insn,
	TP_PROTO(void *addr, size_t len, int ret),
	TP_ARGS(addr, len, ret)
);

/**
 * text_patch_sync - writes were made visible to every CPU
 * @round:	number of rounds of inter-processor interrupts since boot
 * @shared:	whether another request's round served this one
 */
TRACE_EVENT(text_patch_sync,

	TP_PROTO(unsigned long round, bool shared),

	TP_ARGS(round, shared),

	TP_STRUCT__entry(
		__field(unsigned long, round)
		__field(bool, shared)
	),

	TP_fast_assign(
		__entry->round = round;
		__entry->shared = shared;
	),

	TP_printk("round=%lu shared=%d", __entry->round, __entry->shared)
);

#endif /* _TRACE_TEXT_PATCHING_H */

/* This part must be outside protection */
#include <trace/define_trace.h>

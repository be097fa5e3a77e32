/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM text_poke

#if !defined(_TRACE_TEXT_POKE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_TEXT_POKE_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(text_poke_write,

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
 * text_poke_copy - text_poke_copy() returns
 * @addr:	destination
 * @len:	number of bytes
 * @ret:	0 or a negative errno
 */
DEFINE_EVENT(text_poke_write, text_poke_copy,
	TP_PROTO(void *addr, size_t len, int ret),
	TP_ARGS(addr, len, ret)
);

/**
 * text_poke_set - text_poke_set() returns
 * @addr:	destination
 * @len:	number of bytes
 * @ret:	0 or a negative errno
 */
DEFINE_EVENT(text_poke_write, text_poke_set,
	TP_PROTO(void *addr, size_t len, int ret),
	TP_ARGS(addr, len, ret)
);

/**
 * text_poke_sync - earlier writes are visible to every CPU
 * @round:	number of the round of inter-processor interrupts
 * @shared:	true if another caller ran the round
 */
TRACE_EVENT(text_poke_sync,

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

#endif /* _TRACE_TEXT_POKE_H */

/* This part must be outside protection */
#include <trace/define_trace.h>

/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM execmem

#if !defined(_TRACE_EXECMEM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_EXECMEM_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(execmem_pack,

	TP_PROTO(int type, int domain, const void *base, size_t size, bool huge),

	TP_ARGS(type, domain, base, size, huge),

	TP_STRUCT__entry(
		__field(int, type)
		__field(int, domain)
		__field(const void *, base)
		__field(size_t, size)
		__field(bool, huge)
	),

	TP_fast_assign(
		__entry->type = type;
		__entry->domain = domain;
		__entry->base = base;
		__entry->size = size;
		__entry->huge = huge;
	),

	TP_printk("type=%d domain=%d base=%p size=%zu huge=%d", __entry->type,
		  __entry->domain, __entry->base, __entry->size, __entry->huge)
);

/**
 * execmem_grow - a pack was added to a pool
 * @type:	enum execmem_type
 * @domain:	enum execmem_domain
 * @base:	first byte of the pack
 * @size:	bytes of text
 * @huge:	large pages map the pack
 */
DEFINE_EVENT(execmem_pack, execmem_grow,
	TP_PROTO(int type, int domain, const void *base, size_t size, bool huge),
	TP_ARGS(type, domain, base, size, huge)
);

/**
 * execmem_shrink - a pack is about to be freed
 * @type:	enum execmem_type
 * @domain:	enum execmem_domain
 * @base:	first byte of the pack
 * @size:	bytes of text
 * @huge:	large pages map the pack
 */
DEFINE_EVENT(execmem_pack, execmem_shrink,
	TP_PROTO(int type, int domain, const void *base, size_t size, bool huge),
	TP_ARGS(type, domain, base, size, huge)
);

DECLARE_EVENT_CLASS(execmem_object,

	TP_PROTO(int type, int domain, const void *text, size_t size),

	TP_ARGS(type, domain, text, size),

	TP_STRUCT__entry(
		__field(int, type)
		__field(int, domain)
		__field(const void *, text)
		__field(size_t, size)
	),

	TP_fast_assign(
		__entry->type = type;
		__entry->domain = domain;
		__entry->text = text;
		__entry->size = size;
	),

	TP_printk("type=%d domain=%d text=%p size=%zu", __entry->type, __entry->domain,
		  __entry->text, __entry->size)
);

/**
 * execmem_alloc - text was allocated
 * @type:	enum execmem_type
 * @domain:	enum execmem_domain
 * @text:	address of the text
 * @size:	requested bytes
 */
DEFINE_EVENT(execmem_object, execmem_alloc,
	TP_PROTO(int type, int domain, const void *text, size_t size),
	TP_ARGS(type, domain, text, size)
);

/**
 * execmem_free - the owner freed or retired text; it cannot be reused yet
 * @type:	enum execmem_type
 * @domain:	enum execmem_domain
 * @text:	address of the text
 * @size:	allocated bytes
 */
DEFINE_EVENT(execmem_object, execmem_free,
	TP_PROTO(int type, int domain, const void *text, size_t size),
	TP_ARGS(type, domain, text, size)
);

#endif /* _TRACE_EXECMEM_H */

/* This part must be outside protection */
#include <trace/define_trace.h>

/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM execmem

#if !defined(_TRACE_EXECMEM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_EXECMEM_H

#include <linux/execmem.h>
#include <linux/tracepoint.h>

TRACE_DEFINE_ENUM(EXECMEM_MODULE_TEXT);
TRACE_DEFINE_ENUM(EXECMEM_KPROBES);
TRACE_DEFINE_ENUM(EXECMEM_OPTPROBES);
TRACE_DEFINE_ENUM(EXECMEM_FTRACE);
TRACE_DEFINE_ENUM(EXECMEM_BPF);
TRACE_DEFINE_ENUM(EXECMEM_TRUSTED);
TRACE_DEFINE_ENUM(EXECMEM_UNTRUSTED);

#define show_execmem_type(type)			\
	__print_symbolic(type,			\
	{ EXECMEM_MODULE_TEXT,	"module" },	\
	{ EXECMEM_KPROBES,	"kprobes" },	\
	{ EXECMEM_OPTPROBES,	"optprobe" },	\
	{ EXECMEM_FTRACE,	"ftrace" },	\
	{ EXECMEM_BPF,		"bpf" })

#define show_execmem_domain(domain)		\
	__print_symbolic(domain,		\
	{ EXECMEM_TRUSTED,	"trusted" },	\
	{ EXECMEM_UNTRUSTED,	"untrusted" })

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

	TP_printk("type=%s domain=%s base=%p size=%zu huge=%d",
		  show_execmem_type(__entry->type), show_execmem_domain(__entry->domain),
		  __entry->base, __entry->size, __entry->huge)
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

	TP_printk("type=%s domain=%s text=%p size=%zu", show_execmem_type(__entry->type),
		  show_execmem_domain(__entry->domain), __entry->text, __entry->size)
);

/**
 * execmem_alloc - text was allocated
 * @type:	enum execmem_type
 * @domain:	enum execmem_domain
 * @text:	address of the text
 * @size:	allocated bytes
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

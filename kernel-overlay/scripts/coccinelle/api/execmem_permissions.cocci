// SPDX-License-Identifier: GPL-2.0
/// Making text writable, writing it, and making it read-only or executable again exposes
/// all text in its pages to other writers meanwhile. text_poke_copy() writes text that
/// stays read-only. Text of execmem_text_alloc() is read-only from the start.
///
//# Finds pairs of calls within one function only. Memory that is made read-only and not
//# executable may be data, for which these calls are correct. Patch mode is missing: the
//# caller must handle errors, call text_poke_sync(), and know that no CPU executes the text.
///
// Confidence: Moderate
// Keywords: set_memory_rw, set_memory_ro, set_memory_x, set_memory_rox
// Options: --no-includes --include-headers

virtual context
virtual org
virtual report

@flip@
expression a, n1, n2;
position p, q;
@@

  set_memory_rw@p(a, n1)
  ... when any
  \(set_memory_ro@q\|set_memory_x@q\|set_memory_rox@q\)(a, n2)

@own@
expression text, type, e, n1, n2;
position p != flip.q;
@@

(
  text = execmem_alloc(type, n1)
|
  text = \(module_alloc\|bpf_jit_alloc_exec\)(n1)
|
  \(memcpy\|copy_from_kernel_nofault\)(text, e, n1)
)
  ... when any
      when != text = e
  \(set_memory_x@p\|set_memory_rox@p\)(\((unsigned long)text\|(long)text\), n2)

@depends on context@
position flip.p;
expression a, n;
@@

* set_memory_rw@p(a, n)

@depends on context@
position flip.q;
identifier f;
@@

* f@q(...)

@depends on context@
position own.p;
identifier f;
@@

* f@p(...)

@script:python depends on report@
p << flip.p;
q << flip.q;
@@

coccilib.report.print_report(p[0], "WARNING: made writable, and read-only or executable again on line %s: consider text_poke_copy()" % q[0].line)

@script:python depends on report@
p << own.p;
@@

coccilib.report.print_report(p[0], "WARNING: text that was writable is made executable: consider execmem_text_alloc()")

@script:python depends on org@
p << flip.p;
q << flip.q;
@@

coccilib.org.print_todo(p[0], "WARNING: made writable, and read-only or executable again on line %s: consider text_poke_copy()" % q[0].line)

@script:python depends on org@
p << own.p;
@@

coccilib.org.print_todo(p[0], "WARNING: text that was writable is made executable: consider execmem_text_alloc()")

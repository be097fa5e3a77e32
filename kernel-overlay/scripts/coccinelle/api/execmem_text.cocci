// SPDX-License-Identifier: GPL-2.0
/// execmem_alloc() allocates whole pages, each with an entry of the page table and of the
/// instruction TLB. Allocate small pieces of code from the execmem slab with
/// execmem_text_alloc(), and write them with execmem_text_copy().
///
//# Assumes that memory for kprobes, ftrace and BPF is small, and also memory with a
//# constant size or a size that the call rounds up to pages. Other variable sizes are not
//# reported. Patch mode is missing: the code must be generated in a buffer, and the caller
//# must handle errors of execmem_text_copy().
///
// Confidence: Moderate
// Keywords: execmem_alloc, module_alloc, bpf_jit_alloc_exec, execmem_text_alloc
// Options: --no-includes --include-headers

virtual context
virtual org
virtual report

@page@
expression type, size;
constant n;
position p;
@@

(
  execmem_alloc@p(\(EXECMEM_KPROBES\|EXECMEM_FTRACE\|EXECMEM_BPF\), size)
|
  execmem_alloc@p(type, n)
|
  execmem_alloc@p(type, sizeof(...))
|
  execmem_alloc@p(type, PAGE_ALIGN(size))
|
  execmem_alloc@p(type, ALIGN(size, PAGE_SIZE))
|
  execmem_alloc@p(type, round_up(size, PAGE_SIZE))
|
  execmem_alloc@p(type, roundup(size, PAGE_SIZE))
|
  module_alloc@p(n)
|
  module_alloc@p(sizeof(...))
|
  module_alloc@p(PAGE_ALIGN(size))
|
  module_alloc@p(ALIGN(size, PAGE_SIZE))
|
  module_alloc@p(round_up(size, PAGE_SIZE))
|
  module_alloc@p(roundup(size, PAGE_SIZE))
|
  bpf_jit_alloc_exec@p(n)
|
  bpf_jit_alloc_exec@p(sizeof(...))
|
  bpf_jit_alloc_exec@p(PAGE_ALIGN(size))
|
  bpf_jit_alloc_exec@p(ALIGN(size, PAGE_SIZE))
|
  bpf_jit_alloc_exec@p(round_up(size, PAGE_SIZE))
|
  bpf_jit_alloc_exec@p(roundup(size, PAGE_SIZE))
)

@depends on context@
position page.p;
identifier f;
@@

* f@p(...)

@script:python depends on report@
p << page.p;
@@

coccilib.report.print_report(p[0], "WARNING: pages for a piece of code: consider execmem_text_alloc()")

@script:python depends on org@
p << page.p;
@@

coccilib.org.print_todo(p[0], "WARNING: pages for a piece of code: consider execmem_text_alloc()")

// SPDX-License-Identifier: GPL-2.0
/// execmem_alloc() hands out whole pages, each with an entry of the page table and of
/// the instruction TLB. A small piece of code is better taken from the execmem slab, by
/// execmem_text_alloc(), and written by execmem_text_copy().
///
//# What is allocated for kprobes, ftrace and BPF is taken to be small, and so is what
//# has a constant size or is rounded up to pages in the call. Sizes that are variables
//# are not judged. No patch is offered, as the code must be generated in a buffer, and
//# a failure to publish it handled.
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

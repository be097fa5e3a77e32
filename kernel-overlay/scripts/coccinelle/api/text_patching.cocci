// SPDX-License-Identifier: GPL-2.0
/// Each architecture has functions of its own that write text, with other locks, other
/// errors and other promises about what another CPU may execute afterwards. Code
/// outside of arch/, and the JITs of arch/*/net, write by <linux/text-patching.h>.
///
//# In the rest of arch/ these functions are what that is made of, so nothing is reported
//# there. The patch converts what sleeps already, and returns what the caller ignores
//# or compares with NULL.
///
// Confidence: High
// Keywords: text_poke, aarch64_insn, patch_text, patch_instruction, text_patch_copy
// Options: --no-includes --include-headers

virtual patch
virtual context
virtual org
virtual report

@initialize:python@
@@

import os
import re

def is_generic(p):
    path = os.path.relpath(p[0].file, os.environ.get("srctree", "."))
    return not re.match(r"tools/|arch/[^/]*/(?!net/)", path)

@copy depends on !patch@
position p : script:python() { is_generic(p) };
@@

\(text_poke_copy@p\|text_poke_copy_locked@p\|aarch64_insn_copy@p\|patch_text_nosync@p\|patch_insn_write@p\|patch_instructions@p\|larch_insn_text_copy@p\|s390_kernel_write@p\)(...)

@fill depends on !patch@
position p : script:python() { is_generic(p) };
@@

\(text_poke_set@p\|aarch64_insn_set@p\|patch_text_set_nosync@p\)(...)

@insn depends on !patch@
position p : script:python() { is_generic(p) };
@@

\(text_poke@p\|text_poke_bp@p\|text_poke_queue@p\|text_poke_early@p\|aarch64_insn_write@p\|aarch64_insn_write_literal_u64@p\|aarch64_insn_patch_text@p\|aarch64_insn_patch_text_nosync@p\|patch_text@p\|patch_instruction@p\|patch_uint@p\|patch_ulong@p\|larch_insn_write@p\|larch_insn_patch_text@p\)(...)

@depends on patch@
position p : script:python() { is_generic(p) };
expression dst, src, len;
statement S;
@@

(
- text_poke_copy@p(dst, src, len);
+ text_patch_copy(dst, src, len);
|
- if (!text_poke_copy@p(dst, src, len))
+ if (text_patch_copy(dst, src, len))
  S
|
- if (text_poke_copy@p(dst, src, len) == NULL)
+ if (text_patch_copy(dst, src, len))
  S
)

@depends on patch@
position p : script:python() { is_generic(p) };
expression dst, len;
@@

- text_poke_set@p(dst, \(0xcc\|INT3_INSN_OPCODE\), len);
+ text_patch_fill(dst, len);

@depends on context@
position copy.p;
identifier f;
@@

* f@p(...)

@depends on context@
position fill.p;
identifier f;
@@

* f@p(...)

@depends on context@
position insn.p;
identifier f;
@@

* f@p(...)

@script:python depends on report@
p << copy.p;
@@

coccilib.report.print_report(p[0], "WARNING: a function of one architecture: use text_patch_copy()")

@script:python depends on report@
p << fill.p;
@@

coccilib.report.print_report(p[0], "WARNING: a function of one architecture: use text_patch_fill()")

@script:python depends on report@
p << insn.p;
@@

coccilib.report.print_report(p[0], "WARNING: a function of one architecture: use text_patch_insn()")

@script:python depends on org@
p << copy.p;
@@

coccilib.org.print_todo(p[0], "WARNING: a function of one architecture: use text_patch_copy()")

@script:python depends on org@
p << fill.p;
@@

coccilib.org.print_todo(p[0], "WARNING: a function of one architecture: use text_patch_fill()")

@script:python depends on org@
p << insn.p;
@@

coccilib.org.print_todo(p[0], "WARNING: a function of one architecture: use text_patch_insn()")

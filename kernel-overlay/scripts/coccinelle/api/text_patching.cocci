// SPDX-License-Identifier: GPL-2.0
/// Each architecture has private functions that write unused text, with different
/// locks, errors and promises about what another CPU may execute afterwards. Use
/// text_poke_copy() and text_poke_set() of <linux/text-patching.h> outside of arch/,
/// and in the JITs of arch/*/net.
///
//# In the rest of arch/ these functions implement <linux/text-patching.h> and are not
//# reported. Patch mode is missing: errors, locks and synchronisation differ.
///
// Confidence: High
// Keywords: text_poke, aarch64_insn, patch_text, patch_insn, patch_instructions, larch_insn, s390_kernel_write
// Options: --no-includes --include-headers

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

@copy@
position p : script:python() { is_generic(p) };
@@

\(text_poke_copy_locked@p\|aarch64_insn_copy@p\|patch_text_nosync@p\|patch_insn_write@p\|patch_instructions@p\|larch_insn_text_copy@p\|s390_kernel_write@p\)(...)

@set@
position p : script:python() { is_generic(p) };
@@

\(aarch64_insn_set@p\|patch_text_set_nosync@p\)(...)

@depends on context@
position copy.p;
identifier f;
@@

* f@p(...)

@depends on context@
position set.p;
identifier f;
@@

* f@p(...)

@script:python depends on report@
p << copy.p;
@@

coccilib.report.print_report(p[0], "WARNING: a function of one architecture: use text_poke_copy()")

@script:python depends on report@
p << set.p;
@@

coccilib.report.print_report(p[0], "WARNING: a function of one architecture: use text_poke_set()")

@script:python depends on org@
p << copy.p;
@@

coccilib.org.print_todo(p[0], "WARNING: a function of one architecture: use text_poke_copy()")

@script:python depends on org@
p << set.p;
@@

coccilib.org.print_todo(p[0], "WARNING: a function of one architecture: use text_poke_set()")

#!/usr/bin/env python3
"""compare-report: what scripts/compare has measured, as JSON and as a table.

usage: scripts/compare-report.py DIR ARCH...

From the logs in DIR/ARCH-stock-smp and so on to DIR/compare.json and
DIR/compare.md, which is printed.  Fails if a workload measured nothing.
"""
import json
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from series_tools import patchfile  # noqa: E402
from series_tools.common import PATCHES, Fault, run_main  # noqa: E402
from verdict_lib import log as serial  # noqa: E402

KERNELS = ("stock", "patched")
BOOTS = ("smp", "count")
MEASURE = re.compile(r"^# measure (\w+)((?: \d+)+)$")
PAGE = 4096
# Not every architecture has what these make.
OPTIONAL = {"ftrace": "the architecture makes no trampolines"}


def read_boot(path):
    """{workload: {what: [numbers]}} of one boot; None for one that was skipped."""
    if not (path / "serial.log").is_file():
        raise Fault(f"no log at {path}/serial.log: run make compare")
    log = serial.read((path / "serial.log").read_bytes())
    found = {}
    for name, test in log.tests.items():
        workload, count = name.rsplit("-", 1)
        values = {"count": [int(count)]}
        for line in test.output:
            if match := MEASURE.match(line):
                values[match.group(1)] = [int(n) for n in match.group(2).split()]
        if not test.ok:
            raise Fault(f"{path.name}: {name} failed: {'; '.join(test.output)[-200:]} "
                f"(log: {path}/serial.log)")
        if len(values) > 1:
            found[workload] = values
        elif workload in OPTIONAL:
            found[workload] = None
        else:
            raise Fault(f"{path.name}: {name} measured nothing (log: {path}/serial.log)")
    if not found:
        raise Fault(f"{path.name}: nothing was run (log: {path}/serial.log)")
    return found


def grown(values, what):
    return values[what][1] - values[what][0]


def summary(smp, count):
    """What a workload took with two CPUs, and how many instructions with one."""
    number = smp["count"][0]
    if "seq_lookup" in count:
        return {f"instructions, {what} of one": count[what][0]
                for what in ("seq_insert", "seq_lookup", "rand_lookup")}
    text, tables = grown(smp, "text"), grown(smp, "page_tables")
    return {
        "text pages": text // PAGE,
        "page-table pages": tables,
        "bytes each": round((text + tables * PAGE) / number),
        "IPIs, making": smp["ipis"][0],
        "IPIs, removing": smp["ipis"][1],
        "instructions to make one": round(count["time"][0] / number),
        "instructions to remove one": round(count["time"][1] / number),
    }


def changed_lines(text):
    """How many lines a patch adds and removes in files that it does not make."""
    added = removed = 0
    counted = False
    for line in text.splitlines():
        if line.startswith("--- "):
            counted = line.startswith("--- a/")
        elif counted and line.startswith("+") and not line.startswith("+++ "):
            added += 1
        elif counted and line.startswith("-"):
            removed += 1
    return added, removed


def lines_of_base():
    """[(patch, added, removed)] in files of the base, not of an earlier patch."""
    ours, out = set(), []
    for name in patchfile.series_names():
        patch = patchfile.read_patch(PATCHES / name)
        ours |= {c.path for c in patch.changes if c.new}
        if not ours.isdisjoint(c.path for c in patch.changes if not c.new):
            raise Fault(f"{name} changes a file that another patch makes")
        out.append((name, *changed_lines(patch.text)))
    return out


def table(rows, words):
    """Of each row, so many cells are words; the others are numbers."""
    head, *body = rows
    yield "| " + " | ".join(head) + " |"
    yield "|" + "|".join("---" if i < words else "---:" for i in range(len(head))) + "|"
    for row in body:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"


def report(data, lines):
    yield "## What small pieces of text cost, stock beside patched"
    yield ""
    yield ("Bytes each: executable pages and all new pages of page tables, for what is "
           "split and for other memory too, by the number made. IPIs: calls of functions "
           "and TLB flushes, two CPUs, until all is freed; riscv's firmware does most "
           "itself, uncounted. Instructions: of the guest, emulated with one CPU "
           "(`-icount`), with system calls. riscv's set_memory_x() makes the direct map's "
           "alias executable as well: there every page of text counts twice.")
    yield ""
    rows = [["workload", "architecture", "what", *KERNELS]]
    for workload in dict.fromkeys(w for a in data.values() for w in a["stock"]["smp"]):
        for arch, kernels in data.items():
            boots = [[kernels[k][b].get(workload) for b in BOOTS] for k in KERNELS]
            if not all(boots[0] + boots[1]):
                rows.append([workload, arch, OPTIONAL[workload], "-", "-"])
                continue
            count = boots[0][0]["count"][0]
            sums = [summary(*both) for both in boots]
            for what in sums[0]:
                rows.append([f"{count:,} {workload}", arch, what,
                             *(f"{s[what]:,}" for s in sums)])
    yield from table(rows, 3)
    yield ""
    yield "## Lines in files of the base"
    yield ""
    total = ("all", sum(a for _, a, _ in lines), sum(r for _, _, r in lines))
    yield from table([("patch", "added", "removed"), *lines, total], 1)


def main(args):
    if len(args) < 2 or args[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if args in (["-h"], ["--help"]) else 2
    out, arches = Path(args[0]), args[1:]
    data = {arch: {k: {b: read_boot(out / f"{arch}-{k}-{b}") for b in BOOTS}
                   for k in KERNELS} for arch in arches}
    lines = lines_of_base()
    (out / "compare.json").write_text(json.dumps(
        {"measured": data, "lines": [dict(zip(("patch", "added", "removed"), row))
                                     for row in lines]}, indent=1) + "\n")
    text = "\n".join(report(data, lines)) + "\n"
    (out / "compare.md").write_text(text)
    print(text, end="")
    return 0


run_main(main)

#!/usr/bin/env python3
"""compare-report: what scripts/compare has measured, as JSON, tables and plots.

usage: scripts/compare-report.py DIR RUNS ARCH...
       scripts/compare-report.py --boot DIR KIND

From the logs in DIR/ARCH-stock-smp-1 to DIR/ARCH-patched-count-RUNS and
DIR/ARCH-patched-caches-1 to DIR/compare.json, DIR/compare.md, which is printed, and
DIR/compare.html.  Fails if a workload measured nothing; so does --boot, which looks at
one boot alone.
"""
import json
import sys
import textwrap
from pathlib import Path

sys.dont_write_bytecode = True
from compare_lib import boots, figures, page, tables  # noqa: E402
from series_tools import patchfile  # noqa: E402
from series_tools.common import PATCHES, Fault, run_main  # noqa: E402


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


def as_json(some, runs, accels, data, lines):
    """Each figure with its spread, and all that was read."""
    def column(values):
        median, least, most = figures.spread(values)
        return {"median": median, "min": least, "max": most, "values": values}
    return {
        "runs": runs,
        "emulated": {f"{arch} {kind}": accel == "tcg"
                     for (arch, kind), accel in accels.items()},
        "figures": [{"section": f.section, "workload": f.workload, "architecture": f.arch,
                     "what": f.what, "remark": f.remark,
                     "columns": {name: column(v) for name, v in f.columns.items()}}
                    for f in some],
        "measured": data,
        "lines": [dict(zip(("patch", "added", "removed"), row)) for row in lines],
    }


def as_markdown(some, runs, accels, lines):
    yield from (f"{said}." for said in page.machines(accels))
    yield ""
    yield from textwrap.wrap(
        "What is the same in all columns is left out; "
        + (f"medians of {runs} boots each, with a ~ where boots of one kernel differ by more "
           "than a tenth: " if runs > 1 else "") +
        "compare.html and compare.json have all of it.", 76)
    yield ""
    for section in tables.SECTIONS:
        if section != "direct map":
            yield from tables.section_markdown(some, section)
    changed = sum(1 for _, added, removed in lines[:-1] if added or removed)
    _, added, removed = lines[-1]
    yield (f"Lines in files of the base: {added:,} added, {removed:,} removed, "
           f"by {changed} of {len(lines) - 1} patches.")


def main(args):
    if len(args) < 3 or args[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if args in (["-h"], ["--help"]) else 2
    if args[0] == "--boot":
        boots.read_boot(Path(args[1]), args[2] != "smp")
        return 0
    if not args[1].isdecimal() or int(args[1]) < 1:
        raise Fault(f"RUNS must be a number, not '{args[1]}'")
    out, runs, arches = Path(args[0]), int(args[1]), args[2:]
    data = boots.read_all(out, arches, runs)
    some = figures.all_figures(data)
    lines = lines_of_base()
    lines.append(("all", sum(a for _, a, _ in lines), sum(r for _, _, r in lines)))
    accels = boots.read_accels(out, arches, runs)
    text = "\n".join(as_markdown(some, runs, accels, lines)) + "\n"
    (out / "compare.json").write_text(
        json.dumps(as_json(some, runs, accels, data, lines), indent=1) + "\n")
    (out / "compare.html").write_text("\n".join(page.page(some, runs, accels, lines)) + "\n")
    (out / "compare.md").write_text(text)
    print(text, end="")
    return 0


run_main(main)

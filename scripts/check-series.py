#!/usr/bin/env python3
"""check-series: lint of the series and of each patch's form.

usage: scripts/check-series.py

One fault a line; exit status 1 if there is any.
"""
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from series_tools import common, patchfile  # noqa: E402


def lint_names(names):
    """series and patches/ must name each other, each once."""
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield f"series: {name} is listed twice"
    for path in sorted(common.PATCHES.iterdir()):
        if path.name != "series" and path.name not in names:
            yield f"patches/{path.name}: not in the series"
    link = common.PATCHES / "series"
    if not link.is_symlink() or link.resolve() != common.SERIES.resolve():
        yield "patches/series: must be a link to ../series"


def lint_message(patch):
    """What git am and a maintainer need, and no invented person."""
    if not patch.header("Subject").startswith("[PATCH] "):
        yield "no 'Subject: [PATCH] ...'"
    elif not re.match(r"\[PATCH\] \S+:? \S", patch.header("Subject")):
        yield "the subject says too little"
    trailer = re.compile(r"^[A-Z][A-Za-z-]+: ")
    body = [x for x in patch.body().splitlines() if x.strip()]
    if not any(not trailer.match(x) for x in body):
        yield "no commit message below the subject"
    if not re.search(r"(?m)^Assisted-by: \S", patch.body()):
        yield "no Assisted-by:"
    if re.search(r"(?mi)^(Signed-off-by|Author|From|Co-developed-by):",
                 patch.message):
        yield "names an author or signer; whoever sends it adds that"
    if "\n---\n" not in patch.text:
        yield "no '---' line between message and diffstat"


def lint_diff(patch):
    if not patch.changes:
        yield "changes nothing"
    for change in patch.changes:
        if change.new and not change.mode:
            yield f"{change.path}: no 'new file mode' line (make refresh)"
        if change.new and change.mode not in ("", "100644", "100755"):
            yield f"{change.path}: odd mode {change.mode}"
    if not patch.text.endswith("\n"):
        yield "does not end in a newline"
    if re.search(r"(?m)^(rename|copy) (from|to) |^GIT binary patch",
                 patch.text):
        yield "holds a rename, copy or binary diff: quilt cannot apply those"
    if len(set(patch.paths())) != len(patch.paths()):
        yield "touches a file twice"


def lint_whole(patches):
    """Each new file is brought whole, by exactly one patch."""
    brought = {}
    for patch in patches:
        for change in patch.changes:
            if change.path in brought:
                yield (f"{patch.name}: {change.path}: is new in "
                       f"{brought[change.path]}; one patch must bring it whole")
            if change.new:
                brought[change.path] = patch.name


def main(argv):
    if argv in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    names = patchfile.series_names()
    faults = list(lint_names(names))
    patches = []
    for name in dict.fromkeys(names):
        if not (Path(common.PATCHES) / name).is_file():
            faults.append(f"series: {name}: no such patch")
            continue
        patch = patchfile.read_patch(common.PATCHES / name)
        patches.append(patch)
        faults += [f"{name}: {text}" for lint in (lint_message, lint_diff)
                   for text in lint(patch)]
    faults += lint_whole(patches)
    print("\n".join(faults) if faults else f"{len(patches)} patches")
    return 1 if faults else 0


common.run_main(main)

#!/usr/bin/env python3
"""check-maintainers: MAINTAINERS covers each new file when it comes.

usage: [KERNEL=PATH] scripts/check-maintainers.py

After each patch, the MAINTAINERS of that moment must have a section, other
than the one for all the rest, with an F: line for each file that is new.
"""
import fnmatch
import re
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from series_tools import common, patchfile, states  # noqa: E402


def sections(text):
    """The (F: patterns, X: patterns) of each section but THE REST."""
    for block in re.split(r"\n\s*\n", text):
        if block.lstrip().startswith("THE REST"):
            continue
        yield (re.findall(r"(?m)^F:\s*(\S+)", block),
               re.findall(r"(?m)^X:\s*(\S+)", block))


def matches(path, pattern):
    """get_maintainer's rule: "dir/" is all below, "*" stops at a slash."""
    if pattern.endswith("/"):
        pattern = pattern.rstrip("/")
        parts = path.split("/")[:pattern.count("/") + 1]
        return len(parts) < path.count("/") + 1 and \
            fnmatch.fnmatch("/".join(parts), pattern)
    return path.count("/") == pattern.count("/") and \
        fnmatch.fnmatch(path, pattern)


def covered(path, text):
    return any(any(matches(path, f) for f in yes) and
               not any(matches(path, x) for x in no)
               for yes, no in sections(text))


def main(argv):
    if argv in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    patches, base = patchfile.load_series(), common.base_dir()
    faults, checked = [], 0
    with tempfile.TemporaryDirectory() as folder:
        rows = states.walk_states(base, patches, folder, more=["MAINTAINERS"])
        next(rows)
        for patch, row in zip(patches, rows):
            state = row["MAINTAINERS"]
            text = state[1].decode("utf-8") if state else ""
            for change in patch.changes:
                if row.get(change.path) is None or \
                        (Path(base) / change.path).exists():
                    continue
                checked += 1
                if not covered(change.path, text):
                    faults.append(f"{patch.name}: {change.path}: no F: line "
                                  "in MAINTAINERS")
    print("\n".join(faults) if faults else f"{checked} new files covered")
    return 1 if faults else 0


common.run_main(main)

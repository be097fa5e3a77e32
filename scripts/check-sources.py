#!/usr/bin/env python3
"""check-sources: the readable copies equal what the series brings.

usage: [KERNEL=PATH] scripts/check-sources.py

Applies the series to the touched files of the base with quilt, and compares
every new file with its copy: name, mode, bytes.  One fault a line.
"""
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from series_tools import common, copies, patchfile, states  # noqa: E402


def new_files(base, patches, folder):
    """{path: state} of the files that the series brings."""
    states.lay_base(base, states.touched(patches), folder)
    states.quilt_push_all(patches, folder)
    found = {}
    for path in states.touched(patches):
        state = states.read_state(Path(folder) / path)
        if state is not None and not (Path(base) / path).exists():
            found[path] = state
    return found


def compare(new):
    for path in sorted({*new, *copies.list_copies()}):
        name = copies.copy_path(path)
        copy = states.read_state(common.TOP / name)
        if path not in new:
            yield f"{name}: no patch brings it"
        elif copy is None:
            yield f"{name}: missing (make refresh)"
        elif copy[1] != new[path][1]:
            yield f"{name}: differs from the patch (make refresh)"
        elif copy[0] != new[path][0]:
            yield f"{name}: mode {copy[0]}, in the patch {new[path][0]}"


def main(argv):
    if argv in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    patches, base = patchfile.load_series(), common.base_dir()
    with tempfile.TemporaryDirectory() as folder:
        new = new_files(base, patches, folder)
    faults = list(compare(new))
    print("\n".join(faults) if faults else f"{len(new)} files, byte for byte")
    return 1 if faults else 0


common.run_main(main)

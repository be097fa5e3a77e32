#!/usr/bin/env python3
"""check-apply: quilt alone applies the series, at fuzz 0, and takes it back.

usage: [KERNEL=PATH] scripts/check-apply.py

Works on a scratch copy of the touched files of the base.  The first patch that
does not fit is named, with its file and hunk.
"""
import sys
import tempfile

sys.dont_write_bytecode = True
from series_tools import common, patchfile, states  # noqa: E402
from series_tools.common import Fault  # noqa: E402


def contents(folder, paths):
    return {path: states.read_state(f"{folder}/{path}") for path in paths}


def main(argv):
    if argv in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    patches, base = patchfile.load_series(), common.base_dir()
    paths = states.touched(patches)
    with tempfile.TemporaryDirectory() as folder:
        states.lay_base(base, paths, folder)
        before = contents(folder, paths)
        states.quilt_push_all(patches, folder)
        if patches and contents(folder, paths) == before:
            raise Fault("the series was applied, but changed nothing")
        if patches:
            done = states.quilt(["pop", "-a"], folder)
            if done.returncode or contents(folder, paths) != before:
                raise Fault("quilt pop -a does not give the base back")
    print(f"{len(patches)} patches")
    return 0


common.run_main(main)

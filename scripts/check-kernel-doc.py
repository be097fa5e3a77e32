#!/usr/bin/env python3
"""check-kernel-doc: the series adds no kernel-doc warning.

usage: [KERNEL=PATH] scripts/check-kernel-doc.py

Runs the base's scripts/kernel-doc on each C file that the series touches.  A
new file must have no warning, a changed one none that the base has not.  It
fails if kernel-doc does not really run: a comment with a known fault comes
along, and must be noticed.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from series_tools import common, patchfile, states  # noqa: E402

FAULTY = """/**
 * faulty() - it has a parameter that is not described
 */
int faulty(int undescribed)
{
	return 0;
}
"""


def warnings(base, top, path):
    """The warnings of one file, without line numbers."""
    done = subprocess.run(
        ["perl", base / "scripts/kernel-doc", "-none", "-Wall", path],
        cwd=top, text=True, capture_output=True, check=False)
    lines = [re.sub(r"^(\S+?):\d+: ", r"\1: ", line)
             for line in (done.stderr + done.stdout).splitlines()
             if "warning:" in line or "error:" in line]
    if done.returncode and not lines:
        raise common.Fault("kernel-doc did not run: " +
                           (done.stderr.strip().splitlines() or ["?"])[-1])
    return lines


def prove_it_runs(base, folder):
    (folder / "faulty.c").write_text(FAULTY)
    if not any("undescribed" in w for w in warnings(base, folder, "faulty.c")):
        raise common.Fault("kernel-doc did not run: it misses a known fault")
    (folder / "faulty.c").unlink()


def main(argv):
    if argv in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    patches, base = patchfile.load_series(), common.base_dir()
    faults, checked = [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prove_it_runs(base, folder)
        for row in states.walk_states(base, patches, folder):
            final = row
        for path, state in final.items():
            if not path.endswith((".c", ".h")) or state is None \
                    or b"/**" not in state[1]:
                continue
            checked += 1
            known = warnings(base, base, path) if (base / path).exists() else []
            for warning in warnings(base, folder, path):
                if warning in known:
                    known.remove(warning)
                else:
                    faults.append(warning)
    print("\n".join(faults) if faults else f"{checked} files with kernel-doc")
    return 1 if faults else 0


common.run_main(main)

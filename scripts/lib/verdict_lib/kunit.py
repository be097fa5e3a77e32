# SPDX-License-Identifier: GPL-2.0
"""Our KTAP as the kernel's kunit_parser reads it."""
import os
import re
import subprocess

SUMMARY = re.compile(r"Testing complete\. Ran \d+ tests: ?(.*)$", re.M)


def counts(base, path):
    """{"passed": N, ...} as "kunit.py parse" of the base counts them."""
    tool = os.path.join(base, "tools/testing/kunit/kunit.py")
    done = subprocess.run(["/usr/bin/python3", "-B", tool, "parse", os.path.abspath(path)],
                          capture_output=True, text=True, errors="replace", check=False)
    found = SUMMARY.search(done.stdout)
    if not found:
        raise ValueError(f"{tool} does not read {path}: " +
                         (done.stderr or done.stdout).strip().rpartition("\n")[2])
    return {what: int(n) for what, n in re.findall(r"(\w+): (\d+)", found.group(1))}


def confirm(base, path, verdict):
    """It must count what we count, without an error; its exit status says neither."""
    ours = {"passed": verdict.passed, "failed": verdict.failed, "skipped": verdict.skipped}
    ours = {what: n for what, n in ours.items() if n}
    theirs = counts(base, path)
    if theirs != ours:
        raise ValueError(f"kunit_parser counts {theirs} in {path}, not {ours}")

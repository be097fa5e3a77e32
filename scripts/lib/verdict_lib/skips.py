# SPDX-License-Identifier: GPL-2.0
"""Skips that are expected: scripts/waivers/skips.txt.

One line each: ARCH, where 7.3 has arm64-7.3, and "TEST: REASON" or "TEST/CASE: REASON", both
with the wildcards of a shell.  Comments start with '#'.  Other skips are failures: a test
has lost something that it needs.
"""
from fnmatch import fnmatchcase


def read(path, arch):
    patterns = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split(None, 1)
            if not words or words[0].startswith("#"):
                continue
            if len(words) < 2 or ": " not in words[1]:
                raise ValueError(f"{path}:{number}: not 'ARCH TEST: REASON'")
            if fnmatchcase(arch, words[0]):
                patterns.append(words[1].strip())
    return patterns


def unexpected(patterns, name, reason):
    text = f"{name}: {reason}"
    return not any(fnmatchcase(text, pattern) for pattern in patterns)


def refuse(test, patterns):
    """Let the test fail, or its cases, if a skip is not expected."""
    if test.skip is not None and unexpected(patterns, test.name, test.skip):
        test.problems.append(f"skipped unexpectedly: {test.skip}")
    for case in test.cases:
        if case.status == "skipped" and \
                unexpected(patterns, f"{test.name}/{case.name}", case.note):
            case.status, case.note = "failed", f"skipped unexpectedly: {case.note}"

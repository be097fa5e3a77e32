# SPDX-License-Identifier: GPL-2.0
"""Failures that the stock kernel shows too: scripts/waivers/known-failures.txt.

One line each: ARCH TEST REASON, where ARCH is such as x86_64, x86_64-clang or x86_64-7.3, and
TEST is a test or test/case, with '_' for a blank.  Made by scripts/stock; comments start with '#'.
"""


def key(name):
    return name.replace(" ", "_")


def read(path, arch):
    known = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split(None, 2)
            if not words or words[0].startswith("#"):
                continue
            if len(words) < 3:
                raise ValueError(f"{path}:{number}: not 'ARCH TEST REASON'")
            if words[0] == arch:
                known[words[1]] = words[2].strip()
    return known

# SPDX-License-Identifier: GPL-2.0
"""Lists of findings that are not faults: FAULT, FILE and REASON, with tabs between.

A line covers the findings that name a file or a patch like FILE, a pattern, in one of
their first two words, and have the words of FAULT.
"""
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass
class Waiver:
    number: int
    fault: str
    file: str = ""
    reason: str = ""
    used: int = 0

    def covers(self, finding):
        names = [word.partition(":")[0] for word in finding.split()[:2]]
        return any(fnmatchcase(name, self.file) for name in names) and \
            re.search(rf"(?<!\w){re.escape(self.fault)}(?!\w)", finding)


class Waivers:
    def __init__(self, path):
        self.name = Path(path).name
        self.rows = [Waiver(number, *re.split(r"\t+", line.strip(), maxsplit=2))
                     for number, line in enumerate(Path(path).read_text().splitlines(), 1)
                     if line.strip() and not line.startswith("#")]

    def not_covered(self, findings):
        """The findings without a waiver; marks the waivers of the others as used."""
        for finding in findings:
            waiver = next((w for w in self.rows if w.covers(finding)), None)
            if waiver:
                waiver.used += 1
            else:
                yield finding

    def faults(self, partial=False):
        """Waivers without a reason, and those that no finding has used, if all were there."""
        for row in self.rows:
            place = f"{self.name}:{row.number}: {row.fault} {row.file}"
            if not row.reason:
                yield f"{place}: no reason given"
            elif not row.used and not partial:
                yield f"{place}: no longer needed"

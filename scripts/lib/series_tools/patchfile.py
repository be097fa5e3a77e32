# SPDX-License-Identifier: GPL-2.0
"""A patch file as data: its message, and which files it touches and how."""
import re
from dataclasses import dataclass, field

from .common import PATCHES, SERIES, Fault

DIFF_START = re.compile(r"(diff --git a/|Index: |--- (a/|/dev/null)|=====)")
TOPIC = re.compile(r"# ([a-z0-9-]+): \S")
HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


@dataclass
class Change:
    """The change of one file by one patch."""
    path: str
    new: bool = False
    deleted: bool = False
    mode: str = ""      # git's mode line of a new file, "" if there is none


@dataclass
class Patch:
    """One entry of the series; text is "" while quilt has only its name."""
    name: str
    text: str = ""
    message: str = ""   # all that stands before the "---" line
    changes: list = field(default_factory=list)

    def paths(self):
        return [change.path for change in self.changes]

    def header(self, key):
        """The value of a mail header of the message, folding undone."""
        head = re.sub(r"\n[ \t]+", " ", self.message.split("\n\n")[0])
        found = re.search(rf"(?im)^{key}:[ \t]*(.*)$", head)
        return found.group(1).strip() if found else ""

    def body(self):
        """The commit message without its subject and other mail headers."""
        return self.message.partition("\n\n")[2]


def split_message(text):
    """The message and the rest: diffstat and diff."""
    lines = text.splitlines(keepends=True)
    for i, line in enumerate(lines):
        if line.rstrip("\n") == "---" or DIFF_START.match(line):
            return "".join(lines[:i]), "".join(lines[i:])
    return text, ""


def _name(line):
    """The path in a "--- a/path" or "+++ b/path" line; None for /dev/null."""
    name = line[4:].split("\t")[0].rstrip("\n")
    return None if name == "/dev/null" else name.split("/", 1)[-1]


def parse_diff(diff):
    """The changes of a diff, in its order."""
    changes, left, old = [], [0, 0], None
    for line in diff.splitlines():
        if left[0] > 0 or left[1] > 0:          # inside a hunk
            if line[:1] in ("-", " ", ""):
                left[0] -= 1
            if line[:1] in ("+", " ", ""):
                left[1] -= 1
            continue
        hunk = HUNK.match(line)
        if hunk:
            left = [int(n) if n is not None else 1 for n in hunk.groups()]
        elif line.startswith("diff --git a/"):
            rest = line[len("diff --git a/"):]
            # Both names are the same: renames are not used in the series.
            changes.append(Change(rest[:(len(rest) - 3) // 2]))
        elif line.startswith(("new file mode ", "deleted file mode ")):
            changes[-1].new = line.startswith("new")
            changes[-1].deleted = line.startswith("deleted")
            changes[-1].mode = line.split()[-1]
        elif line.startswith("--- "):
            old = _name(line)
        elif line.startswith("+++ "):
            path = _name(line) or old
            if not changes or changes[-1].path != path:
                changes.append(Change(path))
            changes[-1].new |= old is None
            changes[-1].deleted |= _name(line) is None
    return changes


def parse(name, text):
    message, rest = split_message(text)
    return Patch(name, text, message, parse_diff(rest))


def read_patch(name):
    """The patch of this name in the series, "topic/name.patch"."""
    try:
        return parse(name, (PATCHES / name).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise Fault(f"{name}: not UTF-8 text: {error}") from None


def series_topics():
    """[(topic, names of its patches)] of the series file.  A topic begins with a comment
    "# topic: what it does"; patches before the first one are of topic ""."""
    if not SERIES.is_file():
        raise Fault(f"no series file at {SERIES}")
    topics = [("", [])]
    for line in SERIES.read_text(encoding="utf-8").splitlines():
        head, words = TOPIC.match(line), line.split("#")[0].split()
        if head:
            topics.append((head[1], []))
        elif words:
            topics[-1][1].append(words[0])
    return topics


def series_names():
    """The names in the series file, comments and options left out."""
    return [name for _, names in series_topics() for name in names]


def load_series(allow_missing=False):
    """All patches in order.  quilt lists a new patch before its file exists."""
    patches = []
    for name in series_names():
        if (PATCHES / name).is_file():
            patches.append(read_patch(name))
        elif allow_missing:
            patches.append(Patch(name))
        else:
            raise Fault(f"series names {name}, but there is no patches/{name} "
                        "(a patch new in quilt? make refresh writes it)")
    return patches

# SPDX-License-Identifier: GPL-2.0
"""A patch file as data: its message, and which files it touches and how."""
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .common import PATCHES, SERIES, Fault

# On kernels from 7.0 on, patches/TOPIC/7.3/NAME.patch replaces patches/TOPIC/NAME.patch.  In
# the series, "TOPIC/NAME.patch #6.12-only" (git quiltimport accepts one word) is left out
# there, and the comment "# 7.3 only: TOPIC/7.3/NAME.patch" is a patch.
OVERRIDES = "7.3"
OLDER = "6.12"
NEWER = object()

DIFF_START = re.compile(r"(diff --git a/|Index: |--- (a/|/dev/null)|=====)")
TOPIC = re.compile(r"# ([a-z0-9-]+)(?: \(needs ([a-z0-9-]+(?:, [a-z0-9-]+)*)\))?: \S")
ONLY = re.compile(rf"# {OVERRIDES} only: (\S+)")
HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
PLAIN_FILE = re.compile(r"(?m)^(?!index )(.*\n)--- a/(\S+)\n(?=\+\+\+ b/)")


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


def hunks(text):
    """Yield (path, [(index of the first line in the new file, [(sign, line)])]) of a patch."""
    found, path, left = [], None, [0, 0]
    for line in text.splitlines():
        hunk = HUNK.match(line)
        if left[0] > 0 or left[1] > 0:
            sign = line[:1] or " "
            left[0] -= sign in "- "
            left[1] -= sign in "+ "
            if sign != "\\":
                found[-1][1].append((sign, line[1:]))
        elif hunk:
            left = [int(n) if n is not None else 1 for n in hunk.groups()]
            start = int(line.split("+")[1].split(",")[0].split(" ")[0])
            found.append((start - 1 if left[1] else start, []))
        elif line.startswith("diff --git a/"):
            if path:
                yield path, found
            path, found = line[len("diff --git a/"):].partition(" b/")[0], []
    if path:
        yield path, found


def parse(name, text):
    message, rest = split_message(text)
    return Patch(name, text, message, parse_diff(rest))


def read_patch(name):
    """The patch of this name in the series, "topic/name.patch"."""
    try:
        return parse(name, (PATCHES / name).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise Fault(f"{name}: not UTF-8 text: {error}") from None


def with_git_lines(text):
    """The patch with git's line before each changed file: quilt's refresh removes them."""
    return PLAIN_FILE.sub(r"\1diff --git a/\2 b/\2\n--- a/\2\n", text)


def file_diffs(patch):
    """{path: its part of the patch}"""
    parts = re.split(r"(?m)^(?=diff --git a/)", split_message(patch.text)[1])
    return dict(zip(patch.paths(), (p for p in parts if p.startswith("diff --git "))))


def diffstat(diff):
    """The diffstat and the new files, as git writes them."""
    stat = subprocess.run(["git", "apply", "--stat", "--summary", "-"], input=diff, text=True,
                          stdout=subprocess.PIPE, check=True).stdout
    return re.sub(r"(?m) +$", "", stat)     # of a bar of no length


def override_text(shared, override):
    """The override as it must be: the message and the new files are those of the shared
    patch, only the diffs of existing files may differ.  Newer kernels may have a file that
    is new in the shared patch."""
    mine, theirs = file_diffs(override), file_diffs(shared)
    existing = [change.path for change in override.changes if not change.new]
    new = [change.path for change in shared.changes if change.new and change.path not in existing]
    paths = shared.paths()
    if {*override.paths()} != {*paths}:
        paths = sorted({*override.paths(), *new})
    diff = "".join(theirs[p] if p in new else mine[p] for p in paths)
    return f"{shared.message}---\n{diffstat(diff)}\n{diff}"


@dataclass
class Topic:
    """Patches that are sent together, and the topics that must be applied before."""
    name: str
    needs: list = field(default_factory=list)
    patches: list = field(default_factory=list)     # their names


def series_topics(base=None):
    """The topics of the series file for this base.  One begins with a comment such as
    "# topic (needs other, another): what it does"; patches before the first are of topic ""."""
    if not SERIES.is_file():
        raise Fault(f"no series file at {SERIES}")
    topics, newer = [Topic("")], is_newer(base)
    for line in SERIES.read_text(encoding="utf-8").splitlines():
        head, (entry, _, comment) = TOPIC.match(line), line.partition("#")
        only = ONLY.fullmatch(line)
        if head:
            topics.append(Topic(head[1], (head[2] or "").replace(",", "").split()))
        elif only and newer:
            topics[-1].patches.append(only[1])
        elif entry.split() and not (newer and comment.strip() == f"{OLDER}-only"):
            topics[-1].patches.append(entry.split()[0])
    return topics


def topic_stack(name, base=None):
    """The topic of this name behind all that it needs, in the order of the series."""
    topics = {topic.name: topic for topic in series_topics(base) if topic.name}
    if name not in topics:
        raise Fault(f"no topic '{name}' in series (one of: {' '.join(topics)})")
    if not topics[name].patches:
        raise Fault(f"topic '{name}' has no patches for this kernel")
    wanted, more = set(), [name]
    while more:
        topic = topics[more.pop()]
        wanted.add(topic.name)
        more += [need for need in topic.needs if need not in wanted]
    return [topic for topic in topics.values() if topic.name in wanted]


def series_names(base=None):
    """The names in the series file, comments and options left out."""
    return [name for topic in series_topics(base) for name in topic.patches]


def selected_names(base=None):
    """Those of the series; with TOPIC=, of this topic and of those that it needs, with STOCK=1
    only of the latter."""
    topic = os.environ.get("TOPIC")
    if not topic:
        return series_names(base)
    stack = topic_stack(topic, base)
    if os.environ.get("STOCK") == "1":
        stack.pop()
    return [name for topic in stack for name in topic.patches]


def own_names(base=None):
    """Those of TOPIC= without what it needs, or of the series."""
    topic = os.environ.get("TOPIC")
    return topic_stack(topic, base)[-1].patches if topic else series_names(base)


def overrides():
    """{name of the shared patch: name of its override}"""
    found = sorted(path.relative_to(PATCHES) for path in PATCHES.glob(f"*/{OVERRIDES}/*.patch"))
    return {f"{path.parent.parent}/{path.name}": str(path) for path in found
            if str(path) not in newer_names()}


def is_newer(base):
    """Whether this kernel gets overrides; NEWER stands for any that does."""
    if base in (None, NEWER):
        return base is NEWER
    makefile = (Path(base) / "Makefile").read_text(encoding="utf-8")
    return int(re.search(r"(?m)^VERSION = (\d+)", makefile)[1]) > 6


def newer_names():
    """The names of the patches for newer kernels only."""
    lines = SERIES.read_text(encoding="utf-8").splitlines() if SERIES.is_file() else []
    return [found[1] for line in lines if (found := ONLY.fullmatch(line))]


def overrides_for(base):
    """overrides() that this kernel needs."""
    return overrides() if is_newer(base) else {}


def read_patches(names, base=None, allow_missing=False):
    """The patches of these names, with the overrides for a base.  quilt lists a new patch before
    its file exists."""
    patches, replaced = [], overrides_for(base)
    for name in names:
        name = replaced.get(name, name)
        if (PATCHES / name).is_file():
            patches.append(read_patch(name))
        elif allow_missing:
            patches.append(Patch(name))
        else:
            raise Fault(f"series names {name}, but there is no patches/{name} "
                        "(a patch new in quilt? make refresh writes it)")
    return patches


def load_series(base=None, allow_missing=False):
    """The selected patches in order, with the overrides for a base."""
    return read_patches(selected_names(base), base, allow_missing)

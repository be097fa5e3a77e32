# SPDX-License-Identifier: GPL-2.0
"""Fold edits of patches, work tree and readable copies into each other.

Each file has three sides: P, what the patches make of it; T, the work tree;
C, the readable copy (new files only).  What was last agreed upon tells which
side was edited.  One edited side wins; two that differ are a conflict, and
nothing is written.
"""
from pathlib import Path

from . import copies, states
from .common import BUILD, TOP, Fault
from .worktree import digest

AGREED = BUILD / "copies.agreed"    # digests of the copies at the last fold


def read_agreed():
    try:
        lines = AGREED.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.rsplit("\t", 1) for line in lines)


def agreed_state(marks):
    """The content of AGREED with these marks."""
    return states.text_state("".join(f"{p}\t{m}\n" for p, m in sorted(marks.items())))


def copy_state(path):
    return states.read_state(TOP / copies.copy_path(path))


def agree(final):
    """Remember the copies that equal what the series makes of the file, so
    that the removal of one is seen as such."""
    marks = {p: m for p, m in read_agreed().items() if p in final}
    for path, state in final.items():
        if state is not None and copy_state(path) == state:
            marks[path] = digest(state)
    states.write_state(AGREED, agreed_state(marks))


class Sides:
    """The three sides of every file, and who of them was edited."""

    def __init__(self, base, final, tree, modeless=()):
        self.base, self.final, self.modeless = Path(base), final, modeless
        self.tree = tree if tree.exists() and tree.base_mark() else None
        self.laid = self.tree.laid() if self.tree else {}
        self.agreed = read_agreed()

    def patched(self, path):
        if path not in self.final:
            return states.read_state(self.base / path)
        state = self.final[path]
        if state and path in self.modeless:
            # quilt's refresh drops git's mode line: ask the other sides.
            other = (self.tree and self.tree.state(path)) or copy_state(path)
            return (other[0] if other else state[0], state[1])
        return state

    def is_new(self, path):
        return not (self.base / path).exists()

    def winner(self, path):
        """The state that the file shall have, or a Fault."""
        patched = self.patched(path)
        edited = {}
        if self.tree:
            laid = self.laid.get(path)
            if laid is None:
                laid = digest(states.read_state(self.base / path))
            if digest(patched) != laid:
                edited["its patch"] = patched
            if digest(self.tree.state(path)) != laid:
                edited[f"build/{self.tree.path.name}/{path}"] = \
                    self.tree.state(path)
        if self.is_new(path) and self._copy_edited(path, patched):
            edited[copies.copy_path(path)] = copy_state(path)
        if not edited:
            return patched
        if len({digest(state) for state in edited.values()}) > 1:
            raise Fault(f"edited on two sides, differently: "
                        f"{' and '.join(edited)}; make them agree first")
        return next(iter(edited.values()))

    def _copy_edited(self, path, patched):
        """A missing copy is an edit (a removal) only if there was one."""
        copy = copy_state(path)
        if path in self.agreed:
            return digest(copy) != self.agreed[path]
        return copy is not None and digest(copy) != digest(patched)


def owners(patches, registered):
    """{path: number of the last patch that touches it}, from 0."""
    found = {}
    for number, patch in enumerate(patches):
        for path in [*patch.paths(), *registered.get(patch.name, ())]:
            found[path] = number
    return found


def modeless(patches):
    """The new files whose patch does not tell their mode."""
    return {c.path for patch in patches for c in patch.changes
            if c.new and not c.mode}


def insert(rows, number, path, state):
    """Set the state of a file from this patch number on."""
    before = rows[0].get(path)
    for row in rows:
        row.setdefault(path, before)
    for row in rows[number + 1:]:
        row[path] = state

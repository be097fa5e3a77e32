# SPDX-License-Identifier: GPL-2.0
"""The readable copies of the new kernel files, and the rule of their place."""
import os
from pathlib import Path

from .common import TOP

# (place in this repository, place in the kernel); the first match wins.
PLACES = (
    ("lib/", "lib/"),
    ("selftests/", "tools/testing/selftests/"),
    ("Documentation/", "Documentation/"),
    ("kernel-overlay/", ""),
)
IGNORED = ("~", ".orig", ".rej", ".swp", ".pyc")


def copy_path(kernel_path):
    """Where the copy of a kernel file lives in this repository."""
    for ours, theirs in PLACES:
        if kernel_path.startswith(theirs):
            return ours + kernel_path[len(theirs):]
    raise AssertionError("the last place takes all")


def kernel_path(copy):
    """The kernel file that a copy stands for."""
    for ours, theirs in PLACES:
        if copy.startswith(ours):
            return theirs + copy[len(ours):]
    raise AssertionError(f"{copy} is not a copy")


def list_copies():
    """The kernel paths of all copies there are."""
    found = []
    for ours, _ in PLACES:
        for folder, dirs, files in os.walk(TOP / ours):
            dirs[:] = sorted(d for d in dirs if d != "__pycache__")
            found += [kernel_path(os.path.relpath(os.path.join(folder, f), TOP))
                      for f in sorted(files) if not f.endswith(IGNORED)]
    return found


def drop_empty_dirs(path, stop):
    """Remove the directories that the removal of path has emptied."""
    folder = Path(path).parent
    while folder != Path(stop) and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent

#!/usr/bin/env python3
"""check-words: nothing of this machine, and no loose ends, in what is published.

usage: scripts/check-words.py

Looks at every text file of the repository (build/ and results/ aside) for
paths of this machine, names of its package mirrors, trailing blanks, missing
newlines at the end and conflict marks.  One fault a line.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from series_tools import common  # noqa: E402

SKIP = {".git", "build", "results", "__pycache__"}
PUBLIC = {"localhost"}


def local_paths():
    """Patterns of places that exist only here."""
    top = str(common.TOP.resolve())
    yield re.escape(top) + r"(?![\w-])"
    # A home may be as plain as root's: only what is below it tells.
    yield r"(?<![\w.$}-])" + re.escape(str(Path.home())) + r"/\.?\w"


def mirror_names():
    """The hosts that apt is set up to use here, but for the public ones."""
    try:
        done = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(SITE)"], text=True,
            capture_output=True, check=False)
    except FileNotFoundError:
        return set()
    hosts = {re.sub(r"^\w+://(?:[^/@]*@)?([^/:]+).*", r"\1", line)
             for line in done.stdout.split()}
    return {h for h in hosts if "." in h and h not in PUBLIC}


def files():
    for folder, dirs, names in os.walk(common.TOP):
        dirs[:] = sorted(d for d in dirs if d not in SKIP)
        for name in sorted(names):
            path = Path(folder) / name
            if not path.is_symlink() and not name.endswith((".orig", ".rej")):
                yield path


def rules():
    yield re.compile(r"/home/(?!user\b)[a-z]\w*/"), "a home directory"
    yield re.compile(r"^(<{7}|>{7}) ", re.M), "a conflict mark"
    for path in local_paths():
        yield re.compile(path), "a path of this machine"
    for host in mirror_names():
        yield re.compile(re.escape(host)), "a package mirror of this machine"


def lint(path, checks):
    name = path.relative_to(common.TOP)
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError):
        return              # an image or the like; or just gone
    for pattern, what in checks:
        for found in pattern.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{name}:{line}: {what}"
    if path.suffix != ".patch":     # there a blank is context
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip() and path.suffix not in (".log", ".md"):
                yield f"{name}:{number}: trailing blanks"
    if text and not text.endswith("\n") and path.suffix != ".log":
        yield f"{name}: no newline at the end"


def main(argv):
    if argv in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    checks, count, faults = list(rules()), 0, []
    for path in files():
        count += 1
        faults += lint(path, checks)
    print("\n".join(faults) if faults else f"{count} files")
    return 1 if faults or not count else 0


common.run_main(main)

# SPDX-License-Identifier: GPL-2.0
"""The work tree: a copy of the base with the series applied through quilt.

What we laid down is remembered in TREE/.execmem, so that an update changes
only what must change (make rebuilds no more than that) and an edit of the
user's is seen and never lost:

  base     which base it is: its path and stamp
  series   the patches applied, one a line
  index    mtime, size, mode and path of every file, as we left it
  laid     mode, sha256 and path of every file that the series touches
"""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import copies, states
from .common import BUILD, FULL, Fault, show, uninterrupted

OURS = {".pc", ".execmem", ".git", "__pycache__"}
OUTPUT = re.compile(r"o\.\S+$")         # build output: o.<arch>[.variant], at the top


def digest(state):
    """A state as text: "mode sha256", or "-" for no file."""
    if state is None:
        return "-"
    return f"{state[0]} {hashlib.sha256(state[1]).hexdigest()}"


def scan(top):
    """{path: (mtime, size, mode)} of all files that are not ours."""
    found, stack = {}, [""]
    while stack:
        folder = stack.pop()
        with os.scandir(os.path.join(top, folder)) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.name in OURS or path == "patches":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if folder or not OUTPUT.match(entry.name):
                        stack.append(path)
                    continue
                info = entry.stat(follow_symlinks=False)
                found[path] = (info.st_mtime_ns, info.st_size, info.st_mode)
    return found


def same_file(one, other):
    return states.read_state(one) == states.read_state(other)


class WorkTree:
    """The tree at path, and our memory of it."""

    def __init__(self, path):
        self.path = Path(path)
        self.memory = self.path / ".execmem"

    def exists(self):
        return (self.path / "Makefile").is_file()

    def lock(self):
        """Lock the tree until this process ends."""
        BUILD.mkdir(parents=True, exist_ok=True)
        self._lock = open(BUILD / f".{self.path.name}.lock", "w",
                          encoding="ascii")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def _read(self, name):
        try:
            return (self.memory / name).read_text("utf-8", "surrogateescape")
        except FileNotFoundError:
            return ""

    def _write(self, name, text):
        self.memory.mkdir(exist_ok=True)
        temp = self.memory / f"{name}.new"
        temp.write_text(text, "utf-8", "surrogateescape")
        temp.rename(self.memory / name)

    def laid(self):
        """{path: digest} of what the series made of the files it touches."""
        lines = (line.rsplit("\t", 1) for line in
                 self._read("laid").splitlines())
        return {path: mark for path, mark in lines}

    def index(self):
        found = {}
        for line in self._read("index").splitlines():
            mtime, size, mode, path = line.split(" ", 3)
            found[path] = (int(mtime), int(size), int(mode))
        return found

    def base_mark(self):
        return self._read("base")

    def applied(self):
        """The patches that quilt has applied in the tree now."""
        try:
            return (self.path / ".pc/applied-patches").read_text().split()
        except FileNotFoundError:
            return []

    def popped(self):
        """The patches we applied and the user has popped."""
        if (self.memory / "in-update").exists():
            return []       # it was interrupted: quilt knows the patches of either series
        applied = self.applied()
        return [p for p in self._read("series").split() if p not in applied]

    def registered(self):
        """{patch: files} that quilt was told of ("quilt add")."""
        found = {}
        for name in self.applied():
            top = self.path / ".pc" / name
            found[name] = [
                os.path.relpath(os.path.join(folder, f), top)
                for folder, _, files in os.walk(top) for f in files
                if not (Path(folder) == top and f == ".timestamp")]
        return found

    def state(self, path):
        return states.read_state(self.path / path)

    def edits(self, base, now=None, paths=()):
        """The files that differ from what we laid down, sorted: of those that
        are none of ours, the ones among paths.

        Only a file whose time, size or mode is not as we left it is read."""
        now = scan(self.path) if now is None else now
        index = self.index() or scan(base)
        laid = self.laid()
        maybe = [p for p in index if now.get(p) != index[p]]
        maybe += [p for files in self.registered().values() for p in files
                  if p not in index]
        maybe += [p for p in laid if p not in index]
        maybe += [p for p in paths if p in now and p not in index]
        return sorted({p for p in maybe if self._differs(p, laid, base)})

    def _differs(self, path, laid, base):
        if path in laid:
            return digest(self.state(path)) != laid[path]
        return self.state(path) != states.read_state(Path(base) / path)

    def begin_update(self):
        """See remember()."""
        self._write("in-update", "")

    def remember(self, mark, names, laid, index):
        self._write("laid", "".join(f"{p}\t{d}\n" for p, d in laid.items()))
        self._write("series", "".join(f"{n}\n" for n in names))
        self._write("index", "".join(
            f"{t} {s} {m} {p}\n" for p, (t, s, m) in index.items()))
        self._write("base", mark)
        (self.memory / "in-update").unlink(missing_ok=True)


def base_mark(base):
    """An identity of the base, which changes with its content."""
    stamp = Path(f"{base}.stamp")
    return f"{base}\n{stamp.read_text() if stamp.is_file() else ''}"


def copy_base(base, tree):
    """The first copy of the base; it appears under its name when complete."""
    found = scan(base)
    need, free = sum(size for _, size, _ in found.values()), shutil.disk_usage(tree.parent).free
    if need > free:
        raise Fault(f"{tree} needs {-(-need >> 20)} MB, {tree.parent} has {free >> 20} MB free: "
                    "free some, then run this again")
    temp = tree.with_name(f".{tree.name}.new")
    shutil.rmtree(temp, ignore_errors=True)
    start = time.monotonic()
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "cp", "-av", "--reflink=auto",
                           f"{base}/.", temp], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as copy:
        try:
            for done, line in enumerate(copy.stdout):
                if line.startswith("cp: "):     # it would say so for each file
                    break
                if done % 500 == 0:
                    show(f"copying the base: {done} of about {len(found)} files, "
                         f"{time.monotonic() - start:.0f} s")
            else:
                copy.wait()
        finally:
            copy.kill()
    if copy.returncode:
        shutil.rmtree(temp, ignore_errors=True)
        raise Fault(FULL if "No space left" in line else
                    f"cannot copy {base} to {tree}: {line.strip()}")
    temp.rename(tree)


def few(paths):
    """A list of files that fits on one line."""
    text = " ".join(paths[:3])
    return text + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def refuse_edits(tree, edits):
    """Stop for these, if there are any, before they are lost."""
    if edits:
        raise Fault(f"{tree.path.name} has edits that no patch holds: "
                    f"{few(edits)}; 'make refresh' folds them in, "
                    "FORCE=1 drops them")


class Update:
    """One update of the tree to base + patches, computed first, then done."""

    def __init__(self, tree, base, patches, scratch):
        self.tree, self.base, self.patches = tree, Path(base), patches
        self.scratch = Path(scratch)
        self.paths = states.touched(patches)
        states.lay_pushed(base, patches, scratch)

    def wanted(self, path):
        """The file that the tree's file must be like; it may not exist."""
        return (self.scratch if path in self._touched else self.base) / path

    @property
    def _touched(self):
        return self.__dict__.setdefault("_set", set(self.paths))

    def refuse(self, edits):
        """Stop for edits that the update would leave out of the series."""
        edits = [p for p in edits
                 if not same_file(self.tree.path / p, self.wanted(p))]
        refuse_edits(self.tree, edits)

    def moved_base(self):
        """Files to look at because the base itself is another one."""
        old = self.tree.base_mark()
        if old == base_mark(self.base):
            return []
        now, base = self.tree.index(), scan(self.base)
        return [p for p in {*now, *base} if now.get(p) != base.get(p)]

    def lay(self, edits):
        """Write what differs, nothing else; return the changed paths."""
        changed = []
        for path in dict.fromkeys([*self.paths, *self.tree.laid(), *edits,
                                   *self.moved_base()]):
            target, source = self.tree.path / path, self.wanted(path)
            if same_file(target, source):
                continue
            states.write_state(target, states.read_state(source))
            if not target.exists():
                copies.drop_empty_dirs(target, self.tree.path)
            changed.append(path)
        return changed

    def lay_quilt(self):
        """Give the tree quilt's own memory, so that quilt works in it."""
        keep = self.tree.registered()
        pc, new = self.tree.path / ".pc", self.scratch / ".pc"
        known = set(self.paths)
        for name, paths in keep.items():        # "quilt add", not edited yet
            for path in paths:
                if path in known or not (new / name).is_dir():
                    continue
                backup = new / name / path
                backup.parent.mkdir(parents=True, exist_ok=True)
                if (self.base / path).is_file():
                    shutil.copy2(self.base / path, backup)
                else:
                    backup.touch()
        if not new.is_dir():                    # an empty series
            new.mkdir()
            (new / ".version").write_text("2\n")
            (new / ".quilt_patches").write_text("patches\n")
            (new / ".quilt_series").write_text("series\n")
        ready = self.tree.memory / "pc"
        shutil.rmtree(ready, ignore_errors=True)
        shutil.copytree(new, ready, symlinks=True)
        for stamp in ready.rglob(".timestamp"):
            os.utime(stamp)     # not older than the files just written
        with uninterrupted():
            shutil.rmtree(pc, ignore_errors=True)
            ready.rename(pc)
        link = self.tree.path / "patches"
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(states.PATCHES, self.tree.path))

    def remember(self, now, changed):
        for path in changed:
            target = self.tree.path / path
            if target.is_symlink() or target.exists():
                info = target.lstat()
                now[path] = (info.st_mtime_ns, info.st_size, info.st_mode)
            else:
                now.pop(path, None)
        known = {*self._touched, *self.tree.index()}
        if not known - self._touched or \
                self.tree.base_mark() != base_mark(self.base):
            known |= set(scan(self.base))
        laid = {p: digest(self.tree.state(p)) for p in self.paths}
        self.tree.remember(
            base_mark(self.base), [p.name for p in self.patches], laid,
            {p: v for p, v in now.items() if p in known})


def sync(tree, base, patches, force=False):
    """Bring the tree to base + patches; returns the paths that changed."""
    tree.lock()
    for left in BUILD.glob(f".scratch.{tree.path.name}.*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix=f".scratch.{tree.path.name}.") as scratch:
        update = Update(tree, base, patches, scratch)   # may refuse the series
        if tree.path.is_dir() and not tree.exists():
            raise Fault(f"{tree.path} is not a kernel tree: remove it first")
        if not tree.exists():
            copy_base(base, tree.path)
        if tree.popped() and not force:
            raise Fault(f"patches are popped in {tree.path.name}: "
                        f"{few(tree.popped())}; 'quilt push -a' there first, "
                        "or FORCE=1")
        now = scan(tree.path)
        edits = tree.edits(base, now, update.paths)
        if not force:
            update.refuse(edits)
        tree.begin_update()
        changed = update.lay(edits)
        if patches or tree.applied():
            update.lay_quilt()
        update.remember(now, changed)
    return changed


# What editors, patch, make and its tools leave where they are called.
BY_TOOLS = re.compile(r"(~|\.(sw[op]|orig|rej|o|a|ko|mod|mod\.c|cmd|d|pyc))$"
                      r"|(^|/)(tags|TAGS|cscope\.[^/]*|modules\.order|Module\.symvers)$")


def leftovers(tree, base, now=None):
    """Files in the tree that neither the base nor a patch nor a tool has made."""
    known = {*tree.index(), *tree.laid()}
    for files in tree.registered().values():
        known.update(files)
    return sorted(p for p in (now or scan(tree.path))
                  if p not in known and not BY_TOOLS.search(p)
                  and not (Path(base) / p).exists())


if __name__ == "__main__":
    sys.exit("this is a library: see scripts/tree")

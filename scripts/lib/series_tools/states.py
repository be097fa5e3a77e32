# SPDX-License-Identifier: GPL-2.0
"""The touched files of the base before and after each patch of the series."""
import fcntl
import hashlib
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from . import common
from .common import PATCHES, Fault, uninterrupted
from .patchfile import series_names

# A file's state: (mode, bytes), or None where there is no such file.


def read_state(path):
    """The state of one file on disk; git knows two modes, so do we."""
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(info.st_mode):
        return ("120000", os.readlink(path).encode())
    if not stat.S_ISREG(info.st_mode):
        return None
    mode = "100755" if info.st_mode & 0o100 else "100644"
    return (mode, Path(path).read_bytes())


def text_state(text):
    """The state of a plain file with this text."""
    return ("100644", text.encode("utf-8"))


def write_beside(path, state):
    """A new file of that state beside the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = beside(path)
    new.unlink(missing_ok=True)
    if state[0] == "120000":
        new.symlink_to(state[1].decode())
    else:
        new.write_bytes(state[1])
        new.chmod(0o755 if state[0] == "100755" else 0o644)


def beside(path):
    """The name of a file until it is complete; editors name backups like this."""
    return path.with_name(f".{path.name}.new~")


def write_states(wanted):
    """Make files on disk be of these states, {path: state}.

    All are written before the first takes its place: a full disk changes nothing."""
    wanted = {Path(path): state for path, state in wanted.items()}
    try:
        for path, state in wanted.items():
            if state is not None:
                write_beside(path, state)
    except BaseException:
        for path in wanted:
            beside(path).unlink(missing_ok=True)
        raise
    with uninterrupted():
        for path, state in wanted.items():
            if state is None:
                path.unlink(missing_ok=True)
            else:
                beside(path).replace(path)


def write_state(path, state):
    """Make one file on disk be of that state."""
    write_states({path: state})


def lay_base(base, paths, dest):
    """Copy just these files of the base, as far as it has them."""
    for path in paths:
        source = Path(base) / path
        if source.is_symlink() or source.is_file():
            target = Path(dest) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def touched(patches):
    """Every path that some patch touches, in order, once."""
    return list(dict.fromkeys(p for patch in patches for p in patch.paths()))


def explain(patch, log):
    """One line out of patch's output: which file and hunk did not fit."""
    if "No space left on device" in log:
        return common.FULL
    name, lines = "?", log.splitlines()
    for i, line in enumerate(lines):
        if line.startswith("patching file "):
            name = line[len("patching file "):].strip("'")
        hunk = re.match(r"Hunk #(\d+) FAILED at (\d+)", line)
        if hunk:
            return (f"{patch} does not apply: {name}: hunk #{hunk[1]} "
                    f"(at line {hunk[2]})")
        if "can't find file to patch" in line:
            for text in lines[i:]:
                found = re.match(r"\|\+\+\+ (?:[^/\s]+/)?(\S+)", text)
                if found:
                    name = found[1]
            return f"{patch} does not apply: {name}: hunk #1 (no such file)"
        made = re.match(r"The next patch would (create|delete) the file (\S+?),"
                        r"?$", line.strip())
        if made:
            why = {"create": "already exists", "delete": "does not exist"}
            return (f"{patch} does not apply: {made[2]}: hunk #1 (the file "
                    f"{why[made[1]]})")
        if line.startswith("patch: **** "):
            return f"{patch} does not apply: {name}: {line[12:]}"
    last = next((x for x in reversed(lines) if x.strip()), "no output")
    return f"{patch} does not apply: {last}"


def apply_patch(patch, dest):
    """Apply one patch in dest as quilt does, at fuzz 0."""
    if not patch.changes:
        return
    done = subprocess.run(
        ["patch", "-p1", "--fuzz=0", "-f", "-E", "-r", "-",
         "--no-backup-if-mismatch", "-i", PATCHES / patch.name],
        cwd=dest, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=False)
    if done.returncode:
        raise Fault(explain(patch.name, done.stdout))


def walk_states(base, patches, dest, more=()):
    """Yield {path: state} of the base, then after each patch, in dest.

    Only touched files (and those in more) are looked at."""
    paths = list(dict.fromkeys([*touched(patches), *more]))
    lay_base(base, paths, dest)
    now = {path: read_state(Path(dest) / path) for path in paths}
    yield dict(now)
    for patch in patches:
        apply_patch(patch, dest)
        for path in patch.paths():
            now[path] = read_state(Path(dest) / path)
        yield dict(now)


def quilt(args, cwd):
    """Run quilt without ~/.quiltrc; scripts/lib/environment.sh removes QUILT_*."""
    return subprocess.run(["quilt", "--quiltrc", "-", *args], cwd=cwd, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def quilt_push_all(base, patches, dest):
    """quilt push -a at fuzz 0, with patches/ and series alone, on a copy of the touched
    files of the base in dest."""
    lay_base(base, touched(patches), dest)
    link = Path(dest) / "patches"
    if not link.is_symlink():
        link.symlink_to(PATCHES.resolve())
    if not patches:
        return
    if [patch.name for patch in patches] != series_names():
        pc = Path(dest) / ".pc"         # a series here has precedence
        pc.mkdir()
        for name, text in (("series", "".join(f"{p.name}\n" for p in patches)),
                           (".version", "2\n"), (".quilt_patches", "patches\n"),
                           (".quilt_series", "series\n")):
            (pc / name).write_text(text)
    done = quilt(["push", "-a", "--fuzz=0"], dest)
    if done.returncode:
        applying = re.findall(r"^Applying patch (?:patches/)?(\S+)$", done.stdout,
                              re.M)
        last = applying[-1] if applying else "series"
        log = done.stdout[done.stdout.rfind("Applying patch"):]
        raise Fault(common.in_lib_sh("unsupported", base).rstrip("\n") + explain(last, log))


def pushed_once(base, patches, run):
    """The folder in run where the series is pushed: by the first process that asks."""
    key = hashlib.sha256(f"{base}\n".encode())
    for patch in patches:
        key.update(f"{patch.name}\n{len(patch.text)}\n{patch.text}".encode())
    pushed = Path(run) / key.hexdigest()
    with open(Path(run) / "pushed.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not pushed.is_dir():
            new = Path(run) / "pushed.new"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            quilt_push_all(base, patches, new)
            new.rename(pushed)
    return pushed


def lay_pushed(base, patches, dest):
    """The touched files in dest, with the series pushed.

    scripts/check names a folder in EXECMEM_RUN: then its checks push once and copy."""
    run = os.environ.get("EXECMEM_RUN")
    if run:
        shutil.copytree(pushed_once(base, patches, run), dest, symlinks=True,
                        dirs_exist_ok=True)
    else:
        quilt_push_all(base, patches, dest)

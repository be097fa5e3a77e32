# SPDX-License-Identifier: GPL-2.0
"""Which patches do not apply to another kernel, and where their code is there."""
import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import patchfile, states

HUNK = re.compile(r"@@ -\S+ \+\S+ @@ ?(.*)")
NAME = re.compile(r"([a-z_]\w+)\(")
SOURCES = [f"--include={name}" for name in ("*.c", "*.h", "*.S", "Kconfig*", "Makefile", "Kbuild")]


@dataclass
class Hunk:
    """A hunk that does not apply."""
    patch: str
    path: str
    number: int
    reason: str
    function: str = ""
    gone: list = field(default_factory=list)    # lines that the file lacks


@dataclass
class Result:
    """One kernel: the patches that apply, the hunks that do not."""
    count: int = 0
    applied: int = 0
    overridden: int = 0
    added: int = 0
    left_out: int = 0
    failed: list = field(default_factory=list)


def hunks(diff):
    """[(head, old lines)] of the diff of one file."""
    found = []
    for line in diff.splitlines():
        head = HUNK.match(line)
        if head:
            found.append((head[1], []))
        elif found and line[:1] in (" ", "-"):
            found[-1][1].append(line[1:])
    return found


def run_patch(diff, path, state):
    """(state of the file after patch, numbers of the failed hunks)"""
    with tempfile.TemporaryDirectory() as folder:
        states.write_state(Path(folder) / path, state)
        done = subprocess.run(["patch", "-p1", "--fuzz=0", "-f", "-E", "-r", "-",
                               "--no-backup-if-mismatch"], cwd=folder, input=diff, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        failed = [int(n) for n in re.findall(r"(?m)^Hunk #(\d+) FAILED", done.stdout)]
        if done.returncode and not failed:
            failed = list(range(1, len(hunks(diff)) + 1))
        return states.read_state(Path(folder) / path), failed


def merge(old, new, other):
    """The file as a port would leave it: the change from old to new in other, and new where
    both changed."""
    if old is None or new is None or other is None:
        return new if other is not None or old is None else None
    with tempfile.TemporaryDirectory() as folder:
        for name, state in (("old", old), ("new", new), ("other", other)):
            (Path(folder) / name).write_bytes(state[1])
        done = subprocess.run(["git", "merge-file", "-p", "--theirs", "other", "old", "new"],
                              cwd=folder, stdout=subprocess.PIPE, check=True)
    return (other[0], done.stdout)


def explain(patch, diff, path, number, state):
    """The hunk that failed, with its reason."""
    head, old = hunks(diff)[number - 1]
    function = (NAME.search(head) or [None, ""])[1]
    if state is None:
        return Hunk(patch, path, number, "no such file", function, old)
    have = {line.strip() for line in state[1].decode(errors="replace").splitlines()}
    gone = [line for line in old if line.strip() and line.strip() not in have]
    reason = f"lacks '{gone[0].strip()}'" if gone else "has its lines, but not together"
    return Hunk(patch, path, number, reason, function, gone)


def apply_file(patch, diff, path, before, after, other):
    """(state of the file in the other kernel after this patch, the hunks that failed)"""
    if before == other:
        return after, []
    if before is None:
        return after, [Hunk(patch, path, 1, "the file exists already")]
    if other is None:
        failed = range(1, len(hunks(diff)) + 1)
    else:
        patched, failed = run_patch(diff, path, other)
        if not failed:
            return patched, []
    return (merge(before, after, other),
            [explain(patch, diff, path, number, other) for number in failed])


def apply_patch(patch, before, after, now):
    """({path: state} after this patch, the hunks that failed)"""
    states_after, failed = {}, []
    for path, diff in patchfile.file_diffs(patch).items():
        states_after[path], bad = apply_file(patch.name, diff, path, before[path], after[path],
                                             now[path])
        failed += bad
    return states_after, failed


def apply_newer(patch, base, now):
    """The same of a patch that only newer kernels get."""
    states_after, failed = {}, []
    for path, diff in patchfile.file_diffs(patch).items():
        old = now.get(path, states.read_state(Path(base) / path))
        states_after[path], bad = run_patch(diff, path, old)
        failed += [explain(patch.name, diff, path, number, old) for number in bad]
    return states_after, failed


def reference_rows(reference, patches):
    """The touched files of the kernel that the series is made for: the base's, then after
    each patch."""
    with tempfile.TemporaryDirectory() as folder:
        return list(states.walk_states(reference, patches, folder))


def compare(rows, base, patches):
    """The series on the base, with these rows of the reference.

    After a patch that does not apply, the files are as a port would leave them: a later
    patch fails only for a reason that it has itself."""
    overrides, steps = patchfile.overrides_for(base), dict(zip(
        [patch.name for patch in patches], zip(patches, rows, rows[1:])))
    names = patchfile.selected_names(base)
    result = Result(len(names), left_out=len({*steps} - {*names}))
    now = {path: states.read_state(Path(base) / path) for path in rows[0]}
    for name in names:
        override = overrides.get(name)
        if name in steps:
            wanted, failed = apply_patch(*steps[name], now)
        else:
            wanted, failed = apply_newer(patchfile.read_patch(name), base, now)
        if override and not failed:
            failed = [Hunk(override, name, 1, "needless: this patch applies")]
        elif override:
            wanted, failed = apply_newer(patchfile.read_patch(override), base, now)
        now.update(wanted)
        result.applied += not failed
        result.overridden += bool(override and not failed)
        result.added += name not in steps
        result.failed += failed
    return result


def places(base, folders, lines):
    """{line: [(file, number)]} of those lines in the kernel's sources."""
    found = {}
    if not lines:
        return found
    done = subprocess.run(["grep", "-rnFf", "-", *SOURCES, *folders], cwd=base,
                          input="\n".join(lines).encode(), stdout=subprocess.PIPE, check=False)
    for row in done.stdout.decode(errors="replace").splitlines():
        path, number, text = row.split(":", 2)
        if text.strip() in lines:
            found.setdefault(text.strip(), []).append((path, int(number)))
    return found


def functions(text, names="\\w+"):
    """The functions that a source defines."""
    return {found[1] for found in re.finditer(rf"(?m)^[a-zA-Z_].*?\b({names})\([^;\n]*$", text)}


def text_at(base, path):
    state = states.read_state(Path(base) / path)
    return state[1].decode(errors="replace") if state else ""


def definitions(base, folders, names):
    """{function: [FILE:LINE of its definitions]}"""
    found = {}
    if not names:
        return found
    names = "|".join(sorted(names))
    done = subprocess.run(["grep", "-rnE", *SOURCES, rf"^[a-zA-Z_].*\b({names})\([^;]*$", *folders],
                          cwd=base, stdout=subprocess.PIPE, check=False)
    for row in done.stdout.decode(errors="replace").splitlines():
        path, number, text = row.split(":", 2)
        for name in functions(text, names):
            found.setdefault(name, []).append(f"{path}:{number}")
    return found


def related(path, other):
    """Whether code can move there: not to another architecture."""
    arch = other.split("/")[1] if other.startswith("arch/") else None
    return not arch or path.startswith(f"arch/{arch}/")


def best_place(path, lines, found):
    """FILE:LINE (how many) of the other file that has most of the lines, or ""."""
    files = Counter(p for line in lines for p in {p for p, _ in found.get(line, ())}
                    if p != path and related(path, p) and len({p for p, _ in found[line]}) < 4)
    if not files or files.most_common(1)[0][1] < 2:
        return ""
    best, count = files.most_common(1)[0]
    first = min(n for line in lines for p, n in found.get(line, ()) if p == best)
    return f"{best}:{first} ({count} of {len(lines)} lines)"


def file_of(place):
    return place.partition(":")[0]


def moved(reference, base, failed):
    """[(place in the reference, place in the base)] of the code in these hunks that is no
    longer in its file."""
    folders = sorted(x.name for x in Path(base).iterdir()
                     if x.is_dir() and x.name not in ("drivers", "sound"))
    code = {}
    for hunk in failed:
        # Short lines and comments are in many files.
        code.setdefault((hunk.path, hunk.function), set()).update(
            line.strip() for line in hunk.gone
            if len(line.strip()) > 15 and not re.match(r"/?\*", line.strip()))
    lost = {(path, name) for path, name in code if name and name in
            functions(text_at(reference, path)) - functions(text_at(base, path))}
    names = {name for _, name in lost}
    then, now = definitions(reference, folders, names), definitions(base, folders, names)
    found = places(base, folders, set().union(*code.values()))
    table = []
    for (path, name), lines in code.items():
        place = best_place(path, lines, found)
        if (path, name) in lost:
            old = {file_of(x) for x in then.get(name, ())}
            new = [x for x in now.get(name, ()) if related(path, x) and file_of(x) not in old]
            place = new[0] if new else place or "gone"
        if not place and (Path(reference) / path).exists() and not (Path(base) / path).exists():
            place = "gone"
        if place == "gone" and not (Path(base) / path).exists():
            name = ""
        if place:
            table.append((f"{path}: {name}()" if name else path, place))
    return list(dict.fromkeys(table))

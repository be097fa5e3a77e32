# SPDX-License-Identifier: GPL-2.0
"""Coccinelle: run a semantic patch on some files, and know that it has run."""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .common import Fault

FINDING = re.compile(r"^(\S+?):(\d+):(\d+)-\d+: (.*)$")


def field(cocci, name):
    """A field in the head of a semantic patch, such as 'Options'."""
    found = re.search(rf"(?m)^// {name}: *(.*)$", Path(cocci).read_text())
    return found.group(1) if found else ""


def modes(cocci):
    """The modes it offers: report, patch, ..."""
    text = Path(cocci).read_text()
    return re.findall(r"\w+", " ".join(re.findall(r"(?m)^virtual (.*)$", text)))


def version():
    try:
        done = subprocess.run(["spatch", "--version"], text=True, check=True,
                              capture_output=True)
        return re.search(r"version (\d[\d.]*)", done.stdout).group(1)
    except (OSError, subprocess.CalledProcessError, AttributeError):
        raise Fault("spatch does not run: run 'make setup'") from None


def is_too_new(cocci):
    """Does it require a newer spatch than this one?"""
    def numbers(text):
        return [int(n) for n in re.findall(r"\d+", text)]
    return numbers(field(cocci, "Requires")) > numbers(version())


def needs_ocaml(cocci):
    """Has it scripts in OCaml, which not every spatch can run?"""
    return re.search(r"(?m)^@.*\bocaml\b.*@", Path(cocci).read_text()) is not None


def lay(files, top, folder):
    """Copies of the files; one from elsewhere goes to the folder itself."""
    for path in files:
        place = folder / (Path(path).name if Path(path).is_absolute() else path)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(top) / path, place)


def run(cocci, files, top, mode="report"):
    """The output of spatch for these files, which are relative to top.

    It reads them in a folder of their own: it takes those that are named on its
    command line for one program, which is slow, and hides faults."""
    show = [] if mode in ("patch", "context") else ["--no-show-diff"]
    with tempfile.TemporaryDirectory() as name:
        lay(files, top, Path(name))
        done = subprocess.run(
            ["nice", "spatch", "-D", mode, "--very-quiet", *show, "--cocci-file",
             cocci, *field(cocci, "Options").split(), "--patch", ".", "--dir", "."],
            cwd=name, text=True, capture_output=True, check=False)
    if done.returncode or "EXN" in done.stderr:
        raise Fault(f"spatch did not run {Path(cocci).name}: " +
                    (done.stderr.strip().splitlines() or ["?"])[-1])
    return done.stdout


def not_understood(top, files):
    """(lines that it passes over in silence, all lines that it looks at)"""
    bad = whole = 0
    for path in files:
        done = subprocess.run(["spatch", "--parse-c", path], cwd=top, text=True,
                              capture_output=True, check=False)
        good = re.search(r"nb good = (\d+), +nb bad = (\d+)", done.stdout + done.stderr)
        if not good:
            raise Fault(f"spatch --parse-c does not say what it understands of {path}")
        bad += int(good.group(2))
        whole += int(good.group(1)) + int(good.group(2))
    return bad, whole


def findings(text):
    """(file, line, what) of each line of a report; other lines are skipped."""
    found = {(m.group(1).removeprefix("./"), int(m.group(2)), m.group(4))
             for m in map(FINDING.match, text.splitlines()) if m}
    return sorted(found)


def report(cocci, files, top):
    return findings(run(cocci, files, top)) if files else []

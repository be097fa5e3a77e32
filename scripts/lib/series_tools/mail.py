# SPDX-License-Identifier: GPL-2.0
"""Write patches as mails: our own generator, because quilt's refresh drops
git's mode lines, and because two runs must give the same bytes."""
import subprocess
from pathlib import Path

from .common import Fault, plain_git_env

SETTINGS = ["-c", "core.abbrev=12", "-c", "diff.algorithm=myers",
            "-c", "core.quotePath=false", "-c", "core.autocrlf=false",
            "-c", "core.attributesFile=/dev/null", "-c", "gc.auto=0"]


class Differ:
    """Turns a row of states into diffs, by way of trees in a bare repository."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self._git("init", "-q", "--bare")

    def _git(self, *args, data=None):
        done = subprocess.run(["git", *SETTINGS, *args], cwd=self.folder,
                              input=data, capture_output=True, check=False,
                              env=dict(plain_git_env(), GIT_DIR="."))
        if done.returncode:
            raise Fault(f"git {args[0]}: {done.stderr.decode().strip()}")
        return done.stdout

    def tree(self, files):
        """The name of a git tree that holds {path: state}."""
        lines = b""
        for path, state in files.items():
            if state is not None:
                blob = self._git("hash-object", "-w", "--stdin",
                                 "--no-filters", data=state[1]).decode().strip()
                lines += f"{state[0]} {blob}\t{path}\n".encode()
        self._git("read-tree", "--empty")
        self._git("update-index", "--index-info", data=lines)
        return self._git("write-tree").decode().strip()

    def diff(self, old, new):
        """(diffstat with summary, diff) between two trees."""
        common = ["diff-tree", "-r", "--no-renames", "--no-color",
                  "--no-ext-diff", "--no-textconv"]
        stat = self._git(*common, "--stat=72", "--summary", old, new)
        text = self._git(*common, "-p", "--unified=3", old, new)
        return stat.decode(), text.decode("utf-8")


def template(name):
    """The message of a patch that has none yet; the lint asks for the rest."""
    subject = name.rsplit("/")[-1].removesuffix(".patch").replace("-", " ")
    return f"Subject: [PATCH] {subject or name}\n\n"


def compose(patch, stat, diff):
    """The whole mail: the message, then the diffstat and diff of git."""
    message = patch.message.rstrip("\n")
    if not message:
        message = template(patch.name).rstrip("\n")
    if not diff:
        return message + "\n"
    return f"{message}\n---\n{stat}\n{diff}"


def regenerate(patches, rows, folder):
    """{name: text} for rows of states: the base's, then after each patch."""
    differ, texts = Differ(folder), {}
    old_row, old = None, None
    for number, row in enumerate(rows):
        if row != old_row:
            new = differ.tree(row)
        else:
            new = old
        if number:
            patch = patches[number - 1]
            stat, diff = ("", "") if new == old else differ.diff(old, new)
            texts[patch.name] = compose(patch, stat, diff)
        old_row, old = row, new
    return texts

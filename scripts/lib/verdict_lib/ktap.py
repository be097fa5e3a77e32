# SPDX-License-Identifier: GPL-2.0
"""Read KTAP (and TAP 13/14) from lines that may hold other messages too."""
import re
from dataclasses import dataclass, field

VERSION = re.compile(r"^(K?TAP) version \d+$")
PLAN = re.compile(r"^1\.\.(\d+)(?:\s+#\s*SKIP\s*(.*))?$", re.I)
RESULT = re.compile(r"^(ok|not ok) (\d+)(?: -)?(?: ([^#]*?))?(?:\s*#\s*(.*))?$")
SUBTEST = re.compile(r"^# Subtest: (.+)$")
SKIP = re.compile(r"^SKIP\b[:\s]*(.*)$", re.I)


@dataclass
class Case:
    name: str
    status: str         # passed, failed or skipped
    note: str = ""
    # A result above others, of which these are the parts.
    parts: list = field(default_factory=list)


@dataclass
class Block:
    """One stream of results: a version line, a plan, the results."""
    indent: int
    name: str = ""
    plan: int = None
    skip: str = None
    disorder: str = None        # the first result that was out of order
    cases: list = field(default_factory=list)

    def problems(self, depth):
        where = f" of {self.name}" if self.name else ""
        done = len(self.cases)
        if self.plan is None:
            # KUnit plans its suites, but not the parameters of one test.
            return [] if depth > 1 and done else [f"no plan{where}"]
        if done != self.plan:
            return [f"plan{where} says {self.plan} results, there are {done}"]
        return []


@dataclass
class Stream:
    cases: list
    problems: list
    found: bool = True
    skip: str = None


class Reader:
    def __init__(self):
        self.tops = []          # finished and unfinished top-level blocks
        self.stack = []         # the open blocks, outermost first
        self.problems = []

    def version(self, indent):
        while self.stack and self.stack[-1].indent >= indent:
            lost = self.stack.pop()
            if self.stack:
                self.problems.append(f"no result for subtest {lost.name or '?'}")
        block = Block(indent)
        if not self.stack:
            self.tops.append(block)
        self.stack.append(block)

    def at(self, indent):
        """The open block with this indentation."""
        for block in self.stack:
            if block.indent == indent:
                return block
        return None

    def plan(self, indent, match):
        block = self.at(indent)
        if not block:
            return
        if block.plan is not None:
            self.problems.append("second plan")
        block.plan = int(match.group(1))
        block.skip = match.group(2)

    def close_parts(self, block):
        """Results further in are the parts of the one that follows them."""
        parts = []
        while self.stack[-1] is not block:
            inner = self.stack.pop()
            self.problems += inner.problems(len(self.stack))
            parts = inner.cases
        return parts

    def result(self, indent, match):
        block = self.at(indent)
        if not block:
            return
        parts = self.close_parts(block)
        ok, number, name, remark = match.groups()
        due = len(block.cases) + 1
        if int(number) != due and not block.disorder:
            block.disorder = f"result {number} where {due} was due"
            self.problems.append(block.disorder)
        skip = SKIP.match(remark or "")
        if ok == "not ok":
            status, note = "failed", remark or ""
        elif skip:
            status, note = "skipped", skip.group(1) or "no reason given"
        else:
            status, note = "passed", ""
        block.cases.append(Case((name or "").strip() or f"case {number}",
                                status, note, parts))

    def line(self, text):
        body = text.lstrip(" ")
        indent = len(text) - len(body)
        if VERSION.match(body):
            self.version(indent)
        elif match := PLAN.match(body):
            self.plan(indent, match)
        elif match := RESULT.match(body):
            self.result(indent, match)
        elif (match := SUBTEST.match(body)) and self.at(indent):
            self.at(indent).name = match.group(1)
        elif body.startswith("Bail out!"):
            self.problems.append(body)

    def stream(self):
        problems = list(self.problems)
        for block in self.tops:
            problems += block.problems(0)
        for block in self.stack[1:]:
            problems.append(f"no result for subtest {block.name or '?'}")
        cases = [case for block in self.tops for case in block.cases]
        skip = next((b.skip for b in self.tops if b.skip is not None), None)
        return Stream(cases, problems, bool(self.tops), skip)


def read(lines):
    reader = Reader()
    for text in lines:
        reader.line(text)
    return reader.stream()


def flatten(cases, prefix=""):
    """The leaves, named by their path.  A result that fails although all of
    its parts are well is a leaf of its own."""
    leaves = []
    for case in cases:
        path = prefix + case.name
        parts = flatten(case.parts, path + "/")
        leaves += parts
        blamed = any(part.status == "failed" for part in parts)
        if not parts or (case.status == "failed" and not blamed):
            leaves.append(Case(path, case.status, case.note))
    return leaves

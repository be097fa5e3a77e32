# SPDX-License-Identifier: GPL-2.0
"""A serial log, cut into lines and phases, and searched for splats."""
import re
from dataclasses import dataclass, field

GUEST = "guest| "
TIMESTAMP = re.compile(r"^\[ *(\d+\.\d+)\](?:\[ *[TC]\d+\])? ?")

# The first line of each kind of report that the kernel prints when something is wrong.
# Advice may begin with "WARNING:" too ("Speculative Return Stack Overflow: WARNING: See
# https://..."), so a warning counts only where one of the kernel's reports has it.
FORMATS = {
    "warn": r"^WARNING: (CPU: \d+ PID: \d+|\S+:\d+) at ",
    "cut here": r"^-+\[ cut here \]-+$",
    "lockdep": r"^WARNING: (possible |inconsistent lock state|bad (unlock|contention)"
               r"|held lock freed|lock held when|suspicious RCU usage|Nested lock"
               r"|chain_key collision|\S+ still has locks held|\S+-safe -> \S+-unsafe )",
    "unwinder": r"^WARNING: (WARNING: )?(stack recursion|kernel stack |bad lookup"
                r"|Bad or missing \.orc|Corrupt \.orc|can't access |missing \w+ value"
                r"|unknown (SP|BP) base|unknown \.orc|stack going in the wrong)",
    "bug": r"\bBUG: ",
    "slub": r"^BUG \S+ \(.*\): ",
    "bug at": r"\bkernel BUG at ",
    "oops": r"\bOops\b",
    "die": r"\[#\d+\]( |$)",
    "internal error": r"^Internal error: ",
    "fault": r"^(Unable to handle |kernel tried to execute NX-protected page)",
    "protection fault": r"\bgeneral protection fault\b",
    "exception": r"^(Unhandled .* exception on CPU|SError Interrupt on CPU|Bad mode in "
                 r"|PANIC: double fault|Insufficient stack space to handle exception)",
    "panic": r"^Kernel panic - not syncing",
    "trace": r"^Call [Tt]race:",
    "rcu": r"\bINFO: \S+ (detected|self-detected) (expedited )?stall"
           r"|\bkthread starved for ",
    "sanitizer": r"\b(KASAN|KFENCE|KCSAN|KMSAN|UBSAN): ",
    "kmemleak": r"^kmemleak: \d+ new suspected ",
    "W+X": r"\binsecure W\+X mapping|\bChecked W\+X mappings: (?!passed)|BIOS W\+X mapping",
    "hung task": r"^INFO: task .* blocked for more than \d+ seconds",
    "hard lockup": r"\bhard LOCKUP on cpu ",
    "lockdep key": r"^INFO: trying to register non-static key",
    "msr": r"^unchecked MSR access error: ",
    "ftrace": r"^-+\[ ftrace bug \]-+$",
}
SPLAT = re.compile("|".join(f"(?:{format})" for format in FORMATS.values()))

DROPPED = re.compile(r"\*\* \d+ printk messages dropped \*\*")


@dataclass
class Line:
    text: str
    time: float = None
    guest: bool = False


@dataclass
class TestLog:
    """The output from the "begin" line of a test to its result."""
    number: int
    name: str
    kernel: list = field(default_factory=list)
    output: list = field(default_factory=list)
    result: str = None
    ok: bool = None
    remark: str = ""
    seconds: float = None


@dataclass
class Log:
    empty: bool = True
    cut: str = None             # the last line, when it has no end
    boot: list = field(default_factory=list)
    rest: list = field(default_factory=list)    # outside of boot and tests
    tests: dict = field(default_factory=dict)
    plan: int = None
    started: float = None       # when the guest began its list
    ended: bool = False
    dropped: bool = False


def parse_line(raw):
    raw = raw.rstrip("\r")
    match = TIMESTAMP.match(raw)
    time = float(match.group(1)) if match else None
    text = raw[match.end():] if match else raw
    if time is not None and text.startswith(GUEST):
        return Line(text[len(GUEST):], time, True)
    return Line(text, time)


def split_lines(data):
    """Whole lines, and what is left of one that was cut short."""
    text = data.decode("utf-8", "replace")
    whole, _, cut = text.rpartition("\n")
    lines = [parse_line(raw) for raw in whole.split("\n")] if whole else []
    return lines, cut


RESULT = re.compile(r"^(ok|not ok) (\d+) (\S+)(?: # (.*))?$")
BEGIN = re.compile(r"^# begin (\d+) (\S+)$")
TOOK = re.compile(r"^# took (\d+\.\d+)$")
PLAN = re.compile(r"^1\.\.(\d+)$")


class Splitter:
    """Hands each line to the phase that it belongs to."""

    def __init__(self):
        self.log = Log()
        self.current = None     # the test that is running
        self.last = None        # the test that ran last

    def kernel_line(self, text):
        log = self.log
        if DROPPED.search(text):
            log.dropped = True
        if self.current:
            self.current.kernel.append(text)
        elif log.started is None:
            log.boot.append(text)
        else:
            log.rest.append(text)

    def begin(self, number, name):
        self.current = self.last = TestLog(number, name)
        self.log.tests[name] = self.current

    def result(self, match):
        ok, number, name, remark = match.groups()
        test = self.current
        if not test or (test.number, test.name) != (int(number), name):
            self.log.rest.append(f"stray result of the guest: {match.group()}")
            return
        test.ok, test.remark = ok == "ok", remark or ""
        self.current = None

    def guest_line(self, line):
        log, text = self.log, line.text
        if text == "KTAP version 1" and log.started is None:
            log.started = line.time
        elif text.startswith("    "):
            if self.current:
                self.current.output.append(text[4:])
        elif match := PLAN.match(text):
            log.plan = int(match.group(1))
        elif match := BEGIN.match(text):
            self.begin(int(match.group(1)), match.group(2))
        elif match := RESULT.match(text):
            self.result(match)
        elif (match := TOOK.match(text)) and self.last:
            self.last.seconds = float(match.group(1))
        elif text == "# end":
            log.ended = True


def read(data):
    """Parse a serial log, given as bytes."""
    splitter = Splitter()
    lines, cut = split_lines(data)
    for line in lines:
        if line.guest:
            splitter.guest_line(line)
        else:
            splitter.kernel_line(line.text)
    log = splitter.log
    log.empty = not data.strip()
    log.cut = cut.strip() or None
    # Half a line proves nothing, but half a splat is still a splat.
    if log.cut:
        line = parse_line(cut)
        if not line.guest:
            splitter.kernel_line(line.text)
    return log


PLACE = re.compile(r" at (?:\S+:\d+ )?([A-Za-z_]\w*)\+0x|kernel BUG at (\S+):\d+")
LONGEST_REPORT = 100            # lines, when its end is not marked


class Splat:
    """One report of the kernel, from its first line to its end."""

    def __init__(self, text):
        self.lines = [text]

    @property
    def note(self):
        """The line that says most."""
        return next((line for line in self.lines if "cut here" not in line),
                    self.lines[0])

    @property
    def name(self):
        """The same for the same complaint of another boot: the function it is
        about, or else the words without the numbers."""
        for line in self.lines:
            if match := PLACE.search(line):
                return f"splat in {match.group(1) or match.group(2)}"
        words = re.sub(r"\b(0x)?[0-9a-f]*\d[0-9a-f]*\b", "N", self.note)
        return "splat " + re.sub(r"[^\w+: ]+", " ", words).strip()[:70]


def splats(lines):
    """The reports in these lines.  What follows within one (its call trace)
    belongs to it."""
    found, left = [], 0
    for line in lines:
        text = line.strip()
        left -= 1
        opens = "cut here" in text
        if SPLAT.search(text):
            if opens or left <= 0:
                found.append(Splat(text))
                left = LONGEST_REPORT
            else:
                found[-1].lines.append(text)
        if "---[ end " in text:
            left = 0
    return found

# SPDX-License-Identifier: GPL-2.0
"""From the log, the list of tests and the end of QEMU to a verdict."""
import re
from dataclasses import dataclass, field

from . import known as known_list
from . import ktap, log as serial, skips as skip_list

NOT_STARTED = "not started"


@dataclass
class Test:
    """One line of the list of tests, or the boot or the end of the guest.

    It fails by a case that fails, or by a problem of its own."""
    name: str
    kind: str
    args: str = ""
    started: bool = False
    seconds: float = None
    skip: str = None
    cases: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    counts: dict = field(default_factory=dict)
    known: str = None           # why stock fails it too
    note: str = ""

    def failures(self):
        return [c for c in self.cases if c.status == "failed"]

    @property
    def status(self):
        if not self.started:
            return NOT_STARTED
        if self.failures():
            return "failed"
        if self.problems:
            return "known" if self.known else "failed"
        if self.skip is not None:
            return "skipped"
        if self.cases and all(c.status == "skipped" for c in self.cases):
            return "skipped"
        return "passed"

    def own_result(self):
        """How the test itself counts, beside its cases: or None."""
        if not self.started:
            return "failed"
        if self.problems:
            return "skipped" if self.known else "failed"
        if self.cases:
            return None
        return "skipped" if self.skip is not None else "passed"


def read_tests(lines):
    tests = []
    for line in lines:
        words = line.split(None, 3)
        if not words or words[0].startswith("#"):
            continue
        if len(words) < 3:
            raise ValueError(f"list of tests: not 'KIND NAME TIMEOUT ...': "
                             f"{line.strip()}")
        tests.append(Test(words[1], words[0],
                          words[3].strip() if len(words) > 3 else ""))
    return tests


def take_splats(test, lines):
    """Each complaint of the kernel's is a case of its own that failed, but the
    fault that was provoked."""
    for splat in serial.splats(lines):
        if test.kind == "provoke" and FAULT.search(splat.lines[0]):
            continue
        if splat.name not in [c.name for c in test.cases]:
            test.cases.append(ktap.Case(splat.name, "failed", splat.note))


# --- tests before the guest's init, judged from kernel messages ---

def boot_wx(test, lines):
    checks = [line for line in lines if "Checked W+X mappings" in line]
    test.started = bool(checks)
    test.problems += [c.strip() for c in checks if "passed" not in c]


TRACER = re.compile(r"Testing (?!event )([^:]+): ?(.*)$")


def boot_ftrace(test, lines):
    """"Testing NAME: ", perhaps messages in between, then PASSED or OK."""
    case = None
    for line in lines:
        if match := TRACER.search(line):
            case = ktap.Case(match.group(1), "failed", "no result")
            test.cases.append(case)
            line = match.group(2)
        if not case:
            continue
        if re.search(r"\bFAILED\b|\*\* FAILED", line):
            case.note, case = line.strip(), None
        elif re.search(r"\b(PASSED|OK)$", line.rstrip()):
            case.status, case.note, case = "passed", "", None
    test.started = any(c.name == "tracer function" for c in test.cases)


def boot_kunit(test, lines):
    take_ktap(test, ktap.read(lines))
    test.started = bool(test.cases or test.problems)


def boot_early_tracer(test, lines):
    """"ftrace=function": it needs text before there is much else."""
    test.started = any("Starting tracer 'function'" in line for line in lines)


def boot_message(test, lines):
    """Any other name: some message has the words behind it."""
    test.started = bool(test.args)
    if not any(test.args in line for line in lines):
        test.problems.append(f"no message: {test.args}")


BOOT_JUDGES = {"wx": boot_wx, "ftrace": boot_ftrace, "kunit": boot_kunit,
               "early_tracer": boot_early_tracer}


# --- modules that do not print KTAP ---

BPF_SUMMARY = re.compile(
    r"test_bpf: (?:(\w+): )?Summary: (\d+) PASSED, (\d+) FAILED"
    r"(?:, \[(\d+)/(\d+) JIT'ed\])?")
BPF_SUITES = ("test_bpf", "test_tail_calls", "test_skb_segment")


def bpf_cases(test, name, passed, failed, jited, run):
    """A JIT that leaves programs to the interpreter is a case that failed beside the
    results, because it fails on stock where the JIT is not complete."""
    case = ktap.Case(name, "passed")
    test.counts[name] = {"passed": passed, "failed": failed}
    if failed or not passed:
        case.status, case.note = "failed", f"{passed} passed, {failed} failed"
    if run is None:
        return [case]
    test.counts[name].update(jited=jited, run=run)
    if jited == run:
        return [case]
    return [case, ktap.Case(f"{name} JITed", "failed", f"only {jited} of {run} JITed")]


def judge_test_bpf(test, lines):
    seen = {}
    for line in lines:
        if match := BPF_SUMMARY.search(line):
            name = match.group(1) or "test_bpf"
            numbers = [int(n) if n else None for n in match.groups()[1:]]
            seen[name] = bpf_cases(test, name, *numbers)
    test.cases += [case for cases in seen.values() for case in cases]
    test.problems += [f"no summary of {suite}" for suite in BPF_SUITES
                      if suite not in seen]


MODULE_JUDGES = {"test_bpf": judge_test_bpf}


# --- tests that the guest's init runs ---

def take_ktap(test, stream):
    test.cases += ktap.flatten(stream.cases)
    test.problems += stream.problems
    if stream.skip is not None and not stream.cases:
        test.skip = stream.skip or "no reason given"


def comments(lines):
    return "; ".join(l[2:] for l in lines if l.startswith("# "))[:200]


def judge_module(test, record):
    special = MODULE_JUDGES.get(test.args.split()[0] if test.args else "")
    if special:
        special(test, record.kernel)
        return
    stream = ktap.read(record.kernel)
    if stream.found:
        take_ktap(test, stream)


def judge_run(test, record):
    stream = ktap.read(record.output)
    if not stream.found and not is_skip(record):
        test.problems.append("printed no TAP")
        return
    take_ktap(test, stream)


def judge_by_guest(test, record):
    del test, record            # the guest's own result says it all


# How each architecture begins to report an access that the page tables forbid.
FAULT = re.compile(r"BUG: unable to handle page fault|BUG: kernel NULL pointer"
                   r"|kernel tried to execute NX-protected page"
                   r"|Unable to handle kernel|Unable to handle paging request")


def judge_provoke(test, record):
    """LKDTM says FAIL when what it tried did not fault."""
    tried = [line for line in record.kernel if "lkdtm: attempting" in line]
    if not tried:
        test.problems.append("nothing was attempted")
    elif not any(FAULT.search(line) for line in record.kernel):
        test.problems.append("no fault")
    test.problems += [line for line in record.kernel if "lkdtm: FAIL" in line][:1]


GUEST_JUDGES = {"module": judge_module, "run": judge_run, "wx": judge_by_guest,
                "file": judge_by_guest, "provoke": judge_provoke}


def is_skip(record):
    return bool(record.ok and record.remark.startswith("SKIP"))


def judge_guest_test(test, log):
    record = log.tests.get(test.name)
    if not record:
        return
    test.started, test.seconds = True, record.seconds
    if test.kind not in GUEST_JUDGES:
        test.problems.append(f"unknown kind {test.kind}")
        return
    GUEST_JUDGES[test.kind](test, record)
    if record.ok is None:
        # Then the lines of KTAP that are missing are no news.
        test.problems = ["did not end"]
    elif not record.ok and not test.failures():
        test.problems.append(record.remark or "failed")
    if is_skip(record) and not test.cases and test.skip is None:
        test.skip = comments(record.output) or record.remark[5:]
    if not record.ok:
        test.note = comments(record.output)
    take_splats(test, record.kernel)


# --- the guest as a whole ---

def qemu_problems(qemu):
    if qemu is None:
        return ["nobody recorded how QEMU ended"]
    if qemu.get("killed"):
        return [f"QEMU was killed: it {qemu['killed']}"]
    if qemu["exit"] != 0:
        return [f"QEMU ended with status {qemu['exit']}"]
    return []


def judge_boot(log, qemu):
    test = Test("boot", "guest", started=not log.empty, seconds=log.started)
    if log.empty:
        test.note = "; ".join(["the console stayed empty", *qemu_problems(qemu)])
        return test
    if log.started is None:
        test.problems.append("the guest's list of tests was not reached")
        test.problems += qemu_problems(qemu)
        said = [line for line in log.boot if line.strip()]
        test.problems += [f"the last line: {line}" for line in said[-1:]]
    take_splats(test, log.boot)
    return test


def judge_end(log, qemu, tests):
    test = Test("end", "guest", started=log.started is not None)
    expected = sum(t.kind != "boot" for t in tests)
    if not test.started:
        return test
    if log.plan is None:
        test.problems.append("the guest printed no plan")
    elif log.plan != expected:
        test.problems.append(f"the guest planned {log.plan} tests, not {expected}")
    if not log.ended:
        test.problems.append("the guest did not come to its end")
    if log.cut:
        test.problems.append(f"the log is cut off at: {log.cut[:60]}")
    if log.dropped:
        test.problems.append("the console lost messages")
    take_splats(test, log.rest)
    strays = [line for line in log.rest if line.startswith("stray result")]
    test.problems += strays[:1] + qemu_problems(qemu)
    return test


def apply_known(test, known, now_well):
    """A known failure counts as skipped; one that is well again is told."""
    reason = known.get(known_list.key(test.name))
    if reason and test.started and test.problems:
        test.known = reason
    elif reason and test.status == "passed":
        now_well.append(test.name)
    for case in test.cases:
        name = f"{test.name}/{case.name}"
        reason = known.get(known_list.key(name))
        if not reason:
            continue
        if case.status == "failed":
            case.status, case.note = "known", reason
        elif case.status == "passed":
            now_well.append(name)


@dataclass
class Verdict:
    arch: str
    tests: list
    qemu: dict
    now_well: list
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def count(self):
        status = []
        for test in self.tests:
            status.append(test.own_result())
            status += [c.status for c in test.cases]
        self.passed = status.count("passed")
        self.failed = status.count("failed")
        self.skipped = status.count("skipped") + status.count("known")

    def totals(self):
        return (f"{self.passed} passed, {self.failed} failed, "
                f"{self.skipped} skipped")


def judge(arch, data, tests, qemu, known, skips=None):
    """The verdict on one run.  Every test starts as not started.  Without skips, any may be
    skipped."""
    log = serial.read(data)
    for test in tests:
        if test.kind == "boot":
            BOOT_JUDGES.get(test.name, boot_message)(test, log.boot)
        else:
            judge_guest_test(test, log)
    tests = [judge_boot(log, qemu)] + tests + [judge_end(log, qemu, tests)]
    now_well = []
    for test in tests:
        apply_known(test, known, now_well)
        if skips is not None:
            skip_list.refuse(test, skips)
    verdict = Verdict(arch, tests, qemu, now_well)
    verdict.count()
    return verdict

# SPDX-License-Identifier: GPL-2.0
"""A verdict as JSON, JUnit XML, KTAP, and as a table to read."""
import json
import xml.etree.ElementTree as ET

MARKS = {"passed": "ok", "failed": "FAILED", "skipped": "skipped",
         "known": "known", "not started": "NOT STARTED"}


def reason(test):
    """The reason why a test has not simply passed, in one line."""
    parts = list(test.problems)
    parts += [f"{c.name}: {c.note}" if c.note else c.name
              for c in test.failures()]
    parts += [f"{c.name}: known: {c.note}" for c in test.cases
              if c.status == "known"]
    if test.known:
        parts.append(f"known: {test.known}")
    if test.skip is not None:
        parts.append(test.skip)
    elif test.status == "skipped" and test.cases:
        parts.append(test.cases[0].note)
    if test.note and test.status != "passed":
        parts.append(test.note)
    return "; ".join(parts)


def tally(test):
    """The number of cases by result, in one phrase."""
    if test.counts:
        return ", ".join(f"{name} {c['passed']}/{c['passed'] + c['failed']}"
                         for name, c in test.counts.items())
    states = [c.status for c in test.cases]
    return ", ".join(f"{states.count(s)} {s}" for s in
                     ("passed", "failed", "skipped", "known") if s in states)


def table(verdict):
    rows = [("test", "result", "time", "note")]
    for test in verdict.tests:
        time = "" if test.seconds is None else f"{test.seconds:.1f} s"
        note = "; ".join(p for p in (tally(test), reason(test)) if p)
        rows.append((test.name, MARKS[test.status], time, note[:200]))
    wide = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{row[0]:<{wide[0]}}  {row[1]:<{wide[1]}}  {row[2]:>{wide[2]}}  "
             f"{row[3]}".rstrip() for row in rows]
    lines.insert(1, "-" * max(len(line) for line in lines[:1]))
    for name in verdict.now_well:
        lines.append(f"note: {name} is on the list of known failures of "
                     f"{verdict.arch}, and passed: take it off")
    return lines


def as_json(verdict):
    def one(test):
        return {"name": test.name, "kind": test.kind, "status": test.status,
                "seconds": test.seconds, "reason": reason(test),
                "problems": test.problems, "counts": test.counts,
                "cases": [{"name": c.name, "status": c.status, "note": c.note}
                          for c in test.cases]}
    return json.dumps({
        "arch": verdict.arch, "passed": verdict.passed,
        "failed": verdict.failed, "skipped": verdict.skipped,
        "known_that_passed": verdict.now_well, "qemu": verdict.qemu,
        "tests": [one(test) for test in verdict.tests]}, indent=1) + "\n"


def ktap_text(text):
    """KTAP knows no escapes: a '#' would end the name or begin a directive."""
    return " ".join(text.replace("#", " ").split())


def ktap_name(name, parent):
    """The line named as the parent ends it, so none of its parts may have that name."""
    name = ktap_text(name)
    return f"{parent}/{name}" if name == parent else name


def ktap_result(indent, number, name, status, note):
    word = "ok" if status in ("passed", "skipped", "known") else "not ok"
    hint = ""
    if status in ("skipped", "known"):
        hint = f" # SKIP {note}".rstrip()
    elif note:      # which may be "SKIP" or another directive of KTAP's
        hint = f" # {status}: {note}"
    return f"{indent}{word} {number} {name}{hint}"


def as_ktap(verdict):
    """Its leaves are what the totals count, as kunit_parser counts them."""
    lines = ["KTAP version 1", f"1..{len(verdict.tests)}"]
    for number, test in enumerate(verdict.tests, 1):
        name = ktap_text(test.name)
        why = "" if test.status == "passed" else ktap_text(reason(test))
        parts = [(c.name, c.status, c.note) for c in test.cases]
        if parts and test.own_result():
            parts.append((test.name, test.own_result(), "; ".join(test.problems)))
        if parts:
            lines += ["    KTAP version 1", f"    # Subtest: {name}", f"    1..{len(parts)}"]
        lines += [ktap_result("    ", n, ktap_name(part, name), status, ktap_text(note))
                  for n, (part, status, note) in enumerate(parts, 1)]
        lines.append(ktap_result("", number, name, test.status, why))
    return "\n".join(lines) + "\n"


def clean(text):
    """XML knows no control characters."""
    return "".join(c if c >= " " else "?" for c in text)


def junit_case(suite, class_name, name, status, note, seconds=None):
    case = ET.SubElement(suite, "testcase", classname=clean(class_name),
                         name=clean(name))
    if seconds is not None:
        case.set("time", f"{seconds:.2f}")
    if status in ("failed", "not started"):
        ET.SubElement(case, "failure", message=clean(note or status))
    elif status in ("skipped", "known"):
        ET.SubElement(case, "skipped", message=clean(note or status))


def as_junit(verdict):
    """One testcase for each result that the totals count."""
    suite = ET.Element(
        "testsuite", name=f"execmem-series.{verdict.arch}",
        tests=str(verdict.passed + verdict.failed + verdict.skipped),
        failures=str(verdict.failed), skipped=str(verdict.skipped))
    for test in verdict.tests:
        own = test.own_result()
        if own:
            junit_case(suite, verdict.arch, test.name, own, reason(test),
                       test.seconds)
        for case in test.cases:
            junit_case(suite, f"{verdict.arch}.{test.name}", case.name,
                       case.status, case.note)
    ET.indent(suite)
    return ET.tostring(suite, "unicode", xml_declaration=True) + "\n"

# SPDX-License-Identifier: GPL-2.0
"""The logs of the boots of a comparison, taken apart."""
import json
import os
import re

from series_tools.common import Fault
from verdict_lib import log as serial

KERNELS = ("stock", "patched")
KINDS = ("smp", "count")
MEASURE = re.compile(r"^# measure (\w+)((?: \d+)+)$")
# test_vmalloc_text with perf=1: operation, bytes, threads, operations, cycles, ns, rounds
PERF = re.compile(r"# perf (\w+) +(\d+) +(\d+) +(\d+) +\d+ +(\d+) +(\d+)$")
PHASES = ("making", "removing", "freeing")      # the windows of a workload
FLUSHES, FLUSHED_PAGES, CALLS = 6, 7, 8         # of what is counted in a window
# What the functions do whose calls scripts/compare lets the plugin count.
CALLED = "locks taken" if os.environ.get("DEBUG") == "cpus" else "calls of set_memory_*()"
# scripts/lib/compare_plugin.c
WINDOW = re.compile(r"^window((?: \d+){9})$")
SAID = "# window "              # by the guest, when one has ended


def fault(path, text):
    return Fault(f"{path.name}: {text} (log: {path}/serial.log)")


def read_measures(test):
    """{what: [numbers]} of a program of the guest or of the test module."""
    values = {}
    for line in test.output:
        if match := MEASURE.match(line):
            values[match.group(1)] = [int(n) for n in match.group(2).split()]
    for line in test.kernel:
        if match := PERF.search(line):
            name, *numbers = match.groups()
            values[f"perf {name} {numbers[0]} {numbers[1]}"] = [int(n) for n in numbers[2:]]
    return values


def check_splats(path, log):
    """Figures of a kernel that has complained are of no use."""
    lines = [line for test in log.tests.values() for line in test.kernel] + log.rest
    for splat in serial.splats(lines):
        raise fault(path, f"the kernel complained: {splat.note}")


def check_counts(path, found):
    """Each boot flushes TLBs in both ways, and loads modules, which calls set_memory_*(), or
    takes locks. The plugin sees it."""
    windows = [values[f"window {phase}"] for values in found.values()
               if "window making" in values for phase in PHASES]
    for nr, what in ((FLUSHES, "TLB flushes of all"), (FLUSHED_PAGES, "TLB flushes of a page"),
                     (CALLS, CALLED)):
        if windows and not sum(numbers[nr] for numbers in windows):
            raise Fault(f"{path.name}: no {what} were counted (log: {path}/plugin.log)")


def check_text(path, found):
    """Some workload of stock needs new text. Others need none if the slab, or the ROX cache
    of later kernels, still has room."""
    texts = [values["text"] for values in found.values() if "text" in values]
    if texts and all(after <= before for before, after, *_ in texts):
        raise fault(path, "no workload made text")


def read_test(path, name, test):
    """The values of one workload."""
    if not test or not test.ok:
        said = "; ".join(test.output)[-200:] if test else "never began"
        raise fault(path, f"{name} failed: {said}")
    values = read_measures(test)
    if not values:
        raise fault(path, f"{name} measured nothing")
    return values


def windows_of(test):
    """The names of the windows that a program of the guest had."""
    return [line.removeprefix(SAID) for line in test.output if line.startswith(SAID)]


def add_windows(path, tests, found):
    """The counts of the plugin in each window, in order."""
    log = path / "plugin.log"
    lines = log.read_text().splitlines() if log.is_file() else []
    counted = [match.group(1).split() for line in lines if (match := WINDOW.match(line))]
    said = [(name, window) for name, test in tests.items() for window in windows_of(test)]
    if len(counted) != len(said):
        raise Fault(f"{path.name}: {len(counted)} windows were counted, not {len(said)} "
                    f"(log: {path}/plugin.log)")
    for (name, window), numbers in zip(said, counted):
        if int(numbers[0]) == 0:
            raise Fault(f"{path.name}: nothing was executed in the window of {name}")
        found[name][f"window {window}"] = [int(n) for n in numbers]


def read_boot(path, counted):
    """{test: {what: [numbers]}} of one boot, whose windows were counted."""
    if not (path / "serial.log").is_file() or not (path / "tests").is_file():
        raise Fault(f"no log at {path}/serial.log: run make compare")
    log = serial.read((path / "serial.log").read_bytes())
    names = [line.split()[1] for line in (path / "tests").read_text().splitlines()]
    if not names:
        raise fault(path, "nothing was run")
    if not log.ended:
        raise fault(path, "did not come to its end")
    found = {name: read_test(path, name, log.tests.get(name)) for name in names}
    check_splats(path, log)
    if "-stock-smp-" in path.name:
        check_text(path, found)
    if counted:
        add_windows(path, log.tests, found)
        check_counts(path, found)
    return found


def read_accel(path):
    """tcg, which emulates, or kvm."""
    record = path / "qemu.json"
    return json.loads(record.read_text())["accel"] if record.is_file() else "tcg"


def names_of(out, arch, runs):
    """{(kernel, kind): [the names of their boots]}"""
    names = {(kernel, kind): [f"{arch}-{kernel}-{kind}-{run + 1}" for run in range(runs)]
             for kernel in KERNELS for kind in KINDS}
    if (out / f"{arch}-patched-caches-1").is_dir():     # not for a topic without the test module
        names["patched", "caches"] = [f"{arch}-patched-caches-1"]
    return names


def one_of(out, names, what, read):
    """The value that all these boots share."""
    found = {read(out / name) for name in names}
    if len(found) != 1:
        raise Fault(f"{names[0]} and others differ in their {what}: run make compare again")
    return found.pop()


def read_inputs(path):
    """The digest of what was booted."""
    record = path / "inputs"
    return record.read_text() if record.is_file() else ""


def read_accels(out, arches, runs):
    """{(arch, kind): tcg or kvm}; boots by both, or of several kernels, are no comparison."""
    accels = {}
    for arch in arches:
        names = names_of(out, arch, runs)
        for some in names.values():
            one_of(out, some, "kernel or workloads", read_inputs)
        for kind in (*KINDS, "caches"):
            some = [name for (_, k), group in names.items() if k == kind for name in group]
            if some:
                accels[arch, kind] = one_of(out, some, "accelerator", read_accel)
    return accels


def read_all(out, arches, runs):
    """{arch: {kernel: {kind: [boot]}}}, and "caches": one boot of the patched one."""
    data = {}
    for arch in arches:
        data[arch] = {kernel: {} for kernel in KERNELS}
        for (kernel, kind), names in names_of(out, arch, runs).items():
            data[arch][kernel][kind] = [read_boot(out / name, kind != "smp") for name in names]
    return data

# SPDX-License-Identifier: GPL-2.0
"""Figures of a comparison: each is a list of values, one of each boot."""
import statistics
from dataclasses import dataclass

from .boots import CALLED, CALLS, FLUSHED_PAGES, FLUSHES, PHASES

PAGE = 4096
MANY = 1000     # what the rest of the kernel allocates meanwhile is little beside them
LOOKUPS = ("seq_insert", "seq_lookup", "rand_lookup", "rand_insert", "mount")
WRITES = ("copy", "copy_sync", "set", "sync")
WRITE_SIZES = (0, 64, 4096)     # bytes; 0 for what has none
DIRECT = {"direct_4k": "4 KiB", "direct_2m": "2 MiB", "direct_1g": "1 GiB"}


@dataclass
class Figure:
    """One measured quantity: the values of each column."""
    section: str
    workload: str
    arch: str
    what: str
    columns: dict               # name of the column: [value of each boot]


def spread(values):
    """The median, the least and the greatest value of the boots."""
    return statistics.median(values), min(values), max(values)


def label(name):
    """bpf-1000 as 1,000 bpf."""
    what, count = name.rsplit("-", 1)
    return f"{int(count):,} {what}"


def grown(values, what):
    return values[what][1] - values[what][0]


def of_smp(number, values):
    """The cost of this number of pieces of code with two CPUs."""
    text, tables = grown(values, "text"), grown(values, "page_tables")
    return {
        "text pages": text // PAGE,
        "TLB entries": grown(values, "text_entries"),
        "page-table pages": tables,
        "bytes each": round((text + tables * PAGE) / number),
        **({"slab bytes each": round(grown(values, "slab") / number)} if number >= MANY else {}),
        "direct map split, KiB": grown(values, "direct_4k") // 1024,
        "IPIs, making": values["ipis"][0],
        "IPIs, removing": values["ipis"][1],
    }


def in_all(values, nr):
    """The sum of the counts in the three windows of a workload."""
    return sum(values[f"window {what}"][nr] for what in PHASES)


def of_count(number, values):
    """Instructions for one piece of code; TLB flushes and counted calls for all."""
    return {
        "TLB flushes of all": in_all(values, FLUSHES),
        "TLB flushes of a page": in_all(values, FLUSHED_PAGES),
        CALLED: in_all(values, CALLS),
        "instructions to make one": round(values["window making"][0] / number),
        "instructions to remove one": round(values["window removing"][0] / number),
    }


def made(arch, kernels):
    """Workloads that make many pieces of code and remove them."""
    for name in kernels["stock"]["smp"][0]:
        workload, number = name.rsplit("-", 1)
        if workload == "lookups":
            continue
        for kind, take in (("smp", of_smp), ("count", of_count)):
            taken = {kernel: [take(int(number), boot[name]) for boot in kernels[kernel][kind]]
                     for kernel in ("stock", "patched")}
            for what in taken["stock"][0]:
                yield Figure("made", label(name), arch, what,
                             {kernel: [t[what] for t in each] for kernel, each in taken.items()})


def lookups(arch, kernels):
    """Keys of bcachefs: by the C of the base, by the table, by generated code."""
    name = next((n for n in kernels["stock"]["count"][0] if n.startswith("lookups-")), None)
    if not name:                # the guest has no bcachefs
        return
    table = name.replace("lookups", "lookups_table")
    sources = {"stock": ("stock", name), "patched": ("patched", name)}
    if table in kernels["patched"]["count"][0]:
        sources = {"stock": ("stock", name), "table": ("patched", table),
                   "generated": ("patched", name)}
    for what in LOOKUPS:
        yield Figure("lookups", label(name), arch, what,
                     {column: [boot[test][what][0] for boot in kernels[kernel]["count"]]
                      for column, (kernel, test) in sources.items()})
    yield Figure("lookups", label(name), arch, "IPIs of the first mount",
                 {column: [boot[test]["mount_ipis"][0] for boot in kernels[kernel]["smp"]]
                  for column, (kernel, test) in sources.items()})


def per_thousand(values):
    """Rounds of interrupts for a thousand operations."""
    operations, _, rounds = values
    return round(1000 * rounds / max(operations, 1), 1)


def writes(arch, kernels):
    """Text writes: the series' own operations, which stock does not have."""
    if "text_writes-1" not in kernels["patched"]["smp"][0]:
        return
    smp, count = ([boot["text_writes-1"] for boot in kernels["patched"][kind]]
                  for kind in ("smp", "count"))
    threads = max(int(key.split()[3]) for key in smp[0] if key.startswith("perf "))
    for write in WRITES:
        for size in WRITE_SIZES:
            key = f"perf {write} {size}"
            if f"{key} 1" not in smp[0]:
                continue
            title = f"{write}, {size:,} bytes" if size else write
            for what, boots, take in (
                    ("instructions", [b[f"{key} 1"] for b in count], lambda v: v[1]),
                    ("rounds in 1,000, alone", [b[f"{key} 1"] for b in smp], per_thousand),
                    (f"rounds in 1,000, {threads} CPUs at once",
                     [b[f"{key} {threads}"] for b in smp], per_thousand)):
                yield Figure("writes", title, arch, what, {"patched": [take(b) for b in boots]})


CACHES = ("instructions", "cache lines", "i-cache misses", "iTLB misses, 4 KiB pages",
          "page walks, 4 KiB pages", "iTLB misses, 2 MiB pages")


def calls(arch, kernels):
    """Calls of small functions, by simulated caches."""
    boot = kernels["patched"].get("caches", [{}])[0]
    counts = list(dict.fromkeys(int(name.rsplit("-", 1)[1]) for name in boot))
    for count in counts:
        for nr, what in enumerate(CACHES):
            tests = {layout: boot[f"calls_{layout}-{count}"]
                     for layout in ("scattered", "packed")}
            yield Figure("calls", f"{count:,} functions", arch, what,
                         {layout: [round(test["window calls"][nr] / test["calls"][0], 2)]
                          for layout, test in tests.items()})


def looked_at(kernels, kind):
    """{workload: [kernels]} of those that say what was mapped."""
    found = {}
    for kernel, boots in kernels.items():
        for name, values in boots.get(kind, [{}])[0].items():
            if values and "direct_4k" in values:
                found.setdefault(name, []).append(kernel)
    return found


def direct_map(arch, kernels):
    """The parts of the direct map, before, during and after each workload."""
    for kind in ("smp", "caches"):
        for name, which in looked_at(kernels, kind).items():
            for key, size in DIRECT.items():
                for when, nr in (("before", 0), ("with", 1), ("after", 2)):
                    yield Figure("direct map", label(name), arch, f"{size}, {when}",
                                 {kernel: [boot[name][key][nr] >> 20
                                           for boot in kernels[kernel][kind]]
                                  for kernel in which})


def all_figures(data):
    out = []
    for arch, kernels in data.items():
        for take in (made, lookups, writes, calls, direct_map):
            out += take(arch, kernels)
    return out

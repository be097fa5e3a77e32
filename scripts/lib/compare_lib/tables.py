# SPDX-License-Identifier: GPL-2.0
"""Figures as tables. On a page a row is a workload of an architecture, and each figure has
a column; a mail is narrow: there architectures have columns, and each figure has a row."""
import textwrap

from .figures import spread

# section: title, explanation
SECTIONS = {
    "made": ("Cost of small pieces of text", (
        "Text pages: executable pages; on riscv each counts twice, because set_memory_x() makes "
        "the alias in the direct map executable as well. TLB entries: entries that map the text, "
        "of any page size. Bytes each: executable pages and all new page tables, divided by the "
        "number of pieces; page tables are also needed where the direct map is split. There is "
        "one NUMA node, and stock's BPF takes 2 MiB for each node. Slab bytes each: all kernel "
        "allocations, with the metadata of the allocators and of their users, if a thousand "
        "pieces are made. Direct map split: memory that is newly mapped with 4 KiB pages. IPIs: "
        "with two CPUs, until all text is freed. They include TLB flushes on x86; arm64 flushes "
        "with an instruction, and most flushes of riscv are in the firmware, which is not "
        "counted. TLB flushes: with one CPU, while pieces are made and removed and for three "
        "seconds afterwards, including flushes of processes. A page flush of arm64 may cover a "
        "range. Writes to CR3 on x86 are not counted. Deferred purges of vfree(), and pages that "
        "a CPU's free list returns to the buddy allocator, count where they happen: often in "
        "different windows of the two kernels. Calls of set_memory_*(): in the same windows, of "
        "functions that change permissions of mapped pages; set_memory_rox() is two on arm64 and "
        "riscv. set_direct_map_*() does not count. Instructions: of the whole guest with one CPU. "
        "Text that is freed later, after a grace period, does not count as removal. A QEMU plugin "
        "counts flushes, calls and instructions. With DEBUG=cpus, all guests have 64 CPUs, and the "
        "plugin counts locks (mutexes, rw_semaphores, spinlocks and rwlocks, without trylocks) in "
        "place of set_memory_*(). `bpf_cpus` loads a part of the programs on each CPU at the same "
        "time, `bpf_cpus_16` on 16 of them. `ftrace` adds a function tracer in an instance of "
        "tracefs for each function, which costs more than its trampoline; only x86-64 has "
        "trampolines. The workloads of a boot run one after the other in this order: they inherit "
        "packs and a split direct map from earlier ones, and the series synchronises CPUs before "
        "it reuses text.")),
    "lookups": ("bcachefs keys", (
        "Instructions for one key in the kernel's perf_test, counted by QEMU with one CPU "
        "(`-icount`). Lookups: the least of ten runs. Inserts: one run. Mount: instructions of one "
        "mount of the file system with these keys. IPIs: with two CPUs, while an empty file system "
        "is mounted for the first time, with generated code until all its keys have functions.")),
    "writes": ("Text writes", (
        "Measured by lib/test_vmalloc_text, which only the series has. Stock has no operation that "
        "is the same on all architectures; `bpf_cpus` above compares both kernels. A round "
        "synchronises all CPUs with IPIs.")),
    "calls": ("Calls of small functions in random order", (
        "Functions with one page each, as trampolines of ftrace have on Linux 6.12, and functions "
        "in packs of the slab. BPF programs and kprobe slots share pages in stock, too: for them, "
        "this table does not compare stock with the series. Figures are for each call. QEMU "
        "simulates the caches: 32 KiB in 8 ways; a TLB with 128 entries for 4 KiB, or 8 for 2 "
        "MiB; a second TLB with 1,536 entries. The architecture decides which page size applies: "
        "the slab uses 2 MiB pages where it can; functions with one page each never have large "
        "pages.")),
    "direct map": ("Parts of the direct map", (
        "MiB mapped with pages of each size. Workloads that only the series has, and calls of "
        "functions, have one number: patched.")),
}

BY_WHAT = ("writes", "calls")   # of which one reads how a figure grows


def plain(value):
    """1234567 as 1,234,567, 3.0 as 3."""
    return f"{int(value):,}" if value == int(value) else f"{value:,}"


def with_spread(values):
    median, least, most = spread(values)
    if least == most:
        return plain(median)
    return f"{plain(median)} ({plain(least)} to {plain(most)})"


def is_rough(values):
    """Whether boots of one kernel differ by more than a tenth."""
    median, least, most = spread(values)
    return most - least > abs(median) / 10


def only_median(values):
    """For a mail, which has no room for the spread."""
    return ("~" if is_rough(values) else "") + plain(spread(values)[0])


def cell(figure, show):
    """All columns of a figure."""
    return " / ".join(show(values) for values in figure.columns.values())


def rows(figures, section):
    """Head and body of one section; a cell has all columns of a figure."""
    mine = [f for f in figures if f.section == section]
    whats = list(dict.fromkeys(f.what for f in mine))
    cells = {}
    for figure in mine:
        key = figure.workload, figure.arch
        cells.setdefault(key, {})[figure.what] = cell(figure, with_spread)
    order = list(dict.fromkeys(f.workload for f in mine))
    yield ["workload", "architecture", *whats]
    for key in sorted(cells, key=lambda key: order.index(key[0])):
        yield [*key, *(cells[key].get(what, "-") for what in whats)]


def columns_of(figures, section):
    """The names of what a cell has."""
    return next((" / ".join(f.columns) for f in figures
                 if f.section == section), "")


def differs(figure):
    """Whether the columns of a figure differ; a single column counts."""
    columns = list(figure.columns.values())
    return len(columns) < 2 or any(spread(c)[0] != spread(columns[0])[0] for c in columns)


def group_of(figure):
    """The group of a figure, and the title of its row."""
    if figure.section in BY_WHAT:
        return figure.what, figure.workload
    return figure.workload, figure.what


def groups(figures, section):
    """{group: {row: {architecture: figure}}} of what was measured."""
    found = {}
    for figure in figures:
        if figure.section == section and figure.columns:
            group, row = group_of(figure)
            found.setdefault(group, {}).setdefault(row, {})[figure.arch] = figure
    return found


def narrow_rows(figures, section):
    """Head and body: a column for each architecture."""
    arches = list(dict.fromkeys(f.arch for f in figures))
    yield ["", *arches]
    for group, some in groups(figures, section).items():
        body = [[row, *(cell(cells[arch], only_median) if arch in cells else "-"
                        for arch in arches)]
                for row, cells in some.items() if any(map(differs, cells.values()))]
        if body:
            yield [f"**{group}**", *("" for _ in arches)]
            yield from body


def markdown(table):
    """The first column is words, the others are numbers; as plain text it can be read too."""
    head, *body = [[str(cell) for cell in row] for row in table]
    first, *others = [max(map(len, column)) for column in zip(head, *body)]
    rule = ["-" * first, *("-" * (width - 1) + ":" for width in others)]
    for row in (head, rule, *body):
        yield "| " + " | ".join([row[0].ljust(first),
                                 *(c.rjust(w) for c, w in zip(row[1:], others))]) + " |"


def section_markdown(figures, section):
    title, note = SECTIONS[section]
    yield f"## {title}: {columns_of(figures, section)}"
    yield ""
    yield from textwrap.wrap(note, 76)
    yield ""
    yield from markdown(narrow_rows(figures, section))
    yield ""

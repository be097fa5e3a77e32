# SPDX-License-Identifier: GPL-2.0
"""Figures as tables. On a page a row is a workload of an architecture, and each figure has
a column; a mail is narrow: there architectures have columns, and each figure has a row."""
import textwrap

from .figures import spread

# section: title, and what has to be known to read it
SECTIONS = {
    "made": ("What small pieces of text cost", (
        "TLB entries: pages of any size that the text is mapped by. Bytes each: executable pages "
        "and all new pages of page tables, for what is split and for other memory too, by the "
        "number made; there is one NUMA node, for each of which stock's BPF takes 2 MiB. "
        "Slab bytes each: all that the kernel allocates, the allocators' metadata "
        "and what their users keep for each, where a thousand are made. Direct map split: what "
        "is mapped by 4 KiB pages meanwhile and was not before. IPIs: two CPUs, until all is "
        "freed, on x86 to flush TLBs as well; arm64 flushes by an instruction, and riscv's "
        "firmware does most itself, uncounted. TLB flushes: with one CPU, while they are made "
        "and removed and for three seconds after that, of processes' memory too; a page is on "
        "arm64 also a range of them in one instruction, x86's writes to CR3, by which processes "
        "are switched and flushed, are not counted, and what vfree() leaves to be purged some "
        "time later counts there. Instructions: of the whole guest with one CPU meanwhile; what "
        "is freed later, after a grace period, is not among those to remove one. Both are "
        "counted by a plugin of QEMU's. riscv's set_memory_x() makes the direct map's alias "
        "executable as well: there every page of text counts twice. `bpf_cpus` loads a part of "
        "the programs on each CPU at the same time. The workloads of a boot run one after the "
        "other, in this order: packs that are kept and direct map that was split by one are "
        "there for the next, and text that was executed before costs a round of interrupts when "
        "the series reuses it.")),
    "lookups": ("Keys of bcachefs", (
        "Instructions for one key, by the kernel's perf_test, counted by QEMU with one CPU "
        "(`-icount`): of lookups the least of ten; keys are inserted once.")),
    "writes": ("Text writes", (
        "By lib/test_vmalloc_text, which only the series has: stock has no operation that is "
        "the same on all architectures to put beside it (`bpf_cpus` above is what both have). "
        "Rounds are rounds of interrupts to synchronise all CPUs.")),
    "calls": ("Calls of small functions in random order", (
        "Functions with a page each as text was allocated before, and packed by the slab. For "
        "each call, by caches simulated while QEMU runs the kernel: 32 KiB in 8 ways, a TLB of "
        "128 entries of 4 KiB, or 8 of 2 MiB, a second one of 1,536. Which size of pages applies "
        "depends on the architecture: the slab maps by 2 MiB where it can, single pages never "
        "are.")),
    "direct map": ("Parts of the direct map", (
        "MiB mapped by pages of each size. What only the series has, and calls of functions, "
        "have one number: patched.")),
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
    whats = list(dict.fromkeys(f.what for f in mine if f.what))
    cells, remarks = {}, {}
    for figure in mine:
        key = figure.workload, figure.arch
        cells.setdefault(key, {})[figure.what] = cell(figure, with_spread)
        if figure.remark:
            remarks[key] = figure.remark
    order = list(dict.fromkeys(f.workload for f in mine))
    yield ["workload", "architecture", *whats]
    for key in sorted(cells, key=lambda key: order.index(key[0])):
        row = [cells[key].get(what, "-") for what in whats]
        yield [*key, *([remarks[key]] + row[1:] if key in remarks else row)]


def columns_of(figures, section):
    """The names of what a cell has."""
    return next((" / ".join(f.columns) for f in figures
                 if f.section == section and f.columns), "")


def differs(figure):
    """Whether there is anything to compare, and it is not the same everywhere."""
    columns = list(figure.columns.values())
    return len(columns) < 2 or any(spread(c)[0] != spread(columns[0])[0] for c in columns)


def group_of(figure):
    """What is set beside each other, and how a row of that is called."""
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


def remarks(figures, section):
    """Why something was not measured."""
    said = dict.fromkeys(f"{f.arch}: no {f.workload}: {f.remark}." for f in figures
                         if f.section == section and f.remark)
    return [*said, ""] if said else []


def section_markdown(figures, section):
    title, note = SECTIONS[section]
    yield f"## {title}: {columns_of(figures, section)}"
    yield ""
    yield from textwrap.wrap(note, 76)
    yield ""
    yield from markdown(narrow_rows(figures, section))
    yield ""
    yield from remarks(figures, section)

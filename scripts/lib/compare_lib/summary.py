# SPDX-License-Identifier: GPL-2.0
"""Five figures of a comparison for README.md: a table and a line of provenance."""
import re
from dataclasses import dataclass

from series_tools.common import Fault

from .tables import only_median

BEGIN = "<!-- figures: 'make readme' replaces these lines -->"
END = "<!-- end of figures -->"
NAMES = {"x86_64": "x86-64"}
NOT_MEASURED = "Not measured yet: run `make compare`, then `make readme`."
CELL = re.compile(r"-|~?[\d,.]+ → ~?[\d,.]+")
PROVENANCE = re.compile(
    r"Stock → patched; "
    r"(?:one boot of each|medians of \d+ boots, ~ where boots differ by more than a tenth)\. "
    r"Measured by `make compare` on \d{4}-\d\d-\d\d, series v\d+ \(patches [0-9a-f]{12}\), "
    r"base \S+, in QEMU(, emulated)?\.")


@dataclass
class Row:
    """One figure: its place in compare.json and its title in README.md."""
    title: str
    workload: str
    what: str
    after: str = "patched"


ROWS = (
    Row("executable pages for 1,000 BPF programs", "1,000 bpf", "text pages"),
    Row("bytes of text and page tables per BPF program", "1,000 bpf", "bytes each"),
    Row("executable pages for 100 function tracers", "100 ftrace", "text pages"),
    Row("instructions for one step of a bcachefs iterator", "20,000 lookups", "seq_lookup",
        "generated"),
    Row("instructions to load a BPF program (a cost)", "1,000 bpf", "instructions to make one"),
)


def cell(figures, row, arch):
    """"512 → 32", or "-" where nothing was measured."""
    for figure in figures:
        if (figure["workload"], figure["what"], figure["architecture"]) == \
                (row.workload, row.what, arch):
            return " → ".join(only_median(figure["columns"][column]["values"])
                              for column in ("stock", row.after))
    return "-"


def table(data):
    """The lines of the table."""
    figures = data["figures"]
    arches = list(dict.fromkeys(f["architecture"] for f in figures))
    yield "| | " + " | ".join(NAMES.get(a, a) for a in arches) + " |"
    yield "|---|" + "--:|" * len(arches)
    for row in ROWS:
        cells = [cell(figures, row, arch) for arch in arches]
        if set(cells) <= {"-"}:
            raise Fault(f"compare.json has no '{row.what}' of '{row.workload}': "
                        "run 'make compare' without QUICK")
        yield f"| {row.title} | " + " | ".join(cells) + " |"


def provenance(data, series, version):
    """The provenance of the figures; series is the output of scripts/cover-letter --series."""
    told = dict(line.split(" ", 1) for line in series.splitlines())
    runs = data["runs"]
    emulated = ", emulated" if any(data["emulated"].values()) else ""
    boots = f"medians of {runs} boots, ~ where boots differ by more than a tenth" \
        if runs > 1 else "one boot of each"
    return (f"Stock → patched; {boots}. "
            f"Measured by `make compare` on {data['date']}, series v{version} "
            f"(patches {told['series'][:12]}), base {told['base'].split()[0]}, "
            f"in QEMU{emulated}.")


def region(text):
    """The parts of README.md before, between and after the marks."""
    parts = re.split(f"({re.escape(BEGIN)}\n|{re.escape(END)}\n)", text)
    if [p.strip() for p in parts[1::2]] != [BEGIN, END]:
        raise Fault(f"README.md must have the lines \"{BEGIN}\" and \"{END}\" once each")
    return parts[0] + parts[1], parts[2], parts[3] + parts[4]


def fault(lines):
    """The first deviation from the form that 'make readme' writes, or None."""
    if not lines or not re.fullmatch(r"\| \| .* \|", lines[0]):
        return "the table has no head"
    columns = lines[0].count("|") - 2
    if lines[1:2] != ["|---|" + "--:|" * columns]:
        return "the second line is not the rule of the table"
    for row, line in zip(ROWS, lines[2:]):
        cells = [c.strip() for c in line.strip("|").split("|")]
        if cells[0] != row.title:
            return f"no row '{row.title}'"
        if len(cells) != columns + 1 or not all(CELL.fullmatch(c) for c in cells[1:]):
            return f"'{row.title}': a cell is not of the form '512 → 32'"
    if len(lines) != len(ROWS) + 4 or lines[-2] or not PROVENANCE.fullmatch(lines[-1]):
        return "the last line does not name command, date, series and base"
    return None

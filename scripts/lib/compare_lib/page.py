# SPDX-License-Identifier: GPL-2.0
"""Figures as one page of HTML that needs nothing else: plots, and all with its spread."""
import re
import subprocess
from html import escape

from series_tools.common import Fault

from .figures import spread
from .tables import SECTIONS, columns_of, rows

STYLE = """body { font: 15px/1.5 sans-serif; max-width: 72em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; font-size: 12px; margin: 1em 0 }
th, td { border: 1px solid #bbb; padding: 2px 6px; text-align: right }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left }
figure { display: inline-block; margin: 4px; width: 35em } svg { width: 100%; height: auto }
.emulated { background: #fff3c4; padding: 2px 6px }"""
PLOTTED = ("made", "lookups", "writes", "calls")
COUNTED = ("instructions", "TLB flushes")       # by the plugin, always emulated
EMULATED = "emulated: counted in a guest of QEMU's translator, not on a real CPU"


def quoted(text):
    """The text, escaped for gnuplot's double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'


def data_block(lines):
    return "\n".join(["$data << END", *lines, "END"])


def is_wide(medians):
    """Whether the values need a logarithmic scale."""
    some = [m for m in medians if m > 0]
    return bool(some) and len(some) == len(medians) and max(some) > 50 * min(some)


def bars(title, figures):
    """Medians as bars, what the boots had least and most as error bars."""
    columns = list(figures[0].columns)
    lines, medians = [], []
    for figure in figures:
        cells = [spread(values) for values in figure.columns.values()]
        medians += [cell[0] for cell in cells]
        lines.append(" ".join([quoted(figure.workload),
                               *(str(n) for cell in cells for n in cell)]))
    plots = ", ".join(f"$data using {2 + 3 * i}:{3 + 3 * i}:{4 + 3 * i}:xtic(1) "
                      f"title {quoted(name)}" for i, name in enumerate(columns))
    scale = "set logscale y" if is_wide(medians) else "set yrange [0:*]"
    return "\n".join([data_block(lines), "set style data histograms",
                      "set style histogram errorbars gap 1 lw 1",
                      "set style fill solid 0.6 border -1", scale,
                      "set xtics rotate by -30", f"set title {quoted(title)}",
                      f"plot {plots}"])


def curves(title, figures):
    """A plot of one figure by the number of functions."""
    columns = list(figures[0].columns)
    lines = [" ".join([figure.workload.split()[0].replace(",", ""),
                       *(str(spread(values)[0]) for values in figure.columns.values())])
             for figure in figures]
    plots = ", ".join(f"$data using 1:{2 + i} with linespoints title {quoted(name)}"
                      for i, name in enumerate(columns))
    return "\n".join([data_block(lines), "set logscale x 2", "set yrange [0:*]",
                      'set xlabel "functions"', f"set title {quoted(title)}",
                      f"plot {plots}"])


def draw(scripts):
    """The SVG of each plot, for the page."""
    whole = "".join(f'reset\nset terminal svg size 620,380 name "plot{nr}" font "sans-serif,12" noenhanced'
                    f"\nset grid y\nset key above\n{script}\n" for nr, script in enumerate(scripts))
    try:
        done = subprocess.run(["gnuplot"], input=whole, text=True, capture_output=True,
                              check=False)
    except FileNotFoundError:
        raise Fault("gnuplot is not installed: run make setup") from None
    drawn = re.findall(r"<svg.*?</svg>", done.stdout, re.S)
    if done.returncode or len(drawn) != len(scripts):
        raise Fault(f"gnuplot failed: {done.stderr.strip()[:300]}")
    return drawn


def figures_of(figures, section):
    """{(arch, what): [figure]} of those that can be drawn."""
    found = {}
    for figure in figures:
        if figure.section == section and figure.columns:
            found.setdefault((figure.arch, figure.what), []).append(figure)
    return found


def is_emulated(section, arch, what, accels):
    """Only what is not counted by the translator may come from a real CPU."""
    return accels[arch, "smp"] != "kvm" or section != "made" or what.startswith(COUNTED)


def scripts_of(figures, section, accels):
    kind = curves if section == "calls" else bars
    return [kind(f"{arch}: {what}" +
                 (" (emulated)" if is_emulated(section, arch, what, accels) else ""), some)
            for (arch, what), some in figures_of(figures, section).items()]


def plots(figures, accels):
    """{section: [plot]}, drawn all at once."""
    scripts = {section: scripts_of(figures, section, accels) for section in PLOTTED}
    drawn = iter(draw([script for some in scripts.values() for script in some]))
    return {section: [next(drawn) for _ in some] for section, some in scripts.items()}


def html_table(table):
    head, *body = table
    yield "<table><tr>" + "".join(f"<th>{escape(c)}</th>" for c in head) + "</tr>"
    for row in body:
        yield "<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>"
    yield "</table>"


def section_html(figures, section, mark, drawn):
    title, note = SECTIONS[section]
    yield f"<h2>{escape(title)}</h2>"
    yield f"<p>{mark}{escape(note)}</p>"
    for plot in drawn:
        yield f"<figure>{plot}</figure>"
    yield f"<p>In each cell: {escape(columns_of(figures, section))}.</p>"
    yield from html_table(rows(figures, section))


def machines(accels):
    """The kernels and boots, one line an architecture."""
    return sorted({f"{arch}: {'KVM' if accel == 'kvm' else EMULATED}"
                   for (arch, kind), accel in accels.items() if kind == "smp"})


def page(figures, runs, accels, lines):
    """The whole page; accels: {(arch, kind): tcg or kvm}."""
    yield '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    yield "<title>Small pieces of text, stock beside patched</title>"
    yield f"<style>{STYLE}</style></head><body>"
    yield "<h1>Small pieces of text, stock beside patched</h1>"
    yield (f"<p>{runs} boot{'s' if runs > 1 else ''} of each kernel and kind: medians, and in "
           "brackets or as error bars the least and the most. Functions are called in one boot "
           "only, where all is simulated. Scales are logarithmic where bars would be too "
           "small.</p>")
    yield "<p>" + "<br>".join(f'<span class="emulated">{escape(s)}</span>'
                              for s in machines(accels)) + "</p>"
    drawn = plots(figures, accels)
    for section in (s for s in SECTIONS if any(f.section == s for f in figures)):
        native = section in ("made", "direct map") and all(
            accel == "kvm" for (_, kind), accel in accels.items() if kind == "smp")
        mark = "" if native else '<span class="emulated">emulated</span> '
        yield from section_html(figures, section, mark, drawn.get(section, []))
    yield "<h2>Lines in files of the base</h2>"
    yield from html_table([("patch", "added", "removed"), *lines])
    yield "</body></html>"

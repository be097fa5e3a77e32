#!/usr/bin/env python3
"""check-docs: the series' pages of documentation become HTML without a warning.

usage: [KERNEL=PATH] scripts/check-docs.py

Runs sphinx, as the kernel's "make htmldocs" does, on the new pages only.  Each must
be in its folder's index, and hold what its kernel-doc directives name.  It fails if
sphinx does not really run: a page with a known fault comes along, and must be noticed.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from series_tools import common, copies, worktree  # noqa: E402
from series_tools.common import Fault  # noqa: E402

FAULTY = "faulty.rst"
SEED = "A fault\n=======\n\n.. no-such-directive::\n"


def new_pages():
    """Names below Documentation/ of the pages that the series brings."""
    return [path.removeprefix("Documentation/") for path in copies.list_copies()
            if path.startswith("Documentation/") and path.endswith(".rst")]


def patched_tree():
    tree = worktree.WorkTree(common.tree_dir())
    common.output([common.SCRIPTS / "tree"], "scripts/tree")
    return tree.path


def lay_sources(tree, pages, folder):
    """The pages, the one with a fault, and an index of them."""
    for page in pages:
        place = folder / page
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((tree / "Documentation" / page).read_bytes())
    (folder / FAULTY).write_text(SEED)
    names = [*pages, FAULTY]
    (folder / "index.rst").write_text(
        "Index\n=====\n\n.. toctree::\n\n" +
        "".join(f"   {name.removesuffix('.rst')}\n" for name in names))


def run_sphinx(tree, source, html):
    """Its warnings, one a line."""
    done = subprocess.run(
        ["nice", "sphinx-build", "-q", "-b", "html", "-c", tree / "Documentation",
         "-D", f"kerneldoc_srctree={tree}",
         "-D", f"kerneldoc_bin={tree}/scripts/kernel-doc",
         "-D", "version=0", "-D", "release=0", source, html],
        env={**os.environ, "srctree": str(tree), "BUILDDIR": str(html.parent),
             "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"},
        text=True, capture_output=True, check=False)
    lines = (done.stdout + done.stderr).replace(f"{source}/", "").splitlines()
    if done.returncode:
        raise Fault("sphinx did not run: " + (lines or ["?"])[-1])
    # Of programs that draw, such as dot(1), there is no need.
    return [line for line in lines if re.search("WARNING|ERROR|[Ww]arning:", line)
            and not re.match(r"WARNING: \w+\(1\) not found", line)]


def missing_symbols(text, html):
    """What kernel-doc directives of a page name, and its HTML has not."""
    for names in re.findall(r":(?:functions|identifiers):((?:[ \t]+\S+|\n[ \t]+\w+)+)",
                            text):
        for name in names.split():
            if f'id="c.{name}"' not in html:
                yield name


def check_page(tree, page, html):
    text = (tree / "Documentation" / page).read_text()
    index = (tree / "Documentation" / page).parent / "index.rst"
    if not re.search(rf"(?m)^ +{Path(page).stem}$", index.read_text()):
        yield f"{page}: not in {index.relative_to(tree)}"
    made = html / Path(page).with_suffix(".html")
    if not made.is_file():
        yield f"{page}: no HTML was made of it"
        return
    for name in missing_symbols(text, made.read_text()):
        yield f"{page}: no description of {name}"


def main(argv):
    if argv in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 0
    pages = new_pages()
    if not pages:
        print("the series has no page")
        return 4
    tree = patched_tree()
    with tempfile.TemporaryDirectory() as name:
        source, html = Path(name) / "source", Path(name) / "html"
        source.mkdir()
        lay_sources(tree, pages, source)
        warnings = run_sphinx(tree, source, html)
        faults = [w for w in warnings if not w.startswith(f"{FAULTY}:")]
        if faults == warnings:
            raise Fault("sphinx did not run: it misses a known fault")
        for page in pages:
            faults += check_page(tree, page, html)
    print("\n".join(faults) if faults else f"{len(pages)} pages")
    return 1 if faults else 0


common.run_main(main)
